"""Which format a user's own data are in, by what lies at a path."""

from __future__ import annotations

from pathlib import Path

from makeweight.data.own.folder import FolderSource
from makeweight.data.own.form import Form
from makeweight.data.own.source import Source
from makeweight.errors import DataNotFound


def open_source(path: Path, form: Form | None = None, workers: int | None = None) -> Source:
    """Recognise the format of a file or folder.

    Raises
    ------
    DataNotFound
        If there is nothing at the path.
    DataFormatError
        If it is in no format that makeweight reads.
    """
    if not path.exists():
        raise DataNotFound(f"there is nothing at {path}. Give a folder with one sub-folder a class, or a file.")
    return FolderSource(path, workers)
