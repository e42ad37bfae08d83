"""Seeded, stratified division of a training part into training and validation images."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makeweight.errors import DataWarning, InvalidValue

#: 54,000 / 6,000 of Fashion-MNIST's 60,000.
DEFAULT_VALIDATION = 0.1

#: Counting takes memory for every class number up to the largest; 65,536 is far beyond any data set here.
MAX_CLASSES = 1 << 16


@dataclass(frozen=True)
class Split:
    """Row numbers of the two parts: disjoint, complete, ascending."""

    train: NDArray[np.int64]  # (n_train,)
    validation: NDArray[np.int64]  # (n_validation,)


def _check_labels(labels: NDArray[Any]) -> NDArray[np.int64]:
    """Return labels (n,) as int64 once each is an integer from 0 to MAX_CLASSES - 1."""
    values = np.asarray(labels)
    if values.ndim != 1 or values.size == 0:
        raise InvalidValue(f"labels must be one row of at least 4 numbers, got the shape {values.shape}.")
    if values.dtype.kind not in "iu":
        raise InvalidValue(f"labels must be integers, got {values.dtype}; convert them first.")
    outside = np.flatnonzero((values < 0) | (values >= MAX_CLASSES))
    if outside.size:
        row = int(outside[0])
        raise InvalidValue(
            f"labels must lie between 0 and {MAX_CLASSES - 1}, got {values[row]} in row {row}; "
            "number the classes from 0."
        )
    return values.astype(np.int64)


def _check_counts(counts: NDArray[np.int64]) -> None:
    """Refuse what cannot be divided: one class only, or a class of one image."""
    present = np.flatnonzero(counts)
    if present.size == 1:
        raise InvalidValue(f"all labels are {present[0]}: a classifier needs 2 classes or more; add another.")
    single = np.flatnonzero(counts == 1)
    if single.size:
        raise InvalidValue(
            f"class {single[0]} has 1 image, but 2 is the smallest count that splits "
            "(one to train on, one to validate on); add images of it or leave the class out."
        )


def _validation_total(validation: float, count: int, least: int = 0) -> int:
    """Turn a share or a count into a number of images between 1 and count - 1."""
    if isinstance(validation, bool) or not isinstance(validation, int | float | np.integer | np.floating):
        raise InvalidValue(f"validation must be a share below 1 or a number of images, got {validation!r}.")
    whole = isinstance(validation, int | np.integer)
    if not whole and not 0.0 < validation < 1.0:  # also refuses NaN
        raise InvalidValue(f"a validation share must lie between 0 and 1, got {validation!r}; 0.1 is usual.")
    # Half rounds up; round() would go to the even neighbour.
    total = max(least, int(validation) if whole else math.floor(validation * count + 0.5))
    if not 1 <= total < count:
        raise InvalidValue(
            f"validation must leave both parts at least 1 of {count} images, got {validation!r} "
            f"({total} images); use 1 to {count - 1} images."
        )
    return total


def _quotas(counts: NDArray[np.int64], total: int) -> NDArray[np.int64]:
    """Share `total` out over the classes by largest remainder (Hamilton's method), ties to the lower class.

    Each class gets its proportional number rounded down or up, so the sum is exact.
    """
    whole, remainder = np.divmod(counts * total, counts.sum())
    left = total - int(whole.sum())
    whole[np.argsort(-remainder, kind="stable")[:left]] += 1
    return whole


def _warn_of_gaps(counts: NDArray[np.int64], quotas: NDArray[np.int64]) -> None:
    """Say which classes one of the two parts lacks; metrics stay defined, but know nothing of them."""
    for part, here in (("training", counts - quotas), ("validation", quotas)):
        absent = np.flatnonzero(here == 0).tolist()
        if absent:
            warnings.warn(
                f"the {part} part has no image of class {', '.join(map(str, absent[:10]))}: "
                "accuracy says nothing about it; add images or change the validation share.",
                DataWarning,
                stacklevel=3,
            )


def split_indices(
    labels: NDArray[Any], validation: float = DEFAULT_VALIDATION, seed: int = 0, groups: NDArray[Any] | None = None
) -> Split:
    """Divide rows into training and validation, each class in proportion.

    Each row draws one 64-bit key, and the lowest keys of a class go to validation. Only the raw bit
    stream of PCG64 is used, which NumPy keeps stable for ever (NEP 19) while it may change what
    ``Generator.permutation`` returns: the same seed gives the same split under every NumPy.

    Parameters
    ----------
    labels : numpy.ndarray
        (n,) integers of at least 0.
    validation : float or int
        A share between 0 and 1 (of n, rounded), or a number of images.
    seed : int
        0 or more.
    groups : numpy.ndarray, optional
        (n,) integers from 0: rows with the same number, such as copies of one image, stay on one side. A group is of
        its first row's class. Validation gets no more than its proportion then, and at least one group of each class.

    Returns
    -------
    Split
        Row numbers, ascending.

    Raises
    ------
    InvalidValue
        Labels that are no class numbers; one class only; a class of one image (or group); a part left empty.
    """
    values = _check_labels(labels)
    if isinstance(seed, bool) or not isinstance(seed, int | np.integer) or seed < 0:
        raise InvalidValue(f"the seed of a split must be an integer of at least 0, got {seed!r}.")
    if groups is None:
        chosen = _chosen(values, validation, int(seed))
    else:
        chosen = _chosen_groups(values, np.asarray(groups, dtype=np.int64), validation, int(seed))
    return Split(np.flatnonzero(~chosen).astype(np.int64), np.flatnonzero(chosen).astype(np.int64))


def _chosen(values: NDArray[np.int64], validation: float, seed: int) -> NDArray[np.bool_]:
    """(n,) whether a row goes to validation."""
    counts = np.bincount(values).astype(np.int64)
    _check_counts(counts)
    quotas = _quotas(counts, _validation_total(validation, values.size))
    _warn_of_gaps(counts, quotas)
    order, starts = _shuffled(values, seed)
    rank = np.arange(values.size) - np.repeat(starts, counts)
    chosen = np.zeros(values.size, dtype=bool)
    chosen[order] = rank < np.repeat(quotas, counts)
    return chosen


def _chosen_groups(
    values: NDArray[np.int64], groups: NDArray[np.int64], validation: float, seed: int
) -> NDArray[np.bool_]:
    """(n,) whether a row goes to validation, with the rows of a group on one side."""
    _, first, place, sizes = np.unique(groups, return_index=True, return_inverse=True, return_counts=True)
    owner = values[first]  # (g,) class of each group
    counts = np.bincount(owner, minlength=values.max() + 1).astype(np.int64)
    _check_counts(counts)
    rows = np.bincount(owner, weights=sizes, minlength=len(counts)).astype(np.int64)
    quotas = _quotas(rows, _validation_total(validation, values.size, least=1))
    order, starts = _shuffled(owner, seed)
    chosen = np.zeros(len(owner), dtype=bool)
    for label in np.flatnonzero(counts):
        members = order[starts[label] : starts[label] + counts[label]]
        chosen[members] = np.cumsum(sizes[members]) <= quotas[label]
        # Large groups may leave a class without validation images, and small shares do.
        chosen[members[0]], chosen[members[-1]] = True, False
    return chosen[place]


def _shuffled(values: NDArray[np.int64], seed: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Order rows by class and, within a class, by their key; and where each class starts."""
    keys = np.random.PCG64(seed).random_raw(values.size)
    counts = np.bincount(values).astype(np.int64)
    return np.lexsort((keys, values)).astype(np.int64), np.cumsum(counts) - counts
