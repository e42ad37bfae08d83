"""The search: points are proposed, trained on workers, pruned or finished, and recorded. It opens no test image."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Protocol

from optuna.trial import FrozenTrial, Trial

from makeweight.designs.solver import Design
from makeweight.jobs.executors.base import EpochDone, Event, Executor, Failed, Finished, Lost, Stopped
from makeweight.jobs.job import Assignment
from makeweight.jobs.result import Job
from makeweight.store.trials import INTERRUPTED
from makeweight.training.records import EpochRecord
from makeweight.tuning.record import TuningRecord
from makeweight.tuning.space import Point

MAX_ATTEMPTS = 3  # of a trial whose worker is lost
LISTEN_SECONDS = 0.2
BEHIND, TIME_UP = "not in the better half of the trials so far", "time was up"


@dataclass(frozen=True)
class TrialStarted:
    """A trial goes to a worker."""

    number: int
    job: Job
    point: Point


@dataclass(frozen=True)
class TrialEpoch:
    """A trial has finished an epoch."""

    number: int
    job: Job
    record: EpochRecord


@dataclass(frozen=True)
class TrialEnded:
    """A trial is complete, pruned or failed."""

    number: int
    job: Job
    state: str
    validation_accuracy: float | None  # of its last epoch
    seconds: float
    reason: str


@dataclass(frozen=True)
class SearchStopping:
    """Asked to stop; running trials end after their epoch and are tried again next time."""

    running: int


SearchEvent = TrialStarted | TrialEpoch | TrialEnded | SearchStopping


class Proposer(Protocol):
    """Makes a trial's training from its point."""

    def __call__(self, point: Point, number: int) -> tuple[Assignment, Design, dict[str, Any]]:
        """Return the assignment (without testing), its design, and facts to keep with the trial."""


def counts(trial: FrozenTrial) -> bool:
    """Whether a trial has ended, and not by an interruption: then the one that takes over its point counts."""
    return trial.state.is_finished() and trial.user_attrs.get("reason") != INTERRUPTED


@dataclass(frozen=True, slots=True)
class Limit:
    """When a search ends; None leaves it open."""

    trials: int | None
    seconds: Callable[[], float] | None  # seconds left; asked repeatedly, as estimates improve


@dataclass
class _Running:
    trial: Trial
    assignment: Assignment
    seconds: float = 0.0
    accuracy: float | None = None
    attempts: int = 1
    ending: str = ""  # why it was cancelled
    reported: int = 0  # last epoch reported; a restarted trial repeats earlier ones


class Search:
    """Runs trials until a limit is reached, or until asked to stop."""

    def __init__(
        self, record: TuningRecord, propose: Proposer, executor: Executor, limit: Limit,
        length: float = 1.0,
    ) -> None:  # fmt: skip
        self._record, self._propose, self._executor, self._limit = record, propose, executor, limit
        self._length = length
        self._running: dict[str, _Running] = {}
        self._full_seconds: list[float] = []

    def run(self, stop_requested: Callable[[], bool] = lambda: False) -> Iterator[SearchEvent]:
        """Run and yield events, until no trial is running."""
        counted = [t for t in self._record.trials() if counts(t)]
        self._full_seconds = [
            t.user_attrs.get("seconds", 0.0) for t in counted
            if t.state.name == "COMPLETE" and t.user_attrs.get("length", 1.0) == self._length
        ]  # fmt: skip
        begun, stopping = len(counted), False
        while True:
            if stop_requested() and not stopping:
                stopping = True
                yield SearchStopping(len(self._running))
                self._executor.stop()
            while not stopping and self._may_start(begun):
                begun += 1
                yield self._start()
            if not self._running:
                return
            self._end_in_time()
            for event in self._executor.events(LISTEN_SECONDS):
                yield from self._handle(event, stopping)

    def _may_start(self, begun: int) -> bool:
        if len(self._running) >= self._executor.slots:
            return False
        if self._limit.trials is not None and begun >= self._limit.trials:
            return False
        # A trial without time to reach the first rung would tell nothing.
        typical = sorted(self._full_seconds)[len(self._full_seconds) // 2] if self._full_seconds else 0.0
        return self._limit.seconds is None or self._limit.seconds() > typical / 2 or not begun

    def _start(self) -> TrialStarted:
        trial = self._record.ask()
        assignment, design, facts = self._propose(trial.params, trial.number)
        cost = design.cost
        self._record.describe(trial, weights=cost.weights, macs=cost.macs, key=assignment.job.key, **facts)
        self._running[assignment.job.key] = _Running(trial, assignment)
        self._executor.submit(assignment)
        return TrialStarted(trial.number, assignment.job, trial.params)

    def _end_in_time(self) -> None:
        """Cancel running trials when time is up, but not before one is complete: nothing could be confirmed."""
        if self._limit.seconds is None or self._limit.seconds() > 0 or not self._full_seconds:
            return
        for key, running in self._running.items():
            self._cancel(key, running, TIME_UP)

    def _cancel(self, key: str, running: _Running, reason: str) -> None:
        if not running.ending:
            running.ending = reason
            self._executor.cancel(key)

    def _handle(self, event: Event, stopping: bool) -> Iterator[SearchEvent]:
        running = self._running[event.key]
        match event:
            case EpochDone(key, record):
                running.seconds += record.train_seconds + record.validation_seconds
                running.accuracy = record.validation_accuracy
                yield TrialEpoch(running.trial.number, running.assignment.job, record)
                epochs = running.assignment.job.recipe.epochs
                # What a worker does after it was told to stop doesn't count.
                if running.ending or record.epoch <= running.reported:
                    return
                running.reported = record.epoch
                if self._record.report(running.trial, record.epoch, epochs, record.validation_accuracy):
                    self._cancel(key, running, BEHIND)
            case Finished(_, result):
                self._full_seconds.append(running.seconds)
                self._record.describe(running.trial, seconds=running.seconds)
                self._record.complete(running.trial, result.validation_accuracy)
                yield self._end(event.key, "complete", result.validation_accuracy, "")
            case Failed(_, reason):
                self._record.describe(running.trial, seconds=running.seconds)
                self._record.fail(running.trial, reason)
                yield self._end(event.key, "failed", None, reason)
            case Stopped() | Lost() if running.ending:
                self._record.describe(running.trial, seconds=running.seconds)
                self._record.prune(running.trial, running.ending)
                yield self._end(event.key, "pruned", running.accuracy, running.ending)
            case Lost(_, reason) if not stopping:
                yield from self._again(event.key, running, reason)
            case Stopped() | Lost():
                self._record.interrupt(running.trial.number, running.trial.params)
                del self._running[event.key]

    def _again(self, key: str, running: _Running, reason: str) -> Iterator[SearchEvent]:
        if running.attempts >= MAX_ATTEMPTS:
            given_up = f"{reason}; given up after {running.attempts} attempts"
            self._record.fail(running.trial, given_up)
            yield self._end(key, "failed", None, given_up)
            return
        running.attempts, running.seconds = running.attempts + 1, 0.0
        self._executor.submit(running.assignment)

    def _end(self, key: str, state: str, accuracy: float | None, reason: str) -> TrialEnded:
        running = self._running.pop(key)
        return TrialEnded(running.trial.number, running.assignment.job, state, accuracy, running.seconds, reason)
