"""Starting and stopping studies: in processes of their own, by the command line that anybody could type."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path

from makeweight.errors import RunFailed, StudyLocked
from makeweight.files import writing_to
from makeweight.store.store import DATABASE
from makeweight.study.lock import ask_to_stop, runner_of

LOG = "dashboard.log"  # in the study's folder: what the command printed
STARTING_SECONDS = 30.0  # until it holds the lock and has its store; importing torch takes most of it
MOST_AT_WORK = 8  # studies at once: more would only take each other's processors


class Runs:
    """The studies that were started here; they go on when the server ends."""

    def __init__(self) -> None:
        self._started: dict[Path, subprocess.Popen[bytes]] = {}
        self._stopping: dict[Path, int] = {}
        self._lock = threading.Lock()

    def start(self, arguments: Sequence[str], folder: Path) -> None:
        """Start a command that runs the study in a folder, and return when it is at work.

        Raises
        ------
        StudyLocked
            If the study is running.
        RunFailed
            If the command ended at once, in its own words.
        """
        with self._lock:
            self._forget_ended()
            if folder in self._started or runner_of(folder) is not None:
                raise StudyLocked(f"the study {folder.name} is running already.")
            if len(self._started) >= MOST_AT_WORK:
                raise RunFailed(f"{MOST_AT_WORK} studies that were started here are at work. Wait for one to end.")
            process = self._started[folder] = _start(arguments, folder)
        threading.Thread(target=process.wait, daemon=True).start()  # or it would stay behind as a zombie
        _wait_until_at_work(process, folder)

    def stop(self, folder: Path) -> bool:
        """Ask a study to save and stop; False where nothing runs. Asking again changes nothing."""
        with self._lock:
            pid = runner_of(folder)
            if pid is None or self._stopping.get(folder) == pid:
                return pid is not None
            self._stopping[folder] = pid
        return ask_to_stop(folder)

    def _forget_ended(self) -> None:
        for folder, process in list(self._started.items()):
            if process.poll() is not None:
                del self._started[folder]


def _start(arguments: Sequence[str], folder: Path) -> subprocess.Popen[bytes]:
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / LOG).open("wb") as log:
            # A session of its own: Ctrl-C ends the server and not the study.
            return subprocess.Popen(
                [sys.executable, "-m", "makeweight", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )


def _wait_until_at_work(process: subprocess.Popen[bytes], folder: Path) -> None:
    deadline = time.monotonic() + STARTING_SECONDS
    while time.monotonic() < deadline:
        if runner_of(folder) == process.pid and (folder / DATABASE).exists():  # so that its page can be opened
            return
        if process.poll() is not None:
            if process.returncode == 0:  # nothing was left to do
                return
            words = _last_words(folder) or f"the command ended with code {process.returncode}."
            _leave_nothing(folder)
            raise RunFailed(words)
        time.sleep(0.05)


def _leave_nothing(folder: Path) -> None:
    """Remove the folder of a study that never began."""
    if not (folder / DATABASE).exists():
        (folder / LOG).unlink(missing_ok=True)
        with contextlib.suppress(OSError):  # there is more in it, and it is not ours
            folder.rmdir()


def _last_words(folder: Path) -> str:
    try:
        lines = (folder / LOG).read_text(errors="replace").strip().splitlines()
    except OSError:
        return ""
    return lines[-1].removeprefix("error: ")[:500] if lines else ""
