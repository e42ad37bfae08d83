"""The same images, split, budget and threads for makeweight's search and for Optuna's with free widths."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from benchmarks.tuning.arms import BUDGET
from benchmarks.tuning.inline import InlineExecutor
from benchmarks.tuning.ledger import Ledger, State
from benchmarks.workloads import TASK, TRAINING_IMAGES
from makeweight.data.dataset import PreparedDataset, prepare
from makeweight.designs.families import family_named
from makeweight.designs.solver import Design, exact
from makeweight.jobs.job import Assignment
from makeweight.jobs.result import Job
from makeweight.training.memory import keep_freed_memory
from makeweight.training.precision import Hardware, fastest_precision
from makeweight.training.recipe import Recipe, default_recipe
from makeweight.tuning.record import TuningRecord
from makeweight.tuning.search import TIME_UP, Limit, Proposer, Search, TrialEnded, TrialStarted
from makeweight.tuning.session import FIRST_TRIAL_SEED
from makeweight.tuning.space import Point

FAMILY = family_named("fcn")
SEEDS_A_REPEAT = 10_000  # more than a search has trials


@dataclass(frozen=True)
class Setting:
    """What trials run on, in one repeat."""

    repeat: int

    @cached_property
    def dataset(self) -> PreparedDataset:
        """FashionMNIST."""
        return prepare("fashion-mnist")

    @cached_property
    def hardware(self) -> Hardware:
        """One thread, in makeweight's default precision."""
        return Hardware("cpu", fastest_precision("cpu"), 1)

    def assignment(self, design: Design, recipe: Recipe, number: int) -> Assignment:
        """Make a trial's training, with seeds that no other trial or repeat has."""
        seed = FIRST_TRIAL_SEED + self.repeat * SEEDS_A_REPEAT + number
        job = Job(FAMILY.name, BUDGET, design.architecture, recipe, self.dataset.digest, 0, seed)
        return Assignment(job, self.dataset.path, self.hardware, checkpoint_seconds=float("inf"), testing=False)


def recipe_of(point: Mapping[str, Any]) -> Recipe:
    """Return the training part of a point without widths."""
    options = _options()
    return default_recipe(FAMILY.name, TRAINING_IMAGES, {n: v for n, v in point.items() if n not in options})


def of_widths(point: Mapping[str, Any], widths: tuple[int, ...]) -> Design:
    """Count the network of a point with exactly these widths.

    Raises
    ------
    BudgetExceeded
        If it is too large.
    """
    options = _options()
    return exact(FAMILY, TASK, widths, BUDGET, {name: v for name, v in point.items() if name in options})


def run(record: TuningRecord, propose: Proposer, ledger: Ledger) -> None:
    """Let makeweight's search run until the seconds are spent, and write its trials."""
    keep_freed_memory()  # as makeweight's workers do
    points: dict[int, Point] = {}
    weights: dict[int, int] = {}

    def counting(point: Point, number: int) -> tuple[Assignment, Design, dict[str, Any]]:
        made = propose(point, number)
        weights[number] = made[1].cost.weights
        return made

    for event in Search(record, counting, InlineExecutor(), Limit(None, ledger.left)).run():
        match event:
            case TrialStarted(number, _, point):
                points[number] = point
            case TrialEnded(number, _, state, accuracy, _, reason):
                shown: State = "unfinished" if reason == TIME_UP else _state(state)
                ledger.add(shown, points[number], accuracy, weights[number], reason)


def _options() -> set[str]:
    return {field.name for field in fields(FAMILY.options)}


def _state(name: str) -> State:
    match name:
        case "complete" | "pruned" | "failed":
            return name
    raise ValueError(f"a trial ended as {name!r}, which the benchmark does not know")
