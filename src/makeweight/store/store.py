"""The store of a study: the only module with SQL.

One process writes (the runner, under the study's lock); any number read while it does. SQLite in WAL mode gives
readers a consistent view. A file is on disk, whole, before a row names it.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import astuple, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from makeweight.design.architecture import Architecture
from makeweight.design.cost import cost
from makeweight.errors import InvalidValue, StoreError
from makeweight.files import writing_to
from makeweight.jobs.result import Environment, Job, Result
from makeweight.store.migrations import migrate, require_current
from makeweight.store.rows import JobRow, Progress, ResultRow, StudyRow, TestPredictions
from makeweight.store.weights import Tensors, WeightFiles
from makeweight.training.recipe import Recipe
from makeweight.training.records import EpochRecord, images_per_second, training_seconds

DATABASE = "study.db"
WEIGHTS = "weights"
BUSY_SECONDS = 30.0  # a writer holds the file for milliseconds, so waiting this long means a fault

_EPOCH_COLUMNS = ", ".join(field.name for field in fields(EpochRecord))
_RESULT_COLUMNS = ", ".join(f"result.{field.name}" for field in fields(ResultRow))


class Store:
    """A study's results. Use :meth:`create` to write and :meth:`open` to read."""

    def __init__(self, folder: Path, connection: sqlite3.Connection) -> None:
        self.folder, self._connection = folder, connection
        self.files = WeightFiles(folder / WEIGHTS)

    @staticmethod
    def create(folder: Path) -> Store:
        """Open for writing; make or migrate the store where that is needed.

        Raises
        ------
        StoreError
            If the folder cannot be written, or the store is newer than this makeweight, or damaged.
        """
        files = WeightFiles(folder / WEIGHTS)
        files.create()
        path = folder / DATABASE
        with _readable(path), writing_to(path):
            connection = sqlite3.connect(path, timeout=BUSY_SECONDS, isolation_level=None)
            try:
                migrate(connection, path)
                connection.execute("PRAGMA journal_mode = WAL")
                connection.execute("PRAGMA synchronous = FULL")
                connection.execute("PRAGMA foreign_keys = ON")
            except BaseException:
                connection.close()
                raise
        return Store(folder, connection)

    @staticmethod
    def open(folder: Path) -> Store:
        """Open for reading.

        Raises
        ------
        StoreError
            If there is no store, or it is of another version, or damaged.
        """
        path = folder / DATABASE
        if not path.is_file():
            raise StoreError(f"there is no study in {folder}. Run one with: makeweight study --name {folder.name}")
        with _readable(path):
            connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=BUSY_SECONDS)
            try:
                require_current(connection, path)
                connection.execute("SELECT count(*) FROM job").fetchone()
            except BaseException:
                connection.close()
                raise
        return Store(folder, connection)

    def close(self) -> None:
        """Close the database."""
        self._connection.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- the study -------------------------------------------------------------------------------------

    def study(self) -> StudyRow | None:
        """Return the study, or None in a store that was just made."""
        rows = self._read("SELECT name, spec, dataset, data_digest, created FROM study")
        return StudyRow(*rows[0]) if rows else None

    def plan(self, name: str, spec: str, dataset: str, data_digest: str, jobs: list[Job]) -> None:
        """Record the study and its jobs; jobs that are already there keep their state.

        Jobs of an earlier plan that this one does not name are kept if they are done, and dropped if not.
        """
        with self._transaction():
            self._connection.execute(
                "INSERT INTO study (id, name, spec, dataset, data_digest, created) VALUES (1, ?, ?, ?, ?, ?) "
                "ON CONFLICT (id) DO UPDATE SET spec = excluded.spec",
                (name, spec, dataset, data_digest, _now()),
            )
            self._connection.execute("UPDATE job SET position = -1")
            for position, job in enumerate(jobs):
                self._add(position, job)
            self._connection.execute("DELETE FROM job WHERE position = -1 AND state != 'done'")
        self.files.sweep(self._named_files())

    def _add(self, position: int, job: Job) -> None:
        counted = cost(job.architecture)
        self._connection.execute(
            "INSERT INTO job (key, position, family, budget, seed, split_seed, data_digest, architecture, recipe, "
            "weights, macs, activation_bytes, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'pending') "
            "ON CONFLICT (key) DO UPDATE SET position = excluded.position",
            (
                job.key,
                position,
                job.family,
                job.budget,
                job.seed,
                job.split_seed,
                job.data_digest,
                job.architecture.to_json(),
                job.recipe.to_json(),
                counted.weights,
                counted.macs,
                counted.activation_bytes,
            ),
        )

    def add_session(self) -> int:
        """Record that the runner starts, and return the session's number."""
        with self._transaction():
            row = self._connection.execute("INSERT INTO session (started, wall_seconds) VALUES (?, 0)", (_now(),))
        return int(row.lastrowid or 0)

    def extend_session(self, session: int, wall_seconds: float) -> None:
        """Record how long the runner has been at work."""
        with self._transaction():
            self._connection.execute("UPDATE session SET wall_seconds = ? WHERE id = ?", (wall_seconds, session))

    def wall_seconds(self) -> float:
        """Seconds that runners were at work on this study, in all sessions."""
        return float(self._read("SELECT coalesce(sum(wall_seconds), 0) FROM session")[0][0])

    # ---- jobs, as they run -----------------------------------------------------------------------------

    def start(self, key: str) -> int:
        """Mark a job as running, and return which attempt this is."""
        with self._transaction():
            self._connection.execute(
                "UPDATE job SET state = 'running', reason = NULL, attempts = attempts + 1 WHERE key = ?", (key,)
            )
        return int(self._read("SELECT attempts FROM job WHERE key = ?", key)[0][0])

    def progress(self, key: str) -> Progress:
        """Return where a job can go on; what lies behind its last checkpoint is forgotten.

        A checkpoint that is missing or damaged counts as none: the job starts again.
        """
        [(epoch, sha256)] = self._read("SELECT checkpoint_epoch, checkpoint_sha256 FROM job WHERE key = ?", key)
        checkpoint = None
        if sha256 is not None:
            try:
                checkpoint = self.files.read(_checkpoint_file(key, epoch), sha256)
            except StoreError:
                epoch = 0
        with self._transaction():
            self._connection.execute("DELETE FROM epoch WHERE job = ? AND epoch > ?", (key, epoch))
        return Progress(self.epochs(key), checkpoint)

    def record_epoch(self, key: str, record: EpochRecord, checkpoint: bytes | None) -> None:
        """Store an epoch, and the checkpoint that came with it; the one before stays until the row names the new."""
        before = self._checkpoint_epoch(key)
        sha256 = None if checkpoint is None else self.files.write(_checkpoint_file(key, record.epoch), checkpoint)
        with self._transaction():
            self._insert_epoch(key, record)
            if sha256 is not None:
                self._connection.execute(
                    "UPDATE job SET checkpoint_epoch = ?, checkpoint_sha256 = ? WHERE key = ?",
                    (record.epoch, sha256, key),
                )
        if sha256 is not None and before not in (0, record.epoch):
            self.files.remove(_checkpoint_file(key, before))

    def finish(self, key: str, result: Result) -> None:
        """Store a result: files first, then the rows that name them, then the checkpoint goes."""
        weights = self.files.write_tensors(_weights_file(key), result.weights)
        predictions: Tensors = {"logits": result.test_logits, "labels": result.test_labels}
        test = self.files.write_tensors(_test_file(key), predictions)
        before = self._checkpoint_epoch(key)
        row = ResultRow(
            validation_accuracy=result.validation_accuracy,
            test_accuracy=result.test_accuracy,
            test_images=len(result.test_labels),
            train_seconds=training_seconds(result.epochs),
            images_per_second=images_per_second(result.epochs),
            environment=result.environment,
            weights_sha256=weights,
            test_sha256=test,
            finished=_now(),
        )
        with self._transaction():
            self._insert_result(key, row)
            for record in result.epochs:
                self._insert_epoch(key, record)
            self._connection.execute(
                "UPDATE job SET state = 'done', reason = NULL, checkpoint_epoch = 0, checkpoint_sha256 = NULL "
                "WHERE key = ?",
                (key,),
            )
            self._connection.execute(
                "INSERT INTO test_access (job, purpose, opened) VALUES (?, 'final score of the job', ?)", (key, _now())
            )
        self.files.remove(_checkpoint_file(key, before))

    def fail(self, key: str, reason: str) -> None:
        """Store why a job failed."""
        with self._transaction():
            self._connection.execute("UPDATE job SET state = 'failed', reason = ? WHERE key = ?", (reason, key))

    def requeue(self) -> None:
        """Mark all that is not done as pending, with all attempts before it: what was cut off, and what failed."""
        with self._transaction():
            self._connection.execute("UPDATE job SET state = 'pending', attempts = 0 WHERE state != 'done'")

    def release_running(self) -> None:
        """Mark what was running as pending, for a later runner."""
        with self._transaction():
            self._connection.execute("UPDATE job SET state = 'pending' WHERE state = 'running'")

    # ---- reading ---------------------------------------------------------------------------------------

    def jobs(self) -> list[JobRow]:
        """Return all jobs of the plan, in the order of running."""
        rows = self._read(
            "SELECT job.family, job.budget, job.architecture, job.recipe, job.data_digest, job.split_seed, job.seed, "
            f"job.weights, job.macs, job.activation_bytes, job.state, job.attempts, job.reason, {_RESULT_COLUMNS} "
            "FROM job LEFT JOIN result ON result.job = job.key WHERE position >= 0 ORDER BY position"
        )
        try:
            return [_job_row(row) for row in rows]
        except (InvalidValue, ValueError, TypeError, KeyError, AttributeError) as error:
            raise _damaged(self.folder / DATABASE, error) from error

    def epochs(self, key: str) -> tuple[EpochRecord, ...]:
        """Return a job's epochs, in order."""
        rows = self._read(f"SELECT {_EPOCH_COLUMNS} FROM epoch WHERE job = ? ORDER BY epoch", key)
        return tuple(EpochRecord(*row) for row in rows)

    def weights(self, row: JobRow) -> Tensors:
        """Return the kept network's state of a finished job.

        Raises
        ------
        StoreError
            If the file is missing or damaged.
        """
        return self.files.read_tensors(_weights_file(row.job.key), done(row).weights_sha256)

    def predictions(self, row: JobRow) -> TestPredictions:
        """Return what a finished job answered on the test images.

        Raises
        ------
        StoreError
            If the file is missing or damaged.
        """
        tensors = self.files.read_tensors(_test_file(row.job.key), done(row).test_sha256)
        return TestPredictions(tensors["logits"].astype(np.float32), tensors["labels"].astype(np.int64))

    def test_accesses(self, key: str) -> int:
        """How often a job has opened the test images."""
        return int(self._read("SELECT count(*) FROM test_access WHERE job = ?", key)[0][0])

    # ---- inside ----------------------------------------------------------------------------------------

    def _read(self, query: str, *values: str) -> list[tuple[Any, ...]]:
        with _readable(self.folder / DATABASE):
            return self._connection.execute(query, values).fetchall()

    def _checkpoint_epoch(self, key: str) -> int:
        """Epoch of the checkpoint that a job's row names; 0 for none."""
        return int(self._read("SELECT checkpoint_epoch FROM job WHERE key = ?", key)[0][0])

    def _insert_epoch(self, key: str, record: EpochRecord) -> None:
        marks = ", ".join("?" * (1 + len(fields(EpochRecord))))
        self._connection.execute(
            f"INSERT OR REPLACE INTO epoch (job, {_EPOCH_COLUMNS}) VALUES ({marks})", (key, *astuple(record))
        )

    def _insert_result(self, key: str, row: ResultRow) -> None:
        columns = [field.name for field in fields(ResultRow)]
        values = [row.environment.to_json() if name == "environment" else getattr(row, name) for name in columns]
        marks = ", ".join("?" * (1 + len(columns)))
        self._connection.execute(f"INSERT INTO result (job, {', '.join(columns)}) VALUES ({marks})", (key, *values))

    def _named_files(self) -> set[str]:
        named: set[str] = set()
        for key, state, epoch in self._connection.execute("SELECT key, state, checkpoint_epoch FROM job"):
            if state == "done":
                named |= {_weights_file(key), _test_file(key)}
            if epoch:
                named.add(_checkpoint_file(key, epoch))
        return named

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        path = self.folder / DATABASE
        with _readable(path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise


def _job_row(row: tuple[object, ...]) -> JobRow:
    family, budget, architecture, recipe, data_digest, split_seed, seed, *rest = row
    job = Job(
        family=str(family),
        budget=int(str(budget)),
        architecture=Architecture.from_json(str(architecture)),
        recipe=Recipe.from_json(str(recipe)),
        data_digest=str(data_digest),
        split_seed=int(str(split_seed)),
        seed=int(str(seed)),
    )
    weights, macs, activation_bytes, state, attempts, reason, *result = rest
    return JobRow(job, weights, macs, activation_bytes, state, attempts, reason, _result_row(result))  # type: ignore[arg-type]


def _result_row(values: list[object]) -> ResultRow | None:
    named = dict(zip((field.name for field in fields(ResultRow)), values, strict=True))
    if named["finished"] is None:
        return None
    return ResultRow(**{**named, "environment": Environment.from_json(str(named["environment"]))})  # type: ignore[arg-type]


def done(row: JobRow) -> ResultRow:
    """Return a finished job's result.

    Raises
    ------
    StoreError
        If the job is not finished.
    """
    if row.result is None:
        raise StoreError(f"job {row.job.key[:12]} is {row.state} and has no result yet. Run the study to its end.")
    return row.result


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into one clear line."""
    try:
        yield
    except sqlite3.OperationalError as error:
        remedy = (
            "Free some room and run the same command again; what is stored stays valid."
            if "full" in str(error)
            else "Check that the folder can be read and written, and that no other program holds the file."
        )
        raise StoreError(f"cannot use {path}: {error}. {remedy}") from error
    except (sqlite3.DatabaseError, UnicodeDecodeError) as error:  # the latter from names in a damaged schema
        raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> StoreError:
    return StoreError(
        f"{path} is not a makeweight store, or is damaged: {error}. "
        "Bring it back from a copy, or start again in another folder with --store DIR."
    )


def _weights_file(key: str) -> str:
    return f"{key}.safetensors"


def _test_file(key: str) -> str:
    return f"{key}.test.safetensors"


def _checkpoint_file(key: str, epoch: int) -> str:
    return f"{key}.{epoch}.checkpoint.safetensors"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
