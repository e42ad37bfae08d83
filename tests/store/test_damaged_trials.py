"""Rows of ``tuning.db`` that SQLite reads though they are damaged, and folders whose names no URL holds."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import optuna
import pytest

from makeweight.errors import StoreError
from makeweight.face.gather import gather
from makeweight.jobs.result import Job
from makeweight.report.tuning import summarise_tuning, trials_table, tuning_record, tuning_sentences, winner_table
from makeweight.store.store import Store
from makeweight.store.trials import open_storage, read_tuning, require_whole

RANGES: dict[str, optuna.distributions.BaseDistribution] = {
    "learning_rate": optuna.distributions.FloatDistribution(1e-3, 0.1, log=True),
    "norm": optuna.distributions.CategoricalDistribution(["batch", "none"]),
}
SETTINGS = {
    "dataset": "digits", "family": "fcn", "budget": 2_000, "limits": {}, "seed": 0, "split_seed": 0, "fixed": {},
}  # fmt: skip
ATTRIBUTE = "UPDATE trial_user_attributes SET value_json = '{}' WHERE key = '{}' AND trial_id = 3"
FACT = "UPDATE study_user_attributes SET value_json = '{}' WHERE key = '{}'"

TRIALS = [
    "UPDATE trial_values SET value = 90 WHERE trial_id = 3",
    "UPDATE trial_values SET value = -1 WHERE trial_id = 3",
    "DELETE FROM trial_values WHERE trial_id = 3",
    "UPDATE trial_intermediate_values SET intermediate_value = 1e308 WHERE trial_id = 3",
    "UPDATE trial_intermediate_values SET step = -5 WHERE trial_id = 3 AND step = 33",
    "UPDATE trial_params SET param_value = 1e308 WHERE trial_id = 3 AND param_name = 'learning_rate'",
    *(ATTRIBUTE.format(text, "weights") for text in ("null", "[]", "-1", '"many"')),
    *(ATTRIBUTE.format(text, "seconds") for text in ("null", "1e999", "-1", "{}")),
]
WHOLE = [
    ATTRIBUTE.format("nonsense", "weights"),
    "UPDATE trial_params SET param_value = 7 WHERE trial_id = 3 AND param_name = 'norm'",
    "UPDATE trial_params SET distribution_json = '{}' WHERE trial_id = 3",
    "UPDATE trials SET state = 'ENDED' WHERE trial_id = 3",
    *(FACT.format(text, "settings") for text in ("nonsense", "7", '{"family": 7}', "[1]")),
    *(FACT.format(text, "confirmed") for text in ("nonsense", "7", "{}", '{"a": []}', '{"0": []}', '{"0": [90]}')),
    *(FACT.format(text, "winner") for text in ("nonsense", "7", "[]", '"0"', "1.5")),
    *(FACT.format(text, "asked") for text in ("nonsense", "7", "[1]", '["a", "b"]')),
    *(FACT.format(text, "seconds") for text in ("nonsense", "[]", "-1", "1e999", "null")),
]


@pytest.fixture
def folder(store: Store, jobs: list[Job], make_result) -> Path:
    """A tuning of ten trials, of which the first won and was tested."""
    for seed, job in enumerate(jobs):
        store.finish(job.key, make_result(seed))
    store.close()
    make_tuning(store.folder)
    return store.folder


def make_tuning(folder: Path) -> None:
    storage = open_storage(folder)
    study = optuna.create_study(storage=storage, study_name="tuning", direction="maximize")
    for name, value in {
        "settings": SETTINGS, "asked": [10, None], "confirmed": {0: [0.7, 0.8]}, "winner": 0, "seconds": 9.0
    }.items():  # fmt: skip
        study.set_user_attr(name, value)
    for number in range(10):
        study.add_trial(
            optuna.trial.create_trial(
                params={"learning_rate": 0.01 + number / 200, "norm": ["batch", "none"][number % 2]},
                distributions=RANGES,
                value=0.9 - number / 100,
                intermediate_values={33: 0.5 + number / 100, 66: 0.8},
                user_attrs={"weights": 1_990, "macs": 2_000 + number, "seconds": 1.5},
            )
        )
    storage.remove_session()
    storage.engine.dispose()


def damage(folder: Path, statement: str) -> None:
    with closing(sqlite3.connect(folder / "tuning.db")) as connection:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        assert connection.execute(statement).rowcount > 0
        connection.commit()


@pytest.mark.parametrize("statement", TRIALS)
def test_a_damaged_trial_has_failed_and_the_others_stay(folder: Path, statement: str) -> None:
    damage(folder, statement)
    summary = summarise_tuning(folder)
    assert [trial.state for trial in summary.trials].count("complete") == 9
    assert "its row is damaged" in summary.trials[2].reason
    assert summary.best is not None
    assert summary.best.number == 0
    for shown in (tuning_record, tuning_sentences, winner_table, trials_table):
        assert shown(summary)
    with pytest.raises(StoreError, match="trial 2: its row is damaged"):
        require_whole(folder)


@pytest.mark.parametrize("statement", WHOLE)
def test_a_tuning_that_cannot_be_read_is_named_in_the_report_of_its_networks(folder: Path, statement: str) -> None:
    damage(folder, statement)
    with pytest.raises(StoreError, match=r"the trials in .*tuning\.db cannot be used: .*Check disk") as caught:
        read_tuning(folder)
    assert "\n" not in str(caught.value)
    contents = gather(folder)
    assert contents.tuning is None
    assert any("Without the tuning: the trials in" in line for line in contents.missing)
    assert [len(network.runs) for network in contents.analysis.summary.networks] == [3]


def test_a_tuning_whose_settings_are_incomplete_is_explained(folder: Path) -> None:
    damage(folder, FACT.format('{"family": "fcn"}', "settings"))
    assert any("they have no budget" in line for line in gather(folder).missing)


@pytest.mark.parametrize("name", ["q?mode=rw#x%41", "a{b}c", "x:y@z"])
def test_a_folder_may_have_a_name_that_means_something_in_a_url(tmp_path: Path, name: str, jobs: list[Job]) -> None:
    folder = tmp_path / name / "tuned"
    with Store.create(folder):
        make_tuning(folder)
    tuning = read_tuning(folder)
    assert tuning is not None
    assert len(tuning.trials) == 10
    with Store.open(folder) as store:
        assert store.jobs() == []
    assert {path.name for path in tmp_path.iterdir()} == {name}
