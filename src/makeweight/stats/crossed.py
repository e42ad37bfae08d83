"""Seeds crossed with test images: how much the mean of a table of hits would vary with both drawn anew.

A table (s, n) says whether the network of seed s is right about image n. Its parts are a seed's luck, an image's
difficulty and what is left, the interaction: the two-way random-effects model without repetition (Searle, Casella and
McCulloch 1992, "Variance Components", chapter 4; Owen 2007, "The pigeonhole bootstrap").
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import nctdtrinc, stdtr, stdtrit

Table = NDArray[np.bool_] | NDArray[np.floating]  # (s, n)

# One training says nothing about the luck of its seed, and two say so little that families of tests err too often (in
# 6 and 11 % at spreads of 0.2 and 0.3 points). So a standard deviation of at least this share of √(p(1 − p)) is assumed
# for accuracy p: 0.3 points at 90 %, the largest that was measured (docs/statistics.md).
ASSUMED_SEED_SPREAD = 0.01
MIN_SEEDS = 3  # from which their spread is measured
# A few seeds know their spread badly, and where it looks too small by chance a false difference is "shown": in 6 to 8 %
# of studies with 3 seeds. So the assumed spread counts beside the measured one as much as half a seed more would (Smyth
# 2004, "Linear models and empirical Bayes methods for assessing differential expression", with a prior that is fixed).
# The weight was chosen by simulation: false claims stay below 5 % up to a spread of 0.3 points, for as much power as
# possible (docs/statistics.md).
PRIOR_FREEDOM = 0.5
ROUNDING = 1e-20  # a variance below it is rounding: one image in 10 million, missed by one seed, makes more than 1e-14


@dataclass(frozen=True, slots=True)
class Spread:
    """Variance of an estimate with the degrees of freedom of that variance."""

    variance: float
    freedom: float

    def half_width(self, confidence: float) -> float:
        """Half of the t-interval around the estimate."""
        return self.quantile(confidence) * math.sqrt(self.variance)

    def detectable(self, level: float, power: float) -> float:
        """Smallest true value that the t-test at this level shows with this probability (noncentral t)."""
        return float(nctdtrinc(self.freedom, 1 - power, self.quantile(1 - level))) * math.sqrt(self.variance)

    def quantile(self, confidence: float) -> float:
        """Student's t that the middle of the distribution with this probability ends at."""
        return float(stdtrit(self.freedom, (1 + confidence) / 2))

    def p_value(self, estimate: float) -> float:
        """Two-sided p-value of the t-test that the estimated quantity is 0."""
        if self.variance == 0:
            return 1.0 if estimate == 0 else 0.0
        return 2.0 * float(stdtr(self.freedom, -abs(estimate) / math.sqrt(self.variance)))


def spread_of_difference(a: Table, b: Table | None = None) -> Spread:
    """Variance of mean(a) − mean(b) over seeds and images drawn anew; without ``b`` that of mean(a).

    Parameters
    ----------
    a, b : ndarray
        (s, n) and (s', n) tables on the same images; seeds of a and b are not paired.

    Notes
    -----
    The variance over images of the mean over seeds holds the images' part and the interaction; to it comes the part
    of the seeds, (MS_seeds − MS_interaction) / (s·n), unless that is negative. Degrees of freedom follow Satterthwaite
    1946, "An approximate distribution of estimates of variance components". With fewer than ``MIN_SEEDS`` the seeds'
    part is at least that of ``ASSUMED_SEED_SPREAD``, taken as known; with more that spread has the weight of
    ``PRIOR_FREEDOM`` in MS_seeds where it makes it larger.
    """
    tables = [np.asarray(table, dtype=np.float64) for table in (a, b) if table is not None]
    n = tables[0].shape[1]
    of_each_image = tables[0].mean(axis=0) - (tables[1].mean(axis=0) if len(tables) == 2 else 0.0)
    of_images = float(of_each_image.var(ddof=1)) / n
    variance, uncertainty = of_images, of_images**2 / (n - 1)
    for table in tables:
        between, interaction, freedom = _between_seeds(table)
        variance += max(0.0, between - interaction)
        uncertainty += between**2 / freedom
    if variance < ROUNDING:
        return Spread(0.0, n - 1)
    # Where parts are subtracted the formula can fall below the least that any of them has.
    least = min([n - 1, *(len(table) - 1 for table in tables if len(table) > 1)])
    return Spread(variance, max(least, variance**2 / uncertainty) if uncertainty else math.inf)


def seeds_variance(table: Table) -> float:
    """Part of the variance of a table's mean that comes from the seeds: assumed, measured, or both."""
    between, interaction, _ = _between_seeds(np.asarray(table, dtype=np.float64))
    return max(0.0, between - interaction)


def assumed_seed_spread(accuracy: float) -> float:
    """Return the standard deviation over the seeds that is assumed for the accuracy of a training; 0 outside 0 to 1."""
    return ASSUMED_SEED_SPREAD * math.sqrt(max(0.0, accuracy * (1 - accuracy)))


def _between_seeds(table: NDArray[np.float64]) -> tuple[float, float, float]:
    """Variance of the table's mean between seeds, how much of it is interaction, and its degrees of freedom."""
    seeds, assumed = len(table), _assumed_part(table)
    if seeds < 2:
        return assumed, 0.0, math.inf
    measured, interaction = float(table.mean(axis=1).var(ddof=1)) / seeds, _interaction(table)
    if seeds < MIN_SEEDS:
        known = assumed + interaction
        return (known, interaction, math.inf) if measured <= known else (measured, interaction, seeds - 1)
    # Never less than measured, so that seeds that differ by more than what is assumed count in full.
    freedom = PRIOR_FREEDOM + seeds - 1
    moderated = (PRIOR_FREEDOM * (assumed + interaction) + (seeds - 1) * measured) / freedom
    return (moderated, interaction, freedom) if moderated > measured else (measured, interaction, seeds - 1)


def _assumed_part(table: NDArray[np.floating]) -> float:
    return assumed_seed_spread(float(table.mean())) ** 2 / len(table)


def _interaction(table: NDArray[np.float64]) -> float:
    """Mean square of the interaction / (s·n): what it adds to the variance of the table's mean."""
    seeds = len(table)
    images = table.size // seeds
    rest = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
    return float((rest * rest).sum()) / ((seeds - 1) * (images - 1)) / (seeds * images)
