"""Rows as training sees them: equal ones merged, with joint weights, and standardised by the training data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import compute_sample_weight  # type: ignore[import-untyped]

Floats = NDArray[np.float64]
Shape = tuple[int, int, int]  # (c, h, w); a vector of features is (c, 1, 1)
CHUNK = 4_096  # rows converted at once


def checked_weights(sample_weight: object, rows: int) -> Floats:
    """Return sample weights as (n,) floats; None is 1 for every row.

    Raises
    ------
    ValueError
        If they are not one finite number of at least 0 for each row, or all 0.
    """
    if sample_weight is None:
        return np.ones(rows)
    weights = np.asarray(sample_weight, dtype=np.float64)
    if weights.shape != (rows,):
        raise ValueError(f"sample_weight has the shape {weights.shape}: give one weight for each of the {rows} rows.")
    wrong = np.flatnonzero(~(np.isfinite(weights) & (weights >= 0)))
    if wrong.size:
        raise ValueError(
            f"sample_weight is {weights[wrong[0]]} in row {wrong[0]}: a weight must be a number of at least 0. "
            "Use 0 to leave a row out."
        )
    if not weights.any():
        raise ValueError(
            "all elements of sample_weight are zero: give at least one row of each class a weight above 0."
        )
    return weights


def merged(features: NDArray[Any], labels: NDArray[np.int64], weights: Floats) -> tuple[NDArray[np.int64], Floats]:
    """Merge equal rows of one class.

    So a weight of 3 gives the same bits as the row three times, and training doesn't depend on the order of rows.

    Parameters
    ----------
    features, labels, weights
        (n, f), (n,) and (n,).

    Returns
    -------
    tuple
        The first row of each group (m,), by value, the first column before the others, and the joint weights (m,).
    """
    columns = _as_ordered_bytes(features)
    records = np.empty((len(columns), columns.shape[1] * columns.itemsize + labels.itemsize), dtype=np.uint8)
    records[:, : -labels.itemsize] = columns.view(np.uint8)
    records[:, -labels.itemsize :] = np.ascontiguousarray(labels[:, None]).view(np.uint8)
    packed = records.view(np.dtype((np.void, records.shape[1]))).ravel()
    _, first, group = np.unique(packed, return_index=True, return_inverse=True)
    joint = np.asarray(np.bincount(group, weights), dtype=np.float64)
    return first.astype(np.int64), joint


def _as_ordered_bytes(features: NDArray[Any]) -> NDArray[Any]:
    """Unsigned integers, high byte first, in the order of the numbers: rows compare fastest as bytes."""
    if features.dtype.kind == "u":
        return np.ascontiguousarray(features)
    size = features.itemsize
    # Adding 0 makes −0 the same as 0.
    bits = np.ascontiguousarray(features + 0).view(f"u{size}")
    sign = bits.dtype.type(1 << (8 * size - 1))
    return np.where(bits & sign, ~bits, bits | sign).astype(f">u{size}")


def with_class_weights(weights: Floats, classes: NDArray[Any], labels: NDArray[np.int64], class_weight: Any) -> Floats:
    """Multiply the weights (n,) by those of the classes.

    Parameters
    ----------
    classes, labels
        (k,) classes, and the position among them (n,) of each row's.
    class_weight : mapping, "balanced" or None
        "balanced" gives all classes the same joint weight.

    Raises
    ------
    ValueError
        If a class weight is below 0, or no weight above 0 is left.
    """
    if class_weight is None:
        return weights
    if isinstance(class_weight, str) and class_weight == "balanced":
        joint = np.bincount(labels, weights)
        return np.asarray(weights * (weights.sum() / (len(joint) * joint))[labels])
    factors = compute_sample_weight(class_weight, classes[labels])
    if factors.min() < 0 or not factors.any():
        raise ValueError(
            f"class_weight={class_weight!r} is not possible: weights are at least 0, and at least one is above 0. "
            'Use "balanced" to give all classes the same.'
        )
    return np.asarray(weights * factors)


@dataclass(frozen=True, slots=True)
class Standardiser:
    """Mean and standard deviation of each channel, or feature, of the training data."""

    shape: Shape
    mean: Floats  # (c,)
    scale: Floats  # (c,); 1 for a channel that is constant

    @staticmethod
    def of(rows: NDArray[Any], weights: Floats, shape: Shape) -> Standardiser:
        """Take the statistics of (n, c·h·w) rows, each counted by its weight.

        In float64, whatever the rows are in: float32 would lose values that are small relative to their mean.
        """
        pixels = rows.reshape(len(rows), shape[0], -1)
        parts = [slice(start, start + CHUNK) for start in range(0, len(rows), CHUNK)]
        mean = sum(weights[p] @ pixels[p].mean(axis=2, dtype=np.float64) for p in parts) / weights.sum()
        variance = sum(weights[p] @ ((pixels[p] - mean[:, None]) ** 2).mean(axis=2) for p in parts) / weights.sum()
        # What rounding of the mean alone can leave: Chan, Golub and LeVeque 1983, section 2.
        noise = (pixels[:, 0].size * np.finfo(np.float64).eps * mean) ** 2
        return Standardiser(shape, mean, np.sqrt(np.where(variance > noise, variance, 1.0)))

    def apply(self, rows: NDArray[Any]) -> NDArray[np.float32]:
        """Bring (n, c·h·w) rows to (n, c, h, w) float32 with mean 0 and standard deviation 1."""
        images = np.empty((len(rows), *self.shape), dtype=np.float32)
        mean, scale = (statistic[:, None, None] for statistic in (self.mean, self.scale))
        for start in range(0, len(rows), CHUNK):
            part = rows[start : start + CHUNK]
            images[start : start + CHUNK] = (part.reshape(len(part), *self.shape) - mean) / scale
        return images
