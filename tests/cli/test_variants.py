"""Networks that differ in an option or a recipe field, and are named by it wherever they appear."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

LABELS = ["CNN 2K kernel=1", "CNN 2K kernel=3"]
STUDY = ("--dataset", "digits", "--families", "cnn", "--budgets", "2K", "--vary", "kernel=1,3", "--seeds", "1")


@pytest.fixture(scope="module")
def trained(run_command: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("varied")
    ran = run_command("study", *STUDY, "--set", "epochs=1", "--name", "kernels", "--workers", "1", cwd=folder)
    assert ran.returncode == 0, ran.stderr
    assert "CNN 2K kernel=3 seed 0: test accuracy" in ran.stderr
    return Path(folder / "studies")


@pytest.fixture
def store(trained: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(trained, tmp_path / "studies"))


def test_tables_and_records_name_the_variants(cli: Callable, store: Path) -> None:
    networks = json.loads(cli("show", "kernels", "--json").out)["networks"]
    assert [(n["network"], n["variant"]["kernel"]) for n in networks] == list(zip(LABELS, (1, 3), strict=True))
    assert all(label in cli("show", "kernels", "--md").out for label in LABELS)
    assert [line.split(",")[0] for line in cli("show", "kernels", "--csv").out.splitlines()[1:]] == LABELS


def test_a_variant_has_a_name_on_the_command_line(cli: Callable, store: Path) -> None:
    ran = cli("measure", "cnn-2k-kernel=3", "--json")
    assert ran.code == 0, ran.err
    assert [n["network"] for n in json.loads(ran.out)["networks"]] == ["CNN 2K kernel=3"]
    ran = cli("measure", "cnn-2k")
    assert (ran.code, ran.out) == (2, "")
    assert "makeweight measure kernels/cnn-2k-kernel=1" in ran.err
    assert "makeweight measure kernels/cnn-2k-kernel=3" in ran.err


def test_a_comparison_says_what_differs(cli: Callable, store: Path) -> None:
    ran = cli("compare", "cnn-2k-kernel=1", "cnn-2k-kernel=3")
    assert ran.code == 0, ran.err
    assert "What differs: kernel 1 and 3." in ran.out
    [pair] = json.loads(cli("compare", "kernels", "--json").out)["comparisons"]
    assert (pair["a"], pair["b"], pair["what_differs"]) == (*LABELS, {"kernel": ["1", "3"]})


def test_the_report_names_them_in_verdict_and_figures(cli: Callable, store: Path) -> None:
    assert cli("report", "kernels", "--format", "md").code == 0
    text = (store / "kernels" / "report-md" / "report.md").read_text()
    assert "CNN kernel=3 against CNN kernel=1" in text.replace("\\", "")
    figures = json.loads(cli("figure", "--list", "kernels", "--json").out)["figures"]
    assert {"curves-cnn-2k-kernel=1", "curves-cnn-2k-kernel=3"} <= {figure["name"] for figure in figures}


def test_a_study_s_name_and_its_trainings_say_what_is_varied(cli: Callable) -> None:
    planned = json.loads(cli("study", *STUDY, "--dry-run", "--json").out)
    assert planned["study"] == "study-2K-digits-cnn-kernel1+3"
    assert sorted(job["network"] for job in planned["jobs"]) == LABELS


def test_a_training_is_named_by_what_was_asked_for(cli: Callable) -> None:
    ran = cli("train", "-f", "cnn", "-b", "2K", "-d", "digits", "--epochs", "1", "--kernel", "1", "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out)["network"] == "CNN 2K kernel=1 epochs=1"
    assert "CNN 2K kernel=1 epochs=1 seed 0: 1 epoch " in ran.err


@pytest.mark.parametrize(
    ("vary", "words"),
    [
        ("kernel", "--vary 'kernel' is not possible: write NAME=VALUE,VALUE as in 'kernel=3,5,7'."),
        ("kernel=3,,5", "write NAME=VALUE,VALUE"),
        ("kernle=3", "unknown key vary.kernle. Allowed: depth, "),
        ("kernel=big", "vary.kernel = 'big' is not possible: give a whole number from 1 to 15."),
    ],
)
def test_what_cannot_be_varied_is_said_before_anything_is_trained(cli: Callable, vary: str, words: str) -> None:
    ran = cli("study", "--dataset", "digits", "--vary", vary)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err
    assert not Path("studies").exists()
