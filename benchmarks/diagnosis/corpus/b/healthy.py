"""Healthy fully connected and convolutional programs; some look odd at first sight, on purpose."""

from __future__ import annotations

import math
from functools import partial

import torch
import torch.nn.functional as F  # noqa: N812  as everybody writes it
from torch import Tensor, nn

from benchmarks.diagnosis.corpus.b.shared import (
    MEAN,
    STD,
    accuracy_of,
    digits,
    fashion,
    log_loss,
    plain_step,
    raw,
    train,
)
from benchmarks.diagnosis.corpus.program import Program, Subject


def fcn_digits_sequential() -> Subject:
    torch.manual_seed(601)
    x, y, _, _ = digits(seed=20)
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 80), nn.ReLU(), nn.Linear(80, 10))
    return Subject(model, nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=2e-3), x, y)


def fcn_tanh_xavier() -> Subject:
    torch.manual_seed(602)
    x, y, vx, vy = digits(seed=21)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.Tanh(), nn.Linear(48, 48), nn.Tanh(), nn.Linear(48, 10))
    for layer in net:
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight, gain=nn.init.calculate_gain("tanh"))
            nn.init.zeros_(layer.bias)
    opt = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9, nesterov=True)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        loss = F.cross_entropy(net(images), labels)
        opt.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        opt.step()
        return loss.detach()

    return Subject(net, F.cross_entropy, opt, x, y, step, accuracy_of(net, vx, vy))


def fcn_one_cycle() -> Subject:
    torch.manual_seed(603)
    x, y, vx, vy = fashion(6000)
    x, vx = x.flatten(1), vx.flatten(1)
    net = nn.Sequential(
        nn.Linear(784, 96), nn.LayerNorm(96), nn.GELU(), nn.Dropout(0.2), nn.Linear(96, 64), nn.LayerNorm(64),
        nn.GELU(), nn.Dropout(0.2), nn.Linear(64, 10),
    )  # fmt: skip
    opt = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.05)
    total = 12_000
    cycle = torch.optim.lr_scheduler.OneCycleLR(opt, max_lr=4e-3, total_steps=total, pct_start=0.1)
    plain = plain_step(net, log_loss, opt)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        loss = plain(images, labels)
        if cycle.last_epoch < total - 1:
            cycle.step()
        return loss

    return Subject(net, log_loss, opt, x, y, step, accuracy_of(net, vx, vy))


def fcn_selu() -> Subject:
    """Self-normalising: LeCun's initialisation, SELU, alpha dropout."""
    torch.manual_seed(604)
    x, y, _, _ = fashion(4000, start=6000)
    layers: list[nn.Module] = []
    for inputs, outputs in ((784, 64), (64, 64), (64, 64), (64, 10)):
        linear = nn.Linear(inputs, outputs)
        nn.init.normal_(linear.weight, std=inputs**-0.5)
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.SELU(), nn.AlphaDropout(0.05)]
    net = nn.Sequential(*layers[:-2])
    return Subject(net, nn.CrossEntropyLoss(), torch.optim.RMSprop(net.parameters(), lr=3e-4), x.flatten(1), y)


class Highway(nn.Module):
    """Gates that start nearly shut (bias −2), as in the paper."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.gate, self.change = nn.Linear(width, width), nn.Linear(width, width)
        nn.init.constant_(self.gate.bias, -2.0)

    def forward(self, x: Tensor) -> Tensor:
        g = torch.sigmoid(self.gate(x))
        return g * F.relu(self.change(x)) + (1 - g) * x


def fcn_highway() -> Subject:
    torch.manual_seed(605)
    x, y, vx, vy = digits(seed=22)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 40), nn.ReLU(), *(Highway(40) for _ in range(4)), nn.Linear(40, 10))
    opt = torch.optim.Adamax(net.parameters(), lr=5e-3)

    def closure(images: Tensor, labels: Tensor) -> Tensor:
        opt.zero_grad()
        loss = F.cross_entropy(net(images), labels)
        loss.backward()
        return loss

    def step(images: Tensor, labels: Tensor) -> Tensor:
        return opt.step(partial(closure, images, labels))

    return Subject(net, F.cross_entropy, opt, x, y, step, accuracy_of(net, vx, vy))


def fcn_trained_digits() -> Subject:
    """Trained to its end, and asked about afterwards."""
    torch.manual_seed(606)
    x, y, vx, vy = digits(seed=23)
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Dropout(0.3), nn.Linear(64, 32),
        nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 10),
    )  # fmt: skip
    opt = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=1e-2)
    step = plain_step(net, F.cross_entropy, opt)
    train(step, x, y, 1200)
    return Subject(net, F.cross_entropy, opt, x, y, step, accuracy_of(net, vx, vy))


class LeNet(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.c1, self.c3 = nn.Conv2d(1, 6, 5, padding=2), nn.Conv2d(6, 16, 5)
        self.f5, self.f6, self.out = nn.Linear(400, 120), nn.Linear(120, 84), nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.avg_pool2d(torch.tanh(self.c1(x)), 2)
        x = F.avg_pool2d(torch.tanh(self.c3(x)), 2).flatten(1)
        return self.out(torch.tanh(self.f6(torch.tanh(self.f5(x)))))


def cnn_lenet() -> Subject:
    torch.manual_seed(607)
    x, y, _, _ = fashion(4000, start=10000)
    net = LeNet()
    opt = torch.optim.SGD(net.parameters(), lr=0.03, momentum=0.9)
    return Subject(net, F.cross_entropy, opt, x, y)


def separable(inputs: int, outputs: int, stride: int) -> list[nn.Module]:
    return [
        nn.Conv2d(inputs, inputs, 3, stride, 1, groups=inputs, bias=False), nn.Conv2d(inputs, outputs, 1, bias=False),
        nn.GroupNorm(4, outputs), nn.SiLU(),
    ]  # fmt: skip


def cnn_separable() -> Subject:
    torch.manual_seed(608)
    x, y, _, _ = fashion(4000, start=14000)
    net = nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, 1), nn.SiLU(), *separable(16, 32, 2), *separable(32, 48, 1), *separable(48, 64, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip
    opt = torch.optim.AdamW(net.parameters(), lr=3e-3, weight_decay=0.05)
    return Subject(net, nn.CrossEntropyLoss(label_smoothing=0.1), opt, x, y)


def cnn_leaky_no_norm() -> Subject:
    torch.manual_seed(609)
    x, y, vx, vy = fashion(5000, start=18000)
    net = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.LeakyReLU(0.2), nn.MaxPool2d(2), nn.Conv2d(16, 24, 3, padding=1),
        nn.LeakyReLU(0.2), nn.MaxPool2d(2), nn.Conv2d(24, 32, 3), nn.LeakyReLU(0.2), nn.MaxPool2d(2), nn.Flatten(),
        nn.Linear(128, 10),
    )  # fmt: skip
    for layer in net:
        if isinstance(layer, nn.Conv2d):
            nn.init.kaiming_normal_(layer.weight, a=0.2)
    opt = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9, weight_decay=5e-4)
    decay = torch.optim.lr_scheduler.StepLR(opt, step_size=30, gamma=0.5)
    done = 0

    def step(images: Tensor, labels: Tensor) -> Tensor:
        nonlocal done
        opt.zero_grad()
        loss = F.cross_entropy(net(images), labels)
        loss.backward()
        opt.step()
        done += 1
        if done % 150 == 0:  # the scheduler counts epochs
            decay.step()
        return loss

    return Subject(net, F.cross_entropy, opt, x, y, step, accuracy_of(net, vx, vy))


def cnn_in_four_pieces() -> Subject:
    """Batch norm sees a quarter of the batch, which is enough of it."""
    torch.manual_seed(610)
    x, y, vx, vy = fashion(3000, start=23000)
    net = nn.Sequential()
    for i, (inputs, outputs) in enumerate(((1, 12), (12, 24), (24, 40))):
        net.add_module(f"conv{i}", nn.Conv2d(inputs, outputs, 3, 2, 1, bias=False))
        net.add_module(f"bn{i}", nn.BatchNorm2d(outputs))
        net.add_module(f"act{i}", nn.PReLU(outputs))
    net.add_module("head", nn.Sequential(nn.Flatten(), nn.Dropout(0.1), nn.Linear(40 * 16, 10)))
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        net.train()
        opt.zero_grad()
        pieces = list(zip(images.chunk(4), labels.chunk(4), strict=True))
        losses = []
        for part, target in pieces:
            loss = F.cross_entropy(net(part), target) / len(pieces)
            loss.backward()
            losses.append(loss.detach())
        opt.step()
        return torch.stack(losses).sum()

    return Subject(net, F.cross_entropy, opt, x, y, step, accuracy_of(net, vx, vy))


def cnn_log_softmax_nll() -> Subject:
    torch.manual_seed(611)
    x, y, _, _ = digits(seed=24)
    net = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ELU(), nn.Conv2d(16, 24, 3, 2, 1), nn.ELU(), nn.Flatten(),
        nn.Linear(24 * 16, 10), nn.LogSoftmax(dim=1),
    )  # fmt: skip
    return Subject(net, nn.NLLLoss(), torch.optim.RMSprop(net.parameters(), lr=1e-3, alpha=0.9), x, y)


class Branches(nn.Module):
    """1×1, 3×3 and pooled, side by side."""

    def __init__(self, inputs: int, each: int) -> None:
        super().__init__()
        self.one, self.pooled = nn.Conv2d(inputs, each, 1), nn.Conv2d(inputs, each, 1)
        self.three = nn.Sequential(nn.Conv2d(inputs, each, 1), nn.ReLU(), nn.Conv2d(each, each, 3, padding=1))
        self.norm = nn.BatchNorm2d(3 * each)

    def forward(self, x: Tensor) -> Tensor:
        parts = (self.one(x), self.three(x), self.pooled(F.max_pool2d(x, 3, 1, 1)))
        return F.relu(self.norm(torch.cat(parts, 1)))


def cnn_inception_warm_up() -> Subject:
    torch.manual_seed(612)
    x, y, vx, vy = fashion(3000, start=26000)
    net = nn.Sequential(nn.Conv2d(1, 12, 5, 2, 2), nn.ReLU(), Branches(12, 8), nn.MaxPool2d(2), Branches(24, 12),
                        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(36 * 9, 10))  # fmt: skip
    opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9, weight_decay=1e-4)

    def rate(t: int) -> float:
        return (t + 1) / 100 if t < 100 else 0.5 * (1 + math.cos(math.pi * min(1, (t - 100) / 9900)))

    scheduler = torch.optim.lr_scheduler.LambdaLR(opt, rate)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        net.train()
        opt.zero_grad()
        loss = F.cross_entropy(net(images), labels, label_smoothing=0.05)
        loss.backward()
        opt.step()
        scheduler.step()
        return loss.detach()

    return Subject(net, F.cross_entropy, opt, x, y, step, accuracy_of(net, vx, vy))


class Standardise(nn.Module):
    """The network takes pixels of 0–255 and brings them into shape itself."""

    def forward(self, x: Tensor) -> Tensor:
        return (x / 255 - MEAN) / STD


def cnn_normalises_inside() -> Subject:
    torch.manual_seed(613)
    (x, y), (vx, vy) = raw("fashion-mnist", 29000, 32000), raw("fashion-mnist", 32000, 32800)
    net = nn.Sequential(
        Standardise(), nn.Conv2d(1, 16, 4, 2, 1), nn.Mish(), nn.Conv2d(16, 32, 4, 2, 1), nn.Mish(),
        nn.AvgPool2d(2), nn.Flatten(), nn.Dropout(0.1), nn.Linear(32 * 9, 10),
    )  # fmt: skip
    opt = torch.optim.NAdam(net.parameters(), lr=1e-3)
    step = plain_step(net, F.cross_entropy, opt)
    return Subject(net, F.cross_entropy, opt, x.float(), y, step, accuracy_of(net, vx.float(), vy))


def cnn_shoes_uneven() -> Subject:
    """Five classes, the largest 1.6 times the smallest; shifted at random in the step."""
    torch.manual_seed(614)
    x, y, vx, vy = fashion(6000, start=34000, classes=(5, 7, 9, 8, 1))
    kept = (y > 1) | (torch.rand(len(y)) < 0.65)
    net = nn.Sequential(nn.Conv2d(1, 16, 3, 2, 1), nn.Hardswish(), nn.Conv2d(16, 32, 3, 2, 1), nn.Hardswish(),
                        nn.AvgPool2d(7, 1), nn.Flatten(), nn.Linear(32, 5))  # fmt: skip
    opt = torch.optim.Adam(net.parameters(), lr=5e-3)
    plain = plain_step(net, log_loss, opt)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        dy, dx = torch.randint(-2, 3, (2,)).tolist()
        return plain(torch.roll(images, (dy, dx), (2, 3)), labels)

    return Subject(net, log_loss, opt, x[kept], y[kept], step, accuracy_of(net, vx, vy))


PROGRAMS = (
    Program("fcn-digits-sequential", "fcn", fcn_digits_sequential),
    Program("fcn-tanh-xavier", "fcn", fcn_tanh_xavier),
    Program("fcn-one-cycle", "fcn", fcn_one_cycle),
    Program("fcn-selu", "fcn", fcn_selu),
    Program("fcn-highway", "fcn", fcn_highway),
    Program("fcn-trained-digits", "fcn", fcn_trained_digits),
    Program("cnn-lenet", "cnn", cnn_lenet),
    Program("cnn-separable", "cnn", cnn_separable),
    Program("cnn-leaky-no-norm", "cnn", cnn_leaky_no_norm),
    Program("cnn-in-four-pieces", "cnn", cnn_in_four_pieces),
    Program("cnn-log-softmax-nll", "cnn", cnn_log_softmax_nll),
    Program("cnn-inception-warm-up", "cnn", cnn_inception_warm_up),
    Program("cnn-normalises-inside", "cnn", cnn_normalises_inside),
    Program("cnn-shoes-uneven", "cnn", cnn_shoes_uneven),
)
