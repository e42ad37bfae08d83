"""The data that a study was trained on, and which of its images to look at."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from makeweight.data.catalog import CATALOG
from makeweight.data.dataset import PreparedDataset, find_prepared, open_prepared, prepare
from makeweight.data.picture import Picture
from makeweight.errors import DataMismatch, DataNotFound, InvalidValue
from makeweight.inspection.records import InputImage
from makeweight.store.rows import StudyRow


def study_data(
    study: StudyRow, data_dir: Path | None = None, progress: Callable[[str], None] | None = None
) -> PreparedDataset:
    """Return the data set of a study: where it was prepared, or else prepared again by its name.

    Parameters
    ----------
    study : StudyRow
    data_dir : pathlib.Path, optional
        A folder with the original files, or the user's own images; nothing else is tried then.
    progress : callable, optional
        Called with a line of text while downloading and preparing.

    Raises
    ------
    DataMismatch
        If what is found is not what the study was trained on.
    DataNotFound
        If no source has the files.
    InvalidValue
        If the study's data set has no such name any more.
    """
    data = None if data_dir else as_planned(study)
    data = data or _prepared_again(study, data_dir, progress)
    if data.digest != study.data_digest:
        raise DataMismatch(
            f"the study {study.name!r} was trained on {study.dataset} with digest {study.data_digest[:12]}, and the "
            f"data here have {data.digest[:12]}. Give the folder with the original files, with data=DIR."
        )
    return data


def as_planned(study: StudyRow) -> PreparedDataset | None:
    """Open the data at the place that the study names, or anywhere in the cache; None where they are not."""
    if not study.data_path:
        return None
    try:
        data = open_prepared(Path(study.data_path))
    except (DataNotFound, DataMismatch):
        return find_prepared(study.data_digest)
    return data if data.digest == study.data_digest else find_prepared(study.data_digest)


def _prepared_again(study: StudyRow, data_dir: Path | None, progress: Callable[[str], None] | None) -> PreparedDataset:
    if study.dataset in CATALOG:
        return prepare(study.dataset, data_dir, progress=progress)
    if data_dir is None:
        raise DataNotFound(
            f"the study {study.name!r} was trained on your own data {study.dataset!r}, which are prepared nowhere in "
            "the cache. Prepare them again: makeweight data prepare PATH, with the same options."
        )
    from makeweight.data.prepare import prepare_own
    from makeweight.data.sources.registry import open_source

    return prepare_own(open_source(data_dir))


def first_of_each_class(data: PreparedDataset) -> tuple[InputImage, ...]:
    """Return the first test image of each class, in the order of the labels; classes without one are left out."""
    labels = np.asarray(data.test_images().labels)
    found = [np.flatnonzero(labels == label) for label in range(data.classes)]
    return chosen_tests(data, [int(rows[0]) for rows in found if len(rows)])


def chosen_tests(data: PreparedDataset, indices: Sequence[int]) -> tuple[InputImage, ...]:
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
        InputImage(f"test image {index}", np.array(test.images[index]), int(test.labels[index])) for index in indices
    )


def of_picture(picture: Picture) -> InputImage:
    """Return a picture of the user's, whose class nobody has told."""
    return InputImage(picture.name, picture.pixels, None)
