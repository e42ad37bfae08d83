"""The contract of executors: assignments in, events out.

Guarantees, tested for every executor by ``tests/contracts/test_executors.py``:

* Every submitted assignment ends in exactly one of ``Finished``, ``Failed``, ``Stopped`` or ``Lost``.
* Events of one job arrive in the order of its epochs.
* A worker that dies costs its own job (``Lost``) and no other; its slot is filled again.
* After ``close`` no process of the executor is left.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from makeweight.jobs.job import Assignment
from makeweight.jobs.job import EpochDone as EpochDone
from makeweight.jobs.result import Result, Trained


@dataclass(frozen=True)
class Finished:
    """A job has its result; without scores on test images if its assignment said so."""

    key: str
    result: Result | Trained


@dataclass(frozen=True)
class Failed:
    """A job raised an error: running it again would raise it again."""

    key: str
    reason: str


@dataclass(frozen=True)
class Stopped:
    """A job was asked to stop and did so after an epoch; the checkpoint came with that epoch."""

    key: str


@dataclass(frozen=True)
class Lost:
    """The worker died or hung; the job may run again."""

    key: str
    reason: str


SILENCE_SECONDS = 60.0  # without a heartbeat: many beats, so a busy machine doesn't look like a dead worker
START_SECONDS = 300.0  # until the first one: a worker's imports can take a minute from a slow disk
STARTS_WITHOUT_WORK = 3  # workers that die before reporting: something is wrong with the machine
Event = EpochDone | Finished | Failed | Stopped | Lost


class Executor(Protocol):
    """Runs assignments side by side."""

    @property
    def slots(self) -> int:
        """How many jobs run at once."""

    def submit(self, assignment: Assignment) -> None:
        """Take a job; it starts as soon as a slot is free."""

    def events(self, timeout: float) -> list[Event]:
        """Wait up to ``timeout`` seconds for something to happen, and return all that has."""

    def cancel(self, key: str) -> None:
        """Ask one job to stop after its epoch (``Stopped``), or drop it if it has not started (``Lost``).

        A job that has ended, or is about to, takes no notice.
        """

    def stop(self) -> None:
        """Ask running jobs to stop after their epoch, and drop those that have not started (``Lost``)."""

    def close(self) -> None:
        """End what runs at once."""


class Worker(Protocol):
    """What a pool must know of a worker."""

    heard: float  # when it last showed a sign of life, in monotonic seconds

    @property
    def key(self) -> str | None:
        """Key of the job it runs."""


W = TypeVar("W", bound=Worker)


class Pool(ABC, Generic[W]):
    """What executors share, wherever their workers run: who waits, who works, who was last heard when."""

    def __init__(self, slots: int, silence_seconds: float, beat_seconds: float) -> None:
        self._slots, self._beat, self._silence = slots, beat_seconds, max(silence_seconds, 2 * beat_seconds)
        self._waiting: deque[Assignment] = deque()
        self._workers: list[W] = []
        self._pending: list[Event] = []
        self._failed_starts = 0
        self._listened = time.monotonic()

    @property
    def slots(self) -> int:
        """How many jobs run at once."""
        return self._slots

    def submit(self, assignment: Assignment) -> None:
        """Take a job; it starts as soon as a slot is free."""
        self._waiting.append(assignment)
        self._assign()

    def cancel(self, key: str) -> None:
        """Ask one job to stop after its epoch, or drop it if it has not started."""
        self._stop(lambda other: other == key)

    def stop(self) -> None:
        """Ask running jobs to stop after their epoch, and drop those that have not started."""
        self._stop(lambda _: True)

    @abstractmethod
    def _assign(self) -> None:
        """Give waiting jobs to free workers; start workers where some are missing."""

    @abstractmethod
    def _ask_to_stop(self, worker: W) -> None:
        """Ask a worker to stop after its epoch."""

    def _stop(self, chosen: Callable[[str], bool]) -> None:
        dropped = [assignment for assignment in self._waiting if chosen(assignment.job.key)]
        self._pending += [Lost(assignment.job.key, "not started") for assignment in dropped]
        self._waiting = deque(assignment for assignment in self._waiting if assignment not in dropped)
        for worker in self._workers:
            if worker.key is not None and chosen(worker.key):
                self._ask_to_stop(worker)

    def _excuse_own_absence(self, timeout: float) -> None:
        """Count a worker's silence only while this process listens: Ctrl-Z stops this process too."""
        now = time.monotonic()
        absent = now - self._listened - timeout
        if absent > self._beat:
            for worker in self._workers:
                worker.heard += absent
        self._listened = now
