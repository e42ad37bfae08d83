"""The loop stays faster than the way tutorials write it: a ratio within one run, never a time on the clock."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional
from torch.utils.data import DataLoader, TensorDataset

from makeweight.data.dataset import PreparedDataset, prepare
from makeweight.designs.architecture import Task
from makeweight.designs.families import FAMILIES
from makeweight.designs.solver import fit
from makeweight.training.images import TrainingData
from makeweight.training.loop import train
from makeweight.training.precision import Hardware
from makeweight.training.recipe import Recipe
from makeweight.training.state import TrainingState, begin

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")
IMAGES, BATCH, ROUNDS = 8_192, 512, 9
RECIPE = Recipe(epochs=ROUNDS + 1, batch_size=BATCH, label_smoothing=0.0)


def _begin() -> TrainingState:
    plain = {"norm": "none", "activation": "relu", "dropout": 0.0, "input_dropout": 0.0}
    network = fit(FAMILIES["fcn"], Task((1, 28, 28), 10), 20_000, plain).architecture
    return begin(network, RECIPE, 0, Hardware("cpu", "fp32", threads=1))


def _resident(data: TrainingData) -> Iterator[float]:
    for record in train(_begin(), RECIPE, data):
        yield record.train_seconds


def _with_data_loader(data: TrainingData) -> Iterator[float]:
    state = _begin()
    images = torch.from_numpy(data.images[data.train]).float().sub_(73).div_(90)
    loader = DataLoader(
        TensorDataset(images, torch.from_numpy(data.labels[data.train].astype(np.int64))),
        batch_size=BATCH,
        shuffle=True,
        generator=torch.Generator().manual_seed(0),
    )
    while True:
        start = time.perf_counter()
        for batch, labels in loader:
            loss = functional.cross_entropy(state.network(batch), labels)
            state.optimizer.zero_grad()
            loss.backward()  # type: ignore[no-untyped-call]
            state.optimizer.step()
        yield time.perf_counter() - start


@pytest.fixture
def fashion_mnist(tmp_path: Path) -> PreparedDataset:
    if not FASHION_MNIST.exists():
        pytest.skip(f"FashionMNIST is not in {FASHION_MNIST}; install Debian's dataset-fashion-mnist")
    return prepare("fashion-mnist", data_dir=FASHION_MNIST, cache_dir=tmp_path)


@pytest.mark.slow
def test_the_loop_on_resident_images_beats_a_data_loader(fashion_mnist: PreparedDataset) -> None:
    labelled = fashion_mnist.training_images()
    data = TrainingData(labelled.images, labelled.labels, np.arange(IMAGES), np.arange(IMAGES, IMAGES + 100))
    resident, loader = _resident(data), _with_data_loader(data)
    next(resident), next(loader)  # the first epoch pays for start-up
    ratios = [next(loader) / next(resident) for _ in range(ROUNDS)]
    assert statistics.median(ratios) >= 1.5, ratios
