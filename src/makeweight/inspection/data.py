"""The data that a study was trained on, found again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from makeweight.data.catalog import CATALOG
from makeweight.data.dataset import PreparedDataset, find_prepared, open_prepared, prepare
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
    found = None if data_dir else as_planned(study)
    found = found or _prepared_again(study, data_dir, progress)
    if found.digest != study.data_digest:
        raise DataMismatch(
            f"the study {study.name!r} was trained on {study.dataset} with digest {study.data_digest[:12]}, and the "
            f"data here have {found.digest[:12]}. Give the folder with the original files, with --data DIR."
        )
    return found


def as_planned(study: StudyRow) -> PreparedDataset | None:
    """Open the data at the place that the study names, or anywhere in the cache; None where they are not."""
    if not study.data_path:
        return None
    try:
        found = open_prepared(Path(study.data_path))
    except (DataNotFound, DataMismatch):
        return find_prepared(study.data_digest)
    return found if found.digest == study.data_digest else find_prepared(study.data_digest)


def _prepared_again(study: StudyRow, data_dir: Path | None, progress: Callable[[str], None] | None) -> PreparedDataset:
    if study.dataset in CATALOG:
        return prepare(study.dataset, data_dir, progress=progress)
    if data_dir is None:
        raise DataNotFound(
            f"the study {study.name!r} was trained on your own data {study.dataset!r}, which are prepared nowhere in "
            "the cache. Prepare them again: makeweight data prepare PATH, with the same options."
        )
    from makeweight.data.own.detect import open_source
    from makeweight.data.own.prepare import prepare_own

    return prepare_own(open_source(data_dir))
