"""How a network does on each class."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from makeweight.stats.intervals import Interval, share_interval, wilson


@dataclass(frozen=True, slots=True)
class ClassScores:
    """One class; NaN where a class was never predicted or has no image."""

    label: int
    images: int  # of the class in the test set
    precision: Interval  # share of the images given this label that have it
    recall: Interval  # share of the images with this label that are given it
    f1: Interval  # harmonic mean of both


def confusion(predicted: NDArray[np.integer], labels: NDArray[np.integer], classes: int) -> NDArray[np.float64]:
    """(k, k) images of class [row] that were given label [column], mean over seeds.

    Parameters
    ----------
    predicted : ndarray
        (s, n) labels given by the network of each seed.
    labels : ndarray
        (n,) true labels.
    """
    cells = classes * np.broadcast_to(labels, predicted.shape) + predicted
    counts = np.bincount(cells.ravel(), minlength=classes**2)
    return counts.reshape(classes, classes) / len(predicted)


def recalls(predicted: NDArray[np.integer], labels: NDArray[np.integer]) -> NDArray[np.float64]:
    """(k,) mean over seeds of the share of each class's images that are given their label; NaN where it has none.

    Balanced accuracy is their mean (K. Brodersen et al., "The balanced accuracy and its posterior distribution", 2010).
    """
    classes = int(max(predicted.max(), labels.max())) + 1
    counts = confusion(predicted, labels, classes)
    with np.errstate(invalid="ignore"):
        shares: NDArray[np.float64] = np.diag(counts) / counts.sum(axis=1)
    return shares


def class_scores(predicted: NDArray[np.integer], labels: NDArray[np.integer], classes: int) -> tuple[ClassScores, ...]:
    """Precision, recall and F1 of each class, with intervals over seeds and test images drawn anew.

    Parameters
    ----------
    predicted : ndarray
        (s, n) labels given by the network of each seed.
    labels : ndarray
        (n,) true labels.

    Notes
    -----
    Each is a ratio of counts (van Rijsbergen 1979, "Information Retrieval", chapter 7): precision TP / (TP + FP),
    recall TP / (TP + FN), F1 = 2 TP / (2 TP + FP + FN); see :func:`makeweight.stats.intervals.share_interval`. For one
    seed F1's interval follows from Wilson's of J = TP / (TP + FP + FN): F1 = 2J / (1 + J) grows with J.
    """
    return tuple(_scores(predicted == label, labels == label, label) for label in range(classes))


def _scores(predicted: NDArray[np.bool_], true: NDArray[np.bool_], label: int) -> ClassScores:
    truth = np.broadcast_to(true, predicted.shape)
    hit = predicted & truth
    return ClassScores(
        label, int(true.sum()), share_interval(hit, predicted), share_interval(hit, truth), _f1(predicted, truth)
    )


def _f1(predicted: NDArray[np.bool_], truth: NDArray[np.bool_]) -> Interval:
    hit, either = predicted & truth, predicted | truth
    if len(predicted) > 1 or not either.any():
        return share_interval(2 * hit.astype(np.float64), predicted.astype(np.float64) + truth)
    jaccard = wilson(hit.sum() / either.sum(), float(either.sum()))
    return Interval(*(2 * j / (1 + j) for j in (jaccard.mean, jaccard.low, jaccard.high)))
