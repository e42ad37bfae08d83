"""The searches side by side: at the same seconds, and at the same number of trainings."""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from benchmarks.tuning.arms import OURS
from benchmarks.tuning.ledger import Line
from makeweight.stats.crossed import Spread
from makeweight.stats.intervals import CONFIDENCE

SHARES = (0.25, 0.5, 1.0)  # of the seconds
TRAININGS = (5, 10, 15)


@dataclass(frozen=True, slots=True)
class Run:
    """One search as it was written."""

    arm: str
    repeat: int
    machine: dict[str, Any]
    precision: str
    lines: tuple[Line, ...]

    @staticmethod
    def of(record: dict[str, Any]) -> Run:
        """Read a record."""
        lines = tuple(Line(**line) for line in record["lines"])
        return Run(record["arm"], record["repeat"], record["machine"], record["precision"], lines)

    @property
    def trained(self) -> tuple[Line, ...]:
        """Trials without those that were rejected for their size, and without the one that the end cut off."""
        return tuple(line for line in self.lines if line.state not in ("rejected", "unfinished"))

    def at_seconds(self, seconds: float) -> float | None:
        """Best validation accuracy of the trials that were complete by then."""
        return max((x.accuracy for x in self.lines if x.spent <= seconds and x.accuracy is not None), default=None)

    def at_trainings(self, trainings: int) -> float | None:
        """Best validation accuracy of so many trainings; None where the search had fewer."""
        lines = self.trained
        if len(lines) < trainings:
            return None
        return max((line.accuracy for line in lines[:trainings] if line.accuracy is not None), default=None)

    def describe(self) -> str:
        """Say in a line what it found."""
        if not self.lines:
            return "no trial"
        last = self.lines[-1]
        best = "none complete" if last.best is None else f"{last.best:.2%}"
        return f"{best} in {last.spent:.0f} CPU s; {last.begun} trials, {last.rejected} of them too large"


@dataclass(frozen=True, slots=True)
class Paired:
    """Makeweight less another arm, repeat by repeat."""

    repeats: int  # where both have a value
    better: int  # of them: those in which makeweight's is the higher one
    mean: float  # difference of accuracies, -1 to 1
    low: float | None  # of the 95 % t-interval of the mean difference; None with one repeat
    high: float | None


def summarise(runs: Sequence[Run], arms: Sequence[str], seconds: float) -> dict[str, Any]:
    """Bring all repeats together."""
    by_arm = {arm: {run.repeat: run for run in runs if run.arm == arm} for arm in arms}
    return {
        "at_seconds": [_moment(by_arm, share * seconds, _at_seconds(share * seconds)) for share in SHARES],
        "at_trainings": [_moment(by_arm, count, _at_trainings(count)) for count in TRAININGS],
        "counts": {arm: _counts(list(found.values())) for arm, found in by_arm.items()},
    }


def _at_seconds(seconds: float) -> Callable[[Run], float | None]:
    return lambda run: run.at_seconds(seconds)


def _at_trainings(trainings: int) -> Callable[[Run], float | None]:
    return lambda run: run.at_trainings(trainings)


def _moment(by_arm: dict[str, dict[int, Run]], at: float, value: Callable[[Run], float | None]) -> dict[str, Any]:
    values = {
        arm: {repeat: found for repeat, run in sorted(runs.items()) if (found := value(run)) is not None}
        for arm, runs in by_arm.items()
    }
    return {
        "at": at,
        "arms": {arm: _mean(list(found.values()), len(by_arm[arm])) for arm, found in values.items()},
        "values": values,
        "makeweight_less": {arm: _paired(values[OURS], found) for arm, found in values.items() if arm != OURS},
    }


def _mean(values: list[float], repeats: int) -> dict[str, Any]:
    mean = statistics.fmean(values) if values else None
    return {"mean": mean, "repeats_with_a_value": len(values), "repeats": repeats}


def _paired(ours: dict[int, float], theirs: dict[int, float]) -> dict[str, Any] | None:
    differences = [ours[repeat] - theirs[repeat] for repeat in sorted(ours.keys() & theirs.keys())]
    if not differences:
        return None
    n, mean, better = len(differences), statistics.fmean(differences), sum(d > 0 for d in differences)
    if n == 1:
        return asdict(Paired(n, better, mean, None, None))
    half = Spread(statistics.variance(differences) / n, n - 1).half_width(CONFIDENCE)
    return asdict(Paired(n, better, mean, mean - half, mean + half))


def _counts(runs: list[Run]) -> dict[str, float]:
    """Means over the repeats."""

    def mean(count: Callable[[Run], float]) -> float:
        return statistics.fmean(map(count, runs)) if runs else math.nan

    def of(state: str) -> Callable[[Run], float]:
        return lambda run: sum(line.state == state for line in run.lines)

    return {
        "begun": mean(lambda run: len(run.lines)),
        "trained": mean(lambda run: len(run.trained)),
        **{state: mean(of(state)) for state in ("complete", "pruned", "failed", "rejected", "unfinished")},
        "promoted": mean(lambda run: sum(line.point.get("tuner/round", 0) > 0 for line in run.trained)),
        "cpu_seconds": mean(lambda run: run.lines[-1].spent if run.lines else 0.0),
        "wall_seconds": mean(lambda run: run.lines[-1].wall if run.lines else 0.0),
    }
