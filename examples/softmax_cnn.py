"""An ordinary CNN with the fault that explains the course report's 71–77 %, and the same without it.

Try: makeweight diagnose examples/softmax_cnn.py:make_model
and: makeweight diagnose examples/softmax_cnn.py:make_mended_model
"""

from __future__ import annotations

import torch
from torch import nn

WIDTHS = {10_000: (6, 16), 20_000: (9, 20), 50_000: (16, 24), 100_000: (24, 30)}  # first filters, hidden neurons


def network(budget: int, *, softmax: bool) -> nn.Sequential:
    """Three 3×3 convolutions of stride 2 and a hidden layer, for 28×28 pixels and 10 classes."""
    width, hidden = WIDTHS[budget]
    layers: list[nn.Module] = [
        nn.Conv2d(1, width, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(width, 2 * width, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(2 * width, 4 * width, 3, stride=2, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(4 * width * 4 * 4, hidden), nn.ReLU(), nn.Linear(hidden, 10),
    ]  # fmt: skip
    return nn.Sequential(*layers, *([nn.Softmax(dim=1)] if softmax else []))


def training(softmax: bool, budget: int = 50_000) -> dict[str, object]:
    """Return what diagnose wants to know; images and labels come from --dataset."""
    torch.manual_seed(0)
    model = network(budget, softmax=softmax)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return {"model": model, "loss_fn": nn.CrossEntropyLoss(), "optimizer": optimizer}


def make_model() -> dict[str, object]:
    """Make the fault: CrossEntropyLoss applies log-softmax itself, to what is a softmax already."""
    return training(softmax=True)


def make_mended_model() -> dict[str, object]:
    """Make the same without the softmax."""
    return training(softmax=False)
