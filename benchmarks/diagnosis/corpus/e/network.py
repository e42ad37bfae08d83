"""Faults of the network; ``fixed`` puts a program right."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from benchmarks.diagnosis.corpus.e.kit import (
    LeNet,
    TinyResNet,
    accuracy,
    digit_rows,
    garments,
    mlp,
    signs,
    training,
)
from benchmarks.diagnosis.corpus.program import Program, Subject


def bias_of_minus_ten(fixed: bool = False) -> Subject:
    torch.manual_seed(990)
    model = nn.Sequential()
    model.add_module("flatten", nn.Flatten())
    model.add_module("fc1", nn.Linear(784, 128))
    model.add_module("relu1", nn.ReLU())
    model.add_module("fc2", nn.Linear(128, 64))
    model.add_module("relu2", nn.ReLU())
    model.add_module("fc3", nn.Linear(64, 10))
    nn.init.constant_(model.fc1.bias, 0.0 if fixed else -10.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return training(model, garments(3000, 990), garments(1000, 1, True), optimizer)


def norm_shifted_down(fixed: bool = False) -> Subject:
    """The bias of each batch norm begins at -4, where its weight was meant to begin at something."""
    torch.manual_seed(991)
    model = TinyResNet(3, 5)
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d) and not fixed:
            nn.init.constant_(layer.bias, -5.0)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    return training(model, signs(2000, 991), signs(600, 1), optimizer)


class SigmoidConvolutions(nn.Module):
    """LeNet's activation in a network that is deeper than LeNet."""

    def __init__(self, fixed: bool):
        super().__init__()
        self.convs = nn.ModuleList([nn.Conv2d(1, 16, 3, 2, 1)])
        self.convs.extend(nn.Conv2d(16, 16, 3, 2 if i == 3 else 1, 1) for i in range(7))
        self.fc = nn.Linear(16 * 49, 10)
        self.act = F.relu if fixed else torch.sigmoid

    def forward(self, x: Tensor) -> Tensor:
        for conv in self.convs:
            x = self.act(conv(x))
        return self.fc(x.flatten(1))


def eight_sigmoids(fixed: bool = False) -> Subject:
    torch.manual_seed(992)
    model = SigmoidConvolutions(fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return training(model, garments(3000, 992), garments(1000, 1, True), optimizer)


def softmax_between(fixed: bool = False) -> Subject:
    """Softmax is taken for just another activation, in each of five layers."""
    torch.manual_seed(993)
    x, y, xv, yv = digit_rows()

    def act() -> nn.Module:
        return nn.ReLU() if fixed else nn.Softmax(dim=1)

    model = mlp(64, 64, 64, 64, 64, 64, 10, act=act)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return training(model, (x / 8 - 1, y), (xv / 8 - 1, yv), optimizer)


class RowByRow(nn.Module):
    """Reads an image row by row, with a hand-made recurrent layer."""

    def __init__(self, gain: float):
        super().__init__()
        self.read = nn.Linear(28, 48)
        self.recur = nn.Parameter(gain * nn.init.orthogonal_(torch.empty(48, 48)))
        self.out = nn.Linear(48, 10)

    def forward(self, x: Tensor) -> Tensor:
        h = x.new_zeros(len(x), 48)
        for row in x[:, 0].unbind(1):
            h = F.relu(self.read(row) + h @ self.recur)
        return self.out(h)


def recurrent_gain(fixed: bool = False) -> Subject:
    torch.manual_seed(994)
    x, y = garments(3000, 994)
    model = RowByRow(1.0 if fixed else 2.5)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return Subject(model, F.cross_entropy, optimizer, x, y, validate=accuracy(model, garments(1000, 1, True)))


class Tower(nn.Module):
    """Ten convolutions, each of which multiplies what comes in."""

    def __init__(self, gain: float):
        super().__init__()
        self.stem = nn.Conv2d(3, 16, 3, 2, 1)
        self.convs = nn.ModuleList(nn.Conv2d(16, 16, 3, 2 if i == 2 else 1, 1) for i in range(9))
        self.fc = nn.Linear(16, 5)
        for conv in self.convs:
            nn.init.normal_(conv.weight, 0, gain * math.sqrt(2 / (16 * 9)))

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.stem(x))
        for conv in self.convs:
            x = F.relu(conv(x))
        return self.fc(x.mean((2, 3)))


def tower_grows(fixed: bool = False) -> Subject:
    torch.manual_seed(995)
    model = Tower(1.0 if fixed else 4.0)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return training(model, signs(2000, 995), signs(600, 1), optimizer)


def uniform_from_nought(fixed: bool = False) -> Subject:
    """nn.init.uniform_ draws from 0 to 1 if it isn't told otherwise."""
    torch.manual_seed(996)
    model = mlp(784, 128, 64, 10)
    for layer in model:
        if isinstance(layer, nn.Linear):
            (nn.init.kaiming_uniform_ if fixed else nn.init.uniform_)(layer.weight)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
    return training(model, garments(3000, 996), garments(1000, 1, True), optimizer)


def zeros_everywhere(fixed: bool = False) -> Subject:
    torch.manual_seed(997)
    x, y = garments(3000, 997)
    model = LeNet()

    def init(layer: nn.Module) -> None:
        if isinstance(layer, nn.Conv2d | nn.Linear) and not fixed:
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    model.apply(init)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return Subject(model, nn.CrossEntropyLoss(), optimizer, x, y, validate=accuracy(model, garments(1000, 1, True)))


class Functional(nn.Module):
    """Parameters of torch.randn."""

    def __init__(self, fixed: bool):
        super().__init__()
        scale = (lambda n: 1 / math.sqrt(n)) if fixed else (lambda n: 1.0)
        self.w1 = nn.Parameter(scale(64) * torch.randn(64, 100))
        self.w2 = nn.Parameter(scale(100) * torch.randn(100, 100))
        self.w3 = nn.Parameter(scale(100) * torch.randn(100, 10))
        self.b1, self.b2, self.b3 = (nn.Parameter(torch.zeros(n)) for n in (100, 100, 10))

    def forward(self, x: Tensor) -> Tensor:
        x = torch.tanh(x @ self.w1 + self.b1)
        x = torch.tanh(x @ self.w2 + self.b2)
        return x @ self.w3 + self.b3


def randn_as_it_is(fixed: bool = False) -> Subject:
    torch.manual_seed(998)
    x, y, xv, yv = digit_rows()
    model = Functional(fixed)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return training(model, (x / 8 - 1, y), (xv / 8 - 1, yv), optimizer)


class ResultThrownAway(nn.Module):
    """``F.relu(x)`` isn't in place."""

    def __init__(self, fixed: bool):
        super().__init__()
        self.fc1 = nn.Linear(3072, 64)
        self.fc2 = nn.Linear(64, 64)
        self.fc3 = nn.Linear(64, 5)
        self.fixed = fixed

    def forward(self, x: Tensor) -> Tensor:
        x = self.fc1(x.flatten(1))
        F.relu(x, inplace=self.fixed)
        x = self.fc2(x)
        F.relu(x, inplace=self.fixed)
        return self.fc3(x)


def result_thrown_away(fixed: bool = False) -> Subject:
    torch.manual_seed(999)
    model = ResultThrownAway(fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return training(model, signs(2000, 999), signs(600, 1), optimizer)


def convolutions_in_a_row(fixed: bool = False) -> Subject:
    torch.manual_seed(1000)
    x, y = signs(2000, 1000)
    layers: list[nn.Module] = []
    for inputs, outputs in ((3, 16), (16, 32), (32, 32)):
        layers += [nn.Conv2d(inputs, outputs, 3, 2, 1), nn.BatchNorm2d(outputs)]
        if fixed:
            layers.append(nn.ReLU())
    model = nn.Sequential(*layers, nn.Flatten(), nn.Linear(512, 5))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return Subject(model, nn.CrossEntropyLoss(), optimizer, x, y, validate=accuracy(model, signs(600, 1)))


def one_by_one(fixed: bool = False) -> Subject:
    """1 × 1 convolutions and a mean over the image see colours, and no shape."""
    torch.manual_seed(1001)
    kernel, padding = (3, 1) if fixed else (1, 0)
    model = nn.Sequential(
        nn.Conv2d(1, 32, kernel, 2, padding), nn.BatchNorm2d(32), nn.ReLU(),
        nn.Conv2d(32, 48, kernel, 2, padding), nn.BatchNorm2d(48), nn.ReLU(),
        nn.Conv2d(48, 48, kernel, 1, padding), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(48, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return training(model, garments(3000, 1001), garments(1000, 1, True), optimizer)


class NoSteps(nn.Module):
    """Two layers of 3 × 3 without a stride, then the greatest value of each map."""

    def __init__(self, fixed: bool):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 3, 2 if fixed else 1, 1)
        self.conv2 = nn.Conv2d(16, 32, 3, 2 if fixed else 1, 1)
        self.conv3 = nn.Conv2d(32, 32, 3, 1, 1) if fixed else None
        self.fc = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        if self.conv3 is not None:
            x = F.relu(self.conv3(x))
        return self.fc(x.amax((2, 3)))


def five_pixels_wide(fixed: bool = False) -> Subject:
    torch.manual_seed(1002)
    x, y = garments(2500, 1002)
    model = NoSteps(fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return Subject(model, F.cross_entropy, optimizer, x, y, validate=accuracy(model, garments(800, 1, True)))


def one_pixel_in_sixty_four(fixed: bool = False) -> Subject:
    """Upsample takes the nearest pixel, also where it makes an image smaller."""
    torch.manual_seed(1003)
    model = nn.Sequential()
    model.add_module("shrink", nn.Conv2d(3, 24, 8, 8) if fixed else nn.Upsample(size=4))
    model.add_module("mix", nn.Conv2d(24 if fixed else 3, 48, 2))
    model.add_module("act", nn.ReLU())
    model.add_module("flatten", nn.Flatten())
    model.add_module("fc", nn.Linear(48 * 9, 5))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return training(model, signs(2000, 1003), signs(600, 1), optimizer)


class TopRows(nn.Module):
    """x[:, :, 0] takes the first row instead of the first channel."""

    def __init__(self, fixed: bool):
        super().__init__()
        self.fc1 = nn.Linear(784 if fixed else 28, 96)
        self.fc2 = nn.Linear(96, 10)
        self.fixed = fixed

    def forward(self, x: Tensor) -> Tensor:
        x = x[:, 0].flatten(1) if self.fixed else x[:, :, 0].flatten(1)
        return self.fc2(F.relu(self.fc1(x)))


def top_row_only(fixed: bool = False) -> Subject:
    torch.manual_seed(1004)
    model = TopRows(fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return training(model, garments(3000, 1004), garments(1000, 1, True), optimizer)


def whole_numbers_for_weights(fixed: bool = False) -> Subject:
    """``n // count // classes``: the weights of the five frequent classes are 0."""
    torch.manual_seed(1005)
    x, y = garments(6000, 1005)
    keep = (y > 4) ^ (torch.rand(len(y)) < 0.4)
    x, y = x[keep], y[keep]
    count = y.bincount(minlength=10)
    weight = len(y) / count / 10 if fixed else (len(y) // count // 10).float()
    criterion = nn.CrossEntropyLoss(weight=weight)
    model = LeNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return training(model, (x, y), garments(1000, 1, True), optimizer, criterion)


PROGRAMS = (
    Program("bias-of-minus-ten", "fcn", bias_of_minus_ten, "dead-relu", "relu1"),
    Program("norm-shifted-down", "residual", norm_shifted_down, "dead-relu"),
    Program("eight-sigmoids", "cnn", eight_sigmoids, "vanishing-gradients"),
    Program("softmax-between", "fcn", softmax_between, "vanishing-gradients"),
    Program("recurrent-gain", "fcn", recurrent_gain, "exploding-gradients"),
    Program("tower-grows", "cnn", tower_grows, "exploding-gradients"),
    Program("uniform-from-nought", "fcn", uniform_from_nought, "bad-initialisation"),
    Program("zeros-everywhere", "cnn", zeros_everywhere, "bad-initialisation"),
    Program("randn-as-it-is", "fcn", randn_as_it_is, "bad-initialisation"),
    Program("result-thrown-away", "fcn", result_thrown_away, "missing-nonlinearity"),
    Program("convolutions-in-a-row", "cnn", convolutions_in_a_row, "missing-nonlinearity"),
    Program("one-by-one", "cnn", one_by_one, "small-receptive-field"),
    Program("five-pixels-wide", "cnn", five_pixels_wide, "small-receptive-field"),
    Program("one-pixel-in-sixty-four", "cnn", one_pixel_in_sixty_four, "image-discarded", "shrink"),
    Program("top-row-only", "fcn", top_row_only, "image-discarded"),
    Program("whole-numbers-for-weights", "cnn", whole_numbers_for_weights, "dead-classes"),
)
