"""Which format a path is in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from makeweight.data.own import cifar_binary, idx_pairs, npz, table
from makeweight.data.own.folder import FolderSource
from makeweight.data.own.form import Form
from makeweight.data.own.refused import why_refused
from makeweight.data.own.source import Source
from makeweight.errors import DataFormatError, DataNotFound


@dataclass(frozen=True)
class Format:
    """One format: its name for messages, how it is recognised, how it is opened."""

    name: str
    recognises: Callable[[Path], bool]
    open: Callable[[Path, Form], Source]


#: The first that recognises a path reads it.
FORMATS = (
    Format(".npz", npz.recognises, npz.npz_source),
    Format("pair of IDX files", idx_pairs.recognises, idx_pairs.idx_source),
    Format("CIFAR's binary version", cifar_binary.recognises, cifar_binary.cifar_source),
    Format("CSV", table.recognises, table.table_source),
)


def open_source(path: Path, form: Form | None = None, workers: int | None = None) -> Source:
    """Open a user's own images, whatever their format.

    Parameters
    ----------
    path : pathlib.Path
        A file, or a folder: one of files in a format of `FORMATS`, or else of pictures in sub-folders.
    form : Form, optional
        What is asked for; rows of numbers are laid out by it.
    workers : int, optional
        Processes that decode pictures.

    Raises
    ------
    DataNotFound
        When there is nothing at the path, or it cannot be opened.
    DataFormatError
        When no format is recognised, one is refused (pickles), or the files are damaged.
    """
    try:
        _check_there(path)
        if path.name in ("", ".."):
            path = path.resolve()  # so that the data set has a name
        kind = _format_of(path)
        if kind is None and path.is_dir() and any(entry.is_dir() for entry in path.iterdir()):
            return FolderSource(path, workers)
    except (OSError, ValueError) as error:  # ValueError: NUL in the path
        reason = getattr(error, "strerror", None) or error
        raise DataNotFound(f"{str(path)!r} cannot be opened: {reason}; give the path of your images.") from error
    if kind is None:
        raise DataFormatError(
            f"{path}: it is in no format that makeweight knows: {', '.join(kind.name for kind in FORMATS)}, or a "
            "folder with one sub-folder a class; give the path of one of these."
        )
    return kind.open(path, form or Form())


def _format_of(path: Path) -> Format | None:
    if reason := why_refused(path):
        raise DataFormatError(f"{path}: {reason}")
    for kind in FORMATS:
        if kind.recognises(path):
            return kind
    return None


def _check_there(path: Path) -> None:
    path.stat()
    if not path.is_dir() and not path.is_file():
        raise DataNotFound(f"{path} is no file and no folder; give the path of your images.")
