"""One run of a tuning on its folder: search, confirm the best with several seeds, choose, refit, and only then test.

The winner of a search is the best of many noisy scores, so its score is too good. Candidates are therefore retrained
with seeds that the search did not use, still scored on validation images; the best mean wins. With nothing left to
choose, the winner is trained on the validation images too, and those networks are scored on the test images: one look,
for one choice.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna

from makeweight.data.dataset import PreparedDataset
from makeweight.designs.architecture import Task
from makeweight.designs.families import Family
from makeweight.designs.limits import NO_LIMITS, Limits
from makeweight.designs.solver import Design, fit
from makeweight.errors import InvalidValue, TuningFailed
from makeweight.jobs.job import Assignment
from makeweight.jobs.result import Job
from makeweight.jobs.verified import verify_once
from makeweight.store.rows import StudyRow
from makeweight.store.store import Store
from makeweight.store.trials import FIRST_RUNG
from makeweight.studies.lock import study_lock
from makeweight.studies.runner import Runner, RunnerEvent
from makeweight.studies.session import Machine, refuse_other_data, start_executor
from makeweight.training.recipe import default_recipe
from makeweight.tuning.record import REDUCTION, STARTUP_TRIALS, TuningRecord
from makeweight.tuning.search import Limit, Search, SearchEvent
from makeweight.tuning.space import Point, first_points, realise, space

if TYPE_CHECKING:
    from makeweight.jobs.executors.base import Executor
    from makeweight.training.precision import Hardware

CONFIRMING_SEEDS = (0, 1, 2)  # three show the spread; the search's trials start at FIRST_TRIAL_SEED
FIRST_TRIAL_SEED = 1_000
MAX_CANDIDATES = 3
# Held out when the winner is trained on the validation images too: enough to see that a training goes well.
# A ninth more images gave FCNs of 100K weights 0.37 points (48,600 against 54,000; docs/tuning.md).
REFIT_VALIDATION = 0.01
CONFIRMING_SHARE = 0.4  # of a time limit, at most: an unconfirmed choice is worth little


@dataclass(frozen=True)
class TuningPlan:
    """A tuning that is ready to run."""

    folder: Path
    name: str
    dataset: PreparedDataset
    family: Family
    budget: int
    limits: Limits = NO_LIMITS
    trials: int | None = 60
    seconds: float | None = None  # wall time of all sessions together, for search and confirmation
    seed: int = 0  # of the sampler
    split_seed: int = 0
    fixed: dict[str, Any] = field(default_factory=dict)  # options and recipe fields that aren't searched

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that makes its trials comparable."""
        return {
            "dataset": self.dataset.name,
            "data": self.dataset.digest,
            "family": self.family.name,
            "budget": self.budget,
            "limits": asdict(self.limits),
            "seed": self.seed,
            "split_seed": self.split_seed,
            "fixed": self.fixed,
            "sampler": f"TPE, {STARTUP_TRIALS} random points first",
            "pruner": f"successive halving, one of {REDUCTION} goes on, first at {FIRST_RUNG} % of the schedule",
            "confirming_seeds": list(CONFIRMING_SEEDS),
        }

    @property
    def task(self) -> Task:
        """What the networks are for."""
        return Task(self.dataset.image_shape, self.dataset.classes)

    @property
    def training_images(self) -> int:
        """Number of training images, including those for validation."""
        return len(self.dataset.training_images().labels)

    @property
    def images(self) -> int:
        """Number of images that a network is trained on in the search."""
        return round(self.training_images * (1 - self.dataset.validation))


@dataclass(frozen=True)
class Recovered:
    """Trials left by an earlier process; their points are tried again."""

    trials: int


@dataclass(frozen=True)
class Confirming:
    """The search is over; its best trials are retrained with other seeds."""

    candidates: tuple[int, ...]


@dataclass(frozen=True)
class Chosen:
    """The winner by the mean of its confirming seeds; next it is trained on all training images and tested."""

    trial: int
    validation_accuracies: tuple[float, ...]


TuningEvent = Recovered | SearchEvent | Confirming | Chosen | RunnerEvent


def run_tuning(
    plan: TuningPlan, machine: Machine, stop_requested: Callable[[], bool] = lambda: False
) -> Iterator[TuningEvent]:
    """Run what is missing of a tuning, and yield events.

    Raises
    ------
    InfeasibleBudget, InfeasibleLimits
        If the family has no network within budget and limits.
    InvalidValue
        If the folder holds another tuning, or one that ended with another limit.
    StudyLocked
        If another process runs it.
    StoreError
        If trials or results cannot be stored.
    DataMismatch
        If the folder holds results on other data, or the training images are damaged.
    TuningFailed
        If no trial was completed.
    """
    refuse_other_data(plan.folder, plan.dataset)
    default = fit(plan.family, plan.task, plan.budget, None, plan.limits)
    dimensions = space(plan.family, plan.images, plan.fixed)
    with study_lock(plan.folder):
        record = TuningRecord(plan.folder, plan.settings, dimensions)
        try:
            _refuse_longer(plan, record)
            with Store.create(plan.folder) as store:
                tuning = _Tuning(plan, record, store, stop_requested)
                if not tuning.is_over():
                    verify_once(plan.dataset, testing=False)
                    yield from tuning.run(machine, default)
        finally:
            record.close()


def _refuse_longer(plan: TuningPlan, record: TuningRecord) -> None:
    asked = [plan.trials, plan.seconds]
    if record.kept("winner") is not None and record.kept("asked") != asked:
        raise InvalidValue(
            f"the tuning in {plan.folder} has ended, and its winner has seen the test images: a longer search there "
            "would be a second look at them. Give another name, or the same trials and time as before."
        )
    record.keep("asked", asked)


class _Tuning:
    def __init__(
        self, plan: TuningPlan, record: TuningRecord, store: Store, stop_requested: Callable[[], bool]
    ) -> None:
        self._plan, self._record, self._store, self._stop = plan, record, store, stop_requested
        self._before, self._begun = float(record.kept("seconds", 0.0)), time.monotonic()

    def is_over(self) -> bool:
        rows = self._store.jobs()
        return self._record.kept("winner") is not None and bool(rows) and all(row.state == "done" for row in rows)

    def run(self, machine: Machine, default: Design) -> Iterator[TuningEvent]:
        executor, hardware = start_executor(machine, jobs=self._plan.trials or 1_000)
        try:
            if self._record.kept("candidates") is None:
                yield from self._search(executor, hardware, default)
            if not self._stop() and self._record.kept("winner") is None:
                yield from self._confirm(executor, hardware)
            if not self._stop():
                yield from self._refit_and_test(executor, hardware)
        finally:
            self._save_seconds()
            executor.close()

    def _search(self, executor: Executor, hardware: Hardware, default: Design) -> Iterator[TuningEvent]:
        plan, record = self._plan, self._record
        self._plan_jobs([])
        if left := record.recover():
            yield Recovered(left)
        if not record.trials():
            record.keep("made_with", {"optuna": optuna.__version__})
            recipe = default_recipe(plan.family.name, plan.images)
            dimensions = space(plan.family, plan.images, plan.fixed)
            for point in first_points(dimensions, default, plan.family, recipe):
                record.enqueue(point)
        limit = Limit(plan.trials, None if plan.seconds is None else lambda: self._search_seconds(executor.slots))
        search = Search(record, lambda point, number: self._propose(point, number, hardware), executor, limit)
        for event in search.run(self._stop):
            yield event
            self._save_seconds()
        if not self._stop():
            record.keep("candidates", self._choose_candidates(executor.slots))

    def _propose(self, point: Point, number: int, hardware: Hardware) -> tuple[Assignment, Design, dict[str, Any]]:
        job, design, dropped = self._job(point, FIRST_TRIAL_SEED + number)
        facts = {"dropped": list(dropped)} if dropped else {}
        assignment = Assignment(
            job,
            self._plan.dataset.path,
            hardware,
            checkpoint_seconds=float("inf"),  # an interrupted trial starts again
            testing=False,
        )
        return assignment, design, facts

    def _job(self, point: Point, seed: int) -> tuple[Job, Design, tuple[str, ...]]:
        plan = self._plan
        fixed = {"validation": plan.dataset.validation, **plan.fixed}
        design, recipe, dropped = realise(point, plan.family, plan.task, plan.budget, plan.images, plan.limits, fixed)
        job = Job(
            plan.family.name, plan.budget, design.architecture, recipe, plan.dataset.digest, plan.split_seed, seed
        )
        return job, design, dropped

    def _complete(self) -> list[optuna.trial.FrozenTrial]:
        complete = [t for t in self._record.trials() if t.state == optuna.trial.TrialState.COMPLETE]
        return sorted(complete, key=lambda t: (-(t.value or 0.0), t.number))

    def _search_seconds(self, slots: int) -> float:
        """Seconds left for the search, after reserving time to confirm at least one candidate and refit it."""
        assert self._plan.seconds is not None
        best = self._complete()[:MAX_CANDIDATES]
        seconds = [self._confirming_seconds(t, slots) for t in best[: self._affordable(best, slots)]]
        return self._plan.seconds - self._seconds() - sum(seconds) - max(seconds, default=0.0)

    def _affordable(self, best: list[optuna.trial.FrozenTrial], slots: int) -> int:
        """How many of the best trials there is time to confirm; at least one."""
        if self._plan.seconds is None:
            return min(MAX_CANDIDATES, len(best))
        spent, count = 0.0, 0
        for trial in best[:MAX_CANDIDATES]:
            spent += self._confirming_seconds(trial, slots)
            if count and spent > CONFIRMING_SHARE * self._plan.seconds:
                break
            count += 1
        return count

    @staticmethod
    def _confirming_seconds(trial: optuna.trial.FrozenTrial, slots: int) -> float:
        return float(trial.user_attrs.get("seconds", 0.0)) * len(CONFIRMING_SEEDS) / slots

    def _choose_candidates(self, slots: int) -> list[int]:
        best: dict[str, int] = {}
        for trial in self._complete():  # a point may have been tried twice
            best.setdefault(self._job(trial.params, 0)[0].key, trial.number)
        if not best:
            raise TuningFailed(
                "no trial was completed, so there is nothing to choose from. "
                f"The first one ended with: {self._first_reason()}. Give more time, or look at the data."
            )
        by_number = {t.number: t for t in self._complete()}
        chosen = [by_number[number] for number in best.values()]
        return [t.number for t in chosen[: self._affordable(chosen, slots)]]

    def _first_reason(self) -> str:
        return next((t.user_attrs["reason"] for t in self._record.trials() if "reason" in t.user_attrs), "no reason")

    def _confirm(self, executor: Executor, hardware: Hardware) -> Iterator[TuningEvent]:
        candidates: list[int] = self._record.kept("candidates")
        jobs = {number: self._confirming_jobs(number) for number in candidates}
        yield Confirming(tuple(candidates))
        self._plan_jobs([job for number in candidates for job in jobs[number]])
        yield from self._run_jobs(executor, hardware, testing=False)
        if self._stop():
            return
        accuracies = {number: self._accuracies(jobs[number]) for number in candidates}
        confirmed = {number: values for number, values in accuracies.items() if values}
        if not confirmed:
            raise TuningFailed("none of the best trials could be trained with all confirming seeds; see the log above.")
        winner = max(confirmed, key=lambda number: statistics.mean(confirmed[number]))
        self._record.keep("confirmed", confirmed)
        self._record.keep("winner", winner)
        yield Chosen(winner, confirmed[winner])

    def _confirming_jobs(self, number: int) -> list[Job]:
        point = self._record.trials()[number].params
        return [self._job(point, seed)[0] for seed in CONFIRMING_SEEDS]

    def _accuracies(self, jobs: list[Job]) -> tuple[float, ...]:
        """Return the seeds' validation accuracies; none unless all were trained to the end."""
        epochs = [self._store.epochs(job.key) for job in jobs]
        if any(len(done) < job.recipe.epochs for done, job in zip(epochs, jobs, strict=True)):
            return ()
        return tuple(done[-1].validation_accuracy for done in epochs)

    def _refit_and_test(self, executor: Executor, hardware: Hardware) -> Iterator[TuningEvent]:
        share = max(
            REFIT_VALIDATION, 2 * self._plan.dataset.classes / self._plan.training_images
        )  # at least two per class
        share = min(share, self._plan.dataset.validation)
        jobs = self._confirming_jobs(self._record.kept("winner"))
        self._plan_jobs([replace(job, recipe=replace(job.recipe, validation=share)) for job in jobs])
        yield from self._run_jobs(executor, hardware, testing=True)

    def _run_jobs(self, executor: Executor, hardware: Hardware, *, testing: bool) -> Iterator[RunnerEvent]:
        runner = Runner(self._store, executor, self._plan.dataset.path, hardware, testing=testing)
        yield from runner.run(self._stop)

    def _plan_jobs(self, jobs: list[Job]) -> None:
        data, plan = self._plan.dataset, self._plan
        spec = json.dumps({"tuning": {**plan.settings, "trials": plan.trials, "seconds": plan.seconds}})
        self._store.plan(StudyRow(plan.name, spec, data.name, data.digest, data.class_names, str(data.path)), jobs)

    def _seconds(self) -> float:
        return self._before + time.monotonic() - self._begun

    def _save_seconds(self) -> None:
        self._record.keep("seconds", self._seconds())
