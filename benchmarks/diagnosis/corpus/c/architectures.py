"""Healthy programs whose networks are of more kinds than a plain stack."""

import math

import torch
from torch import nn
from torch.nn import functional

from benchmarks.diagnosis.corpus.c.blocks import accuracy, fashion, standard, train
from benchmarks.diagnosis.corpus.program import Program, Subject


class Attention(nn.Module):
    """Written by hand, with one matrix for queries, keys and values."""

    def __init__(self, dim, heads):
        super().__init__()
        self.heads = heads
        self.qkv, self.out = nn.Linear(dim, 3 * dim), nn.Linear(dim, dim)

    def forward(self, x):
        n, t, d = x.shape
        q, k, v = self.qkv(x).reshape(n, t, 3, self.heads, d // self.heads).permute(2, 0, 3, 1, 4)
        weights = (q @ k.transpose(-2, -1) / math.sqrt(d // self.heads)).softmax(-1)
        return self.out((weights @ v).transpose(1, 2).reshape(n, t, d))


class VisionTransformer(nn.Module):
    def __init__(self, dim=48, heads=4, depth=2):
        super().__init__()
        self.embed = nn.Conv2d(1, dim, 7, stride=7)
        self.class_token = nn.Parameter(torch.zeros(1, 1, dim))
        self.position = nn.Parameter(torch.randn(1, 17, dim) * 0.02)
        self.norms = nn.ModuleList(nn.LayerNorm(dim) for _ in range(2 * depth + 1))
        self.attentions = nn.ModuleList(Attention(dim, heads) for _ in range(depth))
        self.mlps = nn.ModuleList(
            nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim)) for _ in range(depth)
        )
        self.head = nn.Linear(dim, 10)

    def forward(self, x):
        x = self.embed(x).flatten(2).transpose(1, 2)
        x = torch.cat([self.class_token.expand(len(x), -1, -1), x], dim=1) + self.position
        for i, (attention, mlp) in enumerate(zip(self.attentions, self.mlps, strict=True)):
            x = x + attention(self.norms[2 * i](x))
            x = x + mlp(self.norms[2 * i + 1](x))
        return self.head(self.norms[-1](x)[:, 0])


def class_token():
    torch.manual_seed(360)
    raw, labels, raw_held, held_labels = fashion(360, 5000)
    images, held = standard(raw, raw_held)
    model = VisionTransformer()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)

    def step(x, y):
        model.train()
        loss = functional.cross_entropy(model(x), y, label_smoothing=0.05)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        return loss

    return Subject(
        model, nn.CrossEntropyLoss(label_smoothing=0.05), optimizer, images, labels, step,
        lambda: accuracy(model, held, held_labels),
    )  # fmt: skip


class MixerLayer(nn.Module):
    def __init__(self, tokens, dim):
        super().__init__()
        self.norm_t, self.norm_c = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.mlp_t = nn.Sequential(nn.Linear(tokens, 64), nn.SiLU(), nn.Linear(64, tokens))
        self.mlp_c = nn.Sequential(nn.Linear(dim, 96), nn.SiLU(), nn.Linear(96, dim))

    def forward(self, x):
        x = x + self.mlp_t(self.norm_t(x).mT).mT
        return x + self.mlp_c(self.norm_c(x))


class MixerNet(nn.Module):
    def __init__(self, dim=32):
        super().__init__()
        self.stem = nn.Conv2d(1, dim, 4, 4)
        self.layers = nn.Sequential(MixerLayer(49, dim), MixerLayer(49, dim), nn.LayerNorm(dim))
        self.head = nn.Linear(dim, 10)

    def forward(self, x):
        return self.head(self.layers(self.stem(x).flatten(2).mT).mean(1))


def mixer():
    torch.manual_seed(361)
    raw, labels, *_ = fashion(361, 4000)
    (images,) = standard(raw)
    model = MixerNet()
    return Subject(model, nn.CrossEntropyLoss(), torch.optim.RAdam(model.parameters(), lr=3e-3), images, labels)


class Block(nn.Module):
    """A residual block whose last norm starts at zero, so that the block starts as the identity."""

    def __init__(self, fan_in, fan_out, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(fan_in, fan_out, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(fan_out)
        self.conv2 = nn.Conv2d(fan_out, fan_out, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(fan_out)
        self.skip = nn.Identity() if (fan_in, stride) == (fan_out, 1) else nn.Conv2d(fan_in, fan_out, 1, stride)
        nn.init.zeros_(self.norm2.weight)

    def forward(self, x):
        h = functional.relu(self.norm1(self.conv1(x)))
        return functional.relu(self.norm2(self.conv2(h)) + self.skip(x))


def small_res_net():
    torch.manual_seed(374)
    raw, labels, raw_held, held_labels = fashion(374, 4000)
    images, held = standard(raw, raw_held)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), Block(16, 16, 1), Block(16, 32, 2),
        Block(32, 64, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=5000, eta_min=5e-4)

    def step(x, y):
        model.train()
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        scheduler.step()
        return loss

    return Subject(
        model, functional.cross_entropy, optimizer, images, labels, step, lambda: accuracy(model, held, held_labels)
    )


class DenseResidual(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm, self.up, self.down = nn.LayerNorm(width), nn.Linear(width, 2 * width), nn.Linear(2 * width, width)

    def forward(self, x):
        return x + self.down(functional.silu(self.up(self.norm(x))))


def residual_mlp():
    torch.manual_seed(375)
    raw, labels, *_ = fashion(375, 4000)
    (images,) = standard(raw.flatten(1))
    model = nn.Sequential(
        nn.Linear(784, 64), DenseResidual(64), DenseResidual(64), DenseResidual(64), nn.LayerNorm(64), nn.Linear(64, 10)
    )
    return Subject(model, nn.CrossEntropyLoss(), torch.optim.AdamW(model.parameters(), lr=1e-3), images, labels)


class SqueezeExcite(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.fc1, self.fc2 = nn.Linear(channels, 8), nn.Linear(8, channels)

    def forward(self, x):
        gate = torch.sigmoid(self.fc2(functional.relu(self.fc1(x.mean((2, 3))))))
        return x * gate[..., None, None]


def gated_with_two_rates():
    """Sigmoid gates inside the network, and parameter groups with rates and decays of their own."""
    torch.manual_seed(379)
    raw, labels, *_ = fashion(379, 4000)
    (images,) = standard(raw)
    body = nn.Sequential(
        nn.Conv2d(1, 24, 3, 2, 1), nn.InstanceNorm2d(24, affine=True), nn.Mish(), SqueezeExcite(24),
        nn.Conv2d(24, 48, 3, 2, 1), nn.InstanceNorm2d(48, affine=True), nn.Mish(), SqueezeExcite(48),
    )  # fmt: skip
    head = nn.Sequential(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(768, 10))
    groups = [
        {"params": [p for p in body.parameters() if p.ndim > 1]},
        {"params": [p for p in body.parameters() if p.ndim == 1], "weight_decay": 0.0},
        {"params": head.parameters(), "lr": 1e-3},
    ]
    optimizer = torch.optim.AdamW(groups, lr=2e-3, weight_decay=0.02)
    return Subject(nn.Sequential(body, head), nn.CrossEntropyLoss(), optimizer, images, labels)


class CosineClassifier(nn.Module):
    """Scores are cosines, bounded by nature, times a learned scale."""

    def __init__(self, features, classes):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(classes, features) / features**0.5)
        self.scale = nn.Parameter(torch.tensor(10.0))

    def forward(self, x):
        return self.scale * functional.normalize(x, dim=1) @ functional.normalize(self.weight, dim=1).T


def cosine_of_five_classes():
    torch.manual_seed(381)
    raw, labels, raw_held, held_labels = fashion(381, 3000, classes=(1, 3, 5, 8, 9))
    images, held = standard(raw, raw_held)
    model = nn.Sequential(
        nn.Conv2d(1, 12, 4, 2, 1), nn.PReLU(12), nn.Conv2d(12, 24, 4, 2, 1), nn.PReLU(24), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(216, 64), nn.PReLU(), CosineClassifier(64, 5),
    )  # fmt: skip
    criterion, optimizer = nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=1e-3)

    def step(x, y):
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    train(step, images, labels, steps=150, batch=64)
    return Subject(model, criterion, optimizer, images, labels, step, lambda: accuracy(model, held, held_labels))


PROGRAMS = (
    Program("c-ok-class-token", "transformer", class_token),
    Program("c-ok-mixer", "mixer", mixer),
    Program("c-ok-small-res-net", "residual", small_res_net),
    Program("c-ok-residual-mlp", "residual", residual_mlp),
    Program("c-ok-gated-with-two-rates", "cnn", gated_with_two_rates),
    Program("c-ok-cosine-of-five-classes", "cnn", cosine_of_five_classes),
)
