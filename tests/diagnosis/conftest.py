"""A small sound training on the digits, and the arguments that diagnose takes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from makeweight.data.dataset import PreparedDataset


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    """Tests run side by side: more threads than processors make small networks many times slower."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def pictures(digits: PreparedDataset) -> tuple[Tensor, Tensor]:
    """(1000, 1, 8, 8) normalised images, and their labels."""
    labelled = digits.training_images()
    images = torch.from_numpy(np.array(labelled.images[:1_000])).float()
    return (images - images.mean()) / images.std(), torch.from_numpy(np.array(labelled.labels[:1_000]))


@pytest.fixture
def sound(pictures: tuple[Tensor, Tensor]) -> Callable[..., dict[str, Any]]:
    """Make the arguments of a sound training; keywords replace some."""

    def make(**changes: Any) -> dict[str, Any]:
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 48), nn.BatchNorm1d(48), nn.ReLU(), nn.Dropout(0.1), nn.Linear(48, 10)
        )
        values = {
            "model": model, "loss_fn": nn.CrossEntropyLoss(), "images": pictures[0], "labels": pictures[1],
            "optimizer": torch.optim.AdamW(model.parameters(), lr=0.005), "seconds": 4,
        }  # fmt: skip
        return {**values, **changes}

    return make
