"""The record of looks at the test images, over all studies of a store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import optuna
import pytest

from makeweight.report.looks import looks_sentences, looks_table
from makeweight.store.looks import read_looks
from makeweight.store.rows import StudyRow
from makeweight.store.store import FINAL_SCORE, Store
from makeweight.store.trials import open_storage


@pytest.fixture
def study(tmp_path: Path, make_job, make_result):
    """Make a study of some trainings of one store, all tested."""

    def make(name: str, trainings: int, digest: str = "d" * 64) -> Path:
        jobs = [replace(make_job(seed=seed), data_digest=digest) for seed in range(trainings)]
        with Store.create(tmp_path / name) as store:
            store.plan(StudyRow(name, "{}", "digits", digest), jobs)
            for job in jobs:
                store.finish(job.key, make_result())
            store.record_test_access([jobs[0].key], "feature maps")
        return tmp_path / name

    return make


def _backdate(folder: Path, day: str) -> None:
    with Store.create(folder) as store, store._database.transaction() as connection:
        connection.execute("UPDATE test_access SET opened = ?", (f"{day}T12:00:00+00:00",))


def _tune(folder: Path, digest: str, trials: int) -> None:
    tuning = optuna.create_study(storage=open_storage(folder), study_name="tuning")
    tuning.set_user_attr("settings", {"data": digest})
    tuning.optimize(lambda trial: trial.suggest_float("x", 0, 1), n_trials=trials)


def test_all_studies_on_the_same_data_count(study) -> None:
    study("first", 2)
    study("elsewhere", 4, digest="e" * 64)
    looks = read_looks(study("second", 3), "d" * 64)
    counted = [(look.study, look.purpose, look.times) for look in looks.made]
    assert sorted(counted) == [
        ("first", "feature maps", 1), ("first", FINAL_SCORE, 2),
        ("second", "feature maps", 1), ("second", FINAL_SCORE, 3),
    ]  # fmt: skip
    assert (looks.times, looks.own) == (7, 4)
    assert len(looks_table(looks).rows) == 4
    assert looks_sentences(looks)[0] == (
        "The test images of these data were opened 7 times in this store, 4 times by this study "
        f"(5 × {FINAL_SCORE}, 2 × feature maps)."
    )


def test_what_was_known_before_the_first_score_is_said(study) -> None:
    first, second, third = study("first", 2), study("second", 3), study("third", 1)
    for folder, day in ((first, "2026-01-01"), (second, "2026-01-02"), (third, "2026-01-03")):
        _backdate(folder, day)
    assert looks_sentences(read_looks(first, "d" * 64))[1].startswith("No other study or tuning of this store")
    _tune(second, "d" * 64, 5)
    _tune(first, "e" * 64, 7)
    assert not read_looks(second, "d" * 64).trials  # they ended after the scores
    _backdate(second, "2101-01-01")
    looks = read_looks(second, "d" * 64)
    assert sorted(look.study for look in looks.earlier) == ["first", "third"]
    assert looks.trials == {"second": 5}
    assert looks_sentences(looks)[1].startswith(
        "Known before its first score: 3 scores of 2 other studies; 5 trials of 1 tuning, on validation images alone."
    )


def test_a_damaged_neighbour_is_named(study, tmp_path: Path) -> None:
    folder = study("mine", 1)
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "study.db").write_bytes(b"no database" * 100)
    looks = read_looks(folder, "d" * 64)
    assert looks.unread == ("broken",)
    assert looks_sentences(looks)[-1] == "Not counted, because they cannot be read: broken."
