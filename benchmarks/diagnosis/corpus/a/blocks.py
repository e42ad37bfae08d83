"""What the programs share: their data, a loop, a plain step and validation, and networks that are no chain."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional

from makeweight.data.dataset import prepare

Step = Callable[[Tensor, Tensor], Tensor]

FASHION_MEAN, FASHION_STD = 0.2860, 0.3530
DIGITS_MEAN, DIGITS_STD = 0.3053, 0.3760
VALIDATION_START = 50_000  # rows no program trains with


def raw_fashion(count: int, start: int = 0) -> tuple[Tensor, Tensor]:
    """Rows of FashionMNIST as they come: uint8 (n, 1, 28, 28) and int64 (n,)."""
    part = prepare("fashion-mnist").training_images()
    rows = slice(start, start + count)
    return torch.from_numpy(part.images[rows].copy()), torch.from_numpy(part.labels[rows].copy())


def fashion(count: int = 3000, start: int = 0) -> tuple[Tensor, Tensor]:
    images, labels = raw_fashion(count, start)
    return (images.float() / 255 - FASHION_MEAN) / FASHION_STD, labels


def fashion_validation(count: int = 1000) -> tuple[Tensor, Tensor]:
    return fashion(count, VALIDATION_START)


def digits() -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """1,100 images and labels to train with, 338 to validate."""
    part = prepare("digits").training_images()
    images = (torch.from_numpy(part.images.copy()).float() / 255 - DIGITS_MEAN) / DIGITS_STD
    labels = torch.from_numpy(part.labels.copy())
    return images[:1100], labels[:1100], images[1100:], labels[1100:]


def only(images: Tensor, labels: Tensor, classes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """The images of some classes, numbered anew from 0 in the order given."""
    number = torch.full((10,), -1)
    number[list(classes)] = torch.arange(len(classes))
    kept = number[labels] >= 0
    return images[kept], number[labels[kept]]


def train(step: Step, images: Tensor, labels: Tensor, steps: int, batch: int = 64) -> None:
    """Epochs over shuffled data, until the number of steps is reached."""
    shuffler = torch.Generator().manual_seed(steps)
    done = 0
    while done < steps:
        for chosen in torch.randperm(len(images), generator=shuffler).split(batch)[: len(images) // batch]:
            if done < steps:
                step(images[chosen], labels[chosen])
                done += 1


def plain_step(model: nn.Module, loss_fn: Step, optimizer: torch.optim.Optimizer) -> Step:
    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        optimizer.zero_grad()
        loss = loss_fn(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return step


def plain_validate(model: nn.Module, images: Tensor, labels: Tensor) -> Callable[[], float]:
    @torch.no_grad()
    def validate() -> float:
        model.eval()
        correct = sum(
            int((model(x).argmax(1) == y).sum()) for x, y in zip(images.split(250), labels.split(250), strict=True)
        )
        model.train()
        return correct / len(labels)

    return validate


class ResidualBlock(nn.Module):
    """Two 3×3 convolutions with batch norm (He et al. 2016); a 1×1 convolution where the shape changes."""

    def __init__(self, c_in: int, c_out: int, stride: int = 1, norm: Callable[[int], nn.Module] = nn.BatchNorm2d):
        super().__init__()
        self.conv1, self.norm1 = nn.Conv2d(c_in, c_out, 3, stride, 1, bias=False), norm(c_out)
        self.conv2, self.norm2 = nn.Conv2d(c_out, c_out, 3, 1, 1, bias=False), norm(c_out)
        same = c_in == c_out and stride == 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(c_in, c_out, 1, stride, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.norm1(self.conv1(x)))
        return functional.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


def small_resnet(width: int = 12, classes: int = 10, channels: int = 1, norm=nn.BatchNorm2d) -> nn.Sequential:
    """Stem with stride 2 (28 → 14), three blocks (14, 7, 4), global pool."""
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(channels, width, 3, 2, 1, bias=False), norm(width), nn.ReLU()),
        ResidualBlock(width, width, norm=norm),
        ResidualBlock(width, 2 * width, 2, norm),
        ResidualBlock(2 * width, 2 * width, 2, norm),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(2 * width, classes),
    )


class EncoderBlock(nn.Module):
    """Pre-norm attention and MLP."""

    def __init__(self, dim: int, heads: int = 4, dropout: float = 0.0):
        super().__init__()
        self.norm1, self.attention = nn.LayerNorm(dim), nn.MultiheadAttention(dim, heads, batch_first=True)
        self.norm2 = nn.LayerNorm(dim)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Dropout(dropout), nn.Linear(2 * dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        y = self.norm1(x)
        x = x + self.attention(y, y, y, need_weights=False)[0]
        return x + self.mlp(self.norm2(x))


class TinyViT(nn.Module):
    """Patches, learnt positions, encoder blocks, mean of the tokens, a linear head."""

    def __init__(self, side: int = 28, patch: int = 7, dim: int = 32, depth: int = 2, classes: int = 10, dropout=0.0):
        super().__init__()
        self.patches = nn.Conv2d(1, dim, patch, patch)
        self.positions = nn.Parameter(0.02 * torch.randn(1, (side // patch) ** 2, dim))
        self.blocks = nn.Sequential(*(EncoderBlock(dim, dropout=dropout) for _ in range(depth)))
        self.norm = nn.LayerNorm(dim)
        self.head = nn.Linear(dim, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2) + self.positions
        return self.head(self.norm(self.blocks(x)).mean(1))


class MixerBlock(nn.Module):
    """Mixing over tokens, then over channels (Tolstikhin et al. 2021)."""

    def __init__(self, tokens: int, dim: int, act: Callable[[], nn.Module] = nn.GELU, norm=nn.LayerNorm):
        super().__init__()
        self.norm1, self.norm2 = norm(dim), norm(dim)
        self.token_mix = nn.Sequential(nn.Linear(tokens, 2 * tokens), act(), nn.Linear(2 * tokens, tokens))
        self.channel_mix = nn.Sequential(nn.Linear(dim, 2 * dim), act(), nn.Linear(2 * dim, dim))

    def forward(self, x: Tensor) -> Tensor:
        x = x + self.token_mix(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        return x + self.channel_mix(self.norm2(x))


class Mixer(nn.Module):
    def __init__(self, side: int = 28, patch: int = 4, dim: int = 32, depth: int = 2, classes: int = 10, act=nn.GELU):
        super().__init__()
        self.embed = nn.Conv2d(1, dim, patch, patch)
        self.blocks = nn.ModuleList(MixerBlock((side // patch) ** 2, dim, act) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.embed(x).flatten(2).transpose(1, 2)
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x).mean(dim=1))
