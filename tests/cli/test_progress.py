"""How a running study looks, and what it says at its end."""

from __future__ import annotations

import shlex
import shutil
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from makeweight.face import console
from makeweight.face.progress import StudyView
from makeweight.jobs.result import Job
from makeweight.report.analysis import analyse
from makeweight.report.summary import summarise
from makeweight.report.verdict import headline
from makeweight.store.rows import StudyRow
from makeweight.store.store import Store
from makeweight.studies.pace import Pace
from makeweight.studies.plan import epoch_cost
from makeweight.studies.runner import JobEpoch, JobFailed, JobStarted
from makeweight.training.records import EpochRecord


@pytest.fixture(autouse=True)
def fresh_consoles() -> None:
    console.stderr.cache_clear()


def test_a_file_gets_lines_and_no_frames(
    monkeypatch: pytest.MonkeyPatch, make_job: Callable[..., Job], capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # as the kernel of a notebook sets it
    job = make_job(epochs=2, skip_easy=0.0)
    view = StudyView(Pace([job], 1, rate=5 / epoch_cost(job)), 0, 1)
    with view.shown():
        view.show(JobStarted(job, 0))
        view.show(JobEpoch(job, EpochRecord(1, 1.0, 1.0, 0.5, 0.1, 1_000, 5.0, 0.0)))
        view.show(JobFailed(job, "out of memory"))
    said = capsys.readouterr().err
    assert said == "1 training, about 10 s\n[1/1] FCN 2K seed 0 failed: out of memory\n"


@pytest.mark.parametrize(
    ("variables", "live"),
    [
        ({"TERM": "xterm"}, True),
        ({"TERM": "dumb"}, False),
        ({"TERM": "xterm", "JPY_PARENT_PID": "1"}, False),
        ({"TERM": "xterm-color", "PAGER": "cat"}, False),
    ],
)
def test_frames_are_for_terminals_that_redraw(
    monkeypatch: pytest.MonkeyPatch, variables: dict[str, str], live: bool
) -> None:
    monkeypatch.delenv("JPY_PARENT_PID", raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    assert console.is_live() is live


def test_bars_move_within_an_epoch(
    monkeypatch: pytest.MonkeyPatch, make_job: Callable[..., Job], capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("makeweight.face.progress.is_live", lambda: True)
    job, seconds = make_job(epochs=10, skip_easy=0.0), 0.0
    pace = Pace([job], 1, rate=10 / epoch_cost(job), now=lambda: seconds)
    view = StudyView(pace, 0, 1)
    view.show(JobStarted(job, 0))
    seconds = 5.0
    view._move()
    assert view.screen.bars is not None
    study, training = view.screen.bars.tasks
    assert (training.completed, training.total) == (pytest.approx(0.5), 10)
    assert study.completed == pytest.approx(0.05)
    assert study.fields["note"] == "0/1, about 1 min 35 s left"


def test_a_study_ends_with_its_best_network_and_what_comes_next(cli: Callable, finished, tmp_path: Path) -> None:
    shutil.copytree(finished.folder, tmp_path / "my studies" / "small")
    lines = cli("study", finished.file, "--store", "my studies").out.splitlines()
    assert headline(analyse(summarise(finished.folder))) in " ".join(lines)
    following = [shlex.split(line, comments=True) for line in lines if line.startswith("  makeweight ")]
    assert [words[1] for words in following] == ["compare", "features", "export"]
    compared = cli(*following[0][1:])
    assert compared.code == 0, compared.err


def test_a_study_without_a_finished_training_is_one_sentence(
    cli: Callable, make_job: Callable[..., Job], tmp_path: Path
) -> None:
    jobs = [make_job(seed=seed) for seed in range(3)]
    with Store.create(tmp_path / "studies" / "mine") as store:
        store.plan(StudyRow("mine", "{}", "digits", jobs[0].data_digest, (), ""), jobs)
    ran = cli("show", "mine")
    assert (ran.code, ran.out, ran.err) == (0, "None of the 3 trainings of the study mine is finished.\n", "")
