"""What the store gives back."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from makeweight.jobs.result import Environment, Job
from makeweight.training.records import EpochRecord

JobState = Literal["pending", "running", "done", "failed"]


@dataclass(frozen=True)
class StudyRow:
    """The study itself."""

    name: str
    spec: str  # JSON, as planned
    dataset: str
    data_digest: str  # SHA-256 of the prepared data
    class_names: tuple[str, ...] = ()  # by label; empty in studies older than this field
    data_path: str = ""  # of the prepared data on the machine that planned last
    created: str = ""  # UTC, ISO 8601; the store's to say


@dataclass(frozen=True)
class ResultRow:
    """What a finished job found, without its arrays."""

    validation_accuracy: float  # 0 to 1
    test_accuracy: float  # 0 to 1
    test_images: int
    train_seconds: float
    images_per_second: float
    environment: Environment
    weights_sha256: str
    test_sha256: str
    finished: str  # UTC, ISO 8601


@dataclass(frozen=True)
class JobRow:
    """A job with its state."""

    job: Job
    weights: int
    macs: int
    activation_bytes: int
    state: JobState
    attempts: int
    reason: str | None
    result: ResultRow | None  # of a job that is done


@dataclass(frozen=True)
class Progress:
    """Where a job that was cut off can go on."""

    epochs: tuple[EpochRecord, ...]
    checkpoint: bytes | None


@dataclass(frozen=True)
class TestPredictions:
    """What a network answered on the test images."""

    __test__ = False  # not a test case, whatever pytest thinks of the name

    logits: NDArray[np.float32]  # (n, k)
    labels: NDArray[np.int64]  # (n,)

    @property
    def correct(self) -> NDArray[np.bool_]:
        """(n,) whether the largest logit is the label's."""
        return np.asarray(self.logits.argmax(axis=1) == self.labels)
