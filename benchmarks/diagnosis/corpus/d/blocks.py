"""Images, networks and loops that several programs of part "d" use."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812, as everybody writes it

from makeweight.data.dataset import prepare

Step = Callable[[Tensor, Tensor], Tensor]
FOR_TRAINING = 50_000  # of FashionMNIST's training images; the other 10,000 are for validation


@cache
def _fashion_part() -> tuple[np.ndarray, np.ndarray]:
    part = prepare("fashion-mnist").training_images()
    return part.images, part.labels


def fashion_bytes(n: int, seed: int = 0, validation: bool = False) -> tuple[Tensor, Tensor]:
    """Images as in the files: (n, 1, 28, 28) uint8, in random order."""
    images, labels = _fashion_part()
    first, last = (FOR_TRAINING, len(labels)) if validation else (0, FOR_TRAINING)
    rows = np.random.default_rng(seed).permutation(np.arange(first, last))[:n]
    return torch.from_numpy(images[rows]), torch.from_numpy(labels[rows])


def normalised(images: Tensor) -> Tensor:
    return (images.float() / 255 - 0.286) / 0.353


def fashion(n: int, seed: int = 0, validation: bool = False) -> tuple[Tensor, Tensor]:
    images, labels = fashion_bytes(n, seed, validation)
    return normalised(images), labels


def fashion_of(classes: list[int], counts: list[int], validation: bool = False) -> tuple[Tensor, Tensor]:
    """So many images of each class, in random order, the classes numbered anew from 0."""
    images, labels = _fashion_part()
    rng = np.random.default_rng(5)
    first, last = (FOR_TRAINING, len(labels)) if validation else (0, FOR_TRAINING)
    rows = np.concatenate([
        rng.choice(first + np.flatnonzero(labels[first:last] == c), n, replace=False)
        for c, n in zip(classes, counts, strict=True)
    ])  # fmt: skip
    y = np.repeat(np.arange(len(classes)), counts)
    order = rng.permutation(len(rows))
    return normalised(torch.from_numpy(images[rows[order]])), torch.from_numpy(y[order])


def digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """Training images (1100, 1, 8, 8) with their labels, then validation's 338."""
    part = prepare("digits").training_images()
    order = np.random.default_rng(1).permutation(len(part.labels))
    x = (torch.from_numpy(part.images[order]).float() / 255 - 0.3) / 0.38
    y = torch.from_numpy(part.labels[order])
    return x[:1100], y[:1100], x[1100:], y[1100:]


def shapes(n: int, seed: int, classes: int = 6) -> tuple[np.ndarray, Tensor]:
    """Draw discs, squares, rings and crosses in two or three colours: (n, 20, 20, 3) in 0 … 1, on a noisy ground."""
    rng = np.random.default_rng(seed)
    kinds, label = classes // 2 if classes < 8 else 4, rng.integers(classes, size=n)
    row, column = np.mgrid[:20, :20]
    cy, cx, radius = (rng.uniform(low, high, (n, 1, 1)) for low, high in ((6, 13), (6, 13), (3.5, 6)))
    dy, dx = abs(row - cy), abs(column - cx)
    far, near = np.hypot(dy, dx) / radius, np.minimum(dy, dx) / radius
    outlines = np.stack([far < 1, np.maximum(dy, dx) < 0.85 * radius, (far < 1.1) & (far > 0.6),
                         (near < 0.3) & (np.maximum(dy, dx) < 1.1 * radius)])  # fmt: skip
    mask = outlines[label % kinds, np.arange(n)][..., None]
    hues = np.array([[0.8, 0.35, 0.25], [0.25, 0.4, 0.8], [0.3, 0.75, 0.35]])
    colour = hues[label // kinds][:, None, None] + rng.normal(0, 0.12, (n, 1, 1, 3))
    ground = rng.uniform(0.2, 0.8, (n, 1, 1, 1)) + rng.normal(0, 0.12, (n, 20, 20, 3))
    pictures = np.where(mask, colour + rng.normal(0, 0.06, (n, 20, 20, 3)), ground).clip(0, 1)
    return pictures.astype(np.float32), torch.from_numpy(label)


def colours(n: int, seed: int, classes: int = 6) -> tuple[Tensor, Tensor]:
    """The shapes as a network takes them: (n, 3, 20, 20), between -2 and 2."""
    pictures, label = shapes(n, seed, classes)
    return (torch.from_numpy(pictures).permute(0, 3, 1, 2).contiguous() - 0.5) / 0.25, label


class BasicBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, stride: int = 1, momentum: float = 0.1):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs, momentum=momentum)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs, momentum=momentum)
        self.shortcut = nn.Identity()
        if stride != 1 or inputs != outputs:
            self.shortcut = nn.Conv2d(inputs, outputs, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        out = F.relu(self.bn1(self.conv1(x)))
        return F.relu(self.bn2(self.conv2(out)) + self.shortcut(x))


class SmallResNet(nn.Module):
    def __init__(self, channels: int = 1, width: int = 12, classes: int = 10, momentum: float = 0.1):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, width, 3, 2, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(width, momentum=momentum)
        self.layer1 = BasicBlock(width, width, momentum=momentum)
        self.layer2 = BasicBlock(width, 2 * width, 2, momentum)
        self.fc = nn.Linear(2 * width * 4, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.bn1(self.conv1(x)))
        x = self.layer2(self.layer1(x))
        return self.fc(F.adaptive_avg_pool2d(x, 2).flatten(1))


def separable(inputs: int, outputs: int, stride: int = 1) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False), nn.BatchNorm2d(inputs), nn.ReLU6(),
        nn.Conv2d(inputs, outputs, 1, bias=False), nn.BatchNorm2d(outputs), nn.ReLU6(),
    )  # fmt: skip


def mobile_net(channels: int = 1, classes: int = 10) -> nn.Sequential:
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(channels, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU6()),
        separable(16, 24), separable(24, 32, 2), separable(32, 48),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(48, classes),
    )  # fmt: skip


class Attention(nn.Module):
    """Self-attention; ``drops`` says when attention weights are dropped: in "training", "always" or "never"."""

    def __init__(self, dim: int, heads: int, p: float, drops: str):
        super().__init__()
        self.heads, self.p, self.drops = heads, p, drops
        self.qkv, self.proj = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x: Tensor) -> Tensor:
        n, tokens, dim = x.shape
        q, k, v = self.qkv(x).view(n, tokens, 3, self.heads, dim // self.heads).permute(2, 0, 3, 1, 4)
        p = self.p if self.drops == "always" or (self.drops == "training" and self.training) else 0.0
        out = F.scaled_dot_product_attention(q, k, v, dropout_p=p)
        return self.proj(out.transpose(1, 2).reshape(n, tokens, dim))


class EncoderLayer(nn.Module):
    def __init__(self, dim: int, heads: int, p: float, drops: str):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.attention = Attention(dim, heads, p, drops)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.attention(self.norm1(x))
        return x + self.mlp(self.norm2(x))


class PatchTransformer(nn.Module):
    def __init__(self, classes: int = 10, dim: int = 48, depth: int = 2, p: float = 0.0, drops: str = "never",
                 channels: int = 1, size: int = 28, patch: int = 7):  # fmt: skip
        super().__init__()
        self.to_patches = nn.Conv2d(channels, dim, patch, patch)
        self.positions = nn.Parameter(0.02 * torch.randn(1, (size // patch) ** 2, dim))
        self.layers = nn.ModuleList(EncoderLayer(dim, 4, p, drops) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, classes)

    def forward(self, images: Tensor) -> Tensor:
        x = self.to_patches(images).flatten(2).transpose(1, 2) + self.positions
        for layer in self.layers:
            x = layer(x)
        return self.head(self.norm(x).mean(1))


class MixerLayer(nn.Module):
    def __init__(self, tokens: int, dim: int):
        super().__init__()
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.across = nn.Sequential(nn.Linear(tokens, 32), nn.GELU(), nn.Linear(32, tokens))
        self.within = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.across(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.within(self.norm2(x))


class PatchMixer(nn.Module):
    def __init__(self, classes: int = 10, dim: int = 48, depth: int = 2, channels: int = 1, size: int = 28,
                 patch: int = 7):  # fmt: skip
        super().__init__()
        self.embed = nn.Conv2d(channels, dim, patch, patch)
        self.blocks = nn.Sequential(*(MixerLayer((size // patch) ** 2, dim) for _ in range(depth)))
        self.norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(self.embed(x).flatten(2).transpose(1, 2))
        return self.head(self.norm(x).mean(1))


def train(step: Step, x: Tensor, y: Tensor, steps: int, batch: int = 64, seed: int = 0) -> None:
    """Train before the diagnosis begins, as a program does that has been running for a while."""
    generator = torch.Generator().manual_seed(seed)
    for _ in range(steps):
        rows = torch.randint(len(x), (batch,), generator=generator)
        step(x[rows], y[rows])


def make_step(model: nn.Module, loss_fn: Step, optimizer: torch.optim.Optimizer) -> Step:
    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        optimizer.zero_grad()
        loss = loss_fn(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def make_validate(model: nn.Module, x: Tensor, y: Tensor) -> Callable[[], float]:
    @torch.no_grad()
    def validate() -> float:
        model.eval()
        return (model(x).argmax(1) == y).float().mean().item()

    return validate
