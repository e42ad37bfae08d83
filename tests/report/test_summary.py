"""A study's results by network, and its tables."""

from __future__ import annotations

import csv
import io
import json
import re
import shutil
import sqlite3
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from makeweight.designs.demand import on_device
from makeweight.designs.limits import NO_LIMITS, Limits
from makeweight.designs.memory import ram
from makeweight.errors import StoreError
from makeweight.jobs.network import NetworkId
from makeweight.report import tables
from makeweight.report.summary import StudySummary, reference_for, summarise
from makeweight.store.store import Store

NETWORKS = [("fcn", 2_000), ("fcn", 3_000), ("cnn", 2_000), ("cnn", 3_000)]


def test_networks_come_by_family_and_budget_with_the_means_of_their_seeds(finished, summary: StudySummary) -> None:
    assert [(network.family, network.budget) for network in summary.networks] == NETWORKS
    with Store.open(finished.folder) as store:
        rows = store.jobs()
    for network in summary.networks:
        of_it = [row for row in rows if (row.job.family, row.job.budget) == (network.family, network.budget)]
        accuracies = [row.result.test_accuracy for row in of_it]
        assert [run.seed for run in network.runs] == [0, 1]
        assert network.test_accuracy.mean == pytest.approx(np.mean(accuracies))
        assert 0 <= network.test_accuracy.low < network.test_accuracy.mean < network.test_accuracy.high <= 1
        assert network.validation_accuracy == pytest.approx(np.mean([r.result.validation_accuracy for r in of_it]))
        assert network.train_seconds == pytest.approx(np.mean([r.result.train_seconds for r in of_it]))
        assert 0.99 * network.budget <= network.weights <= network.budget
        assert network.reference is None  # the report knows FashionMNIST only
    assert (summary.jobs_total, summary.jobs_done, summary.failures, summary.problems) == (8, 8, (), ())
    assert "fp32" in summary.environment


def test_a_damaged_file_costs_its_own_result_and_is_said(copy: Path, summary: StudySummary) -> None:
    with Store.open(copy) as store:
        row = next(row for row in store.jobs() if row.job.family == "cnn" and row.job.budget == 2_000)
    path = copy / "weights" / f"{row.job.key}.test.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)

    damaged = summarise(copy)

    assert [len(network.runs) for network in damaged.networks] == [2, 2, 1, 2]
    [problem] = damaged.problems
    assert problem.startswith(f"CNN 2K seed {row.job.seed}: {path} is damaged")
    assert damaged.networks[0] == replace(summary.networks[0], study="copy")
    assert problem in tables.to_record(damaged)["problems"]


def test_a_network_without_a_readable_result_is_left_out(copy: Path) -> None:
    with Store.open(copy) as store:
        keys = [row.job.key for row in store.jobs() if (row.job.family, row.job.budget) == ("fcn", 2_000)]
    for key in keys:
        (copy / "weights" / f"{key}.test.safetensors").unlink()
    damaged = summarise(copy)
    assert [(network.family, network.budget) for network in damaged.networks] == NETWORKS[1:]
    assert len(damaged.problems) == 2


def test_results_of_different_machines_are_shown_and_said(copy: Path) -> None:
    with closing(sqlite3.connect(copy / "study.db")) as database:
        database.execute("""UPDATE result SET environment = replace(environment, '"fp32"', '"bf16"') WHERE rowid = 1""")
        database.commit()
    mixed = summarise(copy)
    [problem] = mixed.problems
    assert "different software, machines or settings" in problem
    assert "fp32" in problem
    assert "bf16" in problem


def test_a_study_without_results_has_a_summary(hostile: Path) -> None:
    empty = summarise(hostile)
    assert (empty.networks, empty.jobs_total, empty.jobs_done, len(empty.failures)) == ((), 2, 0, 1)
    assert tables.networks_table(empty).rows == ()
    assert tables.to_record(empty)["networks"] == []
    assert list(csv.reader(io.StringIO(tables.to_csv(empty)))) == []
    assert tables.to_markdown(empty).startswith("| network |")


def test_a_folder_without_a_plan_is_a_clear_error(tmp_path: Path) -> None:
    Store.create(tmp_path / "new").close()
    with pytest.raises(StoreError, match="has not been planned"):
        summarise(tmp_path / "new")


def test_the_record_holds_what_the_contract_names(summary: StudySummary) -> None:
    record = json.loads(json.dumps(tables.to_record(summary), allow_nan=False))
    assert record.keys() >= {"study", "networks", "jobs_total", "jobs_done", "jobs_failed", "wall_seconds"}
    assert record["study"] == "small"
    for network in record["networks"]:
        assert network.keys() >= {
            "family", "budget", "weights", "macs", "seeds", "test_accuracy_mean", "test_accuracy_ci95",
            "validation_accuracy_mean", "train_seconds_mean",
        }  # fmt: skip
        low, high = network["test_accuracy_ci95"]
        assert low < network["test_accuracy_mean"] < high
        assert network["seeds"] == 2


def test_only_a_study_with_networks_of_the_course_report_is_set_beside_it(summary: StudySummary) -> None:
    alone = tables.networks_table(summary)
    first = replace(summary.networks[0], reference=reference_for("fashion-mnist", NetworkId("cnn", 10_000)))
    beside = tables.networks_table(replace(summary, networks=(first, *summary.networks[1:])))
    added = {column.heading for column in beside.columns} - {column.heading for column in alone.columns}
    assert added == set(tables.OF_COURSE_REPORT)
    assert len(beside.notes) == len(alone.notes) + 1
    assert "course report" in beside.title
    for few, many in zip(alone.rows, beside.rows, strict=True):
        assert set(few) <= set(many)
    assert {len(row) for row in alone.rows} == {len(alone.columns)}


def test_a_study_for_a_chip_shows_what_its_networks_take_there(summary: StudySummary) -> None:
    alone, limits = tables.networks_table(summary), Limits(chip="cortex-m4@80MHz")
    there = replace(summary, limits=limits)
    table = tables.networks_table(there)
    assert [column.heading for column in table.columns[-3:]] == ["RAM", "flash", "ms"]
    assert "cortex-m4@80MHz" in table.notes[-1]
    for network, row, without in zip(summary.networks, table.rows, alone.rows, strict=True):
        device = on_device(network.architecture, limits)
        assert row == (*without, *device.cells)
        assert device.cells[0] == f"{ram(network.architecture):,}"
    [*_, record] = tables.to_record(there)["networks"]
    assert record["flash_bytes"] == device.flash_bytes
    assert "milliseconds" in tables.to_csv(there).splitlines()[0]


@pytest.mark.parametrize("damage", [{"max_ms": "soon"}, {"chip": "z80"}, {"max_flash": 5}])
def test_damaged_limits_cost_a_study_only_themselves(
    summary: StudySummary, finished: Any, tmp_path: Path, damage: dict[str, Any]
) -> None:
    folder = Path(shutil.copytree(finished.folder, tmp_path / "small"))
    with closing(sqlite3.connect(folder / "study.db")) as database, database:
        [settings] = database.execute("SELECT spec FROM study").fetchone()
        database.execute("UPDATE study SET spec = ?", (json.dumps({**json.loads(settings), **damage}),))
    damaged = summarise(folder)
    assert len(damaged.networks) == len(summary.networks)
    assert len(damaged.problems) == len(summary.problems) + 1
    assert damaged.limits == NO_LIMITS


def test_the_record_has_what_a_narrow_table_leaves_out(summary: StudySummary) -> None:
    reference = reference_for("fashion-mnist", NetworkId("cnn", 10_000))
    assert reference is not None
    first = replace(summary.networks[0], reference=reference)
    beside, alone = tables.to_record(replace(summary, networks=(first, summary.networks[1])))["networks"]
    assert (beside["course_report_accuracy"], beside["course_report_time"]) == (reference.accuracy, reference.minutes)
    assert alone["course_report_time"] is None


def test_the_csv_reads_back_with_full_precision(summary: StudySummary) -> None:
    rows = list(csv.DictReader(io.StringIO(tables.to_csv(summary))))
    assert [(row["family"], int(row["budget"])) for row in rows] == NETWORKS
    for row, network in zip(rows, summary.networks, strict=True):
        assert None not in row  # no row is longer than the heading
        assert float(row["test_accuracy_mean"]) == network.test_accuracy.mean
        assert float(row["test_accuracy_low"]) == network.test_accuracy.low
        assert float(row["test_accuracy_high"]) == network.test_accuracy.high
        assert int(row["weights"]) == network.weights


def test_the_markdown_is_a_whole_table_with_its_footnotes(summary: StudySummary) -> None:
    text = tables.to_markdown(summary)
    table = [line for line in text.splitlines() if line.startswith("|")]
    assert len(table) == 2 + len(NETWORKS)
    assert {line.count("|") for line in table} == {len(tables.networks_table(summary).columns) + 1}
    assert re.fullmatch(r"(\|(---:?))+\|", table[1])
    for network, line in zip(summary.networks, table[2:], strict=True):
        assert line.startswith(f"| {network.label} | {network.weights:,} |")
        assert f"{100 * network.test_accuracy.mean:.2f}" in line
    assert all(note in text for note in tables.networks_table(summary).notes)
