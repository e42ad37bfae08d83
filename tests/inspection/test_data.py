"""The data of a study, found where they were, found again, or refused."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from makeweight.data.dataset import PreparedDataset
from makeweight.errors import DataMismatch, DataNotFound
from makeweight.inspection.data import study_data
from makeweight.store.rows import StudyRow


@pytest.fixture
def study(digits: PreparedDataset) -> StudyRow:
    return StudyRow("small", "{}", "digits", digits.digest, digits.class_names, str(digits.path))


def test_data_are_opened_where_they_were(study: StudyRow, digits: PreparedDataset) -> None:
    renamed = dataclasses.replace(study, dataset="of no catalogue")  # so nothing else can have found them
    assert study_data(renamed) == digits


@pytest.mark.parametrize("place", ["", "/nowhere/at/all"])
def test_data_that_are_not_there_are_prepared_again(
    study: StudyRow, digits: PreparedDataset, place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKEWEIGHT_CACHE", str(tmp_path))
    found = study_data(dataclasses.replace(study, data_path=place))
    assert (found.digest, found.path) == (digits.digest, tmp_path / "digits")


def test_other_data_are_refused_with_both_digests(study: StudyRow, digits: PreparedDataset, monkeypatch) -> None:
    monkeypatch.setenv("MAKEWEIGHT_CACHE", str(digits.path.parent))
    other = dataclasses.replace(study, data_digest="0123456789abcdef")
    words = rf"'small' was trained on digits with digest 0123456789ab, and the data here have {digits.digest[:12]}\."
    with pytest.raises(DataMismatch, match=f"{words} Give the folder .* data=DIR"):
        study_data(other)


def test_a_data_set_of_no_catalogue_is_refused(study: StudyRow) -> None:
    with pytest.raises(DataNotFound, match=r"'lost', which are prepared nowhere .* makeweight data prepare PATH"):
        study_data(dataclasses.replace(study, dataset="lost", data_path=""))
