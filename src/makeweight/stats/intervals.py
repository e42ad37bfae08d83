"""Intervals of accuracy and other shares."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from makeweight.stats.crossed import Table, spread_of_difference

CONFIDENCE = 0.95
REPORT_BATCH = 256  # images a test batch in the report that makeweight started from


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its 95 % interval; shares from 0 to 1."""

    mean: float
    low: float
    high: float


def accuracy_interval(correct: NDArray[np.bool_]) -> Interval:
    """Estimate a network's accuracy, with the uncertainty of training and of the choice of test images.

    Parameters
    ----------
    correct : ndarray
        (s, n) whether the network trained with seed s is right about test image n.

    Returns
    -------
    Interval
        For one seed the Wilson interval, which knows the test images' part only. For several seeds the same formula
        with as many images as would give the variance of :func:`makeweight.stats.crossed.spread_of_difference`, and
        Student's t in place of the normal quantile.

    Notes
    -----
    Wilson 1927, "Probable inference, the law of succession, and statistical inference"; Korn and Graubard 1998,
    "Confidence intervals for proportions with small expected number of positive counts estimated from survey data",
    for the effective number of images. Simulated on 10,000 images with 3 seeds, 3,000 times, the t-interval of this
    variance covered 97.2, 95.7, 94.4 and 93.0 % where the seeds' accuracies had sd 0.29, 0.37, 0.65 and 1.27 points
    (on FashionMNIST they have 0.06 to 0.21): where the seeds' spread dominates, three of them are too few to know it.
    Resampling seeds and images (the two-level bootstrap) counts the interaction twice, and knows the seeds no better:
    96.7 % at 0.2 points and 92.3 % at 0.5.
    """
    return share_interval(correct, np.ones_like(correct))


def share_interval(numerator: Table, denominator: Table) -> Interval:
    """Estimate Σ numerator / Σ denominator over images and seeds, a share from 0 to 1, drawn anew.

    Parameters
    ----------
    numerator, denominator : ndarray
        (s, n) for seed s and image n, 0 ≤ numerator ≤ denominator.

    Returns
    -------
    Interval
        NaN throughout where the denominator is 0.

    Notes
    -----
    A ratio's variance is that of the mean of (numerator − ratio · denominator) / mean denominator (linearisation;
    Cochran 1977, "Sampling Techniques", section 6.3).
    """
    top, bottom = np.asarray(numerator, dtype=np.float64), np.asarray(denominator, dtype=np.float64)
    if not bottom.any():
        return Interval(math.nan, math.nan, math.nan)
    share = float(top.sum() / bottom.sum())
    seeds, counted = len(top), float(bottom.sum()) / len(top)  # counted: images of one seed
    if seeds == 1 or share in (0.0, 1.0):
        return wilson(share, counted)
    spread = spread_of_difference((top - share * bottom) / bottom.mean())
    if spread.variance == 0:
        return wilson(share, counted)
    return wilson(share, share * (1 - share) / spread.variance, spread.quantile(CONFIDENCE))


def wilson(share: float, images: float, quantile: float | None = None) -> Interval:
    """Wilson's interval of a share of some images, of which there may be a fraction.

    >>> round(wilson(0.9, 100).low, 4), round(wilson(0.9, 100).high, 4)
    (0.8256, 0.9448)
    """
    z = float(ndtri((1 + CONFIDENCE) / 2)) if quantile is None else quantile
    centre = (share + z**2 / (2 * images)) / (1 + z**2 / images)
    half = z / (1 + z**2 / images) * (share * (1 - share) / images + z**2 / (4 * images**2)) ** 0.5
    # At the ends both are exact; rounding must not push the interval past its own mean.
    low = min(share, centre - half) if share > 0 else 0.0
    high = max(share, centre + half) if share < 1 else 1.0
    return Interval(share, max(0.0, low), min(1.0, high))


def batch_sd(correct: NDArray[np.bool_], batch: int | None = None) -> float:
    """Spread of accuracy over test batches, which the report gave as its "±".

    It is about √(p(1 − p) / batch) for any network of accuracy p: it measures the batch size. Shown beside the
    interval for comparison only.

    Parameters
    ----------
    correct : ndarray
        (n,) whether each test image is classified right.
    batch : int, optional
        Images a batch; by default the report's 256, or an eighth of a small test set. Images left over are not used.

    Returns
    -------
    float
        Sample standard deviation over the batches; NaN with fewer than two of them.
    """
    if batch is None:
        batch = max(1, min(REPORT_BATCH, len(correct) // 8))
    batches = len(correct) // batch
    if batches < 2:
        return math.nan
    return float(correct[: batches * batch].reshape(batches, batch).mean(axis=1).std(ddof=1))
