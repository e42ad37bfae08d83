"""Fixtures of the classifiers' tests: one thread, a few hundred digits, two small fitted classifiers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from makeweight.estimators.classifiers import CNNClassifier, FCNClassifier


@pytest.fixture(autouse=True, scope="session")
def one_thread() -> Iterator[None]:
    """The number of threads is part of what makes a training repeatable."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(scope="session")
def digits() -> tuple[np.ndarray, np.ndarray]:
    """400 rows of 64 pixels, 0 to 16, and their classes."""
    X, y = load_digits(return_X_y=True)
    return X[:400], y[:400]


def small_fcn(**arguments: object) -> FCNClassifier:
    return FCNClassifier(**{"budget": 3_000, "epochs": 15, "random_state": 0} | arguments)


def small_cnn(**arguments: object) -> CNNClassifier:
    return CNNClassifier(**{"budget": 2_000, "epochs": 8, "random_state": 0, "precision": "fp32"} | arguments)


@pytest.fixture(params=[small_fcn, small_cnn], ids=["fcn", "cnn"])
def make(request: pytest.FixtureRequest):
    """Make a small classifier of each family; keywords change its arguments."""
    return request.param
