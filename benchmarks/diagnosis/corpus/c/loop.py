"""Faults in the loop: what a step or a validation does besides the forward pass."""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from benchmarks.diagnosis.corpus.c.blocks import accuracy, digits, fashion, standard, train
from benchmarks.diagnosis.corpus.program import Program, Subject


class EpochTrainer:
    """Clears the gradients where the epoch begins, and nowhere else."""

    def __init__(self, model, images, labels, held, held_labels):
        self.model, self.data, self.held = model, (images, labels), (held, held_labels)
        self.criterion = nn.CrossEntropyLoss()
        self.optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    def epoch(self):
        self.optimizer.zero_grad()
        train(self.step, *self.data, steps=len(self.data[1]) // 64)

    def step(self, x, y):
        self.model.train()
        loss = self.criterion(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss

    def validate(self):
        return accuracy(self.model, *self.held)


def cleared_once_an_epoch():
    torch.manual_seed(321)
    raw, labels, raw_held, held_labels = fashion(321, 4000)
    images, held = standard(raw, raw_held)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    run = EpochTrainer(model, images, labels, held, held_labels)
    return Subject(model, run.criterion, run.optimizer, images, labels, run.step, run.validate)


def only_the_undecayed_group():
    """Weights should decay, biases should not; the first of the two groups was lost in an edit."""
    torch.manual_seed(322)
    raw, labels, raw_held, held_labels = fashion(322, 4000)
    images, held = standard(raw, raw_held)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, stride=2, padding=1),
        nn.GELU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.GELU(),
        nn.Flatten(),
        nn.Linear(32 * 49, 10),
    )
    no_decay = [p for name, p in model.named_parameters() if name.endswith("bias")]
    optimizer = torch.optim.AdamW([{"params": no_decay, "weight_decay": 0.0}], lr=2e-3)

    def step(x, y):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return Subject(
        model, functional.cross_entropy, optimizer, images, labels, step, lambda: accuracy(model, held, held_labels)
    )


class TransferNet(nn.Module):
    def __init__(self, classes):
        super().__init__()
        widths = (1, 8, 8, 8, 8)
        self.trunk = nn.Sequential()
        for i, (c, d) in enumerate(pairwise(widths)):
            self.trunk.append(nn.Conv2d(c, d, 3, stride=1 + i % 2, padding=1))
            self.trunk.append(nn.ReLU())
        self.pool = nn.AdaptiveAvgPool2d(3)
        self.head = nn.Linear(72, classes)

    def forward(self, x):
        return self.head(self.pool(self.trunk(x)).flatten(1))


def trunk_without_checkpoint():
    """A fine-tuning script, run with a trunk for which there never was a checkpoint."""
    torch.manual_seed(323)
    raw, labels, *_ = fashion(323, 4000)
    (images,) = standard(raw)
    model = TransferNet(classes=10)
    for parameter in model.trunk.parameters():
        parameter.requires_grad_(False)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return Subject(model, nn.CrossEntropyLoss(), optimizer, images, labels)


class NumpyPooling(nn.Module):
    """A student's own pooling, written with the array library they know."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 8, 5)
        self.conv2 = nn.Conv2d(8, 8, 5)
        self.fc = nn.Linear(8 * 16, 10)

    @staticmethod
    def pool(x):
        array = x.detach().cpu().numpy()
        n, c, h, w = array.shape
        return torch.from_numpy(array.reshape(n, c, h // 2, 2, w // 2, 2).max(axis=(3, 5)))

    def forward(self, x):
        x = self.pool(torch.relu(self.conv1(x)))
        x = self.pool(torch.relu(self.conv2(x)))
        return self.fc(x.flatten(1))


def pooling_in_numpy():
    torch.manual_seed(324)
    raw, labels, *_ = fashion(324, 3000)
    images = raw.float() / 255 * 2 - 1
    model = NumpyPooling()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return Subject(model, nn.CrossEntropyLoss(), optimizer, images, labels)


def progress_bar_evaluates():
    """The progress bar shows the accuracy before each step, and evaluating it leaves the model in eval mode."""
    torch.manual_seed(325)
    raw, labels, raw_held, held_labels = fashion(325, 4000)
    images, held = standard(raw, raw_held)
    layers, width = [], 1
    for wider, stride in ((16, 2), (16, 1), (32, 2), (32, 1), (48, 2), (48, 1)):
        layers += [nn.Conv2d(width, wider, 3, stride, 1, bias=False), nn.BatchNorm2d(wider), nn.ReLU()]
        width = wider
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Dropout(0.1), nn.Linear(width, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    shown = []

    def evaluate(x, y):
        model.eval()
        with torch.no_grad():
            return (model(x).argmax(1) == y).float().mean().item()

    def step(x, y):
        shown.append(evaluate(x, y))
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return Subject(
        model, functional.cross_entropy, optimizer, images, labels, step, lambda: evaluate(held, held_labels)
    )


def dropout_while_validating():
    torch.manual_seed(326)
    raw, labels, raw_held, held_labels = fashion(326, 5000)
    images, held = standard(raw.flatten(1), raw_held.flatten(1))
    model = nn.Sequential(
        nn.Dropout(0.2), nn.Linear(784, 128), nn.ReLU(), nn.Dropout(0.6), nn.Linear(128, 64), nn.ReLU(),
        nn.Dropout(0.6), nn.Linear(64, 10),
    )  # fmt: skip
    criterion, optimizer = nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=1e-3)

    def step(x, y):
        model.train()
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    @torch.no_grad()
    def validate():
        # the decorator was taken for all that a validation needs
        return (model(held).argmax(dim=1) == held_labels).float().mean().item()

    train(step, images, labels, steps=700, batch=64)
    return Subject(model, criterion, optimizer, images, labels, step, validate)


def column_against_row():
    """(n, 1) predictions against (n,) labels: the comparison broadcasts to (n, n)."""
    torch.manual_seed(327)
    raw, labels, raw_held, held_labels = digits(327)
    images, held = raw.float() / 255 - 0.3, raw_held.float() / 255 - 0.3
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.SiLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3), nn.SiLU(), nn.Flatten(),
        nn.Linear(128, 10),
    )  # fmt: skip
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)

    def step(x, y):
        model.train()
        optimizer.zero_grad(set_to_none=True)
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    def validate():
        model.eval()
        with torch.no_grad():
            prediction = model(held).argmax(dim=1, keepdim=True)
        return (prediction == held_labels).float().mean().item()

    train(step, images, labels, steps=250, batch=64)
    return Subject(model, functional.cross_entropy, optimizer, images, labels, step, validate)


def clipped_to_a_hundredth():
    torch.manual_seed(328)
    raw, labels, raw_held, held_labels = fashion(328, 4000)
    images, held = standard(raw, raw_held)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 5, 2, 2), nn.ReLU(), nn.Conv2d(16, 32, 5, 2, 2), nn.ReLU(), nn.Flatten(), nn.Linear(1568, 10)
    )
    criterion, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.05)
    max_norm = 0.01

    def step(x, y):
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), max_norm)
        optimizer.step()
        return loss

    return Subject(
        model, criterion, optimizer, images, labels, step, validate=lambda: accuracy(model, held, held_labels)
    )


def micro_batches_of_two():
    """Made to fit a very small card: two images at a time through batch norm, one update for all."""
    torch.manual_seed(329)
    raw, labels, raw_held, held_labels = fashion(329, 3000)
    images, held = standard(raw.flatten(1), raw_held.flatten(1))
    model = nn.Sequential(
        nn.Linear(784, 64, bias=False), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 64, bias=False),
        nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10),
    )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)

    def step(x, y):
        model.train()
        optimizer.zero_grad()
        total = torch.zeros(())
        for micro_x, micro_y in zip(x.split(2), y.split(2), strict=True):
            if len(micro_y) == 1:
                continue  # batch norm refuses an odd last image
            loss = functional.cross_entropy(model(micro_x), micro_y) * len(micro_y) / len(y)
            loss.backward()
            total += loss.detach()
        optimizer.step()
        return total

    def validate():
        return accuracy(model, held, held_labels)

    return Subject(model, functional.cross_entropy, optimizer, images, labels, step, validate)


PROGRAMS = (
    Program("c-cleared-once-an-epoch", "fcn", cleared_once_an_epoch, "missing-zero-grad", "step"),
    # "optimizer" and the layers' names are both right answers, so no place is asked for
    Program("c-only-the-undecayed-group", "cnn", only_the_undecayed_group, "parameters-not-optimised"),
    Program("c-trunk-without-checkpoint", "cnn", trunk_without_checkpoint, "frozen-parameters", "trunk"),
    Program("c-pooling-in-numpy", "cnn", pooling_in_numpy, "detached-graph", "conv"),
    Program("c-progress-bar-evaluates", "cnn", progress_bar_evaluates, "train-in-eval-mode", "step"),
    Program("c-dropout-while-validating", "fcn", dropout_while_validating, "validate-in-train-mode", "validate"),
    Program("c-column-against-row", "cnn", column_against_row, "wrong-accuracy", "validate"),
    Program("c-clipped-to-a-hundredth", "cnn", clipped_to_a_hundredth, "clipping-always", "step"),
    Program("c-micro-batches-of-two", "fcn", micro_batches_of_two, "tiny-batch"),
)
