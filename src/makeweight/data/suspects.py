"""Images whose label is probably wrong, by what other images of the data set say.

Confident learning (C. Northcutt, L. Jiang, I. Chuang, JAIR 70, 2021, section 3): each image gets probabilities from a
model that was fitted without it. A class's threshold is the mean probability that images with its label give it. An
image is suspected where another class is the most probable one and reaches its threshold. The model is a logistic
regression on small images: it knows little, so these are images to look at, not errors found.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

#: More images than this are sampled: five fits take about ten seconds.
MAX_IMAGES = 5_000
MAX_SUSPECTS = 20
#: A class with fewer images in the sample is left out: five folds need them.
MIN_OF_A_CLASS = 5
_SIDE = 12


@dataclass(frozen=True)
class Suspect:
    """An image that looks more like another class."""

    row: int
    label: int
    looks_like: int
    probability: float  # of the other class, 0 to 1


def suspects(
    images: NDArray[np.uint8], labels: NDArray[np.int64], rows: NDArray[np.int64], most: int = MAX_SUSPECTS
) -> tuple[int, list[Suspect]]:
    """Suspect labels among images (n, c, h, w), which are the data set's ``rows`` (n,).

    Returns
    -------
    int, list of Suspect
        How many are suspected, and the clearest of them, at most ``most``.
    """
    counts = np.bincount(labels)
    kept = counts[labels] >= MIN_OF_A_CLASS
    images, labels, rows = images[kept], labels[kept], rows[kept]
    classes = np.unique(labels)
    if len(classes) < 2:
        return 0, []
    probabilities = _held_out_probabilities(_features(images), labels)
    place = np.searchsorted(classes, labels)
    own = probabilities[np.arange(len(labels)), place]
    thresholds = np.array([own[place == k].mean() for k in range(len(classes))])
    best = probabilities.argmax(axis=1)
    highest = probabilities.max(axis=1)
    found = np.flatnonzero((best != place) & (highest >= thresholds[best]))
    clearest = found[np.argsort(own[found] - highest[found], kind="stable")][:most]
    return len(found), [
        Suspect(int(rows[i]), int(labels[i]), int(classes[best[i]]), float(highest[i])) for i in clearest
    ]


def _features(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, c, h, w) to (n, f): each channel at 12 × 12 pixels at most, by area."""
    from makeweight.data.form import shrink

    small = shrink(images, _SIDE)
    return small.reshape(len(small), -1).astype(np.float32) / np.float32(255)


def _held_out_probabilities(features: NDArray[np.float32], labels: NDArray[np.int64]) -> NDArray[np.float64]:
    from sklearn.linear_model import LogisticRegression  # type: ignore[import-untyped]  # slow
    from sklearn.model_selection import StratifiedKFold, cross_val_predict  # type: ignore[import-untyped]
    from sklearn.pipeline import make_pipeline  # type: ignore[import-untyped]
    from sklearn.preprocessing import StandardScaler  # type: ignore[import-untyped]

    model = make_pipeline(StandardScaler(), LogisticRegression(C=0.01, max_iter=60))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # sixty steps are enough to rank images, though not to converge
        found: NDArray[np.float64] = cross_val_predict(model, features, labels, cv=folds, method="predict_proba")
    return found
