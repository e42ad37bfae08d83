"""One run of a tuning on its folder: search, train the best longer, confirm, choose, refit, and only then test.

Time buys longer schedules: the search's are short, the best points are trained again on a longer one, since some
hyperparameters (augmentation most of all) pay only there, and the winner gets the longest that the time left allows.

The winner of a search is the best of many noisy scores, so its score is too good. Candidates are therefore retrained
with seeds that the search did not use, still scored on validation images; the best mean wins. With nothing left to
choose, the winner is trained on the validation images too, and those networks are scored on the test images: one look,
for one choice.
"""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, astuple, dataclass, field, replace
from functools import partial
from itertools import accumulate
from pathlib import Path
from typing import TYPE_CHECKING, Any

import optuna
from optuna.trial import FrozenTrial, TrialState

from makeweight.data.dataset import PreparedDataset
from makeweight.designs.architecture import Task
from makeweight.designs.families import Family
from makeweight.designs.limits import NO_LIMITS, Limits
from makeweight.designs.solver import Design, fit
from makeweight.errors import GeometryError, InfeasibleBudget, InfeasibleLimits, InvalidValue, TuningFailed
from makeweight.jobs.job import Assignment
from makeweight.jobs.result import Job
from makeweight.jobs.verified import verify_once
from makeweight.store.rows import StudyRow
from makeweight.store.store import Store
from makeweight.store.trials import FIRST_RUNG
from makeweight.studies.estimate import seconds_per_image
from makeweight.studies.lock import study_lock
from makeweight.studies.pace import whole_epochs
from makeweight.studies.runner import Runner, RunnerEvent
from makeweight.studies.session import Machine, refuse_other_data, start_executor
from makeweight.training.recipe import LONG, default_recipe
from makeweight.tuning.lengths import (
    DEFAULT_EFFORT,
    EFFORTS,
    PROMOTED,
    REFIT_SEEDS,
    SAFELY,
    SEEDS_DIFFER,
    EffortName,
    Lengths,
    Timetable,
    timetable,
    waves,
)
from makeweight.tuning.record import REDUCTION, STARTUP_TRIALS, TuningRecord
from makeweight.tuning.search import Limit, Search, SearchEvent, counts
from makeweight.tuning.space import Point, SearchSpace, default_point, held, realise

if TYPE_CHECKING:
    from makeweight.jobs.executors.base import Executor
    from makeweight.training.precision import Hardware

CONFIRMING_SEEDS = tuple(range(REFIT_SEEDS))  # three show the spread; the search's trials start at FIRST_TRIAL_SEED
FIRST_TRIAL_SEED = 1_000
MAX_CANDIDATES = 3
# Held out when the winner is trained on the validation images too: enough to see that a training goes well.
# A ninth more images gave FCNs of 100K weights 0.37 points (48,600 against 54,000; docs/tuning.md).
REFIT_VALIDATION = 0.01


@dataclass(frozen=True)
class TuningPlan:
    """A tuning that is ready to run."""

    folder: Path
    name: str
    dataset: PreparedDataset
    families: tuple[Family, ...]  # to choose from
    budget: int
    limits: Limits = NO_LIMITS
    trials: int | None = None  # of the search; the effort's if there is no limit of time
    seconds: float | None = None  # wall time of all sessions together
    effort: EffortName = DEFAULT_EFFORT  # how many trials and how long, if there is no limit of time
    seed: int = 0  # of the sampler
    split_seed: int = 0
    fixed: dict[str, Any] = field(default_factory=dict)  # options and recipe fields that aren't searched

    @property
    def settings(self) -> dict[str, Any]:
        """Everything that makes its trials comparable."""
        return {
            "dataset": self.dataset.name,
            "data": self.dataset.digest,
            "family": self.family_name,
            "budget": self.budget,
            "limits": asdict(self.limits),
            "seed": self.seed,
            "split_seed": self.split_seed,
            "fixed": self.fixed,
            "effort": self.effort,
            "sampler": f"TPE, {STARTUP_TRIALS} random points first",
            "pruner": f"successive halving, one of {REDUCTION} goes on, first at {FIRST_RUNG} % of the schedule",
            "confirming_seeds": list(CONFIRMING_SEEDS),
        }

    @property
    def family_name(self) -> str:
        """The family; several, with a comma between them."""
        return ",".join(family.name for family in self.families)

    @property
    def trials_at_most(self) -> int | None:
        """Trials of the search; None: as many as fit the time."""
        return self.trials or (None if self.seconds is not None else EFFORTS[self.effort].trials)

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


@dataclass(frozen=True)
class Promoted:
    """The search is over; its best points are trained on a longer schedule, also with the family's recipe for it."""

    trials: int


@dataclass(frozen=True)
class Refitting:
    """The winner is trained on all training images, with the longest schedule that the time left allows."""

    epochs: int


TuningEvent = Recovered | SearchEvent | Promoted | Confirming | Chosen | Refitting | RunnerEvent


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
    families, defaults = _feasible(plan)
    space = SearchSpace.of(families, plan.images, plan.fixed)
    with study_lock(plan.folder):
        record = TuningRecord(plan.folder, plan.settings, space)
        try:
            _refuse_longer(plan, record)
            with Store.create(plan.folder) as store:
                tuning = _Tuning(plan, record, store, space, stop_requested)
                if not tuning.is_over():
                    verify_once(plan.dataset, testing=False)
                    yield from tuning.run(machine, defaults)
        finally:
            record.close()


def _feasible(plan: TuningPlan) -> tuple[tuple[Family, ...], dict[str, Design]]:
    """Return the families that have a network within budget and limits, with their default networks."""
    designs, refusals = {}, []
    for family in plan.families:
        try:
            designs[family.name] = fit(family, plan.task, plan.budget, None, plan.limits)
        except (InfeasibleBudget, InfeasibleLimits, GeometryError) as error:
            refusals.append(error)
    if not designs:
        raise refusals[0]
    return tuple(f for f in plan.families if f.name in designs), designs


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
        self,
        plan: TuningPlan,
        record: TuningRecord,
        store: Store,
        space: SearchSpace,
        stop_requested: Callable[[], bool],
    ) -> None:
        self._plan, self._record, self._store, self._space = plan, record, store, space
        self._stop = stop_requested
        self._before, self._begun = float(record.kept("seconds", 0.0)), time.monotonic()

    def is_over(self) -> bool:
        rows = self._store.jobs()
        return self._record.kept("winner") is not None and bool(rows) and all(row.state == "done" for row in rows)

    def run(self, machine: Machine, defaults: dict[str, Design]) -> Iterator[TuningEvent]:
        executor, hardware = start_executor(machine, jobs=self._plan.trials_at_most or 1_000)
        try:
            if self._record.kept("candidates") is None:
                yield from self._search(executor, hardware, defaults)
            if not self._stop() and self._record.kept("winner") is None:
                yield from self._confirm(executor, hardware)
            if not self._stop():
                yield from self._refit_and_test(executor, hardware)
        finally:
            self._save_seconds()
            executor.close()

    def _search(self, executor: Executor, hardware: Hardware, defaults: dict[str, Design]) -> Iterator[TuningEvent]:
        record = self._record
        self._plan_jobs([])
        if left := record.recover():
            yield Recovered(left)
        if record.kept("made_with") is None:
            record.enqueue(self._default_points(defaults))
            record.keep("made_with", {"optuna": optuna.__version__})
        times = self._timetable(executor.slots, hardware, defaults)
        lengths = self._lengths(times)
        if record.kept("promoted") is None:
            until = times.searched if times else None
            yield from self._run_trials(executor, hardware, lengths.search, self._plan.trials_at_most, until)
            if not self._stop():
                record.keep("promoted", self._promote() if lengths.compares else 0)
                yield Promoted(record.kept("promoted"))
        if not self._stop() and record.kept("promoted"):
            allowed = len(self._ended()) + len(record.waiting())
            until = times.compared if times else None
            yield from self._run_trials(executor, hardware, lengths.longer, allowed, until)
        if not self._stop():
            record.keep("candidates", self._choose_candidates(executor.slots, times))

    def _default_points(self, defaults: dict[str, Design]) -> list[Point]:
        """Each family's defaults as a point."""
        points = []
        for family in self._space.families:
            recipe = default_recipe(family.name, self._plan.images)
            point = default_point(self._space.dimensions[family.name], defaults[family.name], family, recipe)
            points.append(self._space.join(family, point))
        return points

    def _timetable(self, slots: int, hardware: Hardware, defaults: dict[str, Design]) -> Timetable | None:
        """Divide the time, if it is limited, by timing the default networks; once, and the same when resumed."""
        plan = self._plan
        if plan.seconds is None:
            return None
        if (default := self._record.kept("default_seconds")) is None:
            jobs = [self._job(point, 0, 1.0)[0] for point in self._default_points(defaults)]
            seconds = [plan.images * seconds_per_image(job, hardware) * whole_epochs(job.recipe) for job in jobs]
            default = statistics.mean(seconds)
            self._record.keep("default_seconds", default)
        times = timetable(plan.seconds, slots, default, self._gaining())
        self._record.keep("refit_seeds", times.seeds)
        return times

    def _lengths(self, times: Timetable | None) -> Lengths:
        if "epochs" in self._plan.fixed:
            return Lengths()
        lengths = EFFORTS[self._plan.effort].lengths
        gaining = self._gaining()
        return times.lengths if times else Lengths(*(min(length, gaining) for length in astuple(lengths)))

    def _gaining(self) -> float:
        """Length up to which any of the families gains."""
        return max(family.longest for family in self._space.families)

    def _run_trials(
        self, executor: Executor, hardware: Hardware, length: float, trials: int | None, until: float | None
    ) -> Iterator[TuningEvent]:
        """Run a phase of trials, until their number or its time is spent."""

        def left() -> float:
            return (until or 0.0) - self._seconds()

        limit = Limit(trials, None if until is None else left)
        propose = partial(self._propose, hardware, length)
        for event in Search(self._record, propose, executor, limit, length).run(self._stop):
            yield event
            self._save_seconds()

    def _promote(self) -> int:
        """Queue the best points for a longer schedule, as they are and with the family's recipe for it."""
        points: list[Point] = []
        for trial in self._complete():
            family, point = self._space.split(trial.params)
            points += [self._space.join(family, p) for p in self._space.for_longer(family, point)]
        distinct = [point for i, point in enumerate(points) if point not in points[:i]][:PROMOTED]
        self._record.enqueue(distinct)
        return len(distinct)

    def _propose(
        self, hardware: Hardware, length: float, point: Point, number: int
    ) -> tuple[Assignment, Design, dict[str, Any]]:
        job, design, dropped = self._job(point, FIRST_TRIAL_SEED + number, length)
        facts: dict[str, Any] = {"length": length, "epochs": job.recipe.epochs}
        if dropped:
            facts["dropped"] = list(dropped)
        assignment = Assignment(
            job,
            self._plan.dataset.path,
            hardware,
            checkpoint_seconds=float("inf"),  # an interrupted trial starts again
            testing=False,
        )
        return assignment, design, facts

    def _job(self, point: Point, seed: int, length: float) -> tuple[Job, Design, tuple[str, ...]]:
        plan, (family, own) = self._plan, self._space.split(point)
        fixed = {"validation": plan.dataset.validation, **held(family, plan.families, plan.fixed)}
        length = min(length, family.longest)
        made = realise(own, family, plan.task, plan.budget, plan.images, plan.limits, fixed, length)
        design, recipe, dropped = made
        job = Job(family.name, plan.budget, design.architecture, recipe, plan.dataset.digest, plan.split_seed, seed)
        return job, design, dropped

    def _ended(self) -> list[FrozenTrial]:
        return [t for t in self._record.trials() if counts(t)]

    def _complete(self, family: Family | None = None) -> list[FrozenTrial]:
        """Complete trials, of one family or of all, the best first."""
        complete = [
            t for t in self._record.trials()
            if t.state == TrialState.COMPLETE and family in (None, self._space.split(t.params)[0])
        ]  # fmt: skip
        return sorted(complete, key=lambda t: (-(t.value or 0.0), t.number))

    def _choose_candidates(self, slots: int, times: Timetable | None) -> list[int]:
        """Return the best points, as many as there is time to confirm, and settle with how many seeds."""
        best: dict[str, FrozenTrial] = {}
        for trial in longer_first(self._complete()):  # a point may have been tried twice
            best.setdefault(self._jobs(trial.number)[0].key, trial)
        if not best:
            raise TuningFailed(
                "no trial was completed, so there is nothing to choose from. "
                f"The first one ended with: {self._first_reason()}. Give more time, or look at the data."
            )
        chosen = list(best.values())[:MAX_CANDIDATES]
        if times is None:
            return [trial.number for trial in chosen]
        each = [float(trial.user_attrs.get("seconds", 0.0)) for trial in chosen]
        fitting = sum(seconds * waves(slots) <= times.confirming for seconds in accumulate(each))
        if not fitting:  # a single candidate: nothing is left to choose, and one seed tells what it is worth
            self._record.keep("confirming_seeds", 1)
        return [trial.number for trial in chosen[: max(1, fitting)]]

    def _first_reason(self) -> str:
        return next((t.user_attrs["reason"] for t in self._record.trials() if "reason" in t.user_attrs), "no reason")

    def _confirm(self, executor: Executor, hardware: Hardware) -> Iterator[TuningEvent]:
        candidates: list[int] = self._record.kept("candidates")
        seeds = CONFIRMING_SEEDS[: self._record.kept("confirming_seeds", len(CONFIRMING_SEEDS))]
        jobs = {number: self._jobs(number, seeds) for number in candidates}
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

    def _jobs(self, number: int, seeds: Sequence[int] = CONFIRMING_SEEDS) -> list[Job]:
        """Jobs of a trial's point with new seeds."""
        trial = self._record.trials()[number]
        return [self._job(trial.params, seed, _length(trial))[0] for seed in seeds]

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
        length = self._final_length(executor.slots)
        seeds = CONFIRMING_SEEDS[: self._refit_seeds()]
        jobs = [self._job(self._final_point(length), seed, length)[0] for seed in seeds]
        yield Refitting(jobs[0].recipe.epochs)
        self._plan_jobs([replace(job, recipe=replace(job.recipe, validation=share)) for job in jobs])
        yield from self._run_jobs(executor, hardware, testing=True)

    def _refit_seeds(self) -> int:
        return int(self._record.kept("refit_seeds", REFIT_SEEDS))

    def _final_point(self, length: float) -> Point:
        """Return the winner, with its family's recipe for long trainings if only the last ones are long.

        Augmentation costs a short training accuracy, so short ones say nothing about it (docs/frontier.md).
        """
        point: Point = self._record.trials()[self._record.kept("winner")].params
        family, own = self._space.split(point)
        tried = max(int(trial.user_attrs["epochs"]) for trial in self._complete(family))
        if tried < LONG <= self._job(point, 0, length)[0].recipe.epochs:
            point = self._space.join(family, self._space.for_longer(family, own)[1])
        return point

    def _final_length(self, slots: int) -> float:
        """Return the winner's last schedule.

        As long as there is time for and its family gains from, unless longer ones were clearly worse.
        """
        if (kept := self._record.kept("final_length")) is not None:
            return float(kept)
        plan, winner = self._plan, self._record.trials()[self._record.kept("winner")]
        family, _ = self._space.split(winner.params)
        own, tried = _length(winner), max(map(_length, self._complete(family)))
        if plan.seconds is None:
            longest = EFFORTS[plan.effort].lengths.final
        else:
            each = float(winner.user_attrs["seconds"]) / own
            longest = SAFELY * max(0.0, plan.seconds - self._seconds()) / (waves(slots, self._refit_seeds()) * each)
        length = max(own, min(longest, family.longest if own == tried else 1.0))
        self._record.keep("final_length", length)
        return length

    def _run_jobs(self, executor: Executor, hardware: Hardware, *, testing: bool) -> Iterator[RunnerEvent]:
        runner = Runner(self._store, executor, self._plan.dataset.path, hardware, testing=testing)
        yield from runner.run(self._stop)

    def _plan_jobs(self, jobs: list[Job]) -> None:
        data, plan = self._plan.dataset, self._plan
        spec = json.dumps({"tuning": {**plan.settings, "trials": plan.trials_at_most, "seconds": plan.seconds}})
        self._store.plan(StudyRow(plan.name, spec, data.name, data.digest, data.class_names, str(data.path)), jobs)

    def _seconds(self) -> float:
        return self._before + time.monotonic() - self._begun

    def _save_seconds(self) -> None:
        self._record.keep("seconds", self._seconds())


def longer_first(trials: Sequence[FrozenTrial]) -> list[FrozenTrial]:
    """Sort complete trials by accuracy; a longer schedule is worth the spread between the seeds of one recipe."""
    shortest = min(map(_length, trials), default=1.0)
    return sorted(trials, key=lambda t: (-(t.value or 0.0) - SEEDS_DIFFER * (_length(t) > shortest), t.number))


def _length(trial: FrozenTrial) -> float:
    return float(trial.user_attrs.get("length", 1.0))
