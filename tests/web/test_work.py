"""What the dashboard starts keeps its state in a record: failed, killed, stopped and done, whoever reads it."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from makeweight.errors import RunFailed, StudyLocked
from makeweight.store.store import Store
from makeweight.studies.lock import ask_to_stop, runner_of
from makeweight.web import work
from makeweight.web.progress import read_progress
from makeweight.web.runs import RECORD, Runs
from makeweight.web.views import overview
from makeweight.web.work import KILLED, NewStudy, Record, Resumption, Training


@pytest.fixture(autouse=True)
def _prepared(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEWEIGHT_CACHE", environment["MAKEWEIGHT_CACHE"])


@pytest.fixture
def training(tmp_path: Path) -> Training:
    return Training("fcn", "2K", "digits", tmp_path, "mine", {"depth": 1})


def ended(folder: Path, seconds: float = 60) -> Record:
    record = work.wait_for(folder / RECORD, lambda _: False, seconds)
    assert record is not None
    assert record.has_ended
    return record


def test_a_training_that_is_done_says_so_and_can_be_repeated_in_a_terminal(training: Training, tmp_path: Path) -> None:
    Runs().start(training, tmp_path / "mine")
    record = ended(tmp_path / "mine")
    assert (record.state, record.message) == ("done", "")
    assert record.started < (record.ended or 0)
    assert record.what == (
        f"makeweight train --dataset digits --family=fcn --budget=2K --depth=1 --name=mine --store {tmp_path}"
    )
    shown = overview(read_progress(tmp_path / "mine"))
    assert (shown["state"], shown["problem"]) == ("complete", "")


def test_what_cannot_start_says_why_and_leaves_nothing(training: Training, tmp_path: Path) -> None:
    gone = replace(training, data=str(tmp_path / "gone"))
    with pytest.raises(RunFailed, match=r"there is no data set and no path '.*gone'"):
        Runs().start(gone, tmp_path / "mine")
    assert list(tmp_path.iterdir()) == []


def test_a_study_whose_data_are_gone_stays_with_the_error(
    endless: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Store.create(endless) as opened, opened._database.transaction() as connection:
        connection.execute("UPDATE study SET dataset = 'mine', data_path = '/gone', data_digest = 'none'")
    monkeypatch.setenv("MAKEWEIGHT_CACHE", str(tmp_path / "empty"))
    with pytest.raises(RunFailed, match="which are prepared nowhere in the cache"):
        Runs().start(Resumption(endless), endless)
    shown = overview(read_progress(endless))
    assert (shown["state"], shown["canResume"]) == ("failed", True)
    assert "which are prepared nowhere in the cache" in shown["problem"]
    assert f"In a terminal: makeweight resume endless --store {tmp_path}" in shown["problem"]


@pytest.mark.parametrize(
    ("end", "state", "words"),
    [(signal.SIGKILL, "failed", KILLED), (signal.SIGTERM, "stopped", "")], ids=["killed", "stopped"],
)  # fmt: skip
def test_an_end_is_seen_by_a_server_that_did_not_start_it(
    endless: Path, all_end: Callable[..., bool], end: signal.Signals, state: str, words: str
) -> None:
    Runs().start(Resumption(endless), endless)
    pid = runner_of(endless)
    assert pid is not None
    try:
        again = Runs()  # of a server that was started since
        assert work.read(endless / RECORD).state == "running"
        with pytest.raises(StudyLocked, match="running already"):
            again.start(Resumption(endless), endless)
        if end == signal.SIGKILL:
            os.kill(pid, end)
        else:
            assert again.stop(endless)
            assert again.stop(endless)  # asking twice kills nothing
        record = ended(endless)
    finally:
        ask_to_stop(endless)
    assert all_end([pid], 30)
    assert record.state == state
    shown = overview(read_progress(endless))
    assert (shown["state"], shown["canResume"], shown["problem"].startswith(words)) == (state, True, True)


def test_a_failure_is_forgotten_once_another_ran_the_study(endless: Path) -> None:
    failed = Record("makeweight resume endless", "failed", 1, 0.0, 1.0, "no data")
    work._write(endless / RECORD, failed)
    assert read_progress(endless).state == "failed"
    (endless / "study.pid").write_text("2")
    assert read_progress(endless).state == "stopped"


@pytest.mark.parametrize("content", [b"", b"{}", b'{"state": "running"}', b"[" * 100_000, b"\xff"])
def test_what_is_no_record_is_none(tmp_path: Path, content: bytes) -> None:
    (tmp_path / RECORD).write_bytes(content)
    assert work.read(tmp_path / RECORD) is None


def test_a_record_whose_process_is_another_programs_by_now_has_failed(tmp_path: Path) -> None:
    work._write(tmp_path / RECORD, Record("x", "running", os.getppid(), 0.0))
    assert work.read(tmp_path / RECORD) == Record("x", "failed", os.getppid(), 0.0, None, KILLED)


def test_what_takes_too_long_is_given_up(finished: Any, tmp_path: Path) -> None:
    task = work.Examination(finished.folder, "fcn-2k", 0, seconds=30, max_seconds=0.1)
    work.begin(task, tmp_path / RECORD)
    record = ended(tmp_path)
    assert record.state == "failed"
    assert "was given up" in record.message


def test_a_new_study_says_the_command_that_does_the_same(tmp_path: Path) -> None:
    study = NewStudy(("cnn",), ("3K",), 2, "digits", tmp_path, "mine", 4, {"max_macs": "25K"}, {"blocks": 0})
    assert work._command(study) == (
        "makeweight study --dataset digits --families=cnn --budgets=3K --seeds=2 --max-macs=25K --name=mine "
        f"--vary=blocks=0 --set=epochs=4 --store {tmp_path}"
    )
