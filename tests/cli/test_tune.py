"""``makeweight tune`` as a user meets it."""

from __future__ import annotations

import json
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from makeweight.data.dataset import PreparedDataset
from makeweight.designs.families import family_named
from makeweight.errors import InvalidValue, StoreError
from makeweight.face.tunings import parse_seconds
from makeweight.store.rows import StudyRow
from makeweight.store.store import Store
from makeweight.store.trials import TUNING_DATABASE, read_tuning
from makeweight.tuning.record import TuningRecord
from makeweight.tuning.space import SearchSpace
from makeweight.wording import percent

ASKED = (
    "tune", "--family", "fcn", "--budget", "2K", "--dataset", "digits", "--trials", "4", "--workers", "2",
    "--threads", "1", "--set", "precision=fp32", "--set", "batch_size=64", "--set", "epochs=60",
    "--name", "tuned", "--json",
)  # fmt: skip
KEYS = {
    "study", "family", "budget", "best", "weights", "validation_accuracy", "test_accuracy", "test_accuracy_ci95",
    "trials_done", "trials_pruned", "trials_failed", "trials_rejected", "wall_seconds",
}  # fmt: skip


@pytest.fixture
def start(command: str, environment: dict[str, str], tmp_path: Path) -> Any:
    """Start the command in the background, and end it with the test."""
    processes: list[subprocess.Popen[str]] = []

    def begin(*arguments: str) -> subprocess.Popen[str]:
        process = subprocess.Popen(
            [command, *arguments], cwd=tmp_path, env=environment, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        processes.append(process)
        return process

    yield begin
    for process in processes:
        process.kill()
        process.communicate()


def wait_for_trials(process: subprocess.Popen[str], folder: Path, count: int, seconds: float = 180) -> None:
    """Stop the process when so many trials have begun, one of them in mid-training: none can end before the signal."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        assert process.poll() is None, process.communicate()
        if is_training(folder, count):
            process.send_signal(signal.SIGSTOP)
            with suppress(StoreError):  # it may be stopped with the database locked
                if is_training(folder, count):
                    return
            process.send_signal(signal.SIGCONT)
        time.sleep(0.02)
    raise AssertionError("the tuning did not get so far")


def is_training(folder: Path, count: int) -> bool:
    """Tell whether so many trials have begun, and one of them is in mid-training."""
    tuning = read_tuning(folder) if (folder / TUNING_DATABASE).exists() else None
    begun = tuning.trials if tuning else []
    return len(begun) >= count and any(trial.state == "running" and trial.shares for trial in begun)


SLOW = pytest.mark.slow  # the signals end alike; a kill is the hardest, and is tried every time


@pytest.mark.parametrize(
    "how", [signal.SIGKILL, pytest.param(signal.SIGINT, marks=SLOW), pytest.param(signal.SIGTERM, marks=SLOW)]
)
def test_a_tuning_that_was_ended_goes_on_with_all_trials_accounted_for(
    start: Any, run_command: Callable[..., Any], children_of: Callable[[int], list[int]],
    all_end: Callable[..., bool], tmp_path: Path, how: signal.Signals,
) -> None:  # fmt: skip
    folder = tmp_path / "studies" / "tuned"
    process = start(*ASKED)
    wait_for_trials(process, folder, 2)
    workers = children_of(process.pid)
    process.send_signal(how)
    process.send_signal(signal.SIGCONT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == {signal.SIGKILL: -9, signal.SIGINT: 130, signal.SIGTERM: 143}[how]
    assert all_end(workers)
    if how != signal.SIGKILL:
        assert "The same command goes on." in err
    before = read_tuning(folder)
    assert before is not None
    ended = {t.number: (t.state, t.validation_accuracy) for t in before.trials if t.state in ("complete", "pruned")}
    unfinished = json.loads(run_command("tune", "--report", "--name", "tuned", "--json", cwd=tmp_path).stdout)
    assert unfinished["test_accuracy"] is None
    assert Path(tmp_path, unfinished["report"]).is_file()

    output = run_command(*ASKED, cwd=tmp_path)

    assert output.returncode == 0, output.stderr
    record = json.loads(output.stdout)
    assert record["trials_done"] + record["trials_pruned"] == 4
    assert record["trials_failed"] == record["trials_rejected"] == 0
    # One that was in mid-training either ended in the epoch that a polite signal leaves it, or was cut off.
    assert record["trials_interrupted"] == sum(t.interrupted or t.state == "running" for t in before.trials)
    assert how != signal.SIGKILL or record["trials_interrupted"] >= 1
    after = read_tuning(folder)
    assert after is not None
    assert not any(trial.state in ("running", "waiting") for trial in after.trials)
    assert ended.items() <= {t.number: (t.state, t.validation_accuracy) for t in after.trials}.items()
    # Every point that was cut off was tried again; one that was just being chosen has only a part of its values.
    cut = [trial.point for trial in after.trials if trial.interrupted]
    tried = [trial.point for trial in after.trials if not trial.interrupted]
    assert all(any(point.items() <= other.items() for other in tried) for point in cut)


def test_a_tuning_prints_its_record_and_writes_the_report(cli: Callable, tmp_path: Path) -> None:
    asked = ("tune", "-f", "cnn", "-b", "2K", "-d", "digits", "--trials", "8", "--set", "epochs=2")
    ran = cli(*asked, "--json")
    assert ran.code == 0, ran.err
    record = json.loads(ran.out)
    assert record.keys() >= KEYS
    assert record["weights"] <= record["budget"] == 2_000
    assert set(record["best"]["hyperparameters"]) >= {"learning_rate", "kernel", "batch_size"}
    assert "epochs" not in record["best"]["hyperparameters"]
    assert Path(record["report"]).is_file()
    assert "trial 0 complete" in ran.err
    assert sum(record["importances"].values()) == pytest.approx(1)
    assert record["importances"].keys() == record["best"]["hyperparameters"].keys()
    page = Path(record["report"]).read_text()
    drawn = ("tuning-history", "tuning-importances", "tuning-coordinates", "tuning-frontier")
    assert all(f'id="figure-{name}"' in page for name in drawn)
    listed = {figure["name"] for figure in json.loads(cli("figure", "--list", "--json").out)["figures"]}
    assert listed >= set(drawn)

    again = cli(*asked)
    assert again.code == 0
    assert percent(record["test_accuracy"]) in again.out
    assert "selection effect" in again.out
    assert "0 rejected for size" in again.out

    reported = cli("tune", "--report", "--json")
    assert json.loads(reported.out) == record


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("-f", "lenet", "-b", "60K"), "Choose from: fcn, cnn"),
        (("-f", "fcn", "-b", "10"), "budget"),
        (("-f", "fcn"), "--budget is missing"),
        (("--report",), "no tuning"),
        (("--report", "--name", "none"), "no study"),
        (("-f", "fcn", "-b", "2K", "--time", "soon"), "10m"),
        (("-f", "fcn", "-b", "2K", "--time", "10m", "--effort", "max"), "both set the trainings' length. Give one."),
        (("-f", "fcn", "-b", "2K", "--effort", "huge"), "'quick', 'standard', 'max'"),
        (("-f", "any", "-b", "10"), "budget"),
        (("-f", "fcn", "-b", "2K", "--set", "speed=9"), "FIELD=VALUE"),
        (("-f", "cnn", "-b", "2K", "--max-macs", "10"), "MACs"),
        (("-f", "fcn", "-b", "2K", "--name", "../up"), "study name"),
    ],
)
def test_what_cannot_be_tuned_is_said_and_nothing_is_left(
    cli: Callable, tmp_path: Path, arguments: tuple[str, ...], said: str
) -> None:
    ran = cli("tune", "-d", "digits", *arguments)
    assert ran.code == 2
    assert said in ran.err
    assert "Traceback" not in ran.err
    assert not list(tmp_path.glob("studies/*/*"))


def test_any_family_may_win_and_the_page_shows_all_of_them(cli: Callable) -> None:
    ran = cli("tune", "-f", "any", "-b", "3K", "-d", "digits", "--trials", "6", "--set", "epochs=2", "--json")
    assert ran.code == 0, ran.err
    record = json.loads(ran.out)
    assert record["family"] == "fcn,cnn,mobile"
    best = record["best"]["hyperparameters"]
    assert all(name == "family" or name.startswith(f"{best['family']}.") for name in best)
    page = Path(record["report"]).read_text()
    assert all(f"{family}.learning_rate" in page for family in ("fcn", "cnn", "mobile"))
    assert json.loads(cli("tune", "--report", "--json").out) == record
    assert cli("resume", record["study"]).code == 0


def test_a_tuning_with_limits_of_another_kind_is_not_gone_on_with(
    cli: Callable, digits: PreparedDataset, tmp_path: Path
) -> None:
    folder = tmp_path / "studies" / "old"
    with Store.create(folder) as store:
        store.plan(StudyRow("old", "{}", "digits", digits.digest, digits.class_names, str(digits.path)), [])
    settings = {"family": "fcn", "budget": 2_000, "limits": {"max_macs": None, "max_activation_bytes": 9_000},
                "effort": "quick", "seed": 0, "split_seed": 0, "fixed": {}}  # fmt: skip
    TuningRecord(folder, settings, SearchSpace.of((family_named("fcn"),), 1_000, {})).close()
    ran = cli("resume", "old")
    assert (ran.code, ran.out, ran.err.count("\n")) == (2, "", 1)
    assert "with other limits: max_macs, max_activation_bytes. Start a new one" in ran.err


def test_times_are_read() -> None:
    assert [parse_seconds(text) for text in ("90", "90s", "10m", "1.5h")] == [90, 90, 600, 5_400]
    for text in ("", "0m", "-5m", "1d", "ten"):
        with pytest.raises(InvalidValue, match="10m"):
            parse_seconds(text)
