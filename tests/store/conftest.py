"""Results made of random numbers: the store does not care what they mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from makeweight.designs.architecture import Task
from makeweight.designs.families import family_named
from makeweight.designs.solver import fit
from makeweight.jobs.result import Environment, Job, Result, Score
from makeweight.store.rows import StudyRow
from makeweight.store.store import Store
from makeweight.training.recipe import Recipe
from makeweight.training.records import EpochRecord

MakeResult = Callable[..., Result]


@pytest.fixture(scope="session")
def jobs() -> list[Job]:
    """Three jobs of one network, seeds 0 to 2."""
    architecture = fit(family_named("fcn"), Task((1, 8, 8), 10), 2_000).architecture
    return [Job("fcn", 2_000, architecture, Recipe(), "d" * 64, 0, seed) for seed in range(3)]


@pytest.fixture(scope="session")
def make_result() -> MakeResult:
    def make(seed: int = 0, epochs: int = 2, classes: int = 10) -> Result:
        rng = np.random.default_rng(seed)
        return Result(
            epochs=tuple(EpochRecord(i, *rng.random(4), 1_000, *rng.random(2)) for i in range(1, epochs + 1)),
            weights={
                "hidden1.weight": rng.standard_normal((7, 64)).astype(np.float32),
                "hidden1.bias": np.zeros(7, np.float32)[::-1],
                "norm1.count": np.array(12, np.int64),
            },
            test_logits=rng.standard_normal((50, classes)).astype(np.float32),
            test_labels=rng.integers(0, classes, 50),
            scores={"training": Score(50, 0.75, 0.5, 0.25), "validation": Score(50, 0.5, 1.0, 0.5)},
            environment=Environment("3", "2", "1", "", "here", "this one", 2, "cpu", "fp32", 1),
        )

    return make


@pytest.fixture
def store(tmp_path: Path, jobs: list[Job]) -> Iterator[Store]:
    """A store with the three jobs planned."""
    with Store.create(tmp_path / "study") as created:
        created.plan(StudyRow("study", "{}", "digits", "d" * 64), jobs)
        yield created
