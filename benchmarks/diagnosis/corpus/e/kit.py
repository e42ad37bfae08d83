"""Images, networks and loops that several programs of part "e" use."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from functools import cache

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812, as everybody writes it

from benchmarks.diagnosis.corpus.program import Subject
from makeweight.data.dataset import prepare

Loss = Callable[[Tensor, Tensor], Tensor]
Pair = tuple[Tensor, Tensor]
FOR_TRAINING = 48_000  # of FashionMNIST's training images; the other 12,000 are for validation


@cache
def _garments() -> tuple[np.ndarray, np.ndarray]:
    part = prepare("fashion-mnist").training_images()
    return part.images, part.labels


def garment_bytes(n: int, seed: int, validation: bool = False, classes: Sequence[int] | None = None) -> Pair:
    """Images (n, 1, 28, 28) uint8 in random order; with ``classes``, of these, numbered anew from 0."""
    images, labels = _garments()
    rows = np.arange(FOR_TRAINING, len(labels)) if validation else np.arange(FOR_TRAINING)
    if classes is not None:
        rows = rows[np.isin(labels[rows], classes)]
    rows = np.random.default_rng(seed).permutation(rows)[:n]
    y = labels[rows] if classes is None else np.array([list(classes).index(c) for c in labels[rows]])
    return torch.from_numpy(images[rows]), torch.from_numpy(y).long()


def garments(n: int, seed: int, validation: bool = False, classes: Sequence[int] | None = None) -> Pair:
    """The same, with a mean of 0 and a deviation of 1."""
    images, labels = garment_bytes(n, seed, validation, classes)
    return (images.float() / 255 - 0.286) / 0.353, labels


def garments_of(counts: dict[int, int], seed: int, validation: bool = False) -> Pair:
    """So many images of each class, in random order, the classes numbered anew from 0."""
    parts = [garments(n, seed, validation, [c]) for c, n in counts.items()]
    x = torch.cat([x for x, _ in parts])
    y = torch.repeat_interleave(torch.arange(len(counts)), torch.tensor(list(counts.values())))
    order = torch.from_numpy(np.random.default_rng(seed).permutation(len(x)))
    return x[order], y[order]


def digit_rows(seed: int = 0) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Rows (1400, 64) of scikit-learn's digits with values from 0 to 16, labels, and 397 for validation."""
    x, y = load_digits(return_X_y=True)
    order = np.random.default_rng(seed).permutation(len(x))
    rows, labels = torch.from_numpy(x[order]).float(), torch.from_numpy(y[order])
    return rows[:1400], labels[:1400], rows[1400:], labels[1400:]


@cache
def sign_photos(n: int, seed: int) -> tuple[np.ndarray, Tensor]:
    """Draw traffic signs of five kinds: (n, 32, 32, 3) uint8, as OpenCV or PIL would give them.

    A red disc, a blue disc, a red triangle, a blue square and a yellow lozenge, before trees, walls or sky.
    """
    rng = np.random.default_rng(seed)
    label = rng.integers(5, size=n)
    row, column = np.mgrid[:32, :32]
    cy, cx, size = (rng.uniform(low, high, (n, 1, 1)) for low, high in ((10, 22), (10, 22), (5, 10)))
    dy, dx = (row - cy) / size, (column - cx) / size
    disc = np.hypot(dy, dx) < 1
    triangle = (dy < 0.8) & (abs(dx) < (dy + 1) / 1.8)
    square, lozenge = np.maximum(abs(dy), abs(dx)) < 0.85, abs(dy) + abs(dx) < 1.2
    mask = np.choose(label[:, None, None], [disc, disc, triangle, square, lozenge])[..., None]
    paint = np.array([[190, 40, 45], [40, 70, 170], [190, 40, 45], [40, 70, 170], [215, 185, 60]])[label]
    ground = np.array([[70, 110, 60], [140, 130, 120], [150, 180, 210]])[rng.integers(3, size=n)]
    ground = ground[:, None, None] + 20 * rng.normal(size=(n, 1, 1, 3)) + 25 * rng.normal(size=(n, 32, 32, 3))
    light = rng.uniform(0.6, 1.2, (n, 1, 1, 1))
    photo = light * np.where(mask, paint[:, None, None] + 15 * rng.normal(size=(n, 32, 32, 3)), ground)
    return photo.clip(0, 255).astype(np.uint8), torch.from_numpy(label)


def signs(n: int, seed: int) -> Pair:
    """The signs as a network takes them: (n, 3, 32, 32), between -2 and 2."""
    photos, labels = sign_photos(n, seed)
    return (torch.from_numpy(photos).permute(0, 3, 1, 2).float() / 255 - 0.45) / 0.25, labels


class LeNet(nn.Module):
    """LeCun et al. 1998 with ReLU and max pooling, as courses give it."""

    def __init__(self, channels: int = 1, size: int = 28, classes: int = 10):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * ((size // 2 - 4) // 2) ** 2, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(x.flatten(1)))
        return self.fc3(F.relu(self.fc2(x)))


class Block(nn.Module):
    """Two convolutions and a way around them; ``norm`` makes a normalisation for so many channels."""

    def __init__(self, inputs: int, outputs: int, stride: int, norm: Callable[[int], nn.Module]):
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False), norm(outputs), nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), norm(outputs),
        )  # fmt: skip
        self.way = nn.Sequential()
        if stride != 1 or inputs != outputs:
            self.way = nn.Sequential(nn.Conv2d(inputs, outputs, 1, stride, bias=False), norm(outputs))

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(self.body(x) + self.way(x))


class TinyResNet(nn.Module):
    def __init__(self, channels: int = 1, classes: int = 10, norm: Callable[[int], nn.Module] = nn.BatchNorm2d):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(channels, 12, 3, 2, 1, bias=False), norm(12), nn.ReLU())
        self.layer1 = Block(12, 12, 1, norm)
        self.layer2 = Block(12, 24, 2, norm)
        self.fc = nn.Linear(24 * 4, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.layer2(self.layer1(self.stem(x)))
        return self.fc(F.adaptive_avg_pool2d(x, 2).flatten(1))


def depthwise(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False), nn.BatchNorm2d(inputs), nn.ReLU(),
        nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU(),
    )  # fmt: skip


def mlp(*sizes: int, act: Callable[[], nn.Module] = nn.ReLU) -> nn.Sequential:
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in itertools.pairwise(sizes):
        layers += [nn.Linear(inputs, outputs), act()]
    return nn.Sequential(*layers[:-1])


def small_cnn(channels: int = 1, classes: int = 10) -> nn.Sequential:
    side = 7 if channels == 1 else 8  # of garments and signs, after two strides
    return nn.Sequential(
        nn.Conv2d(channels, 16, 5, 2, 2), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(), nn.Flatten(),
        nn.Linear(32 * side**2, classes),
    )  # fmt: skip


def stepping(model: nn.Module, loss_fn: Loss, optimizer: torch.optim.Optimizer,
             after: Callable[[], object] = lambda: None) -> Loss:  # fmt: skip
    """A training step; ``after`` is called once the weights have moved."""

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        optimizer.zero_grad()
        loss = loss_fn(model(images), labels)
        loss.backward()
        optimizer.step()
        after()
        return loss.detach()

    return step


def accuracy(model: nn.Module, held_out: Pair) -> Callable[[], float]:
    x, y = held_out

    def validate() -> float:
        model.eval()
        with torch.no_grad():
            return (model(x).argmax(1) == y).float().mean().item()

    return validate


def accuracy_of_one_output(model: nn.Module, held_out: Pair, threshold: float = 0.0) -> Callable[[], float]:
    x, y = held_out

    @torch.no_grad()
    def validate() -> float:
        model.eval()
        return ((model(x).flatten() > threshold) == y.bool()).float().mean().item()

    return validate


def bce(out: Tensor, labels: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(out.flatten(), labels.float())


def training(model: nn.Module, data: Pair, held_out: Pair, optimizer: torch.optim.Optimizer,
             loss_fn: Loss = F.cross_entropy) -> Subject:  # fmt: skip
    """The usual loop and the usual validation."""
    step = stepping(model, loss_fn, optimizer)
    return Subject(model, loss_fn, optimizer, *data, step, accuracy(model, held_out))


def run(subject: Subject, steps: int, batch: int = 64, in_order: bool = False, seed: int = 0) -> None:
    """Train; ``in_order`` takes the images as they lie."""
    step = subject.step or stepping(subject.model, subject.loss_fn, subject.optimizer)
    generator = torch.Generator().manual_seed(seed)
    n = len(subject.images)
    for i in range(steps):
        rows = torch.arange(i * batch, (i + 1) * batch) % n if in_order else torch.randperm(n, generator=generator)
        step(subject.images[rows[:batch]], subject.labels[rows[:batch]])
