"""The records of jobs and results: NumPy only, so that the store and the statistics read them without torch."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from makeweight.designs.architecture import Architecture
from makeweight.jobs.network import NetworkId, Variant
from makeweight.training.recipe import Recipe
from makeweight.training.records import EpochRecord


@dataclass(frozen=True)
class Job:
    """One training: everything that its result depends on, except machine, precision and thread count."""

    family: str
    budget: int  # weights; the network's own number if there is no budget
    architecture: Architecture
    recipe: Recipe
    data_digest: str  # SHA-256 of the prepared data set
    split_seed: int  # for the split into training and validation images
    seed: int  # for weights, image order and augmentation
    variant: Variant = ()  # how architecture and recipe came about, for its name; not part of the key

    @property
    def network_id(self) -> NetworkId:
        """What it shares with the jobs of other seeds."""
        return NetworkId(self.family, self.budget, self.variant)

    @property
    def label(self) -> str:
        """Its name, for example FCN 100K seed 0."""
        return f"{self.network_id.label} seed {self.seed}"

    @cached_property
    def key(self) -> str:
        """Digest of all that the result depends on, in hexadecimal."""
        parts = {
            "budget": self.budget,
            "architecture": self.architecture.digest,
            "recipe": self.recipe.to_json(),
            "data": self.data_digest,
            "split_seed": self.split_seed,
            "seed": self.seed,
        }
        return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()[:32]


@dataclass(frozen=True, slots=True)
class Environment:
    """What computed a result."""

    python: str
    torch: str
    makeweight: str
    git_commit: str  # of makeweight's checkout; empty for an installed package
    platform: str
    processor: str
    processors: int  # that the process may use
    device: str
    precision: str
    threads: int

    def to_json(self) -> str:
        """JSON with sorted keys."""
        return json.dumps(asdict(self), sort_keys=True)


@dataclass(frozen=True, slots=True)
class Score:
    """A network's score on some images, in evaluation mode: no dropout, no augmentation, plain cross-entropy."""

    images: int
    accuracy: float  # 0 to 1
    loss: float  # mean cross-entropy, in nats
    loss_sd: float  # over the images


@dataclass(frozen=True, slots=True)
class Measurement:
    """The cost of using a trained network, measured on one machine; None is "not measured"."""

    latency_p50_ms: float  # one image at a time
    latency_p95_ms: float
    latency_repeats: int
    batch_images: int  # of the next three
    batch_latency_p50_ms: float
    batch_latency_p95_ms: float
    batch_repeats: int
    peak_activation_bytes: int | None  # most allocated at once for one image: maps, kernels' buffers, cast weights
    file_bytes: int  # of the stored weights
    load_ms: float  # from the file to a network that is ready, median
    energy_mj: float | None  # millijoules an image, in batches
    energy_source: str | None  # the counter it was read from
    measured: str  # UTC, ISO 8601
    environment: Environment


@dataclass(frozen=True)
class Trained:
    """How a job's training went, without a look at the test images."""

    epochs: tuple[EpochRecord, ...]
    environment: Environment

    @property
    def validation_accuracy(self) -> float:
        """Of the kept network, 0 to 1."""
        return self.epochs[-1].validation_accuracy


@dataclass(frozen=True)
class Result:
    """The result of one job."""

    epochs: tuple[EpochRecord, ...]
    weights: dict[str, NDArray[np.generic]]  # the kept network's state, by tensor name
    test_logits: NDArray[np.float32]  # (n, k), the one look at the test images
    test_labels: NDArray[np.int64]  # (n,)
    scores: dict[str, Score]  # by split: "training" (a sample as large as the validation split) and "validation"
    environment: Environment

    @property
    def test_accuracy(self) -> float:
        """Share of the test images whose largest logit is their label's, 0 to 1."""
        return float((self.test_logits.argmax(axis=1) == self.test_labels).mean())

    @property
    def validation_accuracy(self) -> float:
        """Of the kept network, 0 to 1."""
        return self.epochs[-1].validation_accuracy
