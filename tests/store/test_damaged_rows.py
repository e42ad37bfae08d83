"""Rows that SQLite reads though they are damaged: the run is named, and all others stay usable."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from makeweight.errors import StoreError
from makeweight.face.gather import gather
from makeweight.face.resuming import planned
from makeweight.face.runs import networks_of
from makeweight.jobs.result import Job
from makeweight.report.page.page import write_report
from makeweight.report.summary import StudySummary, summarise
from makeweight.store.glance import Glance
from makeweight.store.rows import StudyRow
from makeweight.store.store import Store

SCORED = "UPDATE result SET {} WHERE job = :key"
PLANNED = "UPDATE job SET {} WHERE key = :key"
EPOCH = "UPDATE epoch SET {} WHERE job = :key AND epoch = 2"

RESULTS = [
    *(
        SCORED.format(f"{name} = {value}")
        for name in ("test_accuracy", "validation_accuracy")
        for value in (90, -1, "9e999")
    ),
    SCORED.format("train_seconds = 1e308"),
    SCORED.format("images_per_second = -1"),
    SCORED.format("test_images = 0"),
    *(SCORED.format(f"environment = '{text}'") for text in ("", "nonsense", "7", "[]", "{}", '{"python": 3}')),
    "DELETE FROM result WHERE job = :key",
]
JOBS = [
    *(PLANNED.format(f"architecture = '{text}'") for text in ("", "nonsense", "[]", "null", "{}")),
    PLANNED.format("architecture = replace(architecture, '\"out_features\":10', '\"out_features\":[10]')"),
    PLANNED.format("architecture = replace(architecture, '\"classes\":10', '\"classes\":1000000000')"),
    *(PLANNED.format(f"recipe = '{text}'") for text in ("", "nonsense", "3", '{"epochs": "many"}', '{"epochs": 9}')),
    *(PLANNED.format(f"variant = '{text}'") for text in ("", "[1]", '{"kernel": [3]}')),
    *(PLANNED.format(f"{name} = {value}") for name in ("budget", "seed", "weights", "macs") for value in (-3, 7)),
    PLANNED.format("family = 'cnn'"),
    PLANNED.format("data_digest = ''"),
    PLANNED.format("attempts = -1"),
]
EPOCHS = [
    *(EPOCH.format(f"training_loss = {value}") for value in ("1e308", -1, "9e999")),
    EPOCH.format("validation_accuracy = 90"),
    EPOCH.format("train_seconds = 1e308"),
    EPOCH.format("epoch = 1000000000"),
    "DELETE FROM epoch WHERE job = :key",
    "UPDATE score SET loss = 1e308 WHERE job = :key",
    "UPDATE score SET accuracy = 7 WHERE job = :key",
]


@pytest.fixture
def folder(store: Store, jobs: list[Job], make_result) -> Path:
    """A closed store with three results of one network."""
    for seed, job in enumerate(jobs):
        store.finish(job.key, make_result(seed))
    store.close()
    return store.folder


def damage(folder: Path, statement: str, key: str = "") -> None:
    with closing(sqlite3.connect(folder / "study.db")) as connection:
        assert connection.execute(statement, {"key": key} if ":key" in statement else ()).rowcount > 0
        connection.commit()


def read_all(folder: Path) -> StudySummary:
    """Read a study as show, report, compare and the dashboard do."""
    assert gather(folder).analysis.networks
    assert networks_of(folder)
    with Glance(folder) as glance:
        for job in glance.jobs():
            assert job.state in ("done", "failed")
            glance.course(job.key)
    return summarise(folder)


@pytest.mark.parametrize("statement", RESULTS + JOBS + EPOCHS)
def test_a_damaged_run_is_named_and_the_others_stay(folder: Path, jobs: list[Job], statement: str) -> None:
    damage(folder, statement, jobs[1].key)
    summary = read_all(folder)
    [network] = summary.networks
    assert [run.seed for run in network.runs] == [0, 2]
    [line] = [*summary.problems, *summary.failures]
    assert "damaged" in line or "missing" in line
    assert f"job {jobs[1].key[:12]}" in line or jobs[1].label in line
    assert "\n" not in line
    assert summary.jobs_total == 3


@pytest.mark.parametrize("statement", [RESULTS[0], EPOCHS[0], JOBS[0], JOBS[5]])
def test_a_report_is_written_of_the_others(folder: Path, jobs: list[Job], statement: str) -> None:
    damage(folder, statement, jobs[1].key)
    page = write_report(gather(folder), folder, interactive=False).read_text()
    assert jobs[1].key[:12] in page or jobs[1].label in page


@pytest.mark.parametrize("statement", RESULTS[::4] + JOBS)
def test_planning_again_mends_a_damaged_row(folder: Path, jobs: list[Job], make_result, statement: str) -> None:
    damage(folder, statement, jobs[1].key)
    with Store.create(folder) as store:
        store.plan(StudyRow("study", "{}", "digits", "d" * 64), jobs)
        store.requeue()
        rows, damaged = store.read_jobs()
        assert ([row.job for row in rows], damaged) == (jobs, ())
        for row in rows:
            if row.state == "pending":
                assert statement in RESULTS
                store.finish(row.job.key, make_result(row.job.seed))
        assert [row.state for row in store.jobs()] == ["done"] * 3
    assert not summarise(folder).failures


@pytest.mark.parametrize("statement", JOBS[:3])
def test_a_study_with_a_damaged_plan_is_not_resumed_without_it(folder: Path, jobs: list[Job], statement: str) -> None:
    damage(folder, statement, jobs[1].key)
    with pytest.raises(StoreError, match=rf"can't be resumed .* job {jobs[1].key[:12]}"):
        planned(folder)


@pytest.mark.parametrize("statement", JOBS[:3])
def test_a_study_in_which_nothing_is_whole_is_refused(folder: Path, statement: str) -> None:
    damage(folder, statement.partition(" WHERE")[0])
    with pytest.raises(StoreError, match="its row is damaged") as caught:
        summarise(folder)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("names", ["nonsense", "7", "{}", '["one"]', "[1,2,3,4,5,6,7,8,9,10]", "null"])
def test_classes_whose_names_are_damaged_have_numbers(folder: Path, names: str) -> None:
    damage(folder, f"UPDATE study SET class_names = '{names}'")
    summary = read_all(folder)
    assert summary.class_names == tuple(map(str, range(10)))
    assert [problem for problem in summary.problems if "class names are damaged" in problem]
    assert [len(network.runs) for network in summary.networks] == [3]


def test_a_damaged_session_does_not_count(folder: Path) -> None:
    damage(folder, "INSERT INTO session (started, wall_seconds) VALUES ('', 7), ('', 9e999), ('', -1)")
    assert read_all(folder).wall_seconds == 7


def test_epochs_that_are_damaged_before_a_resume_are_trained_again(store: Store, jobs: list[Job], make_result) -> None:
    key = jobs[0].key
    for record in make_result().epochs:
        store.record_epoch(key, record, b"a checkpoint")
    damage(store.folder, EPOCH.format("training_loss = 1e308"), key)
    assert store.progress(key).checkpoint is None
    assert store.epochs(key) == ()
