"""A study at a glance, also of ten thousand trainings and while it runs: no architecture is read, nothing is computed.

What the full records cost is 1 ms a job; here it is 1 ms a hundred.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from makeweight.store.database import Database
from makeweight.store.rows import JobState
from makeweight.store.store import DATABASE

_JOB = (
    "SELECT job.key, job.family, job.budget, job.seed, job.weights, job.macs, json_extract(job.recipe, '$.epochs'), "
    "job.state, job.attempts, job.reason, result.validation_accuracy, result.test_accuracy, result.train_seconds, "
    "result.finished FROM job LEFT JOIN result ON result.job = job.key WHERE job.position >= 0 ORDER BY job.position"
)
_COURSE = "SELECT epoch, training_loss, validation_loss, validation_accuracy FROM epoch WHERE job = ? AND epoch > ?"
MOST_AT_ONCE = 500  # keys in one statement; SQLite allows more, and none of ours need them


@dataclass(frozen=True, slots=True)
class JobGlance:
    """One training as it stands."""

    key: str
    family: str
    budget: int
    seed: int
    weights: int
    macs: int
    epochs: int  # of its recipe
    state: JobState
    attempts: int
    reason: str | None
    validation_accuracy: float | None  # 0 to 1; of a finished one
    test_accuracy: float | None
    train_seconds: float | None
    finished: str | None  # UTC, ISO 8601


@dataclass(frozen=True, slots=True)
class StudyGlance:
    """What a study is called and made of."""

    name: str
    dataset: str
    data_digest: str  # SHA-256 of the prepared data
    created: str  # UTC, ISO 8601
    spec: str  # JSON, as planned


@dataclass(frozen=True, slots=True)
class Spent:
    """How far a training has come."""

    epochs: int
    seconds: float  # of training and validation


Point = tuple[int, float, float, float]  # epoch, training loss, validation loss, validation accuracy (0 to 1)


class Glance:
    """An open study, for looking again and again; of one thread."""

    def __init__(self, folder: Path) -> None:
        """Open.

        Raises
        ------
        StoreError
            If there is no store, or it is of another version, or damaged.
        """
        self._database = Database.for_reading(folder / DATABASE)

    def __enter__(self) -> Glance:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the connection."""
        self._database.close()

    def version(self) -> int:
        """Return a number that changes whenever another process has written; it costs some microseconds."""
        return int(self._database.read("PRAGMA data_version")[0][0])

    def study(self) -> StudyGlance | None:
        """Return the study, or None in a store that was just made."""
        rows = self._database.read("SELECT name, dataset, data_digest, created, spec FROM study")
        return StudyGlance(*rows[0]) if rows else None

    def jobs(self) -> list[JobGlance]:
        """Return all jobs of the plan, in the order of running."""
        return [JobGlance(*row) for row in self._database.read(_JOB)]

    def states(self, keys: Sequence[str]) -> dict[str, JobState]:
        """Return the states of some jobs."""
        marks = ", ".join("?" * len(keys[:MOST_AT_ONCE]))
        return dict(self._database.read(f"SELECT key, state FROM job WHERE key IN ({marks})", *keys[:MOST_AT_ONCE]))

    def course(self, key: str, after: int = 0) -> list[Point]:
        """Return what a job's epochs behind the given one brought, in order."""
        return [(epoch, *values) for epoch, *values in self._database.read(f"{_COURSE} ORDER BY epoch", key, after)]

    def spent(self, key: str) -> Spent:
        """Return how far a job has come."""
        rows = self._database.read(
            "SELECT coalesce(max(epoch), 0), coalesce(sum(train_seconds + validation_seconds), 0) "
            "FROM epoch WHERE job = ?",
            key,
        )
        return Spent(*rows[0])
