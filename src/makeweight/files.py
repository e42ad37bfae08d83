"""Files that are either whole or not there."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from makeweight.errors import MakeweightError, StoreError

TEMPORARY = ".tmp"


def write_whole(path: Path, content: bytes) -> None:
    """Write a file: a crash leaves the old one or the new one.

    Raises
    ------
    StoreError
        If the disk is full or the folder cannot be written.
    """
    with whole(path) as temporary, temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def whole(path: Path) -> Iterator[Path]:
    """Yield a temporary name for a file or a folder that the block makes, and rename it to ``path`` at the end.

    Raises
    ------
    StoreError
        If the disk is full or the folder cannot be written.
    """
    temporary = path.with_name(path.name + TEMPORARY)
    with writing_to(path):
        _remove(temporary)  # of a process that was killed
        try:
            yield temporary
            if temporary.is_dir():
                shutil.rmtree(path, ignore_errors=True)
            temporary.replace(path)
        except BaseException:
            _remove(temporary)
            raise
        sync_folder(path.parent)


def _remove(path: Path) -> None:
    """Remove a file, with what SQLite puts beside it, or a folder."""
    if path.is_dir():
        shutil.rmtree(path)
        return
    for ending in ("", "-wal", "-shm", "-journal"):
        path.with_name(path.name + ending).unlink(missing_ok=True)


@contextmanager
def placed(folder: Path, first: str) -> Iterator[Path]:
    """Yield a folder aside to write files into; at the end it becomes ``folder``, or its files go into the one there.

    They go one by one then, the file named ``first`` first; what else is there stays.

    Raises
    ------
    StoreError
        If the disk is full or the folder cannot be written.
    """
    present = folder.exists()
    with writing_to(folder):
        make_folder(folder.parent)
        aside = folder / f".makeweight{TEMPORARY}" if present else folder.with_name(folder.name + TEMPORARY)
        _remove(aside)  # of a process that was killed
        aside.mkdir()
        try:
            yield aside
            if present:
                files = [file for file in aside.rglob("*") if file.is_file()]
                for file in sorted(files, key=lambda file: file != aside / first):
                    target = folder / file.relative_to(aside)
                    make_folder(target.parent)
                    file.replace(target)
                    sync_folder(target.parent)
            else:
                aside.replace(folder)
                sync_folder(folder.parent)
        finally:
            _remove(aside)


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Turn the operating system's refusal to write into one clear line."""
    try:
        yield
    except MakeweightError:  # some are errors of the operating system's kind
        raise
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            remedy = "Free some room and run the same command again; what is stored stays valid."
        else:
            remedy = "Give a folder that can be written."
        raise StoreError(f"cannot write {path}: {error.strerror or error}. {remedy}") from error


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it that are missing; their names outlive a power cut.

    Raises
    ------
    OSError
        If it can't be made; callers say whose folder it is.
    """
    missing = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    for path in missing:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Make a rename outlive a power cut."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
