"""A family that is one file of the user's own works everywhere, with nothing patched."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from makeweight.store.store import Store

FAMILY = (Path(__file__).parents[2] / "examples" / "patches.py").read_text(encoding="utf-8")
DIGITS = ("--dataset", "digits")
QUICK = ("--precision", "fp32", "--threads", "1")
SHORT = ("--set", "epochs=2", "--set", "precision=fp32", "--threads", "1", "--workers", "1")


@pytest.fixture(scope="module")
def own(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The environment variable that makes the family known."""
    file = tmp_path_factory.mktemp("own") / "patches.py"
    file.write_text(FAMILY, encoding="utf-8")
    return {"MAKEWEIGHT_FAMILIES": str(file)}


@pytest.fixture(scope="module")
def run_own(own: dict[str, str], run_command: Callable) -> Callable:
    """Run a real command that knows the family, however slow the machine."""

    def run(*arguments: str | Path, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        return run_command(*arguments, cwd=cwd, timeout=280, **own, **variables)

    return run


@pytest.fixture(scope="module")
def studied(run_own: Callable, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a finished study of the family at its own budgets, and of another family."""
    folder = tmp_path_factory.mktemp("studied")
    file = folder / "mine.toml"
    file.write_text('dataset = "digits"\nfamilies = ["fcn", "patches"]\nseeds = 1\n[recipe.patches]\nepochs = 3\n')
    ran = run_own("study", file, "--budgets", "1500,3K", *SHORT, "--json", cwd=folder)
    assert ran.returncode == 0, ran.stderr
    return Path(folder / json.loads(ran.stdout)["report"]).parent


def test_its_options_are_flags_of_design(run_own: Callable, tmp_path: Path) -> None:
    shown = run_own("design", "--help", cwd=tmp_path, COLUMNS="200").stdout
    assert "mobile, lenet or patches." in shown
    assert "patches: Side of a patch in pixels. [default: (2)]" in shown
    ran = run_own("design", "-f", "patches", "-b", "20K", "--patch", "4", "--mixers", "2", "--json", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    record = json.loads(ran.stdout)
    assert record["layers"][0]["output_shape"][1:] == [7, 7]
    assert sum(layer["kind"] == "conv" for layer in record["layers"]) == 3
    assert 0.99 * 20_000 <= record["weights"] <= 20_000


def test_its_rules_hold_on_the_command_line(run_own: Callable, tmp_path: Path) -> None:
    for flags, said in (
        (("-f", "patches", "--patch", "9"), "patch 9 is not possible: give a whole number from 1 to 8."),
        (("-f", "patches", "--pooled", "min"), "pooled 'min' is not possible: choose average or max."),
        (("-f", "patches", "--kernel", "3"), "family 'patches' has no option 'kernel'. It has: patch, mixers, pooled,"),
        (("-f", "cnn", "--patch", "2"), "family 'cnn' has no option 'patch'."),
    ):
        ran = run_own("design", "-b", "20K", *flags, cwd=tmp_path)
        assert (ran.returncode, ran.stdout) == (2, "")
        assert said in ran.stderr


def test_it_is_trained_with_its_own_recipe(run_own: Callable, tmp_path: Path) -> None:
    ran = run_own("train", "-f", "patches", "-b", "3K", "--mixers", "2", *DIGITS, *QUICK, "--json", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    record = json.loads(ran.stdout)
    with Store.open(tmp_path / record["folder"]) as store:
        recipe = store.jobs()[0].job.recipe
    assert recipe.learning_rate == 0.02
    assert recipe.epochs == record["epochs"] < 20  # as many as one of 54,000 images is worth
    assert not recipe.flip
    assert record["test_accuracy"] > 0.3  # one of ten by chance


def test_a_study_compares_it_with_others(studied: Path) -> None:
    with Store.open(studied) as store:
        jobs = [row.job for row in store.jobs()]
    assert {(job.family, job.budget) for job in jobs} == {
        (family, budget) for family in ("fcn", "patches") for budget in (1_500, 3_000)
    }
    assert {(job.family, job.recipe.epochs) for job in jobs} == {("fcn", 2), ("patches", 2)}


def test_its_budgets_are_those_of_a_study_that_names_none(run_own: Callable, tmp_path: Path) -> None:
    ran = run_own(
        "study", *DIGITS, "--families", "patches", "--seeds", "1", *SHORT, "--dry-run", "--json", cwd=tmp_path
    )
    assert ran.returncode == 0, ran.stderr
    assert {job["budget"] for job in json.loads(ran.stdout)["jobs"]} == {1_500, 3_000}


def test_what_it_was_is_shown_where_it_is_not_known_any_more(
    studied: Path, run_command: Callable, tmp_path: Path
) -> None:
    for arguments in (("show", "--json"), ("resume", "--json")):
        ran = run_command(*arguments, "--store", studied.parent, cwd=tmp_path)
        assert ran.returncode == 0, ran.stderr
        networks = json.loads(ran.stdout)["networks"]
        assert {network["family"] for network in networks} == {"fcn", "patches"}
    ran = run_command("design", "-f", "patches", "-b", "3K", cwd=tmp_path)
    assert (ran.returncode, ran.stdout) == (2, "")
    assert "unknown family 'patches'" in ran.stderr


@pytest.mark.slow
def test_it_is_tuned_over_what_it_declares(run_own: Callable, tmp_path: Path) -> None:
    ran = run_own("tune", "-f", "patches", "-b", "1500", *DIGITS, "--trials", "3", *SHORT, "--json", cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    record = json.loads(ran.stdout)
    point = record["best"]["hyperparameters"]
    assert point.keys() >= {"patch", "mixers", "erase", "learning_rate"}
    assert point["patch"] in (2, 4)
    assert point["erase"] in (0.0, 0.25, 0.5)
    assert "pooled" not in point
    assert record["trials_rejected"] == 0


def test_it_can_be_registered_in_python(own: dict[str, str], environment: dict[str, str], tmp_path: Path) -> None:
    program = (
        "import runpy, sys\n"
        "from makeweight.designs.families import register\n"
        "from makeweight.cli.main import main\n"
        "register(runpy.run_path(sys.argv.pop(1))['FAMILY'])\n"
        "main()\n"
    )
    asked = ("train", "-f", "patches", "-b", "1500", "--patch", "4", *DIGITS, *QUICK, "--epochs", "20", "--json")
    ran = subprocess.run(
        [sys.executable, "-c", program, own["MAKEWEIGHT_FAMILIES"], *asked],
        env=environment, cwd=tmp_path, capture_output=True, text=True, timeout=280,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    with Store.open(tmp_path / json.loads(ran.stdout)["folder"]) as store:
        job = store.jobs()[0].job
    assert job.family == "patches"
    assert job.recipe.flip  # its recipe for long trainings


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "which cannot be read: No such file or directory."),
        ("import nothing_of_this_name", "which fails: ModuleNotFoundError: No module named 'nothing_of_this_name'."),
        ("family = 3", "which has no FAMILY = Family(...)."),
        (FAMILY.replace('name="patches"', 'name="fcn"'), "there is another family 'fcn'. Rename yours"),
        (FAMILY.replace("pooled", "epochs"), "--epochs is an option of train and of a family. Rename the family's"),
    ],
)
def test_what_is_wrong_with_its_file_is_one_clear_line(
    run_command: Callable, tmp_path: Path, text: str | None, said: str
) -> None:
    file = tmp_path / "own.py"
    if text is not None:
        file.write_text(text, encoding="utf-8")
    ran = run_command("design", "-f", "cnn", "-b", "20K", cwd=tmp_path, MAKEWEIGHT_FAMILIES=str(file))
    assert (ran.returncode, ran.stdout, ran.stderr.count("\n")) == (2, "", 1)
    assert said in ran.stderr
