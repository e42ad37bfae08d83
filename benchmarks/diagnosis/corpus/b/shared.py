"""Data and small habits that the programs of this half share; their networks are in `blocks`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
import torch
import torch.nn.functional as F  # noqa: N812  as everybody writes it
from torch import Tensor, nn

from makeweight.data.dataset import prepare

Step = Callable[[Tensor, Tensor], Tensor]

MEAN, STD = 0.2860, 0.3530  # of Fashion-MNIST in 0..1, as everybody copies them


def raw(name: str, start: int, stop: int, classes: Sequence[int] | None = None) -> tuple[Tensor, Tensor]:
    """Rows [start, stop) as uint8 (n, 1, h, w) and int64 (n,); with `classes`, only those, renumbered from 0."""
    part = prepare(name).training_images()
    images, labels = torch.from_numpy(np.array(part.images[start:stop])), torch.from_numpy(part.labels[start:stop] + 0)
    if classes is None:
        return images, labels
    number = torch.full((10,), -1)
    number[list(classes)] = torch.arange(len(classes))
    kept = number[labels] >= 0
    return images[kept], number[labels[kept]]


def normalised(images: Tensor) -> Tensor:
    return (images.float() / 255 - MEAN) / STD


def fashion(
    count: int = 3000, held_out: int = 800, start: int = 0, classes: Sequence[int] | None = None
) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training images and labels, then those of validation, from the rows behind; normalised."""
    images, labels = raw("fashion-mnist", start, start + count, classes)
    others, truth = raw("fashion-mnist", start + count, start + count + held_out, classes)
    return normalised(images), labels, normalised(others), truth


def digits(count: int = 1100, seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Like `fashion`, shuffled: the writers of the digits come one after the other."""
    images, labels = raw("digits", 0, 1438)
    order = torch.randperm(len(labels), generator=torch.Generator().manual_seed(seed))
    images, labels = (images[order].float() / 255 - 0.305) / 0.376, labels[order]
    return images[:count], labels[:count], images[count:], labels[count:]


def train(step: Step, images: Tensor, labels: Tensor, steps: int, batch: int = 64, seed: int = 0) -> None:
    """Call the step on reshuffled batches, as its owner has done before asking for a diagnosis."""
    generator = torch.Generator().manual_seed(seed)
    left: list[Tensor] = []
    for _ in range(steps):
        if not left:
            left = [
                rows for rows in torch.randperm(len(labels), generator=generator).split(batch) if len(rows) == batch
            ]
        rows = left.pop()
        step(images[rows], labels[rows])


def plain_step(model: nn.Module, loss_fn: Callable[[Tensor, Tensor], Tensor], optimizer: torch.optim.Optimizer) -> Step:
    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        optimizer.zero_grad()
        loss = loss_fn(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def accuracy_of(model: nn.Module, images: Tensor, labels: Tensor) -> Callable[[], float]:
    @torch.no_grad()
    def validate() -> float:
        model.eval()
        batches = zip(images.split(256), labels.split(256), strict=True)
        correct = sum(int((model(x).argmax(1) == y).sum()) for x, y in batches)
        model.train()
        return correct / len(labels)

    return validate


def log_loss(scores: Tensor, labels: Tensor) -> Tensor:
    return F.cross_entropy(scores, labels)
