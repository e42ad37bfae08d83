"""Healthy programs that do something out of the ordinary."""

from __future__ import annotations

import copy
import math

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
    mobile_net,
    train,
)
from benchmarks.diagnosis.corpus.program import Program, Subject


def rare_class_weighted() -> Subject:
    """90 : 10 with weights in the loss and one output."""
    torch.manual_seed(800)
    x, y = fashion_of([0, 6], [1800, 200])
    xv, yv = fashion_of([0, 6], [450, 50], validation=True)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 24, 3, 2, 1), nn.ReLU(), nn.Flatten(),
        nn.Linear(1176, 32), nn.ReLU(), nn.Linear(32, 1),
    )  # fmt: skip
    bce = nn.BCEWithLogitsLoss(pos_weight=torch.tensor(3.0))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def loss_fn(out: Tensor, labels: Tensor) -> Tensor:
        return bce(out.squeeze(1), labels.float())

    @torch.no_grad()
    def validate() -> float:
        model.eval()
        return ((model(xv).squeeze(1) > 0) == yv.bool()).float().mean().item()

    return Subject(model, loss_fn, optimizer, x, y, make_step(model, loss_fn, optimizer), validate)


def two_outputs() -> Subject:
    torch.manual_seed(801)
    x, y = fashion_of([7, 9], [700, 700])
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.Tanh(), nn.Linear(64, 32), nn.Tanh(), nn.Linear(32, 2))
    criterion, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return Subject(model, criterion, optimizer, x, y, make_step(model, criterion, optimizer),
                   make_validate(model, *fashion_of([7, 9], [300, 300], validation=True)))  # fmt: skip


def smoothed_labels() -> Subject:
    torch.manual_seed(802)
    x, y = fashion(3000)
    model = PatchMixer()
    loss_fn = nn.CrossEntropyLoss(label_smoothing=0.1)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
    return Subject(model, loss_fn, optimizer, x, y, validate=make_validate(model, *fashion(1000, validation=True)))


def mixup() -> Subject:
    torch.manual_seed(803)
    x, y = fashion(3000)
    model = SmallResNet(width=16)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    beta = torch.distributions.Beta(0.3, 0.3)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        share, other = beta.sample().item(), torch.randperm(len(images))
        out = model(share * images + (1 - share) * images[other])
        loss = share * criterion(out, labels) + (1 - share) * criterion(out, labels[other])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Subject(model, criterion, optimizer, x, y, step, make_validate(model, *fashion(1000, validation=True)))


def scheduled(model: nn.Module, optimizer: torch.optim.Optimizer, scheduler: torch.optim.lr_scheduler.LRScheduler):
    inner = make_step(model, F.cross_entropy, optimizer)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        loss = inner(images, labels)
        scheduler.step()
        return loss

    return step


def warm_up() -> Subject:
    """100 steps of warm-up, then a cosine over the 3,000 that the training takes."""
    torch.manual_seed(804)
    x, y = fashion(4000)
    net = PatchTransformer(dim=32, depth=3)
    optimizer = torch.optim.AdamW(net.parameters(), lr=2e-3)

    def factor(done: int) -> float:
        return (done + 1) / 100 if done < 100 else 0.5 + 0.5 * math.cos(math.pi * min(1, (done - 100) / 2900))

    step = scheduled(net, optimizer, torch.optim.lr_scheduler.LambdaLR(optimizer, factor))
    return Subject(net, F.cross_entropy, optimizer, x, y, step, make_validate(net, *fashion(1000, validation=True)))


def steps_down() -> Subject:
    torch.manual_seed(805)
    x, y, xv, yv = digits()
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 100), nn.ReLU(), nn.Linear(100, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, 400, 0.3)
    return Subject(model, F.cross_entropy, optimizer, x, y, scheduled(model, optimizer, scheduler),
                   make_validate(model, xv, yv))  # fmt: skip


def group_norm() -> Subject:
    torch.manual_seed(806)
    x, y = colours(2500, 41)
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1), nn.GroupNorm(4, 16), nn.SiLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.GroupNorm(4, 32),
        nn.SiLU(), nn.Conv2d(32, 32, 3, 1, 1), nn.GroupNorm(4, 32), nn.SiLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(),
        nn.Linear(128, 6),
    )  # fmt: skip
    criterion, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return Subject(model, criterion, optimizer, x, y, make_step(model, criterion, optimizer),
                   make_validate(model, *colours(600, 42)))  # fmt: skip


def half_way() -> Subject:
    """Three hundred steps are done, some thousands are to come."""
    torch.manual_seed(807)
    x, y = fashion(4000)
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 128), nn.BatchNorm1d(128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(),
        nn.Linear(64, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(net.parameters(), lr=5e-4)
    step = make_step(net, F.cross_entropy, optimizer)
    train(step, x, y, 300)
    return Subject(net, F.cross_entropy, optimizer, x, y, step, make_validate(net, *fashion(1000, validation=True)))


class LeNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 6, 5, padding=2)
        self.conv2 = nn.Conv2d(6, 16, 5)
        self.fc1 = nn.Linear(16 * 5 * 5, 120)
        self.fc2 = nn.Linear(120, 84)
        self.fc3 = nn.Linear(84, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = F.max_pool2d(torch.relu(self.conv1(x)), (2, 2))
        x = F.max_pool2d(torch.relu(self.conv2(x)), 2)
        x = x.view(x.size(0), -1)
        x = F.relu(self.fc2(F.relu(self.fc1(x))))
        return self.fc3(x)


def lenet() -> Subject:
    """Three quarters of its weights are in fc1."""
    torch.manual_seed(808)
    x, y = fashion(4000)
    net = LeNet()
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(net.parameters(), lr=0.01, momentum=0.9)
    return Subject(net, criterion, optimizer, x, y, validate=make_validate(net, *fashion(1000, validation=True)))


class Recurrent(nn.Module):
    """One block, passed three times: its weights are tied."""

    def __init__(self):
        super().__init__()
        self.stem = nn.Sequential(nn.Conv2d(1, 20, 3, 2, 1), nn.ReLU())
        self.conv = nn.Conv2d(20, 20, 3, padding=1)
        self.norms = nn.ModuleList(nn.BatchNorm2d(20) for _ in range(3))
        self.fc = nn.Linear(20 * 16, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.stem(x)
        for norm in self.norms:
            x = x + F.relu(norm(self.conv(x)))
        return self.fc(F.adaptive_avg_pool2d(x, 4).flatten(1))


def tied_weights() -> Subject:
    torch.manual_seed(809)
    x, y = fashion(2500)
    model = Recurrent()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return Subject(model, F.cross_entropy, optimizer, x, y, make_step(model, F.cross_entropy, optimizer),
                   make_validate(model, *fashion(800, validation=True)))  # fmt: skip


def tanh_net() -> Subject:
    torch.manual_seed(810)
    x, y, xv, yv = digits()
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.Tanh(), nn.AvgPool2d(2), nn.Conv2d(12, 24, 3), nn.Tanh(), nn.Flatten(),
        nn.Linear(96, 10),
    )  # fmt: skip
    optimizer = torch.optim.RMSprop(model.parameters(), lr=2e-3)
    return Subject(model, nn.CrossEntropyLoss(), optimizer, x, y, validate=make_validate(model, xv, yv))


def averaged() -> Subject:
    """Validates the moving average of the weights."""
    torch.manual_seed(811)
    x, y = colours(2500, 43)
    xv, yv = colours(600, 44)
    model = mobile_net(3, 6)
    average = copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    inner = make_step(model, F.cross_entropy, optimizer)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        loss = inner(images, labels)
        with torch.no_grad():
            for mean, new in zip(average.state_dict().values(), model.state_dict().values(), strict=True):
                if mean.is_floating_point():
                    mean.lerp_(new, 0.03)
                else:
                    mean.copy_(new)
        return loss

    return Subject(model, F.cross_entropy, optimizer, x, y, step, make_validate(average, xv, yv))


def two_hundred_images() -> Subject:
    torch.manual_seed(812)
    x, y, xv, yv = digits()
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Dropout(0.5), nn.Linear(256, 10)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return Subject(model, F.cross_entropy, optimizer, x[:200], y[:200], make_step(model, F.cross_entropy, optimizer),
                   make_validate(model, xv, yv))  # fmt: skip


PROGRAMS = (
    Program("rare-class-weighted", "cnn", rare_class_weighted),
    Program("binary-two-outputs", "fcn", two_outputs),
    Program("smoothed-labels", "mixer", smoothed_labels),
    Program("mixup", "residual", mixup),
    Program("warm-up", "transformer", warm_up),
    Program("steps-down", "fcn", steps_down),
    Program("group-norm", "cnn", group_norm),
    Program("half-way", "fcn", half_way),
    Program("lenet", "cnn", lenet),
    Program("tied-weights", "residual", tied_weights),
    Program("tanh-net", "cnn", tanh_net),
    Program("averaged-weights", "cnn", averaged),
    Program("two-hundred-images", "cnn", two_hundred_images),
)
