"""An executor without a worker: jobs run in this process, so that its CPU seconds are all that a search costs."""

from __future__ import annotations

from collections.abc import Iterator

from makeweight.errors import MakeweightError
from makeweight.jobs.executors.base import EpochDone, Event, Failed, Finished, Stopped
from makeweight.jobs.job import Assignment, run_job
from makeweight.jobs.result import Result, Trained


class InlineExecutor:
    """Runs one job at a time, an epoch for each call of :meth:`events`.

    As in makeweight's worker a job that is cancelled ends after its next epoch, not at once.
    """

    slots = 1

    def __init__(self) -> None:
        self._key, self._stopping = "", False
        self._steps: Iterator[EpochDone | Result | Trained] = iter(())

    def submit(self, assignment: Assignment) -> None:
        """Begin a job."""
        self._key, self._stopping = assignment.job.key, False
        self._steps = run_job(assignment, lambda: self._stopping)

    def events(self, timeout: float) -> list[Event]:
        """Train an epoch, and tell what came of it."""
        try:
            step = next(self._steps, None)
        except MakeweightError as error:  # it diverged
            return [Failed(self._key, str(error))]
        match step:
            case EpochDone():
                return [step]
            case Result() | Trained():
                return [Finished(self._key, step)]
        return [Stopped(self._key)]

    def cancel(self, key: str) -> None:
        """Ask the job to stop after its epoch."""
        self._stopping = self._stopping or key == self._key

    def stop(self) -> None:
        """Ask the job to stop after its epoch."""
        self._stopping = True

    def close(self) -> None:
        """Nothing is left to end."""
