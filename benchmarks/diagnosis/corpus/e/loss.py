"""Faults of the output and the loss; ``fixed`` puts a program right."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from benchmarks.diagnosis.corpus.e.kit import (
    LeNet,
    TinyResNet,
    accuracy,
    accuracy_of_one_output,
    bce,
    digit_rows,
    garments,
    mlp,
    signs,
    small_cnn,
    stepping,
    training,
)
from benchmarks.diagnosis.corpus.program import Program, Subject

UPPER = [2, 4, 6]  # pullover, coat and shirt


class SoftmaxLeNet(LeNet):
    """The figure in the paper ends in probabilities, so the code does."""

    def __init__(self, fixed: bool):
        super().__init__()
        self.fixed = fixed

    def forward(self, x: Tensor) -> Tensor:
        out = super().forward(x)
        return out if self.fixed else F.softmax(out, dim=1)


def lenet_with_softmax(fixed: bool = False) -> Subject:
    torch.manual_seed(900)
    model = SoftmaxLeNet(fixed)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return training(model, garments(3000, 900), garments(1000, 1, True), optimizer)


def upper_softmax(fixed: bool = False) -> Subject:
    """Three classes, and the softmax is the last of the Sequential."""
    torch.manual_seed(901)
    x, y = garments(2400, 901, classes=UPPER)
    model = mlp(784, 64, 3)
    if not fixed:
        model.append(nn.Softmax(dim=1))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.003, momentum=0.9)
    return Subject(model, criterion, optimizer, x, y, validate=accuracy(model, garments(900, 1, True, UPPER)))


class CoatOrShirt(nn.Module):
    def __init__(self, fixed: bool):
        super().__init__()
        self.net = TinyResNet(classes=1)
        self.sigmoid = nn.Identity() if fixed else nn.Sigmoid()

    def forward(self, x: Tensor) -> Tensor:
        return self.sigmoid(self.net(x))


def sigmoid_before_bce_with_logits(fixed: bool = False) -> Subject:
    """Right at validation, where a probability is wanted; the loss wants a logit."""
    torch.manual_seed(902)
    x, y = garments(2000, 902, classes=[4, 6])
    model = CoatOrShirt(fixed)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)
    validate = accuracy_of_one_output(model, garments(800, 1, True, [4, 6]), 0.0 if fixed else 0.5)
    return Subject(model, bce, optimizer, x, y, stepping(model, bce, optimizer), validate)


class EveryLayerRectified(nn.Module):
    """The loop over the layers rectifies the scores as well."""

    def __init__(self, fixed: bool):
        super().__init__()
        self.layers = nn.ModuleList([nn.Linear(784, 128), nn.Linear(128, 64), nn.Linear(64, 10)])
        self.fixed = fixed

    def forward(self, x: Tensor) -> Tensor:
        x = x.flatten(1)
        for i, layer in enumerate(self.layers):
            x = layer(x)
            if not self.fixed or i < len(self.layers) - 1:
                x = F.relu(x)
        return x


def scores_rectified(fixed: bool = False) -> Subject:
    torch.manual_seed(903)
    model = EveryLayerRectified(fixed)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return training(model, garments(3000, 903), garments(1000, 1, True), optimizer)


def scores_in_tanh(fixed: bool = False) -> Subject:
    """Left over from a generator, whose pixels are to lie between -1 and 1."""
    torch.manual_seed(904)
    model = small_cnn(3, 5)
    if not fixed:
        model.add_module("out_act", nn.Tanh())
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return training(model, signs(2000, 904), signs(600, 1), optimizer)


def cross_entropy_of_one_output(fixed: bool = False) -> Subject:
    """Targets are floats in a column, so they pass for probabilities of one class: the loss is 0 at once."""
    torch.manual_seed(905)
    x, y, xv, yv = digit_rows()
    x, xv, y, yv = x / 16, xv / 16, (y > 4).long(), (yv > 4).long()
    model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 1))
    criterion = nn.BCEWithLogitsLoss() if fixed else nn.CrossEntropyLoss()

    def loss_fn(out: Tensor, target: Tensor) -> Tensor:
        return criterion(out, target.float().unsqueeze(1))

    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    validate = accuracy_of_one_output(model, (xv, yv))
    return Subject(model, loss_fn, optimizer, x, y, stepping(model, loss_fn, optimizer), validate)


def column_minus_row(fixed: bool = False) -> Subject:
    """MSE of (n, 1) and (n,) compares each output with each target; there's only a warning."""
    torch.manual_seed(906)
    x, y = garments(1600, 906, classes=[0, 6])
    model = nn.Sequential(
        nn.Conv2d(1, 12, 5, stride=2), nn.ReLU(), nn.Conv2d(12, 24, 3, stride=2), nn.ReLU(), nn.Flatten(),
        nn.Linear(24 * 25, 1),
    )  # fmt: skip
    mse = nn.MSELoss()

    def loss_fn(out: Tensor, target: Tensor) -> Tensor:
        return mse(out.squeeze(1) if fixed else out, target.float())

    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    validate = accuracy_of_one_output(model, garments(800, 1, True, [0, 6]), threshold=0.5)
    return Subject(model, loss_fn, optimizer, x, y, stepping(model, loss_fn, optimizer), validate)


def loss_added_up(fixed: bool = False) -> Subject:
    torch.manual_seed(907)
    x, y = garments(3000, 907)
    model = LeNet()
    criterion = nn.CrossEntropyLoss(reduction="mean" if fixed else "sum")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
    return Subject(model, criterion, optimizer, x, y, validate=accuracy(model, garments(1000, 1, True)))


def mean_over_the_data_set(fixed: bool = False) -> Subject:
    """The mean of a batch, divided by the number of images in the data set for "the mean loss"."""
    torch.manual_seed(908)
    x, y, xv, yv = digit_rows()
    x, xv = x / 8 - 1, xv / 8 - 1
    model = mlp(64, 64, 32, 10)

    def loss_fn(out: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(out, target) / (1 if fixed else len(x))

    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return training(model, (x, y), (xv, yv), optimizer, loss_fn)


def scores_dropped(fixed: bool = False) -> Subject:
    torch.manual_seed(909)
    x, y = garments(3000, 909)
    model = mlp(784, 64, 32, 10)
    if not fixed:
        model.append(nn.Dropout(0.8))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    return training(model, (x, y), garments(1000, 1, True), optimizer)


PROGRAMS = (
    Program("lenet-with-softmax", "cnn", lenet_with_softmax, "softmax-before-loss"),
    Program("upper-softmax", "fcn", upper_softmax, "softmax-before-loss"),
    Program("sigmoid-before-bce-with-logits", "residual", sigmoid_before_bce_with_logits, "output-activation"),
    Program("scores-rectified", "fcn", scores_rectified, "output-activation"),
    Program("scores-in-tanh", "cnn", scores_in_tanh, "output-activation"),
    Program("cross-entropy-of-one-output", "fcn", cross_entropy_of_one_output, "wrong-loss", "loss_fn"),
    Program("column-minus-row", "cnn", column_minus_row, "wrong-loss", "loss_fn"),
    Program("loss-added-up", "cnn", loss_added_up, "loss-reduction", "loss_fn"),
    Program("mean-over-the-data-set", "fcn", mean_over_the_data_set, "loss-reduction", "loss_fn"),
    Program("scores-dropped", "fcn", scores_dropped, "dropout-on-logits"),
)
