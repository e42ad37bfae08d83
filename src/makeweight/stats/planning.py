"""What a study can show, before it runs."""

from __future__ import annotations

import math

from makeweight.stats.compare import LEVEL, POWER
from makeweight.stats.crossed import ASSUMED_SEED_SPREAD, MIN_SEEDS, PRIOR_FREEDOM, Spread

# Of p(1 − p) for accuracy p, measured on FashionMNIST (FCN 50K of 7 seeds, CNN 10K; docs/statistics.md).
BETWEEN_NETWORKS = 0.3  # variance over the images of what two networks of many seeds differ by
WITHIN_NETWORK = 0.28  # variance of the answers of a network's seeds to one image
PLANNED_SEED_SPREAD = ASSUMED_SEED_SPREAD / 2  # in the middle of what was measured
PLANNED_ACCURACY = 0.9


def detectable_difference(seeds: int, images: int, pairs: int) -> float:
    """Smallest difference of two networks near 90 % accuracy that is shown with a probability of 80 %; a share.

    Parameters
    ----------
    seeds, images : int
        Trainings of each network, and test images.
    pairs : int
        Comparisons of the study, which share the level of 5 %: the first step of Holm's procedure.
    """
    unit = PLANNED_ACCURACY * (1 - PLANNED_ACCURACY)
    within = WITHIN_NETWORK * unit / images
    variance = BETWEEN_NETWORKS * unit / images + 2 * within / seeds
    if seeds < MIN_SEEDS:
        spread = Spread(variance + 2 * ASSUMED_SEED_SPREAD**2 * unit / seeds, math.inf)
    else:
        freedom = seeds - 1 + PRIOR_FREEDOM
        planned = (PRIOR_FREEDOM * ASSUMED_SEED_SPREAD**2 + (seeds - 1) * PLANNED_SEED_SPREAD**2) / freedom
        of_seeds = planned * unit / seeds
        variance += 2 * of_seeds
        spread = Spread(variance, variance**2 * freedom / (2 * (of_seeds + within / seeds) ** 2))
    return spread.detectable(LEVEL / pairs, POWER)
