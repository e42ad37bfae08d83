"""Faults of the output and the loss, which need not be of ten classes: many programs here have one output."""

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
)
from benchmarks.diagnosis.corpus.program import Program, Subject

SHIRTS = [0, 6]  # T-shirts and shirts, the two classes that are confused most


def shirts_sigmoid(twice: bool = True) -> Subject:
    """Loss and threshold were changed to those of logits, and the Sigmoid was left where it was."""
    torch.manual_seed(700)
    x, y = fashion_of(SHIRTS, [900, 900])
    xv, yv = fashion_of(SHIRTS, [400, 400], validation=True)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 5, padding=2), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(16, 16, 5), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(400, 32), nn.ReLU(), nn.Linear(32, 1), nn.Sigmoid(), nn.Flatten(0),
    )  # fmt: skip
    criterion = nn.BCEWithLogitsLoss() if twice else nn.BCELoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    threshold = 0.0 if twice else 0.5

    @torch.no_grad()
    def validate() -> float:
        model.eval()
        return ((model(xv) > threshold) == yv.bool()).float().mean().item()

    return Subject(model, criterion, optimizer, x, y.float(), make_step(model, criterion, optimizer), validate)


class BinaryClassification(nn.Module):
    """The network of many a course on tables."""

    def __init__(self, sigmoid: bool):
        super().__init__()
        self.layer_1 = nn.Linear(64, 64)
        self.layer_2 = nn.Linear(64, 64)
        self.layer_out = nn.Linear(64, 1)
        self.relu = nn.ReLU()
        self.dropout = nn.Dropout(p=0.1)
        self.batchnorm1 = nn.BatchNorm1d(64)
        self.batchnorm2 = nn.BatchNorm1d(64)
        self.sigmoid = sigmoid

    def forward(self, inputs: Tensor) -> Tensor:
        x = self.batchnorm1(self.relu(self.layer_1(inputs)))
        x = self.dropout(self.batchnorm2(self.relu(self.layer_2(x))))
        x = self.layer_out(x)
        return torch.sigmoid(x) if self.sigmoid else x


def odd_digits(sigmoid: bool = True) -> Subject:
    """Is the digit odd? The accuracy takes the sigmoid, the model took it before."""
    torch.manual_seed(701)
    x, y, xv, yv = digits()
    x, y, xv, yv = x.flatten(1), (y % 2).float(), xv.flatten(1), (yv % 2).float()
    model = BinaryClassification(sigmoid)
    bce = nn.BCEWithLogitsLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def loss_fn(out: Tensor, target: Tensor) -> Tensor:
        return bce(out, target.unsqueeze(1))

    def validate() -> float:
        model.eval()
        with torch.no_grad():
            tags = torch.round(torch.sigmoid(model(xv))).squeeze(1)
        return ((tags == yv).sum() / len(yv)).item()

    return Subject(model, loss_fn, optimizer, x, y, make_step(model, loss_fn, optimizer), validate)


def logits_dropped(dropped: bool = True) -> Subject:
    torch.manual_seed(702)
    x, y = fashion(3000)
    layers = [nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU()]
    layers += [nn.Linear(64, 10), nn.Dropout(0.5)] if dropped else [nn.Dropout(0.5), nn.Linear(64, 10)]
    model, loss_fn = nn.Sequential(*layers), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return Subject(model, loss_fn, optimizer, x, y, validate=make_validate(model, *fashion(1000, validation=True)))


class Net(nn.Module):
    """After the example that comes with PyTorch, for images of 20 × 20."""

    def __init__(self, last: bool):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 16, 3, 1)
        self.conv2 = nn.Conv2d(16, 24, 3, 1)
        self.dropout1 = nn.Dropout(0.1)
        self.dropout2 = nn.Dropout(0.4)
        self.fc1 = nn.Linear(24 * 64, 48)
        self.fc2 = nn.Linear(48, 6)
        self.last = last

    def forward(self, x: Tensor) -> Tensor:
        x = F.relu(self.conv1(x))
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        x = F.relu(self.fc1(torch.flatten(self.dropout1(x), 1)))
        x = self.dropout2(self.fc2(x)) if self.last else self.fc2(self.dropout2(x))
        return F.log_softmax(x, dim=1)


def example_net_dropout(last: bool = True) -> Subject:
    torch.manual_seed(703)
    x, y = colours(2000, 1)
    xv, yv = colours(600, 2)
    model = Net(last)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return Subject(model, F.nll_loss, optimizer, x, y, make_step(model, F.nll_loss, optimizer),
                   make_validate(model, xv, yv))  # fmt: skip


def number_as_target(numbers: bool = True) -> Subject:
    """One output that is to be the number of the class, rounded; or ten outputs and a one in the right place."""
    torch.manual_seed(704)
    x, y = fashion(3000)
    xv, yv = fashion(1000, validation=True)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(), nn.Flatten(),
        nn.Linear(1568, 1 if numbers else 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def loss_fn(out: Tensor, labels: Tensor) -> Tensor:
        if numbers:
            return F.mse_loss(out.squeeze(1), labels.float())
        return F.mse_loss(out, F.one_hot(labels, 10).float())

    def validate() -> float:
        model.eval()
        with torch.no_grad():
            out = model(xv)
        predicted = out.squeeze(1).round() if numbers else out.argmax(1)
        return (predicted == yv).float().mean().item()

    return Subject(model, loss_fn, optimizer, x, y, make_step(model, loss_fn, optimizer), validate)


def numbers_broadcast(numbers: bool = True) -> Subject:
    """Ten outputs, each of which is compared with the number of the class."""
    torch.manual_seed(705)
    x, y, xv, yv = digits()
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 10))
    criterion, optimizer = nn.MSELoss(), torch.optim.RMSprop(model.parameters(), lr=1e-3)

    def loss_fn(out: Tensor, labels: Tensor) -> Tensor:
        target = labels.float().view(-1, 1).expand_as(out) if numbers else torch.eye(10)[labels]
        return criterion(out, target)

    return Subject(model, loss_fn, optimizer, x, y, make_step(model, loss_fn, optimizer), make_validate(model, xv, yv))


def labels_zero_and_two(two: bool = True) -> Subject:
    """Sandals are 0 and boots are 2 in the table, and nobody made ones of the twos."""
    torch.manual_seed(706)
    x, y = fashion_of([5, 9], [700, 700])
    xv, yv = fashion_of([5, 9], [300, 300], validation=True)
    if two:
        y, yv = 2 * y, 2 * yv
    model = SmallResNet(classes=1, width=8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    def loss_fn(out: Tensor, target: Tensor) -> Tensor:
        return F.binary_cross_entropy_with_logits(out[:, 0], target.float())

    @torch.no_grad()
    def validate() -> float:
        model.eval()
        return ((model(xv)[:, 0] > 0).long() == yv).float().mean().item()

    return Subject(model, loss_fn, optimizer, x, y, make_step(model, loss_fn, optimizer), validate)


class Probabilities(nn.Module):
    def __init__(self, body: nn.Module, logarithm: bool):
        super().__init__()
        self.body, self.logarithm = body, logarithm

    def forward(self, x: Tensor) -> Tensor:
        return self.body(x).log_softmax(-1) if self.logarithm else self.body(x).softmax(-1)


def transformer_gives_probabilities(probabilities: bool = True) -> Subject:
    torch.manual_seed(707)
    x, y = fashion(3000)
    model = Probabilities(PatchTransformer(), logarithm=not probabilities)
    loss_fn = nn.CrossEntropyLoss() if probabilities else nn.NLLLoss()
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    return Subject(model, loss_fn, optimizer, x, y, validate=make_validate(model, *fashion(1000, validation=True)))


def mixer_sums(summed: bool = True) -> Subject:
    """The sum over the batch, with the step of a mean."""
    torch.manual_seed(708)
    x, y = fashion(3000)
    model = PatchMixer()
    loss_fn = nn.CrossEntropyLoss(reduction="sum" if summed else "mean")
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return Subject(model, loss_fn, optimizer, x, y, make_step(model, loss_fn, optimizer),
                   make_validate(model, *fashion(1000, validation=True)))  # fmt: skip


PROGRAMS = (
    Program("shirts-sigmoid-twice", "cnn", shirts_sigmoid, "output-activation"),
    Program("odd-digits-sigmoid-twice", "fcn", odd_digits, "output-activation"),
    Program("logits-dropped", "fcn", logits_dropped, "dropout-on-logits"),
    Program("example-net-drops-logits", "cnn", example_net_dropout, "dropout-on-logits", "dropout2"),
    Program("number-as-target", "cnn", number_as_target, "wrong-loss"),
    Program("numbers-broadcast", "fcn", numbers_broadcast, "wrong-loss"),
    Program("labels-zero-and-two", "residual", labels_zero_and_two, "labels-off-by-one"),
    Program("transformer-gives-probabilities", "transformer", transformer_gives_probabilities, "softmax-before-loss"),
    Program("mixer-sums-loss", "mixer", mixer_sums, "loss-reduction"),
)
