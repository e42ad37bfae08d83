"""Run the store's writing once for each point where it may be killed, and check what a new runner then finds.

A script of its own, because it forks, which a process with torch's threads must not.
"""

from __future__ import annotations

import os
import signal
import sqlite3
import sys
from pathlib import Path

import numpy as np

from makeweight.designs.architecture import Task
from makeweight.designs.families import family_named
from makeweight.designs.solver import fit
from makeweight.jobs.result import Environment, Job, Result, Score
from makeweight.store import database as module
from makeweight.store.rows import StudyRow
from makeweight.store.store import FINAL_SCORE, Store
from makeweight.training.recipe import Recipe
from makeweight.training.records import EpochRecord

ARCHITECTURE = fit(family_named("fcn"), Task((1, 8, 8), 10), 2_000).architecture
JOBS = [Job("fcn", 2_000, ARCHITECTURE, Recipe(), "d" * 64, 0, seed) for seed in range(2)]
EPOCHS = tuple(EpochRecord(epoch, 1.0, 1.0, 0.5, 0.1, 100, 1.0, 1.0) for epoch in (1, 2, 3))
RESULT = Result(
    epochs=EPOCHS,
    weights={"w": np.arange(100, dtype=np.float32)},
    test_logits=np.eye(10, dtype=np.float32),
    test_labels=np.arange(10),
    scores={"training": Score(50, 0.75, 0.5, 0.25), "validation": Score(50, 0.5, 1.0, 0.5)},
    environment=Environment("3", "2", "1", "", "here", "this one", 2, "cpu", "fp32", 1),
)


def work(folder: Path) -> None:
    """All that a runner writes for one job."""
    with Store.create(folder) as store:
        plan(store)
        session = store.add_session()
        key = JOBS[0].key
        store.start(key)
        for record in EPOCHS[:2]:
            store.record_epoch(key, record, f"checkpoint {record.epoch}".encode())
        store.finish(key, RESULT)
        store.extend_session(session, 1.0)


def plan(store: Store) -> None:
    store.plan(StudyRow("study", "{}", "digits", "d" * 64), JOBS)


class Countdown:
    """Kills this process at the n-th point."""

    def __init__(self, points: int) -> None:
        self.left = points

    def point(self) -> None:
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def before(self, function):
        def wrapped(*args, **kwargs):
            self.point()
            return function(*args, **kwargs)

        return wrapped

    def install(self) -> None:
        """Count before each statement of SQL and each step that changes a file."""

        class Connection(sqlite3.Connection):
            execute = self.before(sqlite3.Connection.execute)

        class Module:
            def __getattr__(self, name: str) -> object:
                return getattr(sqlite3, name)

            @staticmethod
            def connect(*args, **kwargs):
                return sqlite3.connect(*args, **kwargs, factory=Connection)

        module.sqlite3 = Module()
        os.fsync = self.before(os.fsync)
        for name in ("replace", "unlink", "mkdir"):
            setattr(Path, name, self.before(getattr(Path, name)))


def killed_at(points: int, folder: Path) -> bool:
    pid = os.fork()
    if pid == 0:
        try:
            Countdown(points).install()
            work(folder)
        except BaseException as error:
            sys.stderr.write(f"{error!r}\n")
            os._exit(1)
        os._exit(0)
    status = os.waitpid(pid, 0)[1]
    assert os.WIFSIGNALED(status) or os.WEXITSTATUS(status) == 0
    return os.WIFSIGNALED(status)


def check(folder: Path) -> str:
    """What holds after any crash; returns the state of the job, and what was left of it."""
    if (folder / "study.db").exists():
        with sqlite3.connect(folder / "study.db") as raw:
            tables = raw.execute("SELECT count(*) FROM sqlite_master WHERE name = 'result'").fetchone()[0]
        if tables:  # before any sweep: no row names a file that is not there
            with Store.open(folder) as reader:
                for row in reader.jobs():
                    if row.state == "done":
                        assert reader.weights(row).keys() == RESULT.weights.keys()
                        assert len(reader.predictions(row).labels) == 10
                        assert reader.test_accesses(row.job.key) == (FINAL_SCORE,)
                        assert reader.epochs(row.job.key) == EPOCHS
    with Store.create(folder) as store:
        plan(store)
        store.requeue()
        row = store.jobs()[0]
        found = row.state
        if row.state != "done":
            progress = store.progress(JOBS[0].key)
            assert progress.epochs == EPOCHS[: len(progress.epochs)]
            expected = f"checkpoint {len(progress.epochs)}".encode() if progress.epochs else None
            assert progress.checkpoint == expected, (progress, expected)
            found = f"epoch {len(progress.epochs)}"
            store.finish(JOBS[0].key, RESULT)
        plan(store)
        key = JOBS[0].key
        assert sorted(path.name for path in (folder / "weights").iterdir()) == [
            f"{key}.safetensors",
            f"{key}.test.safetensors",
        ]
        assert store.test_accesses(key) == (FINAL_SCORE,)
    return found


def main(folder: Path) -> None:
    found: set[str] = set()
    points = 1
    while killed_at(points, folder / str(points)):
        found.add(check(folder / str(points)))
        points += 1
    assert check(folder / str(points)) == "done"
    sys.stdout.write(f"{points} {' '.join(sorted(found))}\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
