"""Faults of settings: step sizes, decay, the pace of batch norm, float16."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from benchmarks.diagnosis.corpus.d.blocks import (
    PatchMixer,
    PatchTransformer,
    SmallResNet,
    colours,
    digits,
    fashion,
    fashion_of,
    make_step,
    make_validate,
    train,
)
from benchmarks.diagnosis.corpus.program import Program, Subject


def slow_statistics(momentum: float = 0.0003) -> Subject:
    """A decay of 0.9997 in the other library is 0.0003 here, and some hundred steps are too few for that."""
    torch.manual_seed(760)
    x, y = colours(2000, 21)
    net = SmallResNet(3, classes=6, momentum=momentum)
    optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
    step = make_step(net, F.cross_entropy, optimizer)
    train(step, x, y, 40)
    return Subject(net, F.cross_entropy, optimizer, x, y, step, make_validate(net, *colours(600, 22)))


def slow_statistics_of_features(momentum: float = 0.001) -> Subject:
    """Pixels between 0 and 1, which batch norm is to standardise at the entrance."""
    torch.manual_seed(761)
    x, y = fashion(3000)
    xv, yv = fashion(1000, validation=True)
    x, xv = (0.353 * part + 0.286 for part in (x, xv))
    layers: list[nn.Module] = [nn.Flatten()]
    for inputs, outputs in ((784, 128), (128, 64)):
        layers += [nn.BatchNorm1d(inputs, momentum=momentum), nn.Linear(inputs, outputs), nn.ReLU()]
    model = nn.Sequential(*layers, nn.BatchNorm1d(64, momentum=momentum), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return Subject(model, F.cross_entropy, optimizer, x, y, validate=make_validate(model, xv, yv))


def autocast_without_scaler(scales: bool = False, dtype: torch.dtype = torch.float16) -> Subject:
    """The loss is counted by pixel, which Adam wouldn't mind; in float16 little is left of its gradients."""
    torch.manual_seed(762)
    (x, y), (xv, yv) = fashion(3000), fashion(1000, validation=True)
    x, xv = x.flatten(1), xv.flatten(1)
    layers: list[nn.Module] = []
    for inputs in (784, *[96] * 3):
        layers += [nn.Linear(inputs, 96), nn.ReLU()]
    model, criterion = nn.Sequential(*layers, nn.Linear(96, 10)), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    scaler = torch.amp.GradScaler("cpu", enabled=scales)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        optimizer.zero_grad()
        with torch.autocast("cpu", dtype=dtype):
            loss = criterion(model(images), labels)
        scaler.scale(loss / images.numel()).backward()
        scaler.step(optimizer)
        scaler.update()
        return loss.detach()

    return Subject(model, criterion, optimizer, x, y, step, make_validate(model, xv, yv))


def all_in_half(half: bool = True) -> Subject:
    """Adam's squares of gradients, and the 1e-8 that it adds to them, are 0 in float16."""
    torch.manual_seed(763)
    x, y, xv, yv = digits()
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 10)
    )  # fmt: skip
    if half:
        model, x, xv = model.half(), x.half(), xv.half()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return Subject(model, F.cross_entropy, optimizer, x, y, make_step(model, F.cross_entropy, optimizer),
                   make_validate(model, xv, yv))  # fmt: skip


def adam_of_a_sgd(lr: float = 0.1) -> Subject:
    """The step of SGD for Adam; no batch norm."""
    torch.manual_seed(764)
    x, y = fashion(3000)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(512, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip
    criterion, optimizer = nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=lr)
    return Subject(model, criterion, optimizer, x, y, make_step(model, criterion, optimizer),
                   make_validate(model, *fashion(1000, validation=True)))  # fmt: skip


def steps_of_ten(lr: float = 10.0) -> Subject:
    """Batch norm keeps it from blowing up, and hides it."""
    torch.manual_seed(765)
    x, y = colours(2500, 25)
    model = SmallResNet(3, classes=6)
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    return Subject(model, F.cross_entropy, optimizer, x, y, make_step(model, F.cross_entropy, optimizer),
                   make_validate(model, *colours(600, 26)))  # fmt: skip


def transformer_in_leaps(lr: float = 0.05) -> Subject:
    torch.manual_seed(766)
    x, y = fashion(3000)
    net = PatchTransformer()
    optimizer = torch.optim.AdamW(net.parameters(), lr=lr)
    return Subject(net, F.cross_entropy, optimizer, x, y, validate=make_validate(net, *fashion(1000, validation=True)))


def binary_too_fast(lr: float = 3.0) -> Subject:
    torch.manual_seed(767)
    x, y = fashion_of([2, 4], [800, 800])
    xv, yv = fashion_of([2, 4], [300, 300], validation=True)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 1), nn.Flatten(0))
    criterion, optimizer = nn.BCEWithLogitsLoss(), torch.optim.SGD(model.parameters(), lr=lr)

    @torch.no_grad()
    def validate() -> float:
        model.eval()
        return ((model(xv) > 0) == yv.bool()).float().mean().item()

    return Subject(model, criterion, optimizer, x, y.float(), make_step(model, criterion, optimizer), validate)


def crawling_sgd(lr: float = 2e-5) -> Subject:
    torch.manual_seed(768)
    x, y = fashion(3000)
    model = SmallResNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9, nesterov=True)
    return Subject(model, F.cross_entropy, optimizer, x, y, make_step(model, F.cross_entropy, optimizer),
                   make_validate(model, *fashion(1000, validation=True)))  # fmt: skip


def crawling_adam(lr: float = 2e-6) -> Subject:
    torch.manual_seed(769)
    x, y = fashion(3000)
    model, criterion = PatchMixer(), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    return Subject(model, criterion, optimizer, x, y, validate=make_validate(model, *fashion(1000, validation=True)))


def decay_of_sgd(decay: float = 0.3) -> Subject:
    torch.manual_seed(770)
    x, y = fashion(3000)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(), nn.Flatten(),
        nn.Linear(1568, 64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9, weight_decay=decay)
    return Subject(model, F.cross_entropy, optimizer, x, y, make_step(model, F.cross_entropy, optimizer),
                   make_validate(model, *fashion(1000, validation=True)))  # fmt: skip


PROGRAMS = (
    Program("slow-statistics", "residual", slow_statistics, "stale-batch-statistics"),
    Program("slow-statistics-of-features", "fcn", slow_statistics_of_features, "stale-batch-statistics"),
    Program("autocast-without-scaler", "fcn", autocast_without_scaler, "half-precision"),
    Program("all-in-half", "fcn", all_in_half, "half-precision"),
    Program("adam-at-a-tenth", "cnn", adam_of_a_sgd, "learning-rate-too-high"),
    Program("steps-of-ten", "residual", steps_of_ten, "learning-rate-too-high"),
    Program("transformer-in-leaps", "transformer", transformer_in_leaps, "learning-rate-too-high"),
    Program("binary-too-fast", "fcn", binary_too_fast, "learning-rate-too-high"),
    Program("crawling-sgd", "residual", crawling_sgd, "learning-rate-too-low"),
    Program("crawling-adam", "mixer", crawling_adam, "learning-rate-too-low"),
    Program("decay-of-sgd", "cnn", decay_of_sgd, "weight-decay-too-strong", "weight_decay"),
)
