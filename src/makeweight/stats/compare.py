"""Whether one network is better than another: paired over the test images, corrected for many comparisons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import binomtest

from makeweight.stats.crossed import Spread, spread_of_difference
from makeweight.stats.intervals import CONFIDENCE, Interval, wilson

LEVEL = 1 - CONFIDENCE
POWER = 0.8  # with which a test should see the "smallest difference"; Cohen 1988, section 2.4


@dataclass(frozen=True, slots=True)
class Difference:
    """Accuracy of a less that of b, in shares from −1 to 1."""

    mean: float
    low: float  # of the 95 % interval
    high: float
    p_value: float  # two-sided, not corrected
    smallest: float  # the difference that a test at the 5 % level would show with a probability of 80 %
    method: str
    covers: str  # what the interval and the test answer for


def compare(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> Difference:
    """Compare two networks on the same test images.

    Parameters
    ----------
    a, b : ndarray
        (s, n) and (s', n): whether the network of a seed is right about an image.

    Notes
    -----
    With one seed each the exact McNemar test (McNemar 1947; the binomial test of the images that one network has right
    and the other wrong) and the interval of Bonett and Price 2012 ("Adjusted Wald confidence interval for a difference
    of binomial proportions based on paired data"). With several seeds the t-test and t-interval of
    :func:`makeweight.stats.crossed.spread_of_difference`.

    Raises
    ------
    ValueError
        If the tables are not on the same number of images.
    """
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"networks are compared on the same test images, not on {a.shape[1]} and {b.shape[1]}")
    if len(a) == len(b) == 1:
        return _mcnemar(a[0], b[0])
    mean, spread = float(a.mean() - b.mean()), spread_of_difference(a, b)
    half = spread.half_width(CONFIDENCE)
    covers = "training seeds and test images"
    if min(len(a), len(b)) == 1:
        covers = "test images, and the training seeds of only one of the two networks"
    return Difference(
        mean,
        max(-1.0, mean - half),
        min(1.0, mean + half),
        spread.p_value(mean),
        _smallest(spread),
        "t-test, seeds crossed with images",
        covers,
    )


def holm(p_values: Sequence[float]) -> list[float]:
    """Correct the p-values of a family of tests, so that all of them together err in 5 % of the families.

    Holm 1979, "A simple sequentially rejective multiple test procedure".

    >>> holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    count, corrected, before = len(p_values), [0.0] * len(p_values), 0.0
    for rank, index in enumerate(np.argsort(p_values, kind="stable")):
        before = max(before, min(1.0, (count - rank) * p_values[index]))
        corrected[index] = before
    return corrected


def beyond_published(own: Interval, published: float, images: int) -> Interval:
    """Accuracy less one that somebody published for a single run on as many test images.

    Without their answers nothing can be paired. Both are taken as independent, which on the same test images is the
    cautious side: Newcombe 1998, "Interval estimation for the difference between independent proportions", method 10.
    """
    other = wilson(published, images)
    mean = own.mean - published
    low = mean - math.hypot(own.mean - own.low, other.high - published)
    high = mean + math.hypot(own.high - own.mean, published - other.low)
    return Interval(mean, low, high)


def _mcnemar(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> Difference:
    n, only_a, only_b = len(a), int((a & ~b).sum()), int((b & ~a).sum())
    discordant = only_a + only_b
    p_value = float(binomtest(only_a, discordant).pvalue) if discordant else 1.0
    mean = (only_a - only_b) / n
    share_a, share_b = (only_a + 1) / (n + 2), (only_b + 1) / (n + 2)
    variance = (share_a + share_b - (share_a - share_b) ** 2) / (n + 2)
    half, centre = float(ndtri((1 + CONFIDENCE) / 2)) * variance**0.5, share_a - share_b
    low, high = max(-1.0, min(mean, centre - half)), min(1.0, max(mean, centre + half))
    smallest = _smallest(Spread(variance, np.inf))
    return Difference(mean, low, high, p_value, smallest, "exact McNemar", "test images only: one seed of each network")


def _smallest(spread: Spread) -> float:
    return spread.half_width(CONFIDENCE) + float(ndtri(POWER)) * math.sqrt(spread.variance)
