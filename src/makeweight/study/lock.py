"""One runner at a time on a study."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from makeweight.errors import StudyLocked
from makeweight.files import writing_to

LOCK = "study.lock"
OWNER = "study.pid"


@contextmanager
def study_lock(folder: Path) -> Iterator[None]:
    """Hold the study's lock.

    The operating system holds the lock for the process and drops it with it, however it ends, so a lock is never
    stale; the process id beside it is only for the message.

    Raises
    ------
    StudyLocked
        If another process runs the study, with its process id.
    """
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        lock = FileLock(folder / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise StudyLocked(
                f"process {_owner(folder)} is at work on the study in {folder}. "
                "Wait for it to end; a study may be run under another --name meanwhile."
            ) from None
    try:
        with writing_to(folder):
            (folder / OWNER).write_text(str(os.getpid()))
        yield
    finally:
        lock.release()


def _owner(folder: Path) -> str:
    try:
        return (folder / OWNER).read_text()
    except OSError:
        return "of another user"
