"""Faults of the network: what is missing between layers, where weights begin, what stops gradients."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from benchmarks.diagnosis.corpus.d.blocks import PatchMixer, colours, fashion, make_step, make_validate
from benchmarks.diagnosis.corpus.program import Program, Subject


class ThreeConvolutions(nn.Module):
    def __init__(self, activation: bool):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 2, 1)
        self.norm1 = nn.BatchNorm2d(16)
        self.conv2 = nn.Conv2d(16, 32, 3, 1, 1)
        self.norm2 = nn.BatchNorm2d(32)
        self.conv3 = nn.Conv2d(32, 32, 3, 2, 1)
        self.norm3 = nn.BatchNorm2d(32)
        self.fc1 = nn.Linear(128, 48)
        self.fc2 = nn.Linear(48, 6)
        self.act = nn.ReLU() if activation else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.norm1(self.conv1(x)))
        x = self.act(self.norm2(self.conv2(x)))
        x = self.act(self.norm3(self.conv3(x)))
        return self.fc2(self.act(self.fc1(F.adaptive_avg_pool2d(x, 2).flatten(1))))


def nothing_between(activation: bool = False) -> Subject:
    torch.manual_seed(780)
    x, y = colours(2500, 31)
    model = ThreeConvolutions(activation)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return Subject(model, F.cross_entropy, optimizer, x, y, make_step(model, F.cross_entropy, optimizer),
                   make_validate(model, *colours(600, 32)))  # fmt: skip


def weights_of_ones(constant: bool = True) -> Subject:
    """Every weight of a layer begins the same, so its units stay the same."""
    torch.manual_seed(781)
    x, y = fashion(3000)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 50), nn.ReLU(), nn.Linear(50, 10)
    )
    for layer in model:
        if isinstance(layer, nn.Linear):
            if constant:
                nn.init.constant_(layer.weight, 0.01)
            else:
                nn.init.xavier_uniform_(layer.weight)
            nn.init.zeros_(layer.bias)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return Subject(
        model, F.cross_entropy, optimizer, x, y, validate=make_validate(model, *fashion(1000, validation=True))
    )


def dead_from_the_start(bias: float = -6.0) -> Subject:
    torch.manual_seed(782)
    x, y = fashion(3000)
    model = nn.Sequential()
    model.add_module("conv1", nn.Conv2d(1, 16, 3, 2, 1))
    model.add_module("relu1", nn.ReLU())
    model.add_module("conv2", nn.Conv2d(16, 32, 3, 2, 1))
    model.add_module("relu2", nn.ReLU())
    model.add_module("flat", nn.Flatten())
    model.add_module("fc", nn.Linear(1568, 10))
    nn.init.constant_(model.conv2.bias, bias)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    return Subject(model, F.cross_entropy, optimizer, x, y, make_step(model, F.cross_entropy, optimizer),
                   make_validate(model, *fashion(1000, validation=True)))  # fmt: skip


class DeepNet(nn.Module):
    def __init__(self, activation: nn.Module, depth: int):
        super().__init__()
        self.inputs = nn.Linear(784, 64)
        self.hidden = nn.ModuleList(nn.Linear(64, 64) for _ in range(depth))
        self.outputs = nn.Linear(64, 10)
        self.activation = activation

    def forward(self, x: Tensor) -> Tensor:
        x = self.activation(self.inputs(x.flatten(1)))
        for layer in self.hidden:
            x = self.activation(layer(x))
        return self.outputs(x)


def ten_sigmoids(depth: int = 9) -> Subject:
    torch.manual_seed(783)
    x, y = fashion(3000)
    model, criterion = DeepNet(nn.Sigmoid(), depth), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return Subject(model, criterion, optimizer, x, y, make_step(model, criterion, optimizer),
                   make_validate(model, *fashion(1000, validation=True)))  # fmt: skip


def normal_of_one(std: float = 1.0) -> Subject:
    """normal_(0, 1) on every matrix of a mixer."""
    torch.manual_seed(784)
    x, y = fashion(3000)
    model = PatchMixer()
    for p in model.parameters():
        if p.ndim > 1:
            nn.init.normal_(p, 0, std)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    return Subject(model, F.cross_entropy, optimizer, x, y, make_step(model, F.cross_entropy, optimizer),
                   make_validate(model, *fashion(1000, validation=True)))  # fmt: skip


PROGRAMS = (
    Program("nothing-between", "cnn", nothing_between, "missing-nonlinearity"),
    Program("weights-all-the-same", "fcn", weights_of_ones, "bad-initialisation"),
    Program("normal-of-one", "mixer", normal_of_one, "bad-initialisation"),
    Program("dead-from-the-start", "cnn", dead_from_the_start, "dead-relu", "relu2"),
    Program("ten-sigmoids", "fcn", ten_sigmoids, "vanishing-gradients"),
)
