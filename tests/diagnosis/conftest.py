"""A small sound training on the digits, and the arguments that diagnose takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from makeweight.data.dataset import PreparedDataset
from makeweight.diagnosis.probes import training, trials


@pytest.fixture(scope="session")
def pictures(digits: PreparedDataset) -> tuple[Tensor, Tensor]:
    """(1000, 1, 8, 8) normalised images, and their labels."""
    labelled = digits.training_images()
    images = torch.from_numpy(np.array(labelled.images[:1_000])).float()
    return (images - images.mean()) / images.std(), torch.from_numpy(np.array(labelled.labels[:1_000]))


@pytest.fixture
def sound(pictures: tuple[Tensor, Tensor], monkeypatch: pytest.MonkeyPatch) -> Callable[..., dict[str, Any]]:
    """Make the arguments of a sound training; keywords replace some. Half the steps show enough here."""
    monkeypatch.setattr(training, "MAX_STEPS", 60)
    monkeypatch.setattr(trials, "MAX_STEPS", 50)
    monkeypatch.setattr(trials, "ONE_BATCH_STEPS", 60)

    def make(**changes: Any) -> dict[str, Any]:
        torch.manual_seed(0)
        model = nn.Sequential(
            nn.Flatten(), nn.Linear(64, 48), nn.BatchNorm1d(48), nn.ReLU(), nn.Dropout(0.1), nn.Linear(48, 10)
        )
        values = {
            "model": model, "loss_fn": nn.CrossEntropyLoss(), "images": pictures[0], "labels": pictures[1],
            "optimizer": torch.optim.AdamW(model.parameters(), lr=0.005),
        }  # fmt: skip
        return {**values, **changes}

    return make
