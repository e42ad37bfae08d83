"""The studies that are shown: rows without weight files, which the pages that are measured with them do not read."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from makeweight.data.dataset import prepare
from makeweight.jobs.result import Environment, Job
from makeweight.store.rows import ResultRow, StudyRow
from makeweight.store.store import Store, _insert_epoch, _insert_result
from makeweight.studies.plan import plan
from makeweight.studies.spec import StudySpec
from makeweight.training.records import EpochRecord

SEEDS = {1_000: 100, 10_000: 500}  # of ten and of twenty networks
EPOCHS = 20
HERE = Environment("", "", "", "", "", "", 2, "cpu", "fp32", 1)


def jobs(seeds: int) -> list[Job]:
    """Ten networks, or twenty for very many seeds."""
    budgets = tuple(1_000 * (i + 2) for i in range(5 if seeds == SEEDS[1_000] else 10))
    spec = StudySpec(dataset="digits", families=("fcn", "cnn"), budgets=budgets, seeds=seeds, recipe={"epochs": EPOCHS})
    return plan(spec, prepare("digits"))


def record(epoch: int) -> EpochRecord:
    """Make an epoch that looks like one."""
    return EpochRecord(epoch, 2.0 / epoch, 2.1 / epoch, 1 - 0.9 / epoch, 0.01, 54_000, 1.0, 0.1)


def fill(folder: Path, planned: list[Job]) -> None:
    """Write a finished study without its weights."""
    result = ResultRow(0.9, 0.9, 360, 20.0, 50_000.0, HERE, "0" * 64, "0" * 64, "2026-01-01T00:00:00+00:00")
    with Store.create(folder) as store:
        store.plan(StudyRow(folder.name, "{}", "digits", planned[0].data_digest), planned)
        with store._database.transaction() as connection:
            for number, job in enumerate(planned):
                for epoch in range(1, EPOCHS + 1):
                    _insert_epoch(connection, job.key, record(epoch))
                _insert_result(connection, job.key, replace(result, test_accuracy=0.8 + (number % 97) / 1_000))
            connection.execute("UPDATE job SET state = 'done'")
