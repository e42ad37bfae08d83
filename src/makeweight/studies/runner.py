"""The runner: pending jobs go to the executor, and results go to the store.

It yields events for a caller to show, and only it writes.
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from makeweight.jobs.executors.base import EpochDone, Event, Executor, Failed, Finished, Lost, Stopped
from makeweight.jobs.job import Assignment
from makeweight.jobs.result import Job, Result, Trained
from makeweight.store.store import Store
from makeweight.training.precision import Hardware
from makeweight.training.records import EpochRecord

MAX_ATTEMPTS = 3  # of a job whose worker is lost: twice may be bad luck
LISTEN_SECONDS = 0.2  # between two checks whether to stop


@dataclass(frozen=True)
class JobStarted:
    """A job goes to a worker, to continue after an epoch (0: from the start)."""

    job: Job
    epoch: int


@dataclass(frozen=True)
class JobEpoch:
    """A job has finished an epoch."""

    job: Job
    record: EpochRecord


@dataclass(frozen=True)
class JobDone:
    """A job's result is stored."""

    job: Job
    result: Result


@dataclass(frozen=True)
class JobTrained:
    """A job's training is stored; its test is still to come."""

    job: Job
    trained: Trained


@dataclass(frozen=True)
class JobFailed:
    """A job is given up; the study goes on."""

    job: Job
    reason: str


@dataclass(frozen=True)
class JobRetried:
    """A job's worker was lost, and the job waits for another."""

    job: Job
    reason: str


@dataclass(frozen=True)
class Stopping:
    """Running jobs finish their epoch and save it."""

    running: int


RunnerEvent = JobStarted | JobEpoch | JobDone | JobTrained | JobFailed | JobRetried | Stopping


class Runner:
    """Runs the pending jobs of a store to the end, or until asked to stop.

    Without ``testing`` the test images stay closed: a job ends with a checkpoint after its last epoch, and a later run
    with ``testing`` only scores it.
    """

    def __init__(
        self,
        store: Store,
        executor: Executor,
        data_path: Path,
        hardware: Hardware,
        checkpoint_seconds: float = Assignment.checkpoint_seconds,
        testing: bool = True,
    ) -> None:
        self._store, self._executor = store, executor
        self._data_path, self._hardware, self._checkpoint_seconds = data_path, hardware, checkpoint_seconds
        self._testing = testing
        self._running: dict[str, Job] = {}
        self._attempts: dict[str, int] = {}
        self._waiting: deque[Job] = deque()

    def run(self, stop_requested: Callable[[], bool] = lambda: False) -> Iterator[RunnerEvent]:
        """Run and yield events, until nothing is left or everything has stopped.

        Raises
        ------
        StoreError
            If a result cannot be stored; everything stored before stays valid.
        """
        self._store.requeue()
        pending = [row.job for row in self._store.jobs() if row.state == "pending"]
        self._waiting.extend(job for job in pending if self._testing or not self._is_trained(job))
        session, start, stopping = self._store.add_session(), time.monotonic(), False
        while self._waiting or self._running:
            if stop_requested() and not stopping:
                stopping = True
                self._waiting.clear()
                yield Stopping(len(self._running))
                self._executor.stop()
            while self._waiting and len(self._running) < self._executor.slots:
                yield self._start(self._waiting.popleft())
            for event in self._executor.events(LISTEN_SECONDS):
                happened = self._handle(event, stopping)
                if happened is not None:
                    yield happened
                    if not isinstance(happened, JobEpoch):
                        self._store.extend_session(session, time.monotonic() - start)
        if stopping or not self._testing:
            self._store.release_running()
        self._store.extend_session(session, time.monotonic() - start)

    def _is_trained(self, job: Job) -> bool:
        return len(self._store.progress(job.key).epochs) == job.recipe.epochs

    def _start(self, job: Job) -> JobStarted:
        self._attempts[job.key] = self._store.start(job.key)
        progress = self._store.progress(job.key)
        self._running[job.key] = job
        self._executor.submit(
            Assignment(
                job=job,
                data_path=self._data_path,
                hardware=self._hardware,
                checkpoint=progress.checkpoint,
                epochs_before=progress.epochs,
                checkpoint_seconds=self._checkpoint_seconds,
                testing=self._testing,
            )
        )
        return JobStarted(job, len(progress.epochs))

    def _handle(self, event: Event, stopping: bool) -> RunnerEvent | None:
        job = self._running[event.key]
        match event:
            case EpochDone(key, record, checkpoint):
                self._store.record_epoch(key, record, checkpoint)
                return JobEpoch(job, record)
            case Finished(key, result):
                if isinstance(result, Result):
                    self._store.finish(key, result)
                self._end(key)
                return JobDone(job, result) if isinstance(result, Result) else JobTrained(job, result)
            case Failed(key, reason):
                self._store.fail(key, reason)
                self._end(key)
                return JobFailed(job, reason)
            case Stopped(key):
                self._end(key)
                return None
            case Lost(key, reason):
                self._end(key)
                return None if stopping else self._again(job, reason)

    def _again(self, job: Job, reason: str) -> RunnerEvent:
        attempts = self._attempts[job.key]
        if attempts < MAX_ATTEMPTS:
            self._waiting.appendleft(job)
            return JobRetried(job, reason)
        given_up = f"{reason}; given up after {attempts} attempts"
        self._store.fail(job.key, given_up)
        return JobFailed(job, given_up)

    def _end(self, key: str) -> None:
        del self._running[key]
