"""Which of a user's own images are for training, validation and test."""

from __future__ import annotations

import unicodedata
import warnings
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makeweight.data.split import DEFAULT_VALIDATION, split_indices
from makeweight.data.stage import Staged
from makeweight.errors import DataFormatError

#: 80 % for training, 10 % for validation, 10 % for test, where the source does not say.
TEST_SHARE = 0.1
#: Of what is not for test, so that validation is as large as the test part.
VALIDATION_SHARE = TEST_SHARE / (1 - TEST_SHARE)
#: A class needs one image for training, one for validation and one for test.
MIN_IMAGES = 3
MAX_NAME = 120  # letters of a class's name: it stands in tables


@dataclass(frozen=True)
class Division:
    """Row numbers, ascending; those for validation are among those for training."""

    training: NDArray[np.int64]
    test: NDArray[np.int64]
    validation: float  # share of the training part that is usually held out
    held_out: NDArray[np.uint8] | None  # (training,) 1 where the source says that it is for validation
    groups: NDArray[np.int64] | None  # (training,) copies of one image share a number; None where that is ignored
    shared_test: int  # test images that are among those for training as well: only where the source divides
    shared_validation: int  # the same of validation images


def divide(staged: Staged, seed: int = 0) -> Division:
    """Divide as the source says, or 80/10/10, each class in proportion and all copies of an image on one side.

    Raises
    ------
    DataFormatError
        If there is one class only, or a class has too few different images.
    """
    _check_classes(staged)
    if "all" in staged.parts or "test" not in staged.parts:
        return _drawn(staged, seed)
    test = np.arange(len(staged.labels))[staged.parts["test"]]
    training = np.setdiff1d(np.arange(len(staged.labels)), test)
    _check_training(staged, training)
    shared = _among(staged.prints[test], staged.prints[training])
    held_out, share = _given_validation(staged, training)
    return _division(staged, training, test, share, held_out, shared)


def _drawn(staged: Staged, seed: int) -> Division:
    _, groups = np.unique(staged.prints, return_inverse=True)
    _check_training(staged, np.arange(len(staged.labels)), MIN_IMAGES)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # every class is in both parts
        split = split_indices(staged.labels, TEST_SHARE, seed, groups)
    held_out, share = _given_validation(staged, split.train)
    share = VALIDATION_SHARE if held_out is None else share
    return _division(staged, split.train, split.validation, share, held_out, 0)


def _division(
    staged: Staged, training: NDArray[np.int64], test: NDArray[np.int64], share: float,
    held_out: NDArray[np.uint8] | None, shared_test: int,
) -> Division:  # fmt: skip
    groups = _groups(staged.prints[training])
    held = np.zeros(len(training), bool) if held_out is None else held_out.astype(bool)
    return Division(training, test, share, held_out, groups, shared_test, _among(groups[held], groups[~held]))


def _among(some: NDArray[Any], others: NDArray[Any]) -> int:
    return int(np.isin(some, others).sum())


def _given_validation(staged: Staged, training: NDArray[np.int64]) -> tuple[NDArray[np.uint8] | None, float]:
    if "validation" not in staged.parts:
        return None, DEFAULT_VALIDATION
    given = staged.parts["validation"]
    held_out = ((training >= given.start) & (training < given.stop)).astype(np.uint8)
    return held_out, float(held_out.mean())


def _groups(prints: NDArray[np.uint64]) -> NDArray[np.int64]:
    return np.unique(prints, return_inverse=True)[1].astype(np.int64)


def _check_classes(staged: Staged) -> None:
    for name in staged.class_names:
        if not name or len(name) > MAX_NAME or any(unicodedata.category(letter) == "Cc" for letter in name):
            raise DataFormatError(
                f"the class name {name[:MAX_NAME]!r} is not possible: 1 to {MAX_NAME} letters, and no control "
                "characters. Rename the class."
            )
    if len(staged.class_names) < 2:
        name = staged.class_names[0] if staged.class_names else "none"
        raise DataFormatError(
            f"there is 1 class only ({name!r}, {len(staged.labels):,} images): a classifier needs 2 or more. Add "
            "images of another class, or say where the classes are: layout=class, layout=*/class …"
        )


def _check_training(staged: Staged, rows: NDArray[np.int64], least: int = 2) -> None:
    """Refuse a class with fewer different images than it takes to divide it."""
    if not len(rows):
        raise DataFormatError("there are no images for training. Give some of each class.")
    different = rows[np.unique(staged.prints[rows], return_index=True)[1]]
    counts = np.bincount(staged.labels[different], minlength=len(staged.class_names))
    present = np.bincount(staged.labels[rows], minlength=len(staged.class_names)) > 0
    short = np.flatnonzero((counts < least) & (present if least < MIN_IMAGES else True))
    if short.size:
        found = ", ".join(f"{staged.class_names[k]!r} has {counts[k]}" for k in short[:5])
        parts = "training, validation and test" if least == MIN_IMAGES else "training and validation"
        raise DataFormatError(
            f"{least} different images are the smallest count that can be divided into {parts}, and class {found}. "
            "Add images of it or leave the class out."
        )
