"""How long trainings are in each phase of a tuning: what more time buys is longer schedules.

A length is a multiple of the family's default schedule, so that families whose epochs cost little and much compare.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal

MIN_EPOCHS, MAX_EPOCHS = 2, 200
REFIT_SEEDS = 3

# Shares of a time limit. What the search leaves goes to the phases after it.
SEARCHING = 0.35
COMPARING = 0.20  # the best points of the search, on longer schedules
CONFIRMING = 0.15
PROMOTED = 4  # points that are trained on the longer schedule
TRIALS = 24  # that the search should have room for before its schedules get longer than a third of the default
EARLY_ENDS = 0.6  # of a trial's schedule that is trained on average, as about half end early (docs/tuning.md)
SHORTEST, LONGEST_SEARCH = 1 / 3, 2.0  # of a search; in longer ones, more trials help more
WORTH_IT = 1.5  # times the search's schedule: a longer one that is hardly longer isn't worth a phase


@dataclass(frozen=True, slots=True)
class Lengths:
    """Multiples of a family's default schedule, by phase."""

    search: float = 1.0
    longer: float = 1.0  # of the best points of the search
    final: float = 1.0  # of the winner, if the longer schedule was better

    @property
    def compares(self) -> bool:
        """Whether the best points are trained on a longer schedule too."""
        return self.longer >= WORTH_IT * self.search


EffortName = Literal["quick", "standard", "max"]


@dataclass(frozen=True, slots=True)
class Effort:
    """What a search without a time limit does."""

    trials: int
    lengths: Lengths


EFFORTS: Mapping[EffortName, Effort] = MappingProxyType({
    "quick": Effort(20, Lengths()),
    "standard": Effort(60, Lengths(1, 3, 6)),
    "max": Effort(120, Lengths(2, 10, 33)),
})  # fmt: skip
DEFAULT_EFFORT: EffortName = "standard"


def lengths_within(seconds: float, slots: int, default: float) -> Lengths:
    """Choose the lengths that fit a time limit.

    Parameters
    ----------
    seconds : float
        Wall time of the whole tuning.
    slots : int
        Trainings side by side.
    default : float
        Seconds of one training with the family's default schedule.

    >>> lengths_within(300, 2, 80.0).compares, lengths_within(7_200, 2, 80.0).compares
    (False, True)
    """
    room = seconds * slots / default  # trainings of the default length
    search = min(max(SEARCHING * room / (TRIALS * EARLY_ENDS), SHORTEST), LONGEST_SEARCH)
    longer = max(COMPARING * room / PROMOTED, search)
    return Lengths(search, longer, longer)  # the final length follows from the time that is left


def final_length(seconds: float, slots: int, default: float) -> float:
    """Return the longest schedule that leaves time for the winner's seeds.

    Parameters
    ----------
    seconds : float
        Left.
    slots, default
        See :func:`lengths_within`.
    """
    return max(seconds, 0.0) / (math.ceil(REFIT_SEEDS / slots) * default)


def epochs_at(length: float, default: int) -> int:
    """Return the epochs of a schedule: a multiple of the default's, from 2 to 200, or to the default if that is more.

    >>> epochs_at(3, 6), epochs_at(33, 40), epochs_at(0.1, 6)
    (18, 200, 2)
    """
    return min(max(round(length * default), MIN_EPOCHS), max(MAX_EPOCHS, default))
