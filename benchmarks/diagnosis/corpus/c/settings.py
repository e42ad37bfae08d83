"""Faults in the settings: rates, decay, and how long or with how large a network one trains."""

import torch
from torch import nn
from torch.nn import functional

from benchmarks.diagnosis.corpus.c.blocks import accuracy, digits, fashion, standard, train
from benchmarks.diagnosis.corpus.program import Program, Subject


def rmsprop_at_a_tenth():
    """The rate of an SGD recipe, given to RMSprop."""
    torch.manual_seed(331)
    raw, labels, raw_held, held_labels = fashion(331, 4000)
    images, held = standard(raw, raw_held)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(32, 32, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(32 * 16, 10),
    )
    optimizer = torch.optim.RMSprop(model.parameters(), lr=0.1)

    def step(x, y):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return Subject(
        model, functional.cross_entropy, optimizer, images, labels, step, lambda: accuracy(model, held, held_labels)
    )


class Mixer(nn.Module):
    """One mixing layer over 49 patches of 4x4."""

    def __init__(self, dim=40):
        super().__init__()
        self.patches = nn.Conv2d(1, dim, 4, stride=4)
        self.norm1, self.norm2 = nn.LayerNorm(dim), nn.LayerNorm(dim)
        self.tokens = nn.Sequential(nn.Linear(49, 64), nn.GELU(), nn.Linear(64, 49))
        self.channels = nn.Sequential(nn.Linear(dim, 80), nn.GELU(), nn.Linear(80, dim))
        self.head = nn.Linear(dim, 10)

    def forward(self, x):
        x = self.patches(x).flatten(2).transpose(1, 2)
        x = x + self.tokens(self.norm1(x).transpose(1, 2)).transpose(1, 2)
        x = x + self.channels(self.norm2(x))
        return self.head(x.mean(1))


def fine_tuning_rate_from_scratch():
    """Adam at a rate that would be small even to fine-tune a large network."""
    torch.manual_seed(332)
    raw, labels, *_ = fashion(332, 4000)
    (images,) = standard(raw)
    model = Mixer()
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-7)
    return Subject(model, nn.CrossEntropyLoss(), optimizer, images, labels)


def decayed_each_batch():
    """A decay meant for each epoch, stepped with each batch."""
    torch.manual_seed(333)
    raw, labels, raw_held, held_labels = fashion(333, 5000)
    images, held = standard(raw, raw_held)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.Conv2d(16, 24, 5, stride=2, padding=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(24 * 49, 10),
    )
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02)
    scheduler = torch.optim.lr_scheduler.ExponentialLR(optimizer, gamma=0.9)

    def step(x, y):
        model.train()
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        scheduler.step()
        return loss

    train(step, images, labels, steps=300)
    return Subject(
        model, criterion, optimizer, images, labels, step=step, validate=lambda: accuracy(model, held, held_labels)
    )


def decay_of_eight():
    """AdamW with the decay of a paper that multiplies it by the rate only once for a whole epoch."""
    torch.manual_seed(334)
    raw, labels, raw_held, held_labels = fashion(334, 4000)
    images, held = standard(raw.flatten(1), raw_held.flatten(1))
    model = nn.Sequential(nn.Linear(784, 96), nn.SiLU(), nn.Linear(96, 96), nn.SiLU(), nn.Linear(96, 10))
    matrices = [p for p in model.parameters() if p.ndim > 1]
    vectors = [p for p in model.parameters() if p.ndim == 1]
    groups = [{"params": matrices, "weight_decay": 8.0}, {"params": vectors, "weight_decay": 0.0}]
    criterion, optimizer = nn.CrossEntropyLoss(label_smoothing=0.05), torch.optim.AdamW(groups, lr=2e-3)

    def step(x, y):
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    train(step, images, labels, steps=500)
    return Subject(
        model, criterion, optimizer, images, labels, step=step, validate=lambda: accuracy(model, held, held_labels)
    )


def stopped_within_the_first_epoch():
    """A smoke test's ``max_steps`` was left in the real run."""
    torch.manual_seed(335)
    raw, labels, raw_held, held_labels = fashion(335, 6000)
    images, held = standard(raw, raw_held)
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Conv2d(24, 32, 3), nn.ReLU(), nn.Flatten(), nn.Linear(32 * 25, 10),
    )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.5)

    def step(x, y):
        model.train()
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    train(step, images, labels, steps=40)
    return Subject(
        model, functional.cross_entropy, optimizer, images, labels, step, lambda: accuracy(model, held, held_labels)
    )


def upper_garments_by_heart():
    """A thousand images of the five garments that look alike, and a wide network that has learned them by heart."""
    torch.manual_seed(336)
    raw, labels, raw_held, held_labels = fashion(336, 1000, classes=(0, 2, 3, 4, 6))
    images, held = standard(raw.flatten(1), raw_held.flatten(1))
    model = nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 5))
    criterion, optimizer = nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=1e-3)

    def step(x, y):
        model.train()
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    def validate():
        model.eval()
        with torch.no_grad():
            return (model(held).argmax(1) == held_labels).float().mean().item()

    train(step, images, labels, steps=1200, batch=50)
    return Subject(model, criterion, optimizer, images, labels, step, validate)


def two_units_wide():
    """A bottleneck of two units, trained until nothing moves: ten digits do not fit through it."""
    torch.manual_seed(337)
    raw, labels, raw_held, held_labels = digits(337)
    images, held = standard(raw.flatten(1), raw_held.flatten(1))
    model = nn.Sequential(nn.Linear(64, 2), nn.Tanh(), nn.Linear(2, 160), nn.Tanh(), nn.Linear(160, 10))
    criterion, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.8)

    def step(x, y):
        model.train()
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    train(step, images, labels, steps=3000, batch=100)
    return Subject(
        model, criterion, optimizer, images, labels, step=step, validate=lambda: accuracy(model, held, held_labels)
    )


PROGRAMS = (
    Program("c-rmsprop-at-a-tenth", "cnn", rmsprop_at_a_tenth, "learning-rate-too-high", "lr"),
    Program("c-fine-tuning-rate-from-scratch", "mixer", fine_tuning_rate_from_scratch, "learning-rate-too-low", "lr"),
    Program("c-decayed-each-batch", "cnn", decayed_each_batch, "schedule-ends-early", "lr"),
    Program("c-decay-of-eight", "fcn", decay_of_eight, "weight-decay-too-strong", "weight_decay"),
    Program("c-stopped-within-the-first-epoch", "cnn", stopped_within_the_first_epoch, "undertrained"),
    Program("c-upper-garments-by-heart", "fcn", upper_garments_by_heart, "overfitting"),
    Program("c-two-units-wide", "fcn", two_units_wide, "underfitting"),
)
