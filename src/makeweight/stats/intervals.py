"""Intervals of accuracy and other shares."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from makeweight.stats.crossed import ASSUMED_SEED_SPREAD, Spread, Table, spread_of_difference

CONFIDENCE = 0.95
COURSE_BATCH = 256  # images a test batch in the course report that makeweight started from


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
        Wilson's, with as many images as would give the variance of
        :func:`makeweight.stats.crossed.spread_of_difference`, and Student's t in place of the normal quantile. With one
        or two seeds part of the variance is the assumed spread of the seeds.

    Notes
    -----
    Wilson 1927, "Probable inference, the law of succession, and statistical inference"; Korn and Graubard 1998,
    "Confidence intervals for proportions with small expected number of positive counts estimated from survey data",
    for the effective number of images. How often it covers the truth is in docs/statistics.md. Resampling seeds and
    images (the two-level bootstrap) counts the interaction twice, and knows the seeds no better: 96.7 % at a spread of
    0.2 points and 92.3 % at 0.5.
    """
    share = float(correct.mean())
    if len(correct) == 1:
        return wilson(share, images_worth(correct.size))
    return _wilson_of(share, spread_of_difference(correct), correct.shape[1])


def images_worth(images: int) -> float:
    """As many images as one training's accuracy on these is worth, with the assumed spread of the seeds."""
    return 1 / (1 / images + ASSUMED_SEED_SPREAD**2)


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
    return _wilson_of(share, spread_of_difference((top - share * bottom) / bottom.mean()), counted)


def _wilson_of(share: float, spread: Spread, images: float) -> Interval:
    """Wilson's interval with as many images as would give a share this spread; of all images where it has none."""
    if spread.variance == 0 or share in (0.0, 1.0):
        return wilson(share, images)
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
    """Spread of accuracy over test batches, which the course report gave as its "±".

    It is about √(p(1 − p) / batch) for any network of accuracy p: it measures the batch size. Shown beside the
    interval for comparison only.

    Parameters
    ----------
    correct : ndarray
        (n,) whether each test image is classified right.
    batch : int, optional
        Images a batch; by default the course report's 256, or an eighth of a small test set. Images left over are
        not used.

    Returns
    -------
    float
        Sample standard deviation over the batches; NaN with fewer than two of them.
    """
    if batch is None:
        batch = max(1, min(COURSE_BATCH, len(correct) // 8))
    batches = len(correct) // batch
    if batches < 2:
        return math.nan
    return float(correct[: batches * batch].reshape(batches, batch).mean(axis=1).std(ddof=1))
