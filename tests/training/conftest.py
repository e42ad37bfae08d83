"""Fixtures of the training tests: a few hundred real digits, one thread."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch

from makeweight.data.sources.catalogue import digits as digits_by_part
from makeweight.designs.architecture import Architecture, Task
from makeweight.designs.families import FAMILIES
from makeweight.designs.solver import fit
from makeweight.training.images import TrainingData

DIGITS = Task((1, 8, 8), 10)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Small networks are fastest on one thread, and the number of threads is part of what makes a run repeatable."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def digits() -> TrainingData:
    """320 training and 100 validation images of scikit-learn's digits."""
    images, labels = digits_by_part()["train"]
    rows = np.random.default_rng(0).permutation(len(labels))[:420]
    return TrainingData(images[:, None], labels, rows[:320], rows[320:])


@pytest.fixture(scope="session")
def digit_network() -> Callable[..., Architecture]:
    """Design a small network of a family for the digits."""

    def design(family: str, budget: int = 3_000, **options: object) -> Architecture:
        return fit(FAMILIES[family], DIGITS, budget, options).architecture

    return design
