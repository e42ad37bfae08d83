"""Searches on networks that makeweight's solver made: its own search, with and without its first point, and chance."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import optuna

from benchmarks.tuning.arms import BUDGET, Arm
from benchmarks.tuning.ledger import Ledger
from benchmarks.tuning.setting import FAMILY, Setting, run
from benchmarks.workloads import TASK, TRAINING_IMAGES
from makeweight.designs.solver import Design, fit
from makeweight.jobs.job import Assignment
from makeweight.training.recipe import default_recipe
from makeweight.tuning.record import TuningRecord
from makeweight.tuning.space import Point, SearchSpace, default_point, realise


def search(arm: Arm, repeat: int, ledger: Ledger) -> None:
    """Search until the seconds are spent."""
    setting, space = Setting(repeat), SearchSpace.of((FAMILY,), TRAINING_IMAGES, {})
    ledger.facts["precision"] = setting.hardware.precision
    chance: dict[str, Any] = {
        "sampler": optuna.samplers.RandomSampler(seed=repeat), "pruner": optuna.pruners.NopPruner()
    }  # fmt: skip

    def propose(point: Point, number: int) -> tuple[Assignment, Design, dict[str, Any]]:
        design, recipe, _ = realise(point, FAMILY, TASK, BUDGET, TRAINING_IMAGES)
        return setting.assignment(design, recipe, number), design, {}

    with tempfile.TemporaryDirectory() as folder:
        record = TuningRecord(Path(folder), {"seed": repeat}, space, **(chance if arm.random else {}))
        ledger.start()
        if arm.warm:
            recipe = default_recipe(FAMILY.name, TRAINING_IMAGES)
            dimensions = space.dimensions[FAMILY.name]
            record.enqueue([default_point(dimensions, fit(FAMILY, TASK, BUDGET), FAMILY, recipe)])
        run(record, propose, ledger)
        record.close()
