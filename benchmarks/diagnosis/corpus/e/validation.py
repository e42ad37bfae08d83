"""Faults of validation, and of what a network does there; ``fixed`` puts a program right."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from benchmarks.diagnosis.corpus.e.kit import (
    LeNet,
    TinyResNet,
    accuracy,
    bce,
    depthwise,
    digit_rows,
    garments,
    mlp,
    run,
    signs,
    small_cnn,
    stepping,
    training,
)
from benchmarks.diagnosis.corpus.program import Program, Subject


def dropout_goes_on(fixed: bool = False) -> Subject:
    """torch.no_grad() was taken for model.eval()."""
    torch.manual_seed(950)
    x, y = garments(3000, 950)
    xv, yv = garments(1000, 1, True)
    model = nn.Sequential(
        nn.Flatten(), nn.Dropout(0.5), nn.Linear(784, 128), nn.ReLU(), nn.Dropout(0.7), nn.Linear(128, 10)
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def validate() -> float:
        if fixed:
            model.eval()
        with torch.no_grad():
            return (model(xv).argmax(1) == yv).float().mean().item()

    return Subject(model, F.cross_entropy, optimizer, x, y, stepping(model, F.cross_entropy, optimizer), validate)


def one_at_a_time(fixed: bool = False) -> Subject:
    """Validation takes single images, and batch norm their own mean and deviation."""
    torch.manual_seed(951)
    x, y = signs(2000, 951)
    xv, yv = signs(300, 1)
    model = TinyResNet(3, 5)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    def validate() -> float:
        model.train(not fixed)
        correct = 0
        with torch.no_grad():
            for image, label in zip(xv, yv, strict=True):
                correct += int(model(image[None]).argmax(1).item() == label.item())
        return correct / len(xv)

    return Subject(model, F.cross_entropy, optimizer, x, y, stepping(model, F.cross_entropy, optimizer), validate)


def erased(images: Tensor, side: int = 20) -> Tensor:
    """Put a grey square somewhere in each image, and noise everywhere."""
    images = images + 0.4 * torch.randn_like(images)
    for image, (row, column) in zip(images, torch.randint(0, 33 - side, (len(images), 2)).tolist(), strict=True):
        image[:, row : row + side, column : column + side] = 0
    return images


def erases_in_validation(fixed: bool = False) -> Subject:
    torch.manual_seed(952)
    x, y = signs(2000, 952)
    xv, yv = signs(500, 1)
    model = small_cnn(3, 5)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        optimizer.zero_grad()
        loss = F.cross_entropy(model(erased(images)), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    @torch.no_grad()
    def validate() -> float:
        model.eval()
        images = xv if fixed else erased(xv)
        return (model(images).argmax(1) == yv).float().mean().item()

    return Subject(model, F.cross_entropy, optimizer, x, y, step, validate)


def turned(images: Tensor) -> Tensor:
    """Turn each by up to 45° either way."""
    angle = (torch.rand(len(images)) - 0.5) * torch.pi / 2
    cos, sin, zero = angle.cos(), angle.sin(), torch.zeros(len(images))
    matrix = torch.stack([cos, -sin, zero, sin, cos, zero], 1).view(-1, 2, 3)
    grid = F.affine_grid(matrix, list(images.shape), align_corners=False)
    return F.grid_sample(images, grid, padding_mode="border", align_corners=False)


def turns_in_validation(fixed: bool = False) -> Subject:
    """The transforms of training and validation were swapped."""
    torch.manual_seed(953)
    x, y = garments(3000, 953)
    xv, yv = garments(800, 1, True)
    model = LeNet()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    @torch.no_grad()
    def validate() -> float:
        model.eval()
        return (model(xv if fixed else turned(xv)).argmax(1) == yv).float().mean().item()

    return Subject(model, F.cross_entropy, optimizer, x, y, stepping(model, F.cross_entropy, optimizer), validate)


def greatest_score(fixed: bool = False) -> Subject:
    """``pred, _ = torch.max(out, 1)`` gives the scores."""
    torch.manual_seed(954)
    x, y = signs(2000, 954)
    xv, yv = signs(600, 1)
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU(), depthwise(16, 24, 2), depthwise(24, 32, 2),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 5),
    )  # fmt: skip
    criterion, optimizer = nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=3e-3)

    def validate() -> float:
        model.eval()
        correct = total = 0
        with torch.no_grad():
            for images, labels in zip(xv.split(100), yv.split(100), strict=True):
                scores, classes = torch.max(model(images), 1)
                pred = classes if fixed else scores.int()
                correct += (pred == labels).sum().item()
                total += len(labels)
        return correct / total

    return Subject(model, criterion, optimizer, x, y, stepping(model, criterion, optimizer), validate)


def logits_rounded(fixed: bool = False) -> Subject:
    """torch.round(out) is right for what comes out of a sigmoid."""
    torch.manual_seed(955)
    x, y = garments(2000, 955, classes=[5, 9])
    xv, yv = garments(800, 1, True, [5, 9])
    model = mlp(784, 64, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    @torch.no_grad()
    def validate() -> float:
        model.eval()
        out = model(xv).squeeze(1)
        return (torch.round(out.sigmoid() if fixed else out) == yv).float().mean().item()

    return Subject(model, bce, optimizer, x, y, stepping(model, bce, optimizer), validate)


def classes_along_the_batch(fixed: bool = False) -> Subject:
    """softmax(dim=0): each class is shared out among the images before the best class of each is taken."""
    torch.manual_seed(956)
    x, y = garments(3000, 956)
    xv, yv = garments(1000, 1, True)
    model = small_cnn()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def validate() -> float:
        model.eval()
        correct = 0
        with torch.no_grad():
            for i in range(0, len(xv), 10):
                share = F.softmax(model(xv[i : i + 10]), dim=1 if fixed else 0)
                correct += (share.argmax(1) == yv[i : i + 10]).sum().item()
        return correct / len(xv)

    return Subject(model, F.cross_entropy, optimizer, x, y, stepping(model, F.cross_entropy, optimizer), validate)


class DropoutMadeInForward(nn.Module):
    """A module that is made in forward() is never put into evaluation mode."""

    def __init__(self, fixed: bool):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 5, 2)
        self.conv2 = nn.Conv2d(16, 32, 5, 2)
        self.fc1 = nn.Linear(800, 64)
        self.fc2 = nn.Linear(64, 5)
        self.drop = nn.Dropout(0.6) if fixed else None

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv2(F.relu(self.conv1(x))))
        x = F.relu(self.fc1(x.flatten(1)))
        drop = self.drop or nn.Dropout(0.6)
        return self.fc2(drop(x))


def dropout_made_in_forward(fixed: bool = False) -> Subject:
    torch.manual_seed(961)
    x, y = signs(2000, 961)
    model = DropoutMadeInForward(fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return Subject(model, nn.CrossEntropyLoss(), optimizer, x, y, validate=accuracy(model, signs(600, 1)))


class HandMade(nn.Module):
    """Parameters and functions, and F.dropout with what it does by default."""

    def __init__(self, fixed: bool):
        super().__init__()
        self.w1 = nn.Parameter(torch.randn(128, 64) / 8)
        self.b1 = nn.Parameter(torch.zeros(128))
        self.w2 = nn.Parameter(torch.randn(10, 128) / 11)
        self.b2 = nn.Parameter(torch.zeros(10))
        self.fixed = fixed

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(F.linear(x, self.w1, self.b1))
        x = F.dropout(x, 0.7, training=self.training) if self.fixed else F.dropout(x, 0.7)
        return F.linear(x, self.w2, self.b2)


def hand_made_dropout(fixed: bool = False) -> Subject:
    torch.manual_seed(962)
    x, y, xv, yv = digit_rows()
    model = HandMade(fixed)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return training(model, (x / 8 - 1, y), (xv / 8 - 1, yv), optimizer)


def statistics_hardly_move(fixed: bool = False) -> Subject:
    """momentum=0.999, as the other library has it, is 0.001 here; after 60 steps."""
    torch.manual_seed(963)
    x, y = signs(2000, 963)
    model = TinyResNet(3, 5, norm=lambda n: nn.BatchNorm2d(n, momentum=0.1 if fixed else 0.001))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    subject = training(model, (x, y), signs(600, 1), optimizer)
    run(subject, 60)
    return subject


def separable_with_slow_statistics(fixed: bool = False) -> Subject:
    torch.manual_seed(964)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU(), depthwise(16, 32, 2), depthwise(32, 32),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(128, 10),
    )  # fmt: skip
    for layer in model.modules():
        if isinstance(layer, nn.BatchNorm2d) and not fixed:
            layer.momentum = 0.0005
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    subject = training(model, garments(3000, 964), garments(1000, 1, True), optimizer)
    run(subject, 60)
    return subject


PROGRAMS = (
    Program("dropout-goes-on", "fcn", dropout_goes_on, "validate-in-train-mode", "validate"),
    Program("one-at-a-time", "residual", one_at_a_time, "validate-in-train-mode", "validate"),
    Program("erases-in-validation", "cnn", erases_in_validation, "random-validation", "validate"),
    Program("turns-in-validation", "cnn", turns_in_validation, "random-validation", "validate"),
    Program("greatest-score", "cnn", greatest_score, "wrong-accuracy", "validate"),
    Program("logits-rounded", "fcn", logits_rounded, "wrong-accuracy", "validate"),
    Program("classes-along-the-batch", "cnn", classes_along_the_batch, "wrong-accuracy", "validate"),
    Program("dropout-made-in-forward", "cnn", dropout_made_in_forward, "dropout-in-evaluation"),
    Program("hand-made-dropout", "fcn", hand_made_dropout, "dropout-in-evaluation"),
    Program("statistics-hardly-move", "residual", statistics_hardly_move, "stale-batch-statistics"),
    Program("separable-with-slow-statistics", "cnn", separable_with_slow_statistics, "stale-batch-statistics"),
)
