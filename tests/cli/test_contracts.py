"""What the commands print for machines, and what their second run does."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from makeweight.wording import percent

FLOAT = (int, float)
DESIGN = {
    "family": str, "budget": int, "weights": int, "budget_used": float, "macs": int, "ram_bytes": int,
    "input_shape": list, "classes": int, "digest": str, "layers": list,
}  # fmt: skip
LAYER = {"name": str, "kind": str, "output_shape": list, "weights": int, "macs": int}
TRAINED = {
    "run": str, "family": str, "budget": int, "weights": int, "macs": int, "seed": int, "epochs": int,
    "validation_accuracy": float, "test_accuracy": float, "test_accuracy_ci95": list, "test_batch_sd": float,
    "train_seconds": float, "images_per_second": float, "precision": str, "threads": int, "data_digest": str,
    "ram_bytes": int, "limits": dict,
}  # fmt: skip
STUDIED = {
    "study": str, "networks": list, "jobs_total": int, "jobs_done": int, "jobs_failed": int, "wall_seconds": float,
}  # fmt: skip
NETWORK = {
    "family": str, "budget": int, "weights": int, "macs": int, "seeds": int, "test_accuracy_mean": float,
    "test_accuracy_ci95": list, "validation_accuracy_mean": float, "train_seconds_mean": float,
}  # fmt: skip


def assert_holds(record: dict[str, Any], contract: dict[str, type]) -> None:
    for key, kind in contract.items():
        assert type(record[key]) is kind, (key, record.get(key))


@pytest.mark.parametrize("family", ["fcn", "cnn", "lenet"])
def test_design(cli: Callable, family: str) -> None:
    ran = cli("design", "--family", family, "--budget", "20K", "--input", "3x32x24", "--classes", "7", "--json")
    assert (ran.code, ran.err) == (0, "")
    record = json.loads(ran.out)
    assert_holds(record, DESIGN)
    for layer in record["layers"]:
        assert_holds(layer, LAYER)
    assert (record["family"], record["budget"]) == (family, 20_000)
    assert (record["input_shape"], record["classes"]) == ([3, 32, 24], 7)
    assert sum(layer["weights"] for layer in record["layers"]) == record["weights"] <= 20_000
    assert sum(layer["macs"] for layer in record["layers"]) == record["macs"]
    assert record["budget_used"] == record["weights"] / 20_000
    assert record["layers"][-1]["output_shape"] == [7]


def test_design_of_exact_widths(cli: Callable) -> None:
    record = json.loads(cli("design", "--family", "fcn", "--depth", "2", "--width", "223", "--json").out)
    assert record["weights"] == 227_247
    assert (record["budget"], record["budget_used"]) == (None, None)


def test_the_table_of_a_design_ends_with_its_totals(cli: Callable) -> None:
    arguments = ("design", "--family", "cnn", "--budget", "20K", "--dataset", "digits")
    record, shown = json.loads(cli(*arguments, "--json").out), cli(*arguments).out
    for layer in record["layers"]:
        weights = f"{layer['weights']:,}" if layer["weights"] else "–"
        assert any(line.split()[:1] == [layer["name"]] and weights in line.split() for line in shown.splitlines())
    assert f"{record['weights']:,} weights of a budget of 20K ({percent(record['budget_used'])})" in shown
    assert f"{record['macs']:,} MACs" in shown


def test_train_twice_trains_once(cli: Callable) -> None:
    arguments = (
        "train", "--family", "fcn", "--budget", "2K", "--dataset", "digits", "--seed", "3", "--epochs", "3",
        "--precision", "fp32", "--threads", "1", "--json",
    )  # fmt: skip
    first = cli(*arguments)
    assert first.code == 0
    record = json.loads(first.out)
    assert_holds(record, TRAINED)
    assert (record["family"], record["budget"], record["seed"], record["epochs"]) == ("fcn", 2_000, 3, 3)
    assert (record["precision"], record["threads"]) == ("fp32", 1)
    low, high = record["test_accuracy_ci95"]
    assert 0 <= low < record["test_accuracy"] < high <= 1
    epochs = [line for line in first.err.splitlines() if line.startswith("epoch ")]
    assert [line.split()[1] for line in epochs] == ["1/3", "2/3", "3/3"]
    assert "* marks the best validation accuracy so far" in first.err
    assert all(part in epochs[0] for part in ("loss", "validation", " * ", "images/s", "s left"))

    second = cli(*arguments)
    assert second.code == 0
    assert "already trained" in second.err
    resumed = cli("resume", Path(record["folder"]).name, "--json")  # as train shows it
    assert (resumed.code, json.loads(resumed.out)) == (0, record)
    assert "epoch " not in second.err
    assert json.loads(second.out) == record
    shown = cli(*arguments[:-1]).out
    assert f"test accuracy {percent(record['test_accuracy'])}" in shown
    assert record["run"] in shown


def test_study_and_show_agree(cli: Callable, finished) -> None:
    record = json.loads(finished.output.stdout)
    assert_holds(record, STUDIED)
    for network in record["networks"]:
        assert_holds(network, NETWORK)
        assert len(network["test_accuracy_ci95"]) == 2
    shown = cli("show", "small", "--store", finished.folder.parent, "--json")
    assert (shown.code, shown.err) == (0, "")
    assert json.loads(shown.out) == {key: value for key, value in record.items() if key != "report"}
    assert cli("show", finished.folder, "--json").out == shown.out  # by its folder
    assert cli("show", "--store", finished.folder.parent, "--json").out == shown.out  # the latest


def test_show_prints_the_same_numbers_in_every_format(cli: Callable, finished) -> None:
    store = ("--store", finished.folder.parent)
    record = json.loads(cli("show", *store, "--json").out)
    rows = list(csv.DictReader(io.StringIO(cli("show", *store, "--csv").out)))
    markdown, table = cli("show", *store, "--md").out, cli("show", *store).out
    assert [float(row["test_accuracy_mean"]) for row in rows] == [
        network["test_accuracy_mean"] for network in record["networks"]
    ]
    for network in record["networks"]:
        cells = (f"{network['weights']:,}", f"{100 * network['test_accuracy_mean']:.2f}")
        for text in (markdown, table):
            assert any(all(cell in line for cell in cells) for line in text.splitlines())
    assert "8 of 8 trainings done" in table


def test_a_failed_training_is_told_and_the_others_count(cli: Callable, tmp_path: Path) -> None:
    (tmp_path / "half.toml").write_text(
        'dataset = "digits"\nfamilies = ["fcn", "lenet"]\nbudgets = ["2K"]\nseeds = 1\n'
        "[recipe]\nepochs = 2\n[recipe.lenet]\nlearning_rate = 1e30\n"
    )
    ran = cli("study", "half.toml", "--workers", "1", "--threads", "1", "--json")
    assert ran.code == 1
    record = json.loads(ran.out)
    assert (record["jobs_total"], record["jobs_done"], record["jobs_failed"]) == (2, 1, 1)
    assert [network["family"] for network in record["networks"]] == ["fcn"]
    [failure] = record["failures"]
    assert failure.startswith("LENET 2K seed 0: ")
    assert "smaller learning rate" in failure
    assert failure in Path(record["report"]).read_text(encoding="utf-8")
    shown = cli("show", "half")
    assert shown.code == 0
    assert f"failed: {failure}" in shown.out
    assert json.loads(cli("show", "half", "--json").out)["jobs_failed"] == 1


def test_a_training_that_fails_prints_no_result(cli: Callable) -> None:
    ran = cli(
        "train", "--family", "fcn", "--budget", "2K", "--dataset", "digits", "--epochs", "2",
        "--learning-rate", "1e30", "--threads", "1", "--json",
    )  # fmt: skip
    assert (ran.code, ran.out) == (1, "")
    assert ran.err.splitlines()[-1].startswith("error: training failed: ")


def test_a_dry_run_lists_the_trainings_and_starts_none(cli: Callable, finished, tmp_path: Path) -> None:
    ran = cli("study", finished.file, "--dry-run", "--json")
    assert (ran.code, ran.err) == (0, "")
    record = json.loads(ran.out)
    assert_holds(record, {"study": str, "jobs": list, "workers": int, "estimated_seconds": float})
    assert [job["seed"] for job in record["jobs"]] == [0] * 4 + [1] * 4
    for job in record["jobs"]:
        assert 0.99 * job["budget"] <= job["weights"] <= job["budget"]
    listed = cli("study", finished.file, "--dry-run")
    assert sum(" seed " in line for line in listed.out.splitlines()) == 8
    assert "8 trainings, about" in listed.out
    assert list(tmp_path.iterdir()) == []


def test_the_command_line_wins_over_the_file(cli: Callable, finished) -> None:
    ran = cli("study", finished.file, "--dry-run", "--json", "--seeds", "1", "--families", "cnn", "--set", "epochs=9")
    jobs = json.loads(ran.out)["jobs"]
    assert [(job["family"], job["budget"], job["epochs"]) for job in jobs] == [("cnn", 3_000, 9), ("cnn", 2_000, 9)]


def test_report_writes_the_page_into_the_study(cli: Callable, finished) -> None:
    ran = cli("report", "small", "--store", finished.folder.parent, "--json")
    assert ran.code == 0, ran.err
    assert json.loads(ran.out) == {"report": str(finished.folder / "report.html")}


def test_results_on_other_data_are_refused(cli: Callable, write_fashion: Callable[..., Path], tmp_path: Path) -> None:
    study = (
        "study", "--families", "fcn", "--budgets", "3K", "--seeds", "1", "--set", "epochs=1", "--threads", "1",
        "--name", "mine", "--dataset", "fashion-mnist",
    )  # fmt: skip
    first, second = write_fashion("first"), write_fashion("second", train=410)
    assert cli(*study, "--data", first).code == 0
    ran = cli(*study, "--data", second)
    assert (ran.code, ran.out) == (2, "")
    assert "holds results on data with digest" in ran.err.splitlines()[-1]
    assert "Traceback" not in ran.err
    assert json.loads(cli("show", "mine", "--json").out)["jobs_done"] == 1


@pytest.mark.parametrize(
    "asked",
    [
        ("study", "--families", "cnn", "--budgets", "1"),
        ("train", "--family", "cnn", "--budget", "1"),
        ("tune", "--family", "cnn", "--budget", "1"),
    ],
    ids=lambda asked: asked[0],
)
def test_other_data_are_refused_before_a_budget(
    cli: Callable, other: Path, write_fashion: Callable[..., Path], asked: tuple[str, ...]
) -> None:
    data = ("--dataset", "fashion-mnist", "--data", write_fashion("fashion"))
    ran = cli(*asked, *data, "--store", other.parent, "--name", other.name)
    assert (ran.code, ran.out) == (2, "")
    assert "holds results on data with digest" in ran.err.splitlines()[-1]


def test_data_are_listed_got_and_shown(cli: Callable, digits, tmp_path: Path) -> None:
    listed = json.loads(cli("data", "list", "--json").out)["datasets"]
    by_name = {entry["name"]: entry for entry in listed}
    assert by_name.keys() >= {"fashion-mnist", "mnist", "kmnist", "emnist-balanced", "cifar-10", "digits"}
    assert by_name["digits"]["prepared"] is True
    assert all(name in cli("data", "list").out for name in by_name)

    got = json.loads(cli("data", "get", "digits", "--json").out)
    assert (got["digest"], Path(got["path"])) == (digits.digest, digits.path)
    assert cli("data", "get", "digits").out == f"{digits.path}\n"

    shown = json.loads(cli("data", "show", "digits", "--json").out)
    assert shown["digest"] == digits.digest
    parts = [sum(entry[part] for entry in shown["classes"]) for part in ("training", "validation", "test")]
    assert parts[0] + parts[1] == len(digits.training_images().labels)
    assert parts[2] == len(digits.test_images().labels)
    assert all(len(sha256) == 64 for sha256 in shown["sha256"].values())
    with Image.open(tmp_path / "digits.png") as picture:
        assert min(picture.size) > 50
    assert digits.digest in cli("data", "show", "digits", "--output", tmp_path / "sheet.png").out
    assert (tmp_path / "sheet.png").is_file()
