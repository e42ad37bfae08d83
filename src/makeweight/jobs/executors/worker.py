"""The worker's end of the pipe: takes assignments, sends events, and ends with its runner."""

from __future__ import annotations

import os
import queue
import re
import signal
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection

from makeweight.errors import MakeweightError
from makeweight.jobs.executors.base import Event, Failed, Finished, Stopped
from makeweight.jobs.job import Assignment, EpochDone, run_job
from makeweight.jobs.result import Result, Trained
from makeweight.training.memory import keep_freed_memory

BEAT_SECONDS = 2.0
STOP = "stop"


@dataclass(frozen=True, slots=True)
class Beat:
    """A sign of life."""


class _Link:
    """The pipe as the worker's threads share it."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe, self._sending = pipe, threading.Lock()
        self.assignments: queue.Queue[Assignment] = queue.Queue()
        self.stopping = threading.Event()

    def send(self, message: Event | Beat) -> None:
        """Send to the runner; end at once where it is gone."""
        try:
            with self._sending:
                self._pipe.send(message)
        except OSError:
            os._exit(1)

    def listen(self) -> None:
        """Take what the runner sends, and end at once when it is gone."""
        while True:
            try:
                message = self._pipe.recv()
            except (EOFError, OSError):
                os._exit(1)  # only this ends a computation in the middle
            if message == STOP:
                self.stopping.set()
            else:
                self.stopping.clear()
                self.assignments.put(message)

    def beat(self) -> None:
        """Show that the process is alive."""
        while True:
            self.send(Beat())
            threading.Event().wait(BEAT_SECONDS)


def main(pipe: int) -> None:
    """Run assignments that come through an open socket of this number, until it closes."""
    # Ctrl-C and a service manager's SIGTERM reach all processes; the runner decides what happens to its workers.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, signal.SIG_IGN)
    keep_freed_memory()
    link = _Link(Connection(pipe))
    for task in (link.listen, link.beat):
        threading.Thread(target=task, daemon=True).start()
    while True:
        _work(link.assignments.get(), link)


def _work(assignment: Assignment, link: _Link) -> None:
    for event in events_of(assignment, link.stopping.is_set):
        link.send(event)


def events_of(assignment: Assignment, stopping: Callable[[], bool]) -> Iterator[Event]:
    """Run an assignment; whatever happens, the last event says how it ended."""
    key = assignment.job.key
    try:
        for step in run_job(assignment, stopping):
            match step:
                case EpochDone():
                    yield step
                case Result() | Trained():
                    yield Finished(key, step)
                    return
        yield Stopped(key)
    except MakeweightError as error:
        yield Failed(key, str(error))
    except Exception as error:  # any other fault fails this job, and the study goes on
        yield Failed(key, _reason(error))


def _reason(error: Exception) -> str:
    # Torch says it with a RuntimeError: "… can't allocate memory …" on a CPU, "CUDA out of memory …" on a GPU.
    if isinstance(error, MemoryError) or re.search("can't allocate memory|out of memory", str(error)):
        return "out of memory. Use a smaller batch_size, or fewer workers."
    return f"{type(error).__name__}: {error}".strip().splitlines()[0]
