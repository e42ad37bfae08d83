"""Healthy programs whose network or setting is out of the ordinary."""

from __future__ import annotations

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
    small_cnn,
    stepping,
    training,
)
from benchmarks.diagnosis.corpus.program import Program, Subject


def much_decay() -> Subject:
    """weight_decay=1 of AdamW, times a step of 0.002, is little."""
    torch.manual_seed(1050)
    model = small_cnn(3, 5)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=1.0)
    return training(model, signs(2000, 1050), signs(600, 1), optimizer)


def one_cycle_to_a_half() -> Subject:
    torch.manual_seed(1051)
    x, y = garments(3000, 1051)
    model = TinyResNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimizer, max_lr=0.5, total_steps=2000)
    step = stepping(model, F.cross_entropy, optimizer, cycle.step)
    return Subject(model, F.cross_entropy, optimizer, x, y, step, accuracy(model, garments(1000, 1, True)))


def cosine() -> Subject:
    torch.manual_seed(1052)
    x, y = signs(2000, 1052)
    model = small_cnn(3, 5)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=600)
    step = stepping(model, F.cross_entropy, optimizer, schedule.step)
    return Subject(model, F.cross_entropy, optimizer, x, y, step, accuracy(model, signs(600, 1)))


def sgd_at_a_half() -> Subject:
    """A large step, no momentum, and batch norm."""
    torch.manual_seed(1053)
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in ((784, 96), (96, 96)):
        layers += [nn.Linear(inputs, outputs, bias=False), nn.BatchNorm1d(outputs), nn.ReLU()]
    model = nn.Sequential(*layers, nn.Linear(96, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.5)
    return training(model, garments(3000, 1053), garments(1000, 1, True), optimizer)


def adadelta_at_one() -> Subject:
    """lr=1 is what Adadelta begins with."""
    torch.manual_seed(1054)
    model = LeNet()
    optimizer = torch.optim.Adadelta(model.parameters(), lr=1.0)
    return training(model, garments(3000, 1054), garments(1000, 1, True), optimizer)


def groups_of_rates() -> Subject:
    """A tenth of the step for the body, no decay for biases."""
    torch.manual_seed(1055)
    model = small_cnn(3, 5)
    head = list(model[-1].parameters())
    body = list(model[:-1].parameters())
    optimizer = torch.optim.AdamW([
        {"params": [p for p in body if p.ndim > 1], "lr": 1e-3}, {"params": head, "lr": 1e-2},
        {"params": [p for p in body if p.ndim == 1], "lr": 1e-3, "weight_decay": 0.0},
    ])  # fmt: skip
    return training(model, signs(2000, 1055), signs(600, 1), optimizer)


def group_norm() -> Subject:
    torch.manual_seed(1056)
    model = TinyResNet(3, 5, norm=lambda n: nn.GroupNorm(4, n))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return training(model, signs(2000, 1056), signs(600, 1), optimizer)


def quick_statistics() -> Subject:
    """momentum=0.5: batch norm's statistics are those of the last few batches."""
    torch.manual_seed(1057)
    model = TinyResNet(norm=lambda n: nn.BatchNorm2d(n, momentum=0.5))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return training(model, garments(3000, 1057), garments(800, 1, True), optimizer)


def head_of_zeros() -> Subject:
    torch.manual_seed(1059)
    model = small_cnn()
    head = model[-1]
    assert isinstance(head, nn.Linear)
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return training(model, garments(3000, 1059), garments(1000, 1, True), optimizer)


def learnt_slopes() -> Subject:
    """PReLU, a slope for each channel."""
    torch.manual_seed(1060)
    x, y = signs(2000, 1060)
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1), nn.PReLU(16), nn.Conv2d(16, 32, 3, 2, 1), nn.PReLU(32),
        nn.Conv2d(32, 32, 3, 2, 1), nn.PReLU(32), nn.Flatten(), nn.Linear(512, 5),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return Subject(model, nn.CrossEntropyLoss(), optimizer, x, y, validate=accuracy(model, signs(600, 1)))


class FirstLeNet(nn.Module):
    """As in 1998: tanh and mean pooling."""

    def __init__(self):
        super().__init__()
        self.c1, self.c3, self.c5 = nn.Conv2d(3, 6, 5), nn.Conv2d(6, 16, 5), nn.Conv2d(16, 120, 5)
        self.f6, self.output = nn.Linear(120, 84), nn.Linear(84, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = F.avg_pool2d(torch.tanh(self.c1(x)), 2)
        x = F.avg_pool2d(torch.tanh(self.c3(x)), 2)
        return self.output(torch.tanh(self.f6(torch.tanh(self.c5(x)).flatten(1))))


def first_lenet() -> Subject:
    torch.manual_seed(1061)
    model = FirstLeNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    return training(model, signs(2000, 1061), signs(600, 1), optimizer)


def no_biases() -> Subject:
    torch.manual_seed(1063)
    x, y = garments(3000, 1063)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, 1, bias=False), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1, bias=False), nn.ReLU(),
        nn.Flatten(), nn.Linear(1568, 64, bias=False), nn.ReLU(), nn.Linear(64, 10, bias=False),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return Subject(model, F.cross_entropy, optimizer, x, y, validate=accuracy(model, garments(1000, 1, True)))


def softmax_regression() -> Subject:
    """No hidden layer at all, by intention."""
    torch.manual_seed(1064)
    x, y, xv, yv = digit_rows()
    model = nn.Linear(64, 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return training(model, (x / 8 - 1, y), (xv / 8 - 1, yv), optimizer)


def self_normalising() -> Subject:
    torch.manual_seed(1065)
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs in (784, *[64] * 5):
        linear = nn.Linear(inputs, 64)
        nn.init.kaiming_normal_(linear.weight, nonlinearity="linear")
        layers += [linear, nn.SELU(), nn.AlphaDropout(0.05)]
    model = nn.Sequential(*layers, nn.Linear(64, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return training(model, garments(3000, 1065), garments(1000, 1, True), optimizer)


class Capped(nn.Module):
    """Scores can't leave -20 … 20: 20 tanh(x / 20)."""

    def __init__(self):
        super().__init__()
        self.net = LeNet()

    def forward(self, x: Tensor) -> Tensor:
        return 20 * torch.tanh(self.net(x) / 20)


def capped_scores() -> Subject:
    torch.manual_seed(1066)
    model = Capped()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return training(model, garments(3000, 1066), garments(1000, 1, True), optimizer)


class DropsBlocks(nn.Module):
    """Stochastic depth: in training, a block is left out for a fifth of the images."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(3, 16, 4, 4), nn.BatchNorm2d(16), nn.ReLU())
        self.blocks = nn.ModuleList(
            nn.Sequential(nn.Conv2d(16, 16, 3, padding=1, bias=False), nn.BatchNorm2d(16), nn.ReLU()) for _ in range(4)
        )
        self.fc = nn.Linear(16, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for block in self.blocks:
            out = block(x)
            if self.training:
                out = out * (torch.rand(len(x), 1, 1, 1) < 0.8) / 0.8
            x = x + out
        return self.fc(x.mean((2, 3)))


def drops_blocks() -> Subject:
    torch.manual_seed(1067)
    model = DropsBlocks()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return training(model, signs(2000, 1067), signs(600, 1), optimizer)


def one_by_one_after_patches() -> Subject:
    """Almost all convolutions are 1 × 1, but the first sees 8 × 8 pixels and two are depthwise."""
    torch.manual_seed(1069)
    layers: list[nn.Module] = [nn.Conv2d(3, 32, 4, 4), nn.GELU(), nn.BatchNorm2d(32)]
    for _ in range(2):
        layers += [nn.Conv2d(32, 32, 5, padding=2, groups=32), nn.GELU(), nn.BatchNorm2d(32)]
        layers += [nn.Conv2d(32, 32, 1), nn.GELU(), nn.BatchNorm2d(32)]
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 5))
    optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3)
    return training(model, signs(2000, 1069), signs(600, 1), optimizer)


def one_sigmoid_layer() -> Subject:
    torch.manual_seed(1070)
    x, y, xv, yv = digit_rows()
    model = mlp(64, 48, 10, act=nn.Sigmoid)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=5e-3)
    return training(model, (x / 16, y), (xv / 16, yv), optimizer)


def normed_weights() -> Subject:
    torch.manual_seed(1071)
    norm = nn.utils.parametrizations.weight_norm
    model = nn.Sequential(
        nn.Flatten(), norm(nn.Linear(784, 96)), nn.ELU(), norm(nn.Linear(96, 96)), nn.ELU(), norm(nn.Linear(96, 10))
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return training(model, garments(3000, 1071), garments(1000, 1, True), optimizer)


def wide_fully_connected() -> Subject:
    """Nine tenths of the weights are in the layer after the convolutions."""
    torch.manual_seed(1074)
    x, y = garments(3000, 1074)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(8 * 196, 64), nn.ReLU(),
        nn.Dropout(0.5), nn.Linear(64, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return Subject(model, F.cross_entropy, optimizer, x, y, validate=accuracy(model, garments(1000, 1, True)))


PROGRAMS = (
    Program("much-decay", "cnn", much_decay),
    Program("one-cycle-to-a-half", "residual", one_cycle_to_a_half),
    Program("cosine", "cnn", cosine),
    Program("sgd-at-a-half", "fcn", sgd_at_a_half),
    Program("adadelta-at-one", "cnn", adadelta_at_one),
    Program("groups-of-rates", "cnn", groups_of_rates),
    Program("group-norm", "residual", group_norm),
    Program("quick-statistics", "residual", quick_statistics),
    Program("head-of-zeros", "cnn", head_of_zeros),
    Program("learnt-slopes", "cnn", learnt_slopes),
    Program("first-lenet", "cnn", first_lenet),
    Program("no-biases", "cnn", no_biases),
    Program("softmax-regression", "fcn", softmax_regression),
    Program("self-normalising", "fcn", self_normalising),
    Program("capped-scores", "cnn", capped_scores),
    Program("drops-blocks", "residual", drops_blocks),
    Program("one-by-one-after-patches", "cnn", one_by_one_after_patches),
    Program("one-sigmoid-layer", "fcn", one_sigmoid_layer),
    Program("normed-weights", "fcn", normed_weights),
    Program("wide-fully-connected", "cnn", wide_fully_connected),
)
