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

# The winner's last trainings get this share of a time limit, because length is what brings most (docs/frontier.md), and
# more where that is less than the default schedule needs: a few minutes must not give less than the default recipe.
REFITTING, MOST_REFITTING = 0.50, 0.70
# Fewer seeds where three would leave no time for schedules of this many times the default: CNN 20K has 92.4 % of the
# test images after 6 epochs and 93.4 % after 36, and seeds differ by 0.2 points.
LONG_ENOUGH = 3.0
SAFELY = 0.9  # of the time left, for the last trainings: scoring and timing errors need the rest
# The rest is for:
SEARCHING, COMPARING, CONFIRMING = 0.50, 0.29, 0.21  # COMPARING: the best points of the search, on longer schedules
PROMOTED = 4  # points that are trained on the longer schedule
TRIALS = 24  # that the search should have room for before its schedules get longer than half the default
EARLY_ENDS = 0.6  # of a trial's schedule that is trained on average, as about half end early (docs/tuning.md)
# Accuracies of one recipe's seeds differ by this much (docs/recipes.md). The best of many short trials is that much too
# good beside the few longer ones, so these go first unless they are clearly worse.
SEEDS_DIFFER = 0.003
SHORTEST, LONGEST_SEARCH = 0.5, 2.0  # of a search; in longer ones, more trials help more
WORTH_IT = 1.5  # times the search's schedule: a longer one that is hardly longer isn't worth a phase


@dataclass(frozen=True, slots=True)
class Lengths:
    """Multiples of a family's default schedule, by phase."""

    search: float = 1.0
    longer: float = 1.0  # of the best points of the search
    final: float = 1.0  # of the winner, unless the longer schedule was clearly worse

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


@dataclass(frozen=True, slots=True)
class Timetable:
    """A time limit, divided among the phases.

    Parameters
    ----------
    lengths : Lengths
        The final one follows from the time that is left then.
    searched, compared : float
        Seconds from the start at which the search ends, and the comparison on longer schedules.
    confirming : float
        Seconds for the confirmation.
    seeds : int
        Last trainings: three, and fewer where three would be short.
    """

    lengths: Lengths
    searched: float
    compared: float
    confirming: float
    seeds: int


def timetable(seconds: float, slots: int, default: float, gaining: float = math.inf) -> Timetable:
    """Divide a time limit.

    Parameters
    ----------
    seconds : float
        Wall time of the whole tuning.
    slots : int
        Trainings side by side.
    default : float
        Seconds of one training with the family's default schedule.
    gaining : float
        Times the default schedule up to which the family gains.

    >>> timetable(300, 2, 80.0).lengths.compares, timetable(7_200, 2, 80.0).lengths.compares
    (False, True)
    >>> timetable(300, 1, 30.0).seeds, timetable(300, 1, 60.0).seeds
    (2, 1)
    """
    most, wanted = MOST_REFITTING * seconds, min(LONG_ENOUGH, gaining) * default
    fitting = [seeds for seeds in range(1, REFIT_SEEDS + 1) if waves(slots, seeds) * wanted <= SAFELY * most]
    seeds = max(fitting, default=min(slots, REFIT_SEEDS))
    one = waves(slots, seeds) * default / SAFELY  # of the default length
    refitting = min(max(REFITTING * seconds, min(most, one)), gaining * one)
    rest = seconds - refitting
    room = rest * slots / default  # trainings of the default length
    search = max(SEARCHING * room / (TRIALS * EARLY_ENDS), SHORTEST)
    search = min(search, LONGEST_SEARCH, gaining, SEARCHING * rest / default)
    lengths = Lengths(search, max(min(COMPARING * room / PROMOTED, gaining), search))
    compared = (SEARCHING + COMPARING) * rest
    searched = SEARCHING * rest if lengths.compares else compared
    return Timetable(lengths, searched, compared, CONFIRMING * rest, seeds)


def waves(slots: int, seeds: int = REFIT_SEEDS) -> int:
    """Return how many trainings follow one another if so many seeds share the slots.

    >>> waves(2)
    2
    """
    return math.ceil(seeds / slots)


def epochs_at(length: float, default: int) -> int:
    """Return the epochs of a schedule: a multiple of the default's, from 2 to 200, or to the default if that is more.

    >>> epochs_at(3, 6), epochs_at(33, 40), epochs_at(0.1, 6)
    (18, 200, 2)
    """
    return min(max(round(length * default), MIN_EPOCHS), max(MAX_EPOCHS, default))
