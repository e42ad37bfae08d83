"""Anytime curves: the best validation accuracy so far, as a staircase."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from benchmarks.tuning.summary import Run

Curve = tuple[NDArray[np.float64], NDArray[np.float64]]  # (m,) where, (m,) percent; NaN before there is one


def against_seconds(run: Run, seconds: float) -> Curve:
    """Return a repeat's staircase up to the budget."""
    lines = [line for line in run.lines if line.spent <= seconds and line.best is not None]
    where = [line.spent for line in lines]
    best = [100 * line.best for line in lines if line.best is not None]
    if best:
        where, best = [*where, seconds], [*best, best[-1]]
    return np.array(where), np.array(best)


def against_trainings(run: Run) -> Curve:
    """Return a repeat's staircase over the networks it trained."""
    counted = [(i, 100 * line.best) for i, line in enumerate(run.trained, 1) if line.best is not None]
    return np.array([i for i, _ in counted], float), np.array([best for _, best in counted])


def mean(curves: Sequence[Curve], to: float) -> Curve:
    """Return the mean of the staircases wherever all of them have a value."""
    if any(not len(where) for where, _ in curves):
        return np.array([]), np.array([])
    first, last = max(where[0] for where, _ in curves), min(where[-1] for where, _ in curves)
    grid = np.unique(np.concatenate([where for where, _ in curves]))
    grid = grid[(grid >= first) & (grid <= min(last, to))]
    values = [best[np.searchsorted(where, grid, side="right") - 1] for where, best in curves]
    return grid, np.mean(values, axis=0)
