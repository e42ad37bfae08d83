"""Optuna the usual way: widths are hyperparameters, and a network that is too large costs a trial but no training.

Everything else is as in makeweight's search without its first point: dimensions (``taper`` apart, which only makes
sense without widths), sampler, pruner, seeds, training. So only the handling of size differs.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

from optuna.trial import Trial

from benchmarks.tuning.arms import NARROWEST, Arm
from benchmarks.tuning.ledger import Ledger
from benchmarks.tuning.setting import FAMILY, Setting, of_widths, recipe_of, run
from benchmarks.workloads import TRAINING_IMAGES
from makeweight.designs.solver import Design
from makeweight.errors import BudgetExceeded
from makeweight.jobs.job import Assignment
from makeweight.tuning.record import TuningRecord
from makeweight.tuning.space import Dimension, Point, SearchSpace, space

TOO_LARGE = "more weights than the budget"


class FreeWidthsRecord(TuningRecord):
    """Asks for as many widths as a point has layers, and goes on asking until a network fits.

    A network that does not fit is told as pruned, as ``raise optuna.TrialPruned`` in an objective does: Optuna's
    sampler ranks such trials behind all others and so learns to avoid them, whereas it forgets failed ones.
    """

    def __init__(
        self, folder: Path, seed: int, dimensions: tuple[Dimension, ...], widest: int, reject: Callable[[Trial], None]
    ) -> None:
        super().__init__(folder, {"seed": seed}, SearchSpace((FAMILY,), {FAMILY.name: dimensions}))
        self._widest, self._reject = widest, reject

    def ask(self) -> Trial:
        """Start a trial whose network fits."""
        while True:
            trial = super().ask()
            for layer in range(1, trial.params["depth"] + 1):
                trial.suggest_int(f"width{layer}", NARROWEST, self._widest, log=True)
            try:
                _design(trial.params)
            except BudgetExceeded:
                self.prune(trial, TOO_LARGE)
                self._reject(trial)
            else:
                return trial


def search(arm: Arm, repeat: int, ledger: Ledger) -> None:
    """Search until the seconds are spent."""
    setting = Setting(repeat)
    dimensions = space(FAMILY, TRAINING_IMAGES, fixed={"taper": 1.0})
    ledger.facts["precision"] = setting.hardware.precision

    def propose(point: Point, number: int) -> tuple[Assignment, Design, dict[str, Any]]:
        design = _design(point)
        return setting.assignment(design, recipe_of(_split(point)[0]), number), design, {}

    def reject(trial: Trial) -> None:
        ledger.add("rejected", trial.params, reason=TOO_LARGE)

    with tempfile.TemporaryDirectory() as folder:
        record = FreeWidthsRecord(Path(folder), repeat, dimensions, arm.widest or NARROWEST, reject)
        ledger.start()
        run(record, propose, ledger)
        record.close()


def _split(point: Point) -> tuple[Point, tuple[int, ...]]:
    """Return a point's other values, and its widths in order."""
    widths = tuple(point[f"width{layer}"] for layer in range(1, point["depth"] + 1))
    return {name: value for name, value in point.items() if not name.startswith("width")}, widths


def _design(point: Point) -> Design:
    others, widths = _split(point)
    return of_widths(others, widths)
