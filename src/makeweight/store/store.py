"""The store of a study: the only module with SQL.

One process writes (the runner, under the study's lock); any number read while it does. SQLite in WAL mode gives
readers a consistent view. A file is on disk, whole, before a row names it.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from makeweight.designs.cost import cost
from makeweight.designs.stored import read_architecture
from makeweight.errors import InvalidValue, MakeweightError, StoreError
from makeweight.jobs.network import NetworkId, variant_to_json
from makeweight.jobs.result import Environment, Job, Measurement, Result, Score
from makeweight.store.database import Database
from makeweight.store.rows import (
    MAX_FLOAT,
    JobRow,
    Record,
    ResultRow,
    Saved,
    StudyRow,
    TestPredictions,
    checked,
    checked_text,
    read_names,
    read_predictions,
    read_variant,
)
from makeweight.store.weights import Tensors, WeightFiles
from makeweight.training.recipe import Recipe
from makeweight.training.records import EpochRecord, images_per_second, training_seconds

DATABASE = "study.db"
WEIGHTS = "weights"
FINAL_SCORE = "final score of the job"  # purpose of opening the test images

REMEDY = "Bring study.db back from a copy, or run the study again, which trains anew what is damaged."
_JOB_FIELDS = [field.name for field in fields(JobRow)]
_PLANNED = (  # columns that a plan writes again; all but the first and the last are in the key
    "position", "family", "budget", "architecture", "recipe", "data_digest", "split_seed", "seed", "weights", "macs",
    "activation_bytes", "variant",
)  # fmt: skip
_EPOCH_COLUMNS = ", ".join(field.name for field in fields(EpochRecord))
_SCORE_COLUMNS = ", ".join(field.name for field in fields(Score))
_MEASUREMENT_COLUMNS = ", ".join(field.name for field in fields(Measurement))
_RESULT_COLUMNS = ", ".join(f"result.{field.name}" for field in fields(ResultRow))


class Store:
    """A study's results. Use :meth:`create` to write and :meth:`open` to read."""

    def __init__(self, folder: Path, database: Database) -> None:
        self.folder, self._database = folder, database
        self.files = WeightFiles(folder / WEIGHTS)

    @staticmethod
    def create(folder: Path) -> Store:
        """Open for writing; create or migrate the store if needed.

        Raises
        ------
        StoreError
            If the folder cannot be written, or the store is newer than this makeweight, or damaged.
        """
        WeightFiles(folder / WEIGHTS).create()
        return Store(folder, Database.for_writing(folder / DATABASE))

    @staticmethod
    def open(folder: Path) -> Store:
        """Open for reading.

        Raises
        ------
        StoreError
            If there is no store, or it is of another version, or damaged.
        """
        return Store(folder, Database.for_reading(folder / DATABASE))

    def close(self) -> None:
        """Close the database."""
        self._database.close()

    def __enter__(self) -> Store:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    # ---- the study -------------------------------------------------------------------------------------

    def study(self) -> StudyRow:
        """Return the study.

        Raises
        ------
        StoreError
            If the store was just made, and nothing is planned yet.
        """
        study = self.planned()
        if study is None:
            name = self.folder.name
            raise StoreError(
                f"the study in {self.folder} has not been planned. Run it with: makeweight study --name {name}"
            )
        return study

    def planned(self) -> StudyRow | None:
        """Return the study, or None in a store that was just made."""
        rows = self._database.read(
            "SELECT name, spec, dataset, data_digest, class_names, data_path, created FROM study"
        )
        if not rows:
            return None
        name, spec, dataset, digest, class_names, data_path, created = rows[0]
        return StudyRow(name, spec, dataset, digest, read_names(class_names), data_path, created)

    def plan(self, study: StudyRow, jobs: list[Job]) -> None:
        """Record the study and its jobs; jobs that are already there keep their state, and damaged rows are mended.

        Jobs of an earlier plan that this one does not name are kept if they are done, and dropped if not.
        """
        with self._database.transaction() as connection:
            connection.execute(
                "INSERT INTO study (id, name, spec, dataset, data_digest, class_names, data_path, created) "
                "VALUES (1, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE "
                "SET spec = excluded.spec, class_names = excluded.class_names, data_path = excluded.data_path",
                (
                    study.name,
                    study.spec,
                    study.dataset,
                    study.data_digest,
                    json.dumps(study.class_names),
                    study.data_path,
                    _now(),
                ),
            )
            connection.execute("UPDATE job SET position = -1")
            for position, job in enumerate(jobs):
                _add(connection, position, job)
            connection.execute("DELETE FROM job WHERE position = -1 AND state != 'done'")
        self.files.sweep(self._named_files())

    def add_session(self) -> int:
        """Record that the runner starts, and return the session's number."""
        with self._database.transaction() as connection:
            row = connection.execute("INSERT INTO session (started, wall_seconds) VALUES (?, 0)", (_now(),))
        return int(row.lastrowid or 0)

    def extend_session(self, session: int, wall_seconds: float) -> None:
        """Record how long the runner has been running."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE session SET wall_seconds = ? WHERE id = ?", (wall_seconds, session))

    def wall_seconds(self) -> float:
        """Seconds that runners spent on this study, in all sessions; damaged ones don't count."""
        query = "SELECT coalesce(sum(wall_seconds), 0) FROM session WHERE wall_seconds BETWEEN 0 AND ?"
        return float(self._database.read(query, MAX_FLOAT)[0][0])

    # ---- jobs, as they run -----------------------------------------------------------------------------

    def start(self, key: str) -> int:
        """Mark a job as running, and return which attempt this is."""
        with self._database.transaction() as connection:
            connection.execute(
                "UPDATE job SET state = 'running', reason = NULL, attempts = attempts + 1 WHERE key = ?", (key,)
            )
        return int(self._database.read("SELECT attempts FROM job WHERE key = ?", key)[0][0])

    def progress(self, key: str) -> Saved:
        """Return where a job can resume; epochs after its last checkpoint are dropped.

        A checkpoint that is missing or damaged counts as none, and so do damaged epochs: the job starts again.
        """
        [(epoch, sha256)] = self._database.read(
            "SELECT checkpoint_epoch, checkpoint_sha256 FROM job WHERE key = ?", key
        )
        checkpoint = None
        try:
            if sha256 is not None and self.epochs(key):
                checkpoint = self.files.read(_checkpoint_file(key, epoch), sha256)
        except StoreError:
            epoch = 0
        with self._database.transaction() as connection:
            connection.execute("DELETE FROM epoch WHERE job = ? AND epoch > ?", (key, epoch))
        return Saved(self.epochs(key), checkpoint)

    def record_epoch(self, key: str, record: EpochRecord, checkpoint: bytes | None) -> None:
        """Store an epoch and its checkpoint; the previous one stays until the row names the new one."""
        before = self._checkpoint_epoch(key)
        sha256 = None if checkpoint is None else self.files.write(_checkpoint_file(key, record.epoch), checkpoint)
        with self._database.transaction() as connection:
            _insert_epoch(connection, key, record)
            if sha256 is not None:
                connection.execute(
                    "UPDATE job SET checkpoint_epoch = ?, checkpoint_sha256 = ? WHERE key = ?",
                    (record.epoch, sha256, key),
                )
        if sha256 is not None and before not in (0, record.epoch):
            self.files.remove(_checkpoint_file(key, before))

    def finish(self, key: str, result: Result) -> None:
        """Store a result: files first, then the rows that name them; then remove the checkpoint."""
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
        with self._database.transaction() as connection:
            _insert_result(connection, key, row)
            for record in result.epochs:
                _insert_epoch(connection, key, record)
            for split, score in result.scores.items():
                _insert(connection, "score", key, f"split, {_SCORE_COLUMNS}", (split, *astuple(score)))
            connection.execute(
                "UPDATE job SET state = 'done', reason = NULL, checkpoint_epoch = 0, checkpoint_sha256 = NULL "
                "WHERE key = ?",
                (key,),
            )
            connection.execute(
                "INSERT INTO test_access (job, purpose, opened) VALUES (?, ?, ?)", (key, FINAL_SCORE, _now())
            )
        self.files.remove(_checkpoint_file(key, before))

    def record_measurement(self, key: str, measurement: Measurement) -> None:
        """Store a finished network's measured costs, replacing earlier ones."""
        values = [getattr(measurement, field.name) for field in fields(Measurement)]
        values[-1] = measurement.environment.to_json()
        with self._database.transaction() as connection:
            _insert(connection, "measurement", key, _MEASUREMENT_COLUMNS, values)

    def record_test_access(self, keys: Sequence[str], purpose: str) -> None:
        """Record that the test images were opened for some jobs, every time."""
        with self._database.transaction() as connection:
            connection.executemany(
                "INSERT INTO test_access (job, purpose, opened) VALUES (?, ?, ?)",
                [(key, purpose, _now()) for key in keys],
            )

    def fail(self, key: str, reason: str) -> None:
        """Store why a job failed."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE job SET state = 'failed', reason = ? WHERE key = ?", (reason, key))

    def requeue(self) -> None:
        """Mark everything interrupted, failed or with a damaged result as pending, with all attempts again."""
        unfinished = [(row.job.key,) for row in self.jobs() if row.state != "done"]
        with self._database.transaction() as connection:
            connection.executemany("UPDATE job SET state = 'pending', attempts = 0 WHERE key = ?", unfinished)

    def release_running(self) -> None:
        """Mark running jobs as pending, for a later runner."""
        with self._database.transaction() as connection:
            connection.execute("UPDATE job SET state = 'pending' WHERE state = 'running'")

    # ---- reading ---------------------------------------------------------------------------------------

    def jobs(self, network: NetworkId | None = None) -> list[JobRow]:
        """Return the jobs of the plan, or those of one network, in the order of running; damaged rows are left out."""
        return self.read_jobs(network)[0]

    def read_jobs(self, network: NetworkId | None = None) -> tuple[list[JobRow], tuple[str, ...]]:
        """Return what :meth:`jobs` does, and a line for each damaged row.

        A job whose result alone is damaged has failed, and is trained anew when the study runs again.
        """
        wanted = (network.family, network.budget, variant_to_json(network.variant)) if network else (None, None, None)
        rows = self._database.read(
            "SELECT job.key, job.family, job.budget, job.architecture, job.recipe, job.data_digest, job.split_seed, "
            "job.seed, job.variant, job.weights, job.macs, job.activation_bytes, job.state, job.attempts, job.reason, "
            f"{_RESULT_COLUMNS} FROM job LEFT JOIN result ON result.job = job.key WHERE position >= 0 "
            "AND (?1 IS NULL OR family = ?1 AND budget = ?2 AND variant = ?3) ORDER BY position",
            *wanted,
        )
        jobs, damage = list[JobRow](), list[str]()
        for row in rows:
            try:
                jobs.append(_job_row(row))
            except MakeweightError as error:
                damage.append(f"{_label(row)}: its row is damaged ({error}). {REMEDY}")
        return jobs, tuple(damage)

    def finished(self, network: NetworkId, keys: Collection[str] | None = None) -> tuple[JobRow, ...]:
        """Return a network's finished jobs, or those of some keys, by seed, at least one.

        Raises
        ------
        StoreError
            If there is none.
        """
        rows, damage = self.read_jobs(network)
        finished = [row for row in rows if row.result is not None and (keys is None or row.job.key in keys)]
        if not finished:
            failed = [f"{row.job.label}: {row.reason}" for row in rows if row.state == "failed"]
            raise StoreError(" ".join([*damage, *failed]) or f"{network.label} has no finished training.")
        return tuple(sorted(finished, key=lambda row: row.job.seed))

    def epochs(self, key: str) -> tuple[EpochRecord, ...]:
        """Return a job's epochs, in order.

        Raises
        ------
        StoreError
            If one is damaged.
        """
        rows = self._database.read(f"SELECT {_EPOCH_COLUMNS} FROM epoch WHERE job = ? ORDER BY epoch", key)
        with _of_job(key, "an epoch"):
            return tuple(_record(EpochRecord, row) for row in rows)

    def scores(self, key: str) -> dict[str, Score]:
        """Return the kept network's scores by split; empty for results older than scores.

        Raises
        ------
        StoreError
            If one is damaged.
        """
        rows = self._database.read(f"SELECT split, {_SCORE_COLUMNS} FROM score WHERE job = ?", key)
        with _of_job(key, "a score"):
            return {split: _record(Score, values) for split, *values in rows}

    def measurement(self, key: str) -> Measurement | None:
        """Return a job's measured costs, if any.

        Raises
        ------
        StoreError
            If they are damaged.
        """
        rows = self._database.read(f"SELECT {_MEASUREMENT_COLUMNS} FROM measurement WHERE job = ?", key)
        with _of_job(key, "its measurement", "Measure it again."):
            return _record(Measurement, rows[0]) if rows else None

    def weights(self, row: JobRow) -> Tensors:
        """Return the kept network's state of a finished job.

        Raises
        ------
        StoreError
            If the file is missing or damaged.
        """
        return self.files.read_tensors(_weights_file(row.job.key), done(row).weights_sha256)

    def weights_content(self, row: JobRow) -> bytes:
        """Return the file with a finished job's weights, as :meth:`weights` checks it."""
        return self.files.read(_weights_file(row.job.key), done(row).weights_sha256)

    def weights_bytes(self, row: JobRow) -> int:
        """Size of the file with a finished job's weights."""
        return (self.files.folder / _weights_file(row.job.key)).stat().st_size

    def predictions(self, row: JobRow) -> TestPredictions:
        """Return a finished job's predictions on the test images.

        Raises
        ------
        StoreError
            If the file is missing or damaged.
        """
        result, classes = done(row), row.job.architecture.classes
        tensors = self.files.read_tensors(_test_file(row.job.key), result.test_sha256)
        with _of_job(row.job.key, "its predictions"):
            return read_predictions(tensors, result.test_images, classes)

    def test_accesses(self, key: str) -> tuple[str, ...]:
        """Return the purposes for which a job's test images were opened, in order."""
        return tuple(str(row[0]) for row in self._database.read("SELECT purpose FROM test_access WHERE job = ?", key))

    # ---- inside ----------------------------------------------------------------------------------------

    def _checkpoint_epoch(self, key: str) -> int:
        """Epoch of the checkpoint that a job's row names; 0 for none."""
        return int(self._database.read("SELECT checkpoint_epoch FROM job WHERE key = ?", key)[0][0])

    def _named_files(self) -> set[str]:
        named: set[str] = set()
        for key, state, epoch in self._database.read("SELECT key, state, checkpoint_epoch FROM job"):
            if state == "done":
                named |= {_weights_file(key), _test_file(key)}
            if epoch:
                named.add(_checkpoint_file(key, epoch))
        return named


def _add(connection: sqlite3.Connection, position: int, job: Job) -> None:
    counted = cost(job.architecture)
    connection.execute(
        "INSERT INTO job (key, position, family, budget, seed, split_seed, data_digest, architecture, recipe, variant, "
        "weights, macs, activation_bytes, state) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, 'pending') "
        f"ON CONFLICT (key) DO UPDATE SET {', '.join(f'{name} = excluded.{name}' for name in _PLANNED)}, "
        "attempts = max(attempts, 0)",
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
            variant_to_json(job.variant),
            counted.weights,
            counted.macs,
            counted.activation_bytes,
        ),
    )


def _insert_epoch(connection: sqlite3.Connection, key: str, record: EpochRecord) -> None:
    _insert(connection, "epoch", key, _EPOCH_COLUMNS, astuple(record))


def _insert_result(connection: sqlite3.Connection, key: str, row: ResultRow) -> None:
    columns = [field.name for field in fields(ResultRow)]
    values = [row.environment.to_json() if name == "environment" else getattr(row, name) for name in columns]
    _insert(connection, "result", key, ", ".join(columns), values)


def _insert(connection: sqlite3.Connection, table: str, key: str, columns: str, values: Sequence[object]) -> None:
    marks = ", ".join("?" * (1 + len(values)))
    connection.execute(f"INSERT OR REPLACE INTO {table} (job, {columns}) VALUES ({marks})", (key, *values))


def _job_row(row: tuple[Any, ...]) -> JobRow:
    key, family, budget, architecture, recipe, data_digest, split_seed, seed, variant, *rest = row
    parsed, counted = read_architecture(architecture)
    job = Job(
        family, budget, parsed, checked_text(Recipe, recipe), data_digest, split_seed, seed, read_variant(variant)
    )
    weights, macs, activation_bytes, state, attempts, reason, *result = rest
    if (job.key, parsed.family) != (key, family):
        raise InvalidValue("it isn't what its key is the digest of")
    if (weights, macs, activation_bytes) != (counted.weights, counted.macs, counted.activation_bytes):
        raise InvalidValue(f"{weights} weights, {macs} MACs and {activation_bytes} bytes of activations are stored")
    finished = None
    if state == "done":
        try:
            finished = _record(ResultRow, result)
        except InvalidValue as error:
            state, reason = "failed", f"its result is damaged ({error}). {REMEDY}"
    return checked(JobRow, dict(zip(_JOB_FIELDS, (job, *rest[:3], state, attempts, reason, finished), strict=True)))


def _label(row: tuple[Any, ...]) -> str:
    """Name a job whose row is damaged."""
    key, family, budget, *_ = row
    return f"job {str(key)[:12]} ({str(family)[:20]} {str(budget)[:20]})"


def _record(kind: type[Record], values: Sequence[Any]) -> Record:
    """Check a row whose columns are a record's fields; a column called environment holds JSON."""
    named = dict(zip((field.name for field in fields(kind)), values, strict=True))  # type: ignore[arg-type]
    if "environment" in named:
        named["environment"] = checked_text(Environment, named["environment"])
    return checked(kind, named)


@contextmanager
def _of_job(key: str, what: str, remedy: str = REMEDY) -> Iterator[None]:
    """Name the job to which a damaged row belongs."""
    try:
        yield
    except InvalidValue as error:
        raise StoreError(f"job {key[:12]}: {what} is damaged ({error}). {remedy}") from error


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


def _weights_file(key: str) -> str:
    return f"{key}.safetensors"


def _test_file(key: str) -> str:
    return f"{key}.test.safetensors"


def _checkpoint_file(key: str, epoch: int) -> str:
    return f"{key}.{epoch}.checkpoint.safetensors"


def _now() -> str:
    return datetime.now(UTC).isoformat(timespec="seconds")
