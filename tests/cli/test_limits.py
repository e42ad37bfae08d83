"""Limits beside the weights, from the command line or a study file to the networks that are trained."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from makeweight.designs.memory import ram
from makeweight.store.store import Store

QUICK = ("--dataset", "digits", "--set", "epochs=1", "--threads", "1", "--precision", "fp32")
LIMITS = ("--max-macs", "30K", "--max-ram", "1KiB")
STUDY = ("study", *QUICK, "--families", "cnn,fcn", "--budgets", "3K", "--seeds", "1", "--workers", "1")
TRAIN = ("train", *QUICK, "--family", "cnn", "--budget", "3K")


def costs(folder: Path) -> dict[str, tuple[int, int]]:
    """Return MACs and bytes of RAM in int8, by family."""
    with Store.open(folder) as store:
        return {row.job.family: (row.macs, ram(row.job.architecture)) for row in store.jobs()}


def test_a_training_is_of_the_network_that_design_shows(cli: Callable) -> None:
    shown = json.loads(cli("design", "-f", "cnn", "-b", "3K", "-d", "digits", *LIMITS, "--json").out)
    ran = cli(*TRAIN, *LIMITS, "--json")
    assert ran.code == 0, ran.err
    record = json.loads(ran.out)
    assert record["limits"] == shown["limits"]
    assert (record["weights"], record["macs"], record["ram_bytes"]) == (
        shown["weights"], shown["macs"], shown["ram_bytes"],
    )  # fmt: skip
    with Store.open(Path(record["folder"])) as store:
        assert store.jobs()[0].job.architecture.digest == shown["digest"]
    lines = cli(*TRAIN, *LIMITS).out.splitlines()
    assert f"{record['macs']:,} of at most 30,000 MACs" in lines
    assert f"{record['ram_bytes']:,} of at most 1,024 bytes of RAM as int8 C" in lines


def test_a_study_keeps_to_its_limits_and_is_found_again(cli: Callable, tmp_path: Path) -> None:
    ran = cli(*STUDY, *LIMITS, "--json")
    assert ran.code == 0, ran.err
    folder = Path(json.loads(ran.out)["report"]).parent
    assert all(macs <= 30_000 and size <= 1_024 for macs, size in costs(tmp_path / folder).values())
    assert "macs30000-int8-1024B" in folder.name
    again = cli(*STUDY, *LIMITS, "--json")
    assert json.loads(again.out)["wall_seconds"] == json.loads(ran.out)["wall_seconds"]
    assert json.loads(cli("resume", folder.name, "--json").out)["jobs_done"] == 2


@pytest.mark.slow
def test_other_limits_replace_what_they_bind_and_keep_the_rest(cli: Callable, tmp_path: Path) -> None:
    def run(*limits: str) -> dict[str, Any]:
        ran = cli(*STUDY, "--name", "mine", *limits, "--json")
        assert ran.code == 0, ran.err
        return json.loads(ran.out)

    assert run()["jobs_done"] == 2
    free = costs(tmp_path / "studies/mine")
    second = run("--max-macs", "20K")
    assert second["jobs_done"] == 2
    limited = costs(tmp_path / "studies/mine")
    assert limited["fcn"] == free["fcn"]
    assert limited["cnn"][0] <= 20_000 < free["cnn"][0]
    # What was trained under the earlier plan is still there.
    assert run()["wall_seconds"] == second["wall_seconds"]
    assert costs(tmp_path / "studies/mine") == free


def test_the_file_s_limits_count_and_the_command_line_wins(cli: Callable, tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text(
        'dataset = "digits"\nfamilies = ["cnn"]\nbudgets = ["3K"]\nseeds = 1\n'
        'max_macs = "50K"\nmax_ram = "1KiB"\nram_type = "fp32"\n'
    )

    def dry(*arguments: str) -> tuple[str, int, int]:
        record = json.loads(cli("study", "mine.toml", "--dry-run", "--json", *arguments).out)
        [job] = record["jobs"]
        return record["study"], job["macs"], job["ram_bytes"]

    name, macs, size = dry()
    assert name == "mine"
    assert macs <= 50_000
    assert size <= 1_024
    name, tighter, _ = dry("--max-macs", "10K")
    assert name == "mine-macs10000-fp32-1024B"
    assert tighter <= 10_000
    name, more, size = dry("--ram-type", "int8")
    assert name == "mine-macs50000-int8-1024B"
    assert size <= 1_024
    assert macs != more <= 50_000  # a value takes a quarter of the bytes, so another network is best


def test_a_chip_of_the_file_is_that_of_a_limit_on_the_command_line(cli: Callable, tmp_path: Path) -> None:
    (tmp_path / "part.toml").write_text(
        'dataset = "digits"\nfamilies = ["cnn"]\nbudgets = ["3K"]\nchip = "m4@80MHz"\nmax_ms = 20\n'
    )
    record = json.loads(cli("study", "part.toml", "--dry-run", "--json", "--max-ms", "2").out)
    assert all(job["milliseconds"] <= 2 for job in record["jobs"])


def test_long_names_of_different_limits_are_different(cli: Callable) -> None:
    limits = ("--max-macs", "5M", "--ram", "64K", "--flash", "256K", "--max-ms", "100", "--chip", "m0plus@48")
    names = {
        json.loads(cli("study", "--dataset", "digits", "--budgets", "2K", "--seeds", "1", *limits, "--families", family,
                       "--dry-run", "--json").out)["study"]
        for family in ("fcn", "cnn")
    }  # fmt: skip
    assert len(names) == 2
    assert all(len(name) <= 80 for name in names)


def test_the_same_number_of_operations_and_of_bytes_are_two_studies(cli: Callable) -> None:
    names = {
        json.loads(cli(*STUDY, option, "2K", "--dry-run", "--json", *more).out)["study"]
        for option, *more in (("--max-macs", "--families", "fcn"), ("--max-ram", "--families", "fcn"))
    }
    assert len(names) == 2


@pytest.mark.parametrize("command", [STUDY, TRAIN, (*STUDY, "--dry-run")])
@pytest.mark.parametrize(
    ("limits", "said"),
    [
        (
            ("--max-macs", "100"),
            "needs at least 3,496 MACs (the limit is 100), with its smallest widths.",
        ),
        (("--max-ram", "20", "--ram-type", "fp32"), "bytes of RAM as fp32 C (the limit is 20)"),
        (("--max-macs", "5X"), "a limit of '5X' macs is not possible: write a whole number above 0 as 5M or 5000000."),
        (("--ram-type", "int4"), "ram_type 'int4' is unknown. Choose from: int8, fp32."),
    ],
)
def test_what_is_not_possible_is_refused_before_anything_starts(
    cli: Callable, tmp_path: Path, command: tuple[str, ...], limits: tuple[str, ...], said: str
) -> None:
    ran = cli(*command, *limits)
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert said in ran.err
    assert list(tmp_path.iterdir()) == []


def test_exact_widths_leave_nothing_to_limit(cli: Callable) -> None:
    ran = cli("train", *QUICK, "--family", "fcn", "--width", "20", "--max-macs", "1M")
    assert ran.code == 2
    assert "give widths, or a limit" in ran.err
