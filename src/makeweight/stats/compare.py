"""Whether one network is better than another: paired over the test images, corrected for many comparisons."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import bdtr

from makeweight.stats.crossed import MIN_SEEDS, Spread, seeds_variance, spread_of_difference
from makeweight.stats.intervals import CONFIDENCE, Interval, images_worth, wilson

LEVEL = 1 - CONFIDENCE
POWER = 0.8  # with which a test detects the smallest detectable difference; Cohen 1988, section 2.4


COVERS = (  # by how many of the two networks have too few seeds for their spread to be measured
    "training seeds and test images",
    f"test images and training seeds, whose spread is assumed for the network with fewer than {MIN_SEEDS}",
    "test images, and an assumed spread of the training seeds",
)


@dataclass(frozen=True, slots=True)
class Difference:
    """Accuracy of a minus that of b, in shares from −1 to 1."""

    mean: float
    low: float  # of the 95 % interval
    high: float
    p_value: float  # two-sided, not corrected
    spread: Spread  # of the mean
    method: str
    covers: str  # what the interval and the test answer for

    def detectable(self, level: float) -> float:
        """Smallest difference that a test at this level shows with a probability of 80 %."""
        return self.spread.detectable(level, POWER)


def compare(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> Difference:
    """Compare two networks on the same test images.

    Parameters
    ----------
    a, b : ndarray
        (s, n) and (s', n): whether the network of a seed is right about an image.

    Notes
    -----
    The t-test and t-interval of :func:`makeweight.stats.crossed.spread_of_difference`; with one seed each the interval
    of Bonett and Price 2012 ("Adjusted Wald confidence interval for a difference of binomial proportions based on
    paired data") and its test, which hold on few images. To both comes the assumed spread of the seeds where a network
    has one or two: without it two trainings of one network "differ" in 10 to 35 of 100 cases.

    Raises
    ------
    ValueError
        If the tables are not on the same number of images.
    """
    if a.shape[1] != b.shape[1]:
        raise ValueError(f"networks are compared on the same test images, not on {a.shape[1]} and {b.shape[1]}")
    mean, covers = float(a.mean() - b.mean()), COVERS[(len(a) < MIN_SEEDS) + (len(b) < MIN_SEEDS)]
    if len(a) == len(b) == 1:
        centre, spread = _adjusted(a[0], b[0])
        spread = Spread(spread.variance + seeds_variance(a) + seeds_variance(b), math.inf)
        method, p_value = "z-test of paired images (Bonett and Price 2012)", spread.p_value(centre)
        return _difference(mean, centre, spread, p_value, method, covers)
    spread = spread_of_difference(a, b)
    method = "t-test, seeds crossed with images"
    return _difference(mean, mean, spread, spread.p_value(mean), method, covers)


def compare_trained(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> Difference:
    """Compare two trained networks as they are, whatever other trainings would give: of the images (n,) they get right.

    The exact test of McNemar 1947 (the binomial test of the images that one is right about and the other wrong) and the
    interval of Bonett and Price 2012.
    """
    only_a, only_b = int((a & ~b).sum()), int((b & ~a).sum())
    # Both tails of a binomial of 0.5. scipy.stats has it too, and takes half a second to import.
    p_value = min(1.0, 2 * float(bdtr(min(only_a, only_b), only_a + only_b, 0.5)))
    centre, spread = _adjusted(a, b)
    return _difference((only_a - only_b) / len(a), centre, spread, p_value, "exact McNemar", "test images only")


def _difference(mean: float, centre: float, spread: Spread, p_value: float, method: str, covers: str) -> Difference:
    half = spread.half_width(CONFIDENCE)
    low, high = max(-1.0, min(mean, centre - half)), min(1.0, max(mean, centre + half))
    return Difference(mean, low, high, p_value, spread, method, covers)


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


def levels(p_values: Sequence[float]) -> list[float]:
    """Return the level of each test within Holm's family: 5 % over this test and those that the others don't show.

    >>> [round(level, 4) for level in levels([0.01, 0.04, 0.03])]
    [0.0167, 0.025, 0.025]
    """
    shown = [p_value < LEVEL for p_value in holm(p_values)]
    return [LEVEL / (len(shown) - sum(shown) + of_this) for of_this in shown]


def beyond_published(own: Interval, published: float, images: int) -> Interval:
    """Accuracy minus one that somebody published for a single run on as many test images.

    Without their answers nothing can be paired, and the spread of the seeds is assumed. Both are taken as independent,
    which on the same test images is the cautious side.
    """
    return independent_difference(own, wilson(published, images_worth(images)))


def independent_difference(a: Interval, b: Interval) -> Interval:
    """Return the interval of a difference between independent shares.

    Newcombe 1998, "Interval estimation for the difference between independent proportions", method 10: the squares of
    the distances to the ends of both intervals add.
    """
    mean = a.mean - b.mean
    low, high = mean - math.hypot(a.mean - a.low, b.high - b.mean), mean + math.hypot(a.high - a.mean, b.mean - b.low)
    return Interval(mean, low, high)


def _adjusted(a: NDArray[np.bool_], b: NDArray[np.bool_]) -> tuple[float, Spread]:
    """Bonett and Price's estimate of the difference between two trained networks, with the part of the images."""
    n = len(a)
    share_a, share_b = (float(((one & ~other).sum() + 1) / (n + 2)) for one, other in ((a, b), (b, a)))
    centre = share_a - share_b
    return centre, Spread((share_a + share_b - centre**2) / (n + 2), math.inf)
