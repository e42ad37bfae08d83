"""Files that are either whole or not there."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from makeweight.errors import StoreError

TEMPORARY = ".tmp"


def write_whole(path: Path, content: bytes) -> None:
    """Write to a temporary name, fsync, and rename: a crash leaves the old file or the new one.

    Raises
    ------
    StoreError
        If the disk is full or the folder cannot be written.
    """
    temporary = path.with_name(path.name + TEMPORARY)
    with writing_to(path):
        with temporary.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)


@contextmanager
def writing_to(path: Path) -> Iterator[None]:
    """Turn the operating system's refusal to write into one clear line."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT):
            remedy = "Free some room and run the same command again; what is stored stays valid."
        else:
            remedy = "Give a folder that can be written."
        raise StoreError(f"cannot write {path}: {error.strerror or error}. {remedy}") from error


def sync_folder(folder: Path) -> None:
    """Make a rename outlive a power cut."""
    if os.name == "posix":
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
