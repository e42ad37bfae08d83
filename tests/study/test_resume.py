"""A real study, killed at several moments or run undisturbed, ends the same."""

from __future__ import annotations

import json
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from makeweight.processors import processors
from makeweight.store.store import FINAL_SCORE, Store

SAVING_EVERY_EPOCH = Path(__file__).with_name("saving_every_epoch.py")


def result_files(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (folder / "weights").iterdir()}


def timeless(record: dict[str, Any]) -> dict[str, Any]:
    """A study's JSON without what the clock decides."""
    networks = [{k: v for k, v in network.items() if "seconds" not in k} for network in record["networks"]]
    looks = sorted((look["purpose"], look["times"]) for look in record["looks"])
    return {**record, "networks": networks, "looks": looks, "wall_seconds": None, "report": None}


def test_the_finished_study_holds_all_that_its_analysis_needs(finished) -> None:
    record = json.loads(finished.output.stdout)
    assert (record["jobs_total"], record["jobs_done"], record["jobs_failed"]) == (8, 8, 0)
    with Store.open(finished.folder) as store:
        for row in store.jobs():
            assert [epoch.epoch for epoch in store.epochs(row.job.key)] == [1, 2, 3, 4]
            assert store.predictions(row).correct.mean() == row.result.test_accuracy
            assert store.test_accesses(row.job.key).count(FINAL_SCORE) == 1
            weights = store.weights(row)
            assert sum(tensor.size for tensor in weights.values()) >= row.weights
            assert row.weights <= row.job.budget
    assert len(result_files(finished.folder)) == 16
    assert (finished.folder / "report.html").is_file()


def test_running_it_again_runs_nothing_and_prints_the_same(finished, run_command) -> None:
    files = result_files(finished.folder)
    report = (finished.folder / "report.html").stat().st_mtime_ns
    again = run_command(*finished.arguments, "--store", finished.folder.parent, cwd=finished.file.parent)
    assert (again.returncode, again.stderr) == (0, "")
    printed = json.loads(again.stdout)
    assert {**printed, "looks": None} == {**json.loads(finished.output.stdout), "looks": None}  # other tests look, too
    assert result_files(finished.folder) == files
    assert (finished.folder / "report.html").stat().st_mtime_ns == report
    with closing(sqlite3.connect(finished.folder / "study.db")) as database:
        assert database.execute("SELECT count(*) FROM session").fetchone() == (1,)


@pytest.fixture
def killed_after(finished, environment: dict[str, str], all_end: Callable[..., bool]) -> Callable[..., None]:
    """Run the study in a folder, and kill -9 its runner when these events have come, in this order."""

    def run(folder: Path, moment: Iterable[str]) -> None:
        process = subprocess.Popen(
            [sys.executable, SAVING_EVERY_EPOCH, finished.file, folder],
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        too_long = threading.Timer(120, process.kill)
        too_long.start()
        awaited, pids = list(moment), set[int]()
        assert process.stdin is not None
        assert process.stdout is not None
        for line in process.stdout:
            event, *busy = line.split()
            pids |= set(map(int, busy))
            if awaited and event == awaited[0]:
                del awaited[0]
            if not awaited:
                process.kill()
                break
            process.stdin.write("\n")
            process.stdin.flush()
        process.kill()
        process.communicate(timeout=30)
        too_long.cancel()
        assert awaited == []
        assert pids
        assert all_end(list(pids))

    return run


def test_killed_at_three_moments_a_study_ends_as_if_undisturbed(
    finished, run_command, killed_after: Callable[..., None], tmp_path: Path
) -> None:
    folder = tmp_path / "studies" / "small"
    killed_after(folder, ["JobStarted"])
    killed_after(folder, ["JobEpoch"] * 3)
    killed_after(folder, ["JobDone", "JobDone", "JobStarted", "JobEpoch"])
    assert 0 < len([name for name in result_files(folder) if "checkpoint" not in name]) < 16
    assert any("checkpoint" in name for name in result_files(folder))

    ended = run_command(*finished.arguments, "--store", folder.parent, cwd=tmp_path)

    assert ended.returncode == 0, ended.stderr
    assert "goes on after epoch" in ended.stderr
    assert timeless(json.loads(ended.stdout)) == timeless(json.loads(finished.output.stdout))
    assert result_files(folder) == result_files(finished.folder)  # weights and test predictions, bit by bit
    with Store.open(folder) as store, Store.open(finished.folder) as undisturbed:
        assert all(store.test_accesses(row.job.key).count(FINAL_SCORE) == 1 for row in store.jobs())
        for row in store.jobs():
            told = [(e.epoch, e.training_loss, e.validation_accuracy) for e in store.epochs(row.job.key)]
            assert told == [(e.epoch, e.training_loss, e.validation_accuracy) for e in undisturbed.epochs(row.job.key)]


@pytest.mark.slow
def test_the_last_job_of_a_resumed_study_gets_the_threads_of_the_whole_study(
    finished, run_command, tmp_path: Path
) -> None:
    folder = tmp_path / "studies" / finished.folder.name
    shutil.copytree(finished.folder, folder)
    with closing(sqlite3.connect(folder / "study.db")) as database, database:
        [key] = database.execute("SELECT key FROM job ORDER BY position DESC LIMIT 1").fetchone()
        database.execute("DELETE FROM result WHERE job = ?", (key,))
        database.execute("UPDATE job SET state = 'pending' WHERE key = ?", (key,))
    again = run_command("study", finished.file, "--store", folder.parent, cwd=finished.file.parent)
    assert again.returncode == 0, again.stderr
    with Store.open(folder) as store:
        # One worker for each processor, up to the eight jobs of the study; not all processors for the one that is left.
        workers = min(processors(), 8)
        assert store.jobs()[-1].result.environment.threads == max(1, processors() // workers)
