"""Which images to look at."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from makeweight.data.dataset import PreparedDataset
from makeweight.data.picture import Picture
from makeweight.errors import InvalidValue
from makeweight.inspection.records import Subject


def first_of_each_class(data: PreparedDataset) -> tuple[Subject, ...]:
    """Return the first test image of each class, in the order of the labels; classes without one are left out."""
    labels = np.asarray(data.test_images().labels)
    found = [np.flatnonzero(labels == label) for label in range(data.classes)]
    return chosen_tests(data, [int(rows[0]) for rows in found if len(rows)])


def chosen_tests(data: PreparedDataset, indices: Sequence[int]) -> tuple[Subject, ...]:
    """Return test images by their number, counted from 0.

    Raises
    ------
    InvalidValue
        If there is no such test image.
    """
    test = data.test_images()
    for index in indices:
        if not 0 <= index < len(test.labels):
            raise InvalidValue(f"sample {index} is not possible: give 0 to {len(test.labels) - 1}, the test images.")
    return tuple(
        Subject(f"test image {index}", np.array(test.images[index]), int(test.labels[index])) for index in indices
    )


def of_picture(picture: Picture) -> Subject:
    """Return a picture of the user's, whose class nobody has told."""
    return Subject(picture.name, picture.pixels, None)
