"""A trained network, and files written from it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from makeweight.data.dataset import PreparedDataset
from makeweight.export.c import CFiles, write_c
from makeweight.export.c.compiler import find_compiler
from makeweight.export.c.score import CScores, run_c
from makeweight.jobs.job import Assignment, run_job
from makeweight.jobs.result import Job, Result
from makeweight.nets.build import Network
from makeweight.nets.load import load_network
from makeweight.training.precision import Hardware

Answers = Callable[..., CScores]


@dataclass(frozen=True)
class Trained:
    """A network with what it answers on the test images."""

    network: Network
    data: PreparedDataset
    images: NDArray[np.uint8]  # of the test
    labels: NDArray[np.int64]
    probabilities: NDArray[np.float32]  # by torch

    def write(self, folder: Path, class_names: Sequence[str] | None = None, **options: Any) -> CFiles:
        calibration = np.array(self.data.training_images().images[:300])
        return write_c(self.network, class_names or self.data.class_names, folder, calibration, **options)


@pytest.fixture(scope="session")
def train() -> Callable[[Job, PreparedDataset, int], Trained]:
    """Train a job, and ask the network about the first test images."""

    def run(job: Job, data: PreparedDataset, count: int) -> Trained:
        *_, result = run_job(Assignment(job, data.path, Hardware("cpu", "fp32", 1)))
        assert isinstance(result, Result)
        images = np.array(data.test_images().images[:count])
        probabilities = torch.from_numpy(result.test_logits[:count]).softmax(1).numpy()
        return Trained(
            load_network(job.architecture, result.weights), data, images, result.test_labels[:count], probabilities
        )

    return run


@pytest.fixture(scope="session")
def trained(make_job: Callable[..., Job], digits: PreparedDataset, train: Callable[..., Trained]) -> Trained:
    """A convolutional network of 5,000 weights that knows the digits."""
    return train(make_job("cnn", 5_000, epochs=12, precision="fp32"), digits, 360)


@pytest.fixture(scope="session")
def answers() -> Answers:
    """Compile and run a file; skip where there is no compiler."""
    if find_compiler() is None:
        pytest.skip("needs a C compiler")

    def run(source: Path, images: NDArray[np.uint8], *options: str) -> CScores:
        scores = run_c(source, images, options or ("-O2",))
        assert isinstance(scores, CScores), scores
        assert (scores.predictions == scores.probabilities.argmax(1)).all()
        return scores

    return run
