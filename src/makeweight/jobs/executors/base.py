"""The contract of executors: assignments in, events out.

Guarantees, tested for every executor by ``tests/contracts/test_executors.py``:

* Every submitted assignment ends in exactly one of ``Finished``, ``Failed``, ``Stopped`` or ``Lost``.
* Events of one job arrive in the order of its epochs.
* A worker that dies costs its own job (``Lost``) and no other; its slot is filled again.
* After ``close`` no process of the executor is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from makeweight.jobs.job import Assignment, Progress
from makeweight.jobs.result import Result, Trained


@dataclass(frozen=True)
class EpochDone:
    """A job has finished an epoch."""

    key: str
    progress: Progress


@dataclass(frozen=True)
class Finished:
    """A job has its result; without a look at the test images where its assignment said so."""

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
        """End all workers at once."""
