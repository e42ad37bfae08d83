"""A study at a glance, even with ten thousand trainings and while it runs: reads no architecture, computes nothing.

What the full records cost is 1 ms a job; here it is 1 ms a hundred.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from makeweight.errors import InvalidValue
from makeweight.jobs.network import NetworkId
from makeweight.store.database import Database
from makeweight.store.rows import JobState, check, checked, read_variant
from makeweight.store.store import DATABASE
from makeweight.training.records import EpochRecord

_JOB = (
    "SELECT job.family, job.budget, job.variant, job.key, job.seed, job.weights, job.macs, "
    "CASE WHEN json_valid(job.recipe) THEN json_extract(job.recipe, '$.epochs') END, job.state, job.attempts, "
    "job.reason, "
    "result.validation_accuracy, result.test_accuracy, result.train_seconds, result.finished FROM job "
    "LEFT JOIN result ON result.job = job.key AND job.state = 'done' WHERE job.position >= 0 ORDER BY job.position"
)
_POINT = ("training_loss", "validation_loss", "validation_accuracy")
_COURSE = f"SELECT epoch, {', '.join(_POINT)} FROM epoch WHERE job = ? AND epoch > ?"
MAX_AT_ONCE = 500  # keys per statement; SQLite allows more than we need


@dataclass(frozen=True, slots=True)
class JobGlance:
    """The state of one training."""

    network_id: NetworkId
    key: str
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

    @property
    def label(self) -> str:
        """Its name, for example FCN 100K seed 0."""
        return f"{self.network_id.label} seed {self.seed}"


@dataclass(frozen=True, slots=True)
class StudyGlance:
    """A study's name, data and plan."""

    name: str
    dataset: str
    data_digest: str  # SHA-256 of the prepared data
    created: str  # UTC, ISO 8601
    spec: str  # JSON, as planned


@dataclass(frozen=True, slots=True)
class Spent:
    """Progress of a training."""

    epochs: int
    seconds: float  # of training and validation


Point = tuple[int, float, float, float]  # epoch, training loss, validation loss, validation accuracy (0 to 1)


class Glance:
    """An open study, for repeated reading by one thread."""

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
        """Return a number that changes whenever another process has written; takes a few microseconds."""
        return int(self._database.read("PRAGMA data_version")[0][0])

    def study(self) -> StudyGlance | None:
        """Return the study, or None in a store that was just made."""
        rows = self._database.read("SELECT name, dataset, data_digest, created, spec FROM study")
        return StudyGlance(*rows[0]) if rows else None

    def jobs(self) -> list[JobGlance]:
        """Return all jobs of the plan, in the order of running; one whose row is damaged has failed."""
        return [_job(*row) for row in self._database.read(_JOB)]

    def states(self, keys: Sequence[str]) -> dict[str, JobState]:
        """Return the states of some jobs."""
        marks = ", ".join("?" * len(keys[:MAX_AT_ONCE]))
        return dict(self._database.read(f"SELECT key, state FROM job WHERE key IN ({marks})", *keys[:MAX_AT_ONCE]))

    def course(self, key: str, after: int = 0) -> list[Point]:
        """Return the results of a job's epochs after one, in order, without damaged ones."""
        rows = self._database.read(f"{_COURSE} ORDER BY epoch", key, after)
        return [(epoch, *values) for epoch, *values in rows if _is_sound(values)]

    def spent(self, key: str) -> Spent:
        """Return a job's progress."""
        rows = self._database.read(
            "SELECT coalesce(max(epoch), 0), coalesce(sum(train_seconds + validation_seconds), 0) "
            "FROM epoch WHERE job = ?",
            key,
        )
        return Spent(*rows[0])


def _job(family: Any, budget: Any, variant: Any, key: str, seed: Any, *values: Any) -> JobGlance:
    *columns, validation, test, seconds, finished = values
    named = dict(zip(("weights", "macs", "epochs", "state", "attempts", "reason"), columns, strict=True))
    named |= {"validation_accuracy": validation, "test_accuracy": test, "train_seconds": seconds, "finished": finished}
    try:
        network = checked(NetworkId, {"family": family, "budget": budget, "variant": read_variant(variant)})
        job = checked(JobGlance, {"network_id": network, "key": key, "seed": seed, **named})
        if job.state == "done" and None in (validation, test, seconds, finished):
            raise InvalidValue("a result is missing")
    except InvalidValue as error:
        reason = f"its row is damaged ({error})"
        return JobGlance(NetworkId(str(family), 0), key, 0, 0, 0, 0, "failed", 0, reason, None, None, None, None)
    return job


def _is_sound(values: Sequence[Any]) -> bool:
    try:
        check(EpochRecord, dict(zip(_POINT, values, strict=True)))
    except InvalidValue:
        return False
    return True
