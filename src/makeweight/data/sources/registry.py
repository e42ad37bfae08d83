"""The formats, in one place, and which of them a path is in."""

from __future__ import annotations

from os import SEEK_END
from pathlib import Path

from makeweight.data.form import Form
from makeweight.data.sources import archive, cifar, folder, idx, npy_folder, npz, parquet, table
from makeweight.data.sources.archive import ArchiveSource
from makeweight.data.sources.files import first_bytes, open_file
from makeweight.data.sources.source import Format, Source
from makeweight.errors import DataFormatError, DataNotFound, InvalidValue, MakeweightError


def _archive_source(path: Path, form: Form) -> Source:
    from makeweight.data.cache import cache_root

    return ArchiveSource(path, form, cache_root(), open_source)


ARCHIVE = Format(
    ".zip or .tar",
    "`.zip`, `.tar`, `.tar.gz`, `.tar.bz2`, `.tar.xz`",
    "whatever of this table it holds; unpacked into the cache for as long as it is read",
    archive.recognises,
    _archive_source,
    frozenset({"layout", "label"}),
)
#: The first that recognises a path reads it.
FORMATS = (
    npz.FORMAT, npy_folder.FORMAT, idx.FORMAT, cifar.FORMAT, parquet.FORMAT, table.FORMAT, ARCHIVE, folder.FORMAT,
)  # fmt: skip

_SAVE = "numpy.savez('images.npz', X=images, y=labels)"
_PICKLE = (
    "it is a pickle, and a pickle can run any program when it is opened, so makeweight never does; where you trust it, "
    f"load it yourself and save the arrays with {_SAVE}."
)
_TORCH = (
    "it is a file of PyTorch, which holds a pickle that can run any program when it is opened, so makeweight never "
    f"does; where you trust it, load it yourself and save the arrays with {_SAVE}."
)
_CIFAR = (
    "it is CIFAR's Python version, which is made of pickles, and these are never opened because they can run any "
    "program; get the binary version (cifar-10-binary.tar.gz) instead."
)
_OTHER = f"{{}} is not read; load it in Python and save the arrays with {_SAVE}."
_REFUSED_SUFFIXES = {
    **dict.fromkeys((".pkl", ".pickle", ".p", ".joblib", ".dill"), _PICKLE),
    **dict.fromkeys((".pt", ".pth", ".ckpt"), _TORCH),
    ".mat": _OTHER.format("MATLAB's format"),
    **dict.fromkeys((".h5", ".hdf5"), _OTHER.format("HDF5")),
    ".npy": f"a .npy holds one array; give the folder that has its labels too, as y.npy, or save both with {_SAVE}.",
}
_REFUSED_BYTES = {
    b"\x89HDF\r\n\x1a\n": _OTHER.format("HDF5"),
    b"MATLAB 5.0": _OTHER.format("MATLAB's format"),
    b"\x93NUMPY": _REFUSED_SUFFIXES[".npy"],
}
#: A pickle is 0x80, the protocol (since Python 2.3), …, and a full stop.
_PROTOCOLS = tuple(bytes((protocol,)) for protocol in range(2, 6))
#: The files of CIFAR-10's and CIFAR-100's Python versions.
_CIFAR_FILES = ({"data_batch_1", "test_batch"}, {"train", "test", "meta"})


def documentation() -> str:
    """Write the formats as a table in Markdown, which docs/own-data.md has.

    >>> print(documentation().splitlines()[0])
    | what lies at PATH | how it is read |
    """
    rows = (folder.FORMAT, *FORMATS[:-1])  # what most people bring first
    lines = [f"| {kind.lies} | {kind.reading} |" for kind in rows]
    return "\n".join(["| what lies at PATH | how it is read |", "|---|---|", *lines])


def open_source(path: Path, form: Form | None = None) -> Source:
    """Open images, whatever their format.

    Parameters
    ----------
    path : pathlib.Path
        A file or a folder in a format of `FORMATS`; a folder may lie in folders that hold nothing else.
    form : Form, optional
        What is asked for; rows of numbers are laid out by it.

    Raises
    ------
    DataNotFound
        When there is nothing at the path, or it cannot be opened.
    DataFormatError
        When no format is recognised, one is refused (pickles), or the files are damaged.
    InvalidValue
        When the form says something that the format has no use for.
    """
    try:
        _check_there(path)
        if path.name in ("", ".."):
            path = path.resolve()  # so that the data set has a name
        kind, inner = _format_of(path)
    except MakeweightError:
        raise
    except (OSError, ValueError) as error:  # ValueError: NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise DataNotFound(f"{str(path)!r} cannot be opened: {reason}; give the path of your images.") from error
    if kind is None:
        raise DataFormatError(
            f"{path}: {_contents(path)}, in no format that makeweight knows: "
            f"{', '.join(kind.name for kind in FORMATS)}; give the path of one of these."
        )
    form = form or Form()
    for name, about in (("layout", "folders"), ("label", "a table's columns")):
        value = getattr(form, name)
        if value is not None and name not in kind.takes:
            raise InvalidValue(f"{name}={value} is about {about}, and {path} is read as {kind.name}: leave it out.")
    return kind.open(inner, form)


def _format_of(path: Path) -> tuple[Format | None, Path]:
    """Find the format, and the folder that it is in where others are about it."""
    inner = path
    while True:
        if reason := _why_refused(inner):
            raise DataFormatError(f"{inner}: {reason}")
        kind = next((kind for kind in FORMATS[:-1] if kind.recognises(inner)), None)
        below = [entry for entry in inner.iterdir() if not folder.is_clutter(entry.name)] if inner.is_dir() else []
        if kind or len(below) != 1 or not below[0].is_dir() or below[0].is_symlink():
            break
        inner = below[0]
    if kind is None and folder.FORMAT.recognises(path):
        return folder.FORMAT, path
    return kind, inner


def _contents(path: Path) -> str:
    """Say what is there."""
    if path.is_file():
        return f"it is a file that ends in {path.suffix or 'nothing'}"
    names = sorted(entry.name + "/" * entry.is_dir() for entry in path.iterdir())
    return f"it has {', '.join(names[:6])}{' …' if len(names) > 6 else ''}" if names else "it is empty"


def _check_there(path: Path) -> None:
    path.stat()
    if not path.is_dir() and not path.is_file():
        raise DataNotFound(f"{path} is no file and no folder; give the path of your images.")


def _why_refused(path: Path) -> str | None:
    """Say why a path is not opened, and what to do; None where nothing speaks against it.

    Raises
    ------
    DataNotFound
        When a file cannot be opened.
    """
    if path.is_dir():
        python = any(all((path / name).is_file() for name in names) for names in _CIFAR_FILES)
        return _CIFAR if python else None
    if path.name.startswith("cifar-") and "-python" in path.name:
        return _CIFAR
    return _REFUSED_SUFFIXES.get(path.suffix.lower()) or _by_bytes(path)


def _by_bytes(path: Path) -> str | None:
    head = first_bytes(path, 200)
    if head.startswith(b"PK\3\4") and b"data.pkl" in head:
        return _TORCH
    if head[:1] == b"\x80" and head[1:2] in _PROTOCOLS and _last_byte(path) == b".":
        return _PICKLE
    return next((reason for magic, reason in _REFUSED_BYTES.items() if head.startswith(magic)), None)


def _last_byte(path: Path) -> bytes:
    """Read what a pickle ends with, so that an image is not mistaken for one."""
    with open_file(path) as stream:
        stream.seek(-1, SEEK_END)
        return stream.read(1)
