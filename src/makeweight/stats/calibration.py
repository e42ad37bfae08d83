"""Whether a network is right as often as it is sure."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from makeweight.stats.intervals import Interval, share_interval

BINS = 15  # as in Guo et al. 2017
CHANCE_DRAWS = 200


@dataclass(frozen=True, slots=True)
class Bin:
    """Images about which the network is equally sure."""

    confidence: float  # mean probability of the label given, 0 to 1
    accuracy: Interval
    images: float  # mean over seeds


@dataclass(frozen=True, slots=True)
class Calibration:
    """Expected calibration error with what it is made of; shares from 0 to 1."""

    error: float  # mean over seeds
    by_chance: float  # of a network that is as sure, and right exactly as often as it is sure
    overconfidence: float  # mean confidence minus accuracy; negative where the network is too modest
    bins: tuple[Bin, ...]  # those with images, from unsure to sure


def softmax(logits: NDArray[np.floating]) -> NDArray[np.float64]:
    """(…, k) logits to probabilities that sum to 1."""
    shifted = np.asarray(logits, dtype=np.float64)
    powers = np.exp(shifted - shifted.max(axis=-1, keepdims=True))
    return np.asarray(powers / powers.sum(axis=-1, keepdims=True))


def cross_entropy(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """(…, n) loss of each image in nats, from (…, n, k) logits and (n,) labels."""
    shifted = np.asarray(logits, dtype=np.float64) - logits.max(axis=-1, keepdims=True)
    true = np.take_along_axis(shifted, np.broadcast_to(labels, shifted.shape[:-1])[..., None], axis=-1)[..., 0]
    return np.asarray(np.log(np.exp(shifted).sum(axis=-1)) - true)


def calibration(logits: NDArray[np.floating], labels: NDArray[np.integer]) -> Calibration:
    """Compare confidence with accuracy in 15 bins of equal width.

    Parameters
    ----------
    logits : ndarray
        (s, n, k) for each seed.
    labels : ndarray
        (n,)

    Notes
    -----
    Guo et al. 2017, "On Calibration of Modern Neural Networks", section 2: Σ over bins of the share of images times
    |accuracy − confidence|. An absolute value is never 0 by luck alone (Nixon et al. 2019, "Measuring Calibration in
    Deep Learning"), so the error that a perfectly calibrated network would show on as many images stands beside it:
    the mean over 200 draws, of fixed seed, of right and wrong from the network's own confidences.
    """
    probabilities = softmax(logits)
    confidence, correct = probabilities.max(axis=-1), probabilities.argmax(axis=-1) == labels
    places = np.clip(np.ceil(confidence * BINS).astype(np.int64) - 1, 0, BINS - 1)
    rng = np.random.default_rng(0)
    one_seed = confidence[0]
    by_chance = [_error(one_seed, rng.random(one_seed.shape) < one_seed, places[0]) for _ in range(CHANCE_DRAWS)]
    return Calibration(
        error=float(np.mean([_error(*of_seed) for of_seed in zip(confidence, correct, places, strict=True)])),
        by_chance=float(np.mean(by_chance)),
        overconfidence=float(confidence.mean() - correct.mean()),
        bins=tuple(_bin(confidence, correct, places == place) for place in np.unique(places)),
    )


def _error(confidence: NDArray[np.float64], correct: NDArray[np.bool_], places: NDArray[np.int64]) -> float:
    gaps = np.bincount(places, weights=confidence - correct, minlength=BINS)
    return float(np.abs(gaps).sum() / len(confidence))


def _bin(confidence: NDArray[np.float64], correct: NDArray[np.bool_], inside: NDArray[np.bool_]) -> Bin:
    return Bin(
        confidence=float(confidence[inside].mean()),
        accuracy=share_interval(correct & inside, inside),
        images=float(inside.sum() / len(inside)),
    )
