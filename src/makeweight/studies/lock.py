"""One runner at a time on a study."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from makeweight.errors import StudyLocked
from makeweight.files import make_folder, writing_to

LOCK = "study.lock"
OWNER = "study.pid"


@contextmanager
def study_lock(folder: Path) -> Iterator[None]:
    """Hold the study's lock.

    The operating system holds the lock for the process and drops it with it, however it ends, so a lock is never
    stale; the process id stored with it is only for the message.

    Raises
    ------
    StudyLocked
        If another process runs the study, with its process id.
    """
    with writing_to(folder):
        make_folder(folder)
        lock = FileLock(folder / LOCK)
        try:
            lock.acquire(timeout=0)
        except Timeout:
            raise StudyLocked(
                f"process {_owner(folder)} is at work on the study in {folder}. "
                "Wait for it to end, or run a study under another name."
            ) from None
    try:
        with writing_to(folder):
            (folder / OWNER).write_text(str(os.getpid()))
        yield
    finally:
        lock.release()


def runner_of(folder: Path) -> int | None:
    """Return the other process that runs the study, without touching its lock; None if there is none.

    A process id may have been reused: the process must have the lock's file open.
    """
    try:
        pid = int((folder / OWNER).read_text())
        lock = (folder / LOCK).resolve()
    except (OSError, ValueError):
        return None
    return pid if pid > 1 and pid != os.getpid() and has_open(pid, lock) else None


def ask_to_stop(folder: Path) -> bool:
    """Ask the process that runs the study to save and stop, as Ctrl-C does; False if there is none.

    A second call would stop it at once: see `makeweight.studies.interrupt`.
    """
    pid = runner_of(folder)
    if pid is None:
        return False
    if not hasattr(os, "pidfd_open"):  # not Linux: the process may have ended meanwhile
        os.kill(pid, signal.SIGTERM)
        return True
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return False
    try:
        if runner_of(folder) != pid:  # the id can't be reused any more
            return False
        signal.pidfd_send_signal(descriptor, signal.SIGTERM)
    finally:
        os.close(descriptor)
    return True


def has_open(pid: int, file: Path) -> bool:
    """Say whether a process is alive and has a file open, as one that was given the same id would not."""
    descriptors = Path(f"/proc/{pid}/fd")
    if not Path("/proc/self/fd").is_dir():
        return _is_alive(pid)
    try:
        return any(_target(link) == str(file) for link in descriptors.iterdir())
    except OSError:  # it has ended, or is another user's
        return False


def _target(link: Path) -> str:
    try:
        return str(link.readlink())
    except OSError:  # closed since it was listed
        return ""


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except OSError:
        return False
    return True


def _owner(folder: Path) -> str:
    try:
        return (folder / OWNER).read_text()
    except OSError:
        return "of another user"
