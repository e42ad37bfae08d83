"""The folder of studies: which there are, and each by its name; never by a path."""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from pathlib import Path, PurePath

from makeweight.errors import InvalidValue, StoreError
from makeweight.store.store import DATABASE
from makeweight.web.answers import not_found
from makeweight.web.progress import Progress, read_progress

ON_A_PAGE = 50
MOST_NAME = 255  # bytes of a file name (NAME_MAX); the system refuses to look at a longer one


@dataclass(frozen=True)
class Listed:
    """A study in the list."""

    name: str
    folder: Path = field(repr=False)
    changed: float  # seconds since 1970


@dataclass(frozen=True)
class Unreadable:
    """A study whose store cannot be read, and why."""

    name: str
    problem: str


class Studies:
    """The studies of a store, or some of them."""

    def __init__(self, store: Path, only: tuple[str, ...] = ()) -> None:
        self.store, self._only = store, only
        self._known: dict[Path, tuple[tuple[int, ...], Progress]] = {}
        self._lock = threading.Lock()

    def listed(self) -> list[Listed]:
        """List the studies, those that changed last first."""
        found = [_listed(path) for path in self._folders()]
        return sorted(filter(None, found), key=lambda each: (-each.changed, each.name))

    def folder(self, name: str) -> Path:
        """Return a study's folder.

        Raises
        ------
        HTTPException
            404 if there is no such study.
        """
        if not _is_name(name) or not self.is_open_to(name) or not (self.store / name / DATABASE).is_file():
            raise not_found(f"there is no study {name[:MOST_NAME]!r} here.")
        return self.store / name

    def is_open_to(self, name: str) -> bool:
        """Say whether a study of this name would be shown."""
        return not self._only or name in self._only

    def progress(self, listed: Listed) -> Progress | Unreadable:
        """Return how a study stands; one that has not changed since is not read again."""
        stamp = _stamp(listed.folder)
        with self._lock:
            known = self._known.get(listed.folder)
        if known and known[0] == stamp and known[1].state != "running":
            return known[1]
        try:
            found = read_progress(listed.folder)
        except StoreError as error:
            return Unreadable(listed.name, str(error))
        with self._lock:
            self._known[listed.folder] = stamp, found
            while len(self._known) > 4 * ON_A_PAGE:
                del self._known[next(iter(self._known))]
        return found

    def _folders(self) -> list[Path]:
        if self._only:
            return [self.store / name for name in self._only]
        try:
            return [path for path in self.store.iterdir() if not path.name.startswith(".")]
        except OSError as error:
            raise InvalidValue(
                f"the store {self.store} cannot be read: {error.strerror}. Give another --store."
            ) from error


def _is_name(name: str) -> bool:
    """Say whether a text is a plain folder name: those of an address's query have passed no rule for paths."""
    return name != ".." and PurePath(name).name == name != "" and len(name.encode()) <= MOST_NAME


def _listed(folder: Path) -> Listed | None:
    stamp = _stamp(folder)
    return Listed(folder.name, folder, max(stamp[::2]) / 1e9) if any(stamp) else None


def _stamp(folder: Path) -> tuple[int, ...]:
    """Return times and sizes that change with every write; zeros where there is no store, or one that has gone."""
    parts: list[int] = []
    for name in (DATABASE, f"{DATABASE}-wal"):
        try:
            found = (folder / name).stat()
        except OSError:
            parts += [0, 0]
        else:  # readers make an empty log, which says nothing
            parts += [found.st_mtime_ns, found.st_size] if found.st_size else [0, 0]
    return tuple(parts) if parts[0] else (0, 0, 0, 0)
