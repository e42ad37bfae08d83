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
from scipy.special import stdtr, stdtrit

Table = NDArray[np.bool_] | NDArray[np.floating]  # (s, n)


@dataclass(frozen=True, slots=True)
class Spread:
    """Variance of an estimate with the degrees of freedom of that variance."""

    variance: float
    freedom: float

    def half_width(self, confidence: float) -> float:
        """Half of the t-interval around the estimate."""
        return self.quantile(confidence) * math.sqrt(self.variance)

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
    1946, "An approximate distribution of estimates of variance components". With one seed a table knows nothing of the
    seeds' part: the result then covers the choice of test images only.
    """
    tables = [np.asarray(table, dtype=np.float64) for table in (a, b) if table is not None]
    n = tables[0].shape[1]
    of_each_image = tables[0].mean(axis=0) - (tables[1].mean(axis=0) if len(tables) == 2 else 0.0)
    of_images = float(of_each_image.var(ddof=1)) / n
    variance, uncertainty = of_images, of_images**2 / (n - 1)
    for table in tables:
        seeds = len(table)
        if seeds < 2:
            continue
        of_seeds = float(table.mean(axis=1).var(ddof=1)) / seeds
        variance += seeds_variance(table)
        uncertainty += of_seeds**2 / (seeds - 1)
    # Where parts are subtracted the formula can fall below the least that any of them has.
    least = min([n - 1, *(len(table) - 1 for table in tables if len(table) > 1)])
    return Spread(variance, max(least, variance**2 / uncertainty) if variance else n - 1)


def seeds_variance(table: Table) -> float:
    """Part of the variance of a table's mean that comes from the seeds; 0 with one seed, which knows nothing of it."""
    hits = np.asarray(table, dtype=np.float64)
    if len(hits) < 2:
        return 0.0
    return max(0.0, float(hits.mean(axis=1).var(ddof=1)) / len(hits) - _interaction(hits))


def _interaction(table: NDArray[np.float64]) -> float:
    """Mean square of the interaction / (s·n): what it adds to the variance of the table's mean."""
    seeds = len(table)
    images = table.size // seeds
    rest = table - table.mean(axis=1, keepdims=True) - table.mean(axis=0) + table.mean()
    return float((rest * rest).sum()) / ((seeds - 1) * (images - 1)) / (seeds * images)
