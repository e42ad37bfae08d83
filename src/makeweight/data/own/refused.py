"""Formats that are never opened, and how to bring what is in them into one that is."""

from __future__ import annotations

from os import SEEK_END
from pathlib import Path

from makeweight.data.readers.base import first_bytes, open_file

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

_BY_SUFFIX = {
    **dict.fromkeys((".pkl", ".pickle", ".p", ".joblib", ".dill"), _PICKLE),
    **dict.fromkeys((".pt", ".pth", ".ckpt"), _TORCH),
    ".mat": _OTHER.format("MATLAB's format"),
    **dict.fromkeys((".h5", ".hdf5"), _OTHER.format("HDF5")),
    ".parquet": _OTHER.format("Parquet"),
    ".npy": f"a .npy holds one array, and labels are needed too; save both with {_SAVE}.",
}
_BY_MAGIC = {
    b"\x89HDF\r\n\x1a\n": _OTHER.format("HDF5"),
    b"MATLAB 5.0": _OTHER.format("MATLAB's format"),
    b"PAR1": _OTHER.format("Parquet"),
    b"\x93NUMPY": _BY_SUFFIX[".npy"],
}
#: A pickle is 0x80, the protocol (since Python 2.3), …, and a full stop.
_PROTOCOLS = tuple(bytes((protocol,)) for protocol in range(2, 6))
#: The files of CIFAR-10's and CIFAR-100's Python versions.
_CIFAR_FILES = ({"data_batch_1", "test_batch"}, {"train", "test", "meta"})


def why_refused(path: Path) -> str | None:
    """Say why a path is not opened, and what to do; None where nothing speaks against it.

    Raises
    ------
    DataNotFound
        When a file cannot be opened.
    """
    if path.is_dir():
        return _CIFAR if _is_python_cifar(path) else None
    if path.name.startswith("cifar-") and "-python" in path.name:
        return _CIFAR
    known = _BY_SUFFIX.get(path.suffix.lower())
    return known or _by_magic(path)


def _is_python_cifar(folder: Path) -> bool:
    return any(all((folder / name).is_file() for name in names) for names in _CIFAR_FILES)


def _by_magic(path: Path) -> str | None:
    head = first_bytes(path, 200)
    if head.startswith(b"PK\3\4") and b"data.pkl" in head:
        return _TORCH
    if head[:1] == b"\x80" and head[1:2] in _PROTOCOLS and _last_byte(path) == b".":
        return _PICKLE
    return next((reason for magic, reason in _BY_MAGIC.items() if head.startswith(magic)), None)


def _last_byte(path: Path) -> bytes:
    """Read what a pickle ends with, so that no image is taken for one."""
    with open_file(path) as stream:
        stream.seek(-1, SEEK_END)
        return stream.read(1)
