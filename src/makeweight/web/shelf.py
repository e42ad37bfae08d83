"""The folder of studies: a list, and access by name, never by path."""

from __future__ import annotations

import os
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path, PurePath

from makeweight.errors import InvalidValue, StoreError
from makeweight.store.store import DATABASE
from makeweight.studies.lock import runner_of
from makeweight.web.answers import not_found
from makeweight.web.progress import Progress, read_progress
from makeweight.web.runs import RECORD

ON_A_PAGE = 50
MAX_NAME = 255  # bytes of a file name (NAME_MAX); the system refuses to look at a longer one


@dataclass(frozen=True)
class Unreadable:
    """A study whose store cannot be read, and why."""

    name: str
    problem: str


class Shelf:
    """The studies of a store, or some of them."""

    def __init__(self, store: Path, only: tuple[str, ...] = ()) -> None:
        self.store, self._only = store, only

    def listed(self) -> list[Path]:
        """List the studies' folders, those that changed last first."""
        stamps = {folder: stamp for folder in self._folders() if any(stamp := _stamp(folder))}
        return sorted(stamps, key=lambda folder: (-max(stamps[folder][::2]), folder.name))

    def folder(self, name: str) -> Path:
        """Return a study's folder.

        Raises
        ------
        HTTPException
            404 if there is no such study.
        """
        if not _is_name(name) or not self.is_open_to(name) or not (self.store / name / DATABASE).is_file():
            raise not_found(f"there is no study {name[:MAX_NAME]!r} here.")
        return self.store / name

    def is_open_to(self, name: str) -> bool:
        """Say whether a study of this name would be shown."""
        return not self._only or name in self._only

    def progress(self, folder: Path) -> Progress | Unreadable:
        """Return how a study stands, from memory if it hasn't changed."""
        try:
            return _progress(folder, _stamp(folder), runner_of(folder))
        except StoreError as error:
            return Unreadable(folder.name, str(error))

    def _folders(self) -> list[Path]:
        if self._only:
            return [self.store / name for name in self._only]
        try:
            return [path for path in self.store.iterdir() if not path.name.startswith(".")]
        except FileNotFoundError:  # until the first study begins
            return []
        except OSError as error:
            raise InvalidValue(
                f"the store {self.store} cannot be read: {error.strerror}. Give another store=DIR."
            ) from error


def _is_name(name: str) -> bool:
    """Say whether a text is a plain folder name: nothing has checked those in a query."""
    return name != ".." and PurePath(name).name == name != "" and len(os.fsencode(name)) <= MAX_NAME


@lru_cache(4 * ON_A_PAGE)
def _progress(folder: Path, stamp: tuple[int, ...], runner: int | None) -> Progress:
    return read_progress(folder)


def _stamp(folder: Path) -> tuple[int, ...]:
    """Return times and sizes that change with every write; zeros without a store."""
    parts: list[int] = []
    for name in (DATABASE, f"{DATABASE}-wal", RECORD):
        try:
            file = (folder / name).stat()
        except OSError:
            parts += [0, 0]
        else:  # readers make an empty log, which means nothing
            parts += [file.st_mtime_ns, file.st_size] if file.st_size else [0, 0]
    return tuple(parts) if parts[0] else (0,) * 6
