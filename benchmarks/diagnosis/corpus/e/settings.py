"""Faults of settings: step sizes, schedules, decay, float16, how much is trained; ``fixed`` puts a program right."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from benchmarks.diagnosis.corpus.e.kit import (
    LeNet,
    TinyResNet,
    accuracy,
    depthwise,
    digit_rows,
    garment_bytes,
    garments,
    mlp,
    signs,
    small_cnn,
    stepping,
    training,
)
from benchmarks.diagnosis.corpus.program import Program, Subject


def sgd_at_one(fixed: bool = False) -> Subject:
    torch.manual_seed(970)
    model = LeNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03 if fixed else 1.0, momentum=0.9)
    return training(model, garments(3000, 970), garments(1000, 1, True), optimizer)


def adam_at_a_fifth(fixed: bool = False) -> Subject:
    """Three classes."""
    torch.manual_seed(971)
    x, y = garments(2400, 971, classes=[2, 4, 6])
    model = mlp(784, 128, 64, 3)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3 if fixed else 0.2)
    validate = accuracy(model, garments(900, 1, True, [2, 4, 6]))
    return Subject(model, nn.CrossEntropyLoss(), optimizer, x, y, validate=validate)


def resnet_leaps(fixed: bool = False) -> Subject:
    torch.manual_seed(972)
    model = TinyResNet(3, 5)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3 if fixed else 1.0)
    return training(model, signs(2000, 972), signs(600, 1), optimizer)


def sgd_without_momentum(fixed: bool = False) -> Subject:
    """1e-4, the step of an Adam, for plain SGD."""
    torch.manual_seed(973)
    x, y = signs(2000, 973)
    model = small_cnn(3, 5)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1 if fixed else 1e-4)
    return Subject(model, F.cross_entropy, optimizer, x, y, validate=accuracy(model, signs(600, 1)))


def adam_at_a_millionth(fixed: bool = False) -> Subject:
    torch.manual_seed(974)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU(), depthwise(16, 24), depthwise(24, 32, 2),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(128, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3 if fixed else 1e-6)
    return training(model, garments(3000, 974), garments(1000, 1, True), optimizer)


def step_lr_each_batch(fixed: bool = False) -> Subject:
    """StepLR(10) was meant for epochs, and scheduler.step() stands in the loop over batches."""
    torch.manual_seed(975)
    x, y = garments(3000, 975)
    model = LeNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
    scheduler = torch.optim.lr_scheduler.StepLR(optimizer, step_size=1000 if fixed else 5, gamma=0.1)
    step = stepping(model, F.cross_entropy, optimizer, scheduler.step)
    return Subject(model, F.cross_entropy, optimizer, x, y, step, accuracy(model, garments(1000, 1, True)))


def exponential_each_batch(fixed: bool = False) -> Subject:
    torch.manual_seed(976)
    x, y = signs(2000, 976)
    model = TinyResNet(3, 5)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.999 if fixed else 0.7)
    step = stepping(model, F.cross_entropy, optimizer, scheduler.step)
    return Subject(model, F.cross_entropy, optimizer, x, y, step, accuracy(model, signs(600, 1)))


def linear_to_nothing(fixed: bool = False) -> Subject:
    """The step falls to 0 over the number of epochs, counted in batches."""
    torch.manual_seed(977)
    x, y, xv, yv = digit_rows()
    model = mlp(64, 64, 64, 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
    epochs = 400 if fixed else 12
    done = 0

    def step(images: Tensor, labels: Tensor) -> Tensor:
        nonlocal done
        for group in optimizer.param_groups:
            group["lr"] = 0.03 * max(0.0, 1 - done / epochs)
        done += 1
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Subject(model, F.cross_entropy, optimizer, x / 8 - 1, y, step, accuracy(model, (xv / 8 - 1, yv)))


def adam_with_l2(fixed: bool = False) -> Subject:
    """weight_decay=0.1 in Adam, where it is added to the gradient."""
    torch.manual_seed(978)
    model = mlp(784, 128, 64, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, weight_decay=0 if fixed else 0.3)
    return training(model, garments(3000, 978), garments(1000, 1, True), optimizer)


def adamw_of_fifty(fixed: bool = False) -> Subject:
    torch.manual_seed(979)
    x, y = signs(2000, 979)
    model = small_cnn(3, 5)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01 if fixed else 50)
    return Subject(model, nn.CrossEntropyLoss(), optimizer, x, y, validate=accuracy(model, signs(600, 1)))


def penalty_in_the_loss(fixed: bool = False) -> Subject:
    """SGD with a decay that was copied from a ridge regression."""
    torch.manual_seed(980)
    model = LeNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9, weight_decay=5e-4 if fixed else 0.5)
    return training(model, garments(3000, 980), garments(1000, 1, True), optimizer)


class StandardisesItself(nn.Module):
    """Each image by its own mean and deviation; sums of squares beyond 65504 are infinite in float16."""

    def __init__(self):
        super().__init__()
        self.net = mlp(784, 64, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        x = x - x.mean(1, keepdim=True)
        return self.net(x / (x.square().sum(1, keepdim=True) / 784).sqrt())


def squares_in_half(fixed: bool = False) -> Subject:
    torch.manual_seed(982)
    (x, y), (xv, yv) = garment_bytes(3000, 982), garment_bytes(1000, 1, True)
    model, dtype = StandardisesItself(), torch.float32 if fixed else torch.float16
    model = model.to(dtype)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return training(model, (x.to(dtype), y), (xv.to(dtype), yv), optimizer)


def eighty_photos(fixed: bool = False) -> Subject:
    """A large network knows eighty images by heart within a minute."""
    torch.manual_seed(983)
    x, y = garments(3000 if fixed else 80, 983)
    model = mlp(784, 512, 256, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return training(model, (x, y), garments(1000, 1, True), optimizer)


def signs_by_heart(fixed: bool = False) -> Subject:
    torch.manual_seed(984)
    x, y = signs(2000 if fixed else 60, 984)
    model = nn.Sequential(
        nn.Conv2d(3, 32, 3, 2, 1), nn.ReLU(), nn.Conv2d(32, 32, 3, 2, 1), nn.ReLU(), nn.Flatten(),
        nn.Linear(2048, 128), nn.ReLU(), nn.Linear(128, 5),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return Subject(model, F.cross_entropy, optimizer, x, y, validate=accuracy(model, signs(600, 1)))


class Bottleneck(nn.Module):
    """An encoder to a plane, "to be able to plot it"."""

    def __init__(self, width: int):
        super().__init__()
        self.encode = nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, width))
        self.classify = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.classify(self.encode(x.flatten(1)))


def squeezed_to_one_number(fixed: bool = False) -> Subject:
    torch.manual_seed(985)
    model = Bottleneck(32 if fixed else 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return training(model, garments(3000, 985), garments(1000, 1, True), optimizer)


def two_filters(fixed: bool = False) -> Subject:
    torch.manual_seed(986)
    width = 24 if fixed else 2
    x, y = garments(3000, 986)
    model = nn.Sequential(
        nn.Conv2d(1, width, 3, 2, 1), nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, width, 3, 2, 1),
        nn.BatchNorm2d(width), nn.ReLU(), nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * width, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-2)
    return Subject(model, F.cross_entropy, optimizer, x, y, validate=accuracy(model, garments(1000, 1, True)))


PROGRAMS = (
    Program("sgd-at-one", "cnn", sgd_at_one, "learning-rate-too-high", "lr"),
    Program("adam-at-a-fifth", "fcn", adam_at_a_fifth, "learning-rate-too-high", "lr"),
    Program("resnet-leaps", "residual", resnet_leaps, "learning-rate-too-high", "lr"),
    Program("sgd-without-momentum", "cnn", sgd_without_momentum, "learning-rate-too-low", "lr"),
    Program("adam-at-a-millionth", "cnn", adam_at_a_millionth, "learning-rate-too-low", "lr"),
    Program("step-lr-each-batch", "cnn", step_lr_each_batch, "schedule-ends-early", "lr"),
    Program("exponential-each-batch", "residual", exponential_each_batch, "schedule-ends-early", "lr"),
    Program("linear-to-nothing", "fcn", linear_to_nothing, "schedule-ends-early", "lr"),
    Program("adam-with-l2", "fcn", adam_with_l2, "weight-decay-too-strong", "weight_decay"),
    Program("adamw-of-fifty", "cnn", adamw_of_fifty, "weight-decay-too-strong", "weight_decay"),
    Program("ridge-in-sgd", "cnn", penalty_in_the_loss, "weight-decay-too-strong", "weight_decay"),
    Program("squares-in-half", "fcn", squares_in_half, "half-precision"),
    Program("eighty-photos", "fcn", eighty_photos, "overfitting"),
    Program("signs-by-heart", "cnn", signs_by_heart, "overfitting"),
    Program("squeezed-to-one-number", "fcn", squeezed_to_one_number, "underfitting"),
    Program("two-filters", "cnn", two_filters, "underfitting"),
)
