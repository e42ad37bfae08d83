"""Starting and stopping studies, in programs of their own that go on when the server ends."""

from __future__ import annotations

import contextlib
import os
import threading
from pathlib import Path

from makeweight.errors import RunFailed, StudyLocked
from makeweight.store.store import DATABASE
from makeweight.studies.lock import OWNER, ask_to_stop, runner_of
from makeweight.web import work

RECORD = "dashboard.json"  # in the study's folder: what became of what was started here
STARTING_SECONDS = 30.0  # until it holds the lock and has its store; importing torch takes most of it
MAX_AT_WORK = 8  # studies at once: more would only take each other's processors


def last_run(folder: Path) -> work.Record | None:
    """Return the record of the last run that was started here; None without one, or if another came after it."""
    record = work.read(folder / RECORD)
    if record is None:
        return None
    try:
        owner = folder / OWNER
        later = owner.stat().st_mtime > record.started and int(owner.read_text()) not in (record.pid, os.getpid())
    except (OSError, ValueError):
        later = False
    return None if later else record


class Runs:
    """Starts and stops one study at a time."""

    def __init__(self) -> None:
        self._stopping: dict[Path, int] = {}
        self._lock = threading.Lock()

    def start(self, task: work.Task, folder: Path) -> None:
        """Start a task that runs the study in a folder, and return when it is at work.

        Raises
        ------
        StudyLocked
            If the study is running.
        RunFailed
            If the task failed at once, in its own words.
        """
        with self._lock:
            if work.is_at_work(folder / RECORD) or runner_of(folder) is not None:
                raise StudyLocked(f"the study {folder.name} is running already.")
            if sum(map(work.is_at_work, folder.parent.glob(f"*/{RECORD}"))) >= MAX_AT_WORK:
                raise RunFailed(f"{MAX_AT_WORK} studies that were started here are at work. Wait for one to end.")
            work.begin(task, folder / RECORD)
        # The page can be opened once the store is there.
        record = work.wait_for(
            folder / RECORD, lambda now: runner_of(folder) == now.pid and (folder / DATABASE).exists(), STARTING_SECONDS
        )
        if record is None or record.state in ("stopped", "failed"):
            _leave_nothing(folder)
            raise RunFailed(record.message if record else f"the study {folder.name} could not be started.")

    def stop(self, folder: Path) -> bool:
        """Ask a study to save and stop; False where nothing runs. Asking again changes nothing."""
        with self._lock:
            pid = runner_of(folder)
            if pid is None or self._stopping.get(folder) == pid:
                return pid is not None
            self._stopping[folder] = pid
        return ask_to_stop(folder)


def _leave_nothing(folder: Path) -> None:
    """Remove the folder of a study that never began."""
    if not (folder / DATABASE).exists():
        work.remove(folder / RECORD)
        with contextlib.suppress(OSError):  # there is more in it, and it is not ours
            folder.rmdir()
