"""The data that a study was trained on, found again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from makeweight.data.dataset import PreparedDataset, open_prepared, prepare
from makeweight.errors import DataMismatch, DataNotFound
from makeweight.store.rows import StudyRow


def study_data(
    study: StudyRow, data_dir: Path | None = None, progress: Callable[[str], None] | None = None
) -> PreparedDataset:
    """Return the data set of a study: where it was prepared, or else prepared again by its name.

    Parameters
    ----------
    study : StudyRow
    data_dir : pathlib.Path, optional
        A folder with the original files; nothing else is tried then.
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
    found = None if data_dir else as_planned(study)
    found = found or prepare(study.dataset, data_dir, progress=progress)
    if found.digest != study.data_digest:
        raise DataMismatch(
            f"the study {study.name!r} was trained on {study.dataset} with digest {study.data_digest[:12]}, and the "
            f"data here have {found.digest[:12]}. Give the folder with the original files, with --data DIR."
        )
    return found


def as_planned(study: StudyRow) -> PreparedDataset | None:
    """Open the data at the place that the study names, at once; None where others are there, or none."""
    if not study.data_path:
        return None
    try:
        found = open_prepared(Path(study.data_path))
    except (DataNotFound, DataMismatch):
        return None
    return found if found.digest == study.data_digest else None
