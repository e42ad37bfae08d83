"""Intervals of test accuracy."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri, stdtrit

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
        For one seed the Wilson interval, which knows the test images' part only. For several seeds
        mean ± t·√(A + B), with A = variance of the seeds' accuracies / s and B = variance over images of the
        mean correctness / n.

    Notes
    -----
    Wilson 1927, "Probable inference, the law of succession, and statistical inference". Seeds and images are two
    crossed random effects, for which the sum of both one-way variances is a slightly conservative estimate
    (Owen 2007, "The pigeonhole bootstrap", section 4); the degrees of freedom of t follow Satterthwaite 1946,
    "An approximate distribution of estimates of variance components". In simulations on 10,000 images it covered
    97 % with 3 seeds of sd 0.2 points (as measured on FashionMNIST), 95 % with sd 0.5 and 91 % with sd 0.9: where the
    seeds' spread dominates, two or three of them are too few to know it.
    """
    seeds, images = correct.shape
    mean = float(correct.mean())
    if seeds == 1:
        return _wilson(int(correct.sum()), images)
    of_seeds = float(correct.mean(axis=1).var(ddof=1)) / seeds
    of_images = float(correct.mean(axis=0).var(ddof=1)) / images
    if of_seeds + of_images == 0:  # always right or always wrong
        return _wilson(round(mean * images), images)
    freedom = (of_seeds + of_images) ** 2 / (of_seeds**2 / (seeds - 1) + of_images**2 / (images - 1))
    half = float(stdtrit(freedom, (1 + CONFIDENCE) / 2)) * (of_seeds + of_images) ** 0.5
    return Interval(mean, max(0.0, mean - half), min(1.0, mean + half))


def _wilson(right: int, images: int) -> Interval:
    z = float(ndtri((1 + CONFIDENCE) / 2))
    share = right / images
    centre = (share + z**2 / (2 * images)) / (1 + z**2 / images)
    half = z / (1 + z**2 / images) * (share * (1 - share) / images + z**2 / (4 * images**2)) ** 0.5
    # At the ends both are exact; rounding must not push the interval past its own mean.
    low = centre - half if right else 0.0
    high = centre + half if right < images else 1.0
    return Interval(share, low, high)


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
