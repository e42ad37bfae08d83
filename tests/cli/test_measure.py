"""``makeweight measure`` on a real study: measured once, stored with the result, shown again."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from makeweight.processors import processors
from makeweight.store.store import Store
from makeweight.studies.lock import study_lock

LABELS = ["FCN 2K", "FCN 3K", "CNN 2K", "CNN 3K"]
RECORD = {
    "network": str, "family": str, "budget": int, "weights": int, "run": str, "seed": int, "latency_p50_ms": float,
    "latency_p95_ms": float, "latency_repeats": int, "batch_images": int, "batch_latency_p50_ms": float,
    "batch_latency_p95_ms": float, "batch_repeats": int, "batch_images_per_second": float,
    "peak_activation_bytes": int, "file_bytes": int, "load_ms": float, "measured": str, "environment": dict,
}  # fmt: skip


@pytest.fixture
def study(finished, tmp_path: Path) -> Path:
    """A copy of the finished study, where the commands look for it."""
    return Path(shutil.copytree(finished.folder, tmp_path / "studies" / "small"))


def networks(ran: Any) -> dict[str, dict[str, Any]]:
    assert ran.code == 0, ran.err
    return {network["network"]: network for network in json.loads(ran.out)["networks"]}


def test_a_study_is_measured_once_and_shown_from_its_store(cli: Callable, study: Path) -> None:
    first = cli("measure", "--json")
    record = networks(first)
    assert sorted(record) == sorted(LABELS)
    said, *lines = first.err.splitlines()
    assert said == "study small, data set digits"
    assert [line.split("] ")[0] for line in lines] == [f"[{n}/4" for n in range(1, 5)]
    assert all("measuring" in line for line in lines)
    for network in record.values():
        assert {key: type(network[key]) for key in RECORD} == RECORD
        assert (network["seed"], network["environment"]["threads"]) == (0, 1)
        assert network["batch_images_per_second"] == pytest.approx(256_000 / network["batch_latency_p50_ms"])
    with Store.open(study) as store:
        stored = {row.job.key[:12]: store.measurement(row.job.key) for row in store.jobs()}
    for network in record.values():
        cost = stored[network["run"]]
        assert cost is not None
        assert (cost.latency_p50_ms, cost.measured) == (network["latency_p50_ms"], network["measured"])
    assert sum(cost is not None for cost in stored.values()) == 4  # one run of each network

    second = cli("measure", "small", "--all", "--json")
    assert networks(second) == record
    assert "measuring" not in second.err
    assert second.err.count("--again") == 4

    shown = cli("measure")
    for label, network in record.items():
        [line] = [line for line in shown.out.splitlines() if line.strip().startswith(label)]
        for number in (f"{network['latency_p50_ms']:.3f}", f"{network['file_bytes'] / 1_024:,.1f}"):
            assert number in line
    environment = next(iter(record.values()))["environment"]
    assert f"in fp32 on 1 thread of {environment['processor']}" in shown.out

    named = networks(cli("measure", "fcn-2k", "--json"))  # by name it is measured again
    assert list(named) == ["FCN 2K"]
    assert named["FCN 2K"]["latency_p50_ms"] != record["FCN 2K"]["latency_p50_ms"]


def test_a_run_is_named_by_its_seed_or_its_key(cli: Callable, study: Path) -> None:
    [by_seed] = networks(cli("measure", "small/fcn-2k#1", "--json")).values()
    assert by_seed["seed"] == 1
    [by_key] = networks(cli("measure", by_seed["run"], "--json")).values()
    assert (by_key["run"], by_key["seed"]) == (by_seed["run"], 1)


@pytest.mark.skipif(processors() < 2, reason="needs two processors")
def test_another_number_of_threads_is_another_measurement(cli: Callable, study: Path) -> None:
    [one] = networks(cli("measure", "fcn-2k", "--json")).values()
    both = networks(cli("measure", "--threads", "2", "--json"))
    assert one["environment"]["threads"] == 1
    assert {network["environment"]["threads"] for network in both.values()} == {2}


def assert_refused(ran: Any, expected: str) -> None:
    assert (ran.code, ran.out) == (2, "")
    *_, error = ran.err.splitlines()
    assert error.startswith("error: ")
    assert expected in error
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("rnn-5k",), "there is no network 'rnn-5k' with a result in studies"),
        (("fcn-2k#7",), "FCN 2K has no finished run of seed 7. It has: 0, 1."),
        (("other", "--all"), "there is no study 'other' in studies. There are: small."),
        (("--threads", "0"), "--threads"),
        (("--threads", "9999"), "threads 9999 is not possible: give 1 to"),
    ],
)
def test_what_is_not_there_is_refused(cli: Callable, study: Path, arguments: tuple[str, ...], expected: str) -> None:
    assert_refused(cli("measure", *arguments), expected)


def test_without_a_study_there_is_nothing_to_measure(cli: Callable) -> None:
    assert_refused(cli("measure"), "there is no study in studies. Run one with: makeweight study")


def test_a_study_that_runs_is_left_alone(cli: Callable, study: Path) -> None:
    with study_lock(study):
        assert_refused(cli("measure", "fcn-2k"), f"process {os.getpid()} is at work on the study")


def test_a_study_without_a_result_is_refused(cli: Callable, study: Path) -> None:
    with Store.create(study) as store, store._database.transaction() as connection:
        connection.execute("DELETE FROM result")
    assert_refused(cli("measure"), "has no finished training to measure")


def test_a_damaged_network_is_one_clear_line_and_the_others_are_kept(cli: Callable, study: Path) -> None:
    with Store.open(study) as store:
        keys = {(row.job.family, row.job.budget, row.job.seed): row.job.key for row in store.jobs()}
    (study / "weights" / f"{keys['cnn', 2_000, 0]}.safetensors").write_bytes(b"no weights")
    assert_refused(cli("measure"), "is damaged")
    with Store.open(study) as store:
        assert store.measurement(keys["fcn", 2_000, 0]) is not None


def test_a_lock_that_cannot_be_written_is_one_clear_line(cli: Callable, study: Path) -> None:
    (study / "study.lock").unlink(missing_ok=True)
    (study / "study.lock").mkdir()
    assert_refused(cli("measure", "fcn-2k"), "cannot write")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("arguments", [(), ("fcn-2k",)])
def test_a_read_only_study_is_one_clear_line(cli: Callable, study: Path, arguments: tuple[str, ...]) -> None:
    study.chmod(0o555)
    try:
        assert_refused(cli("measure", *arguments), "written")
    finally:
        study.chmod(0o755)
