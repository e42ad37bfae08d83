"""Faults in the loss."""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from benchmarks.diagnosis.corpus.c.blocks import accuracy, fashion, standard
from benchmarks.diagnosis.corpus.program import Program, Subject


class SoftenedCrossEntropy(nn.Module):
    """A Kaggler's own criterion: "turn the scores into probabilities, then cross-entropy with smoothing"."""

    def __init__(self, smoothing):
        super().__init__()
        self.smoothing = smoothing

    def forward(self, scores, target):
        probabilities = scores.softmax(dim=-1)
        return functional.cross_entropy(probabilities, target, label_smoothing=self.smoothing)


def softmax_in_criterion():
    torch.manual_seed(301)
    raw, labels, *_ = fashion(301, 4000)
    (images,) = standard(raw)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, stride=2, padding=1),
        nn.SiLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.SiLU(),
        nn.Flatten(),
        nn.Linear(32 * 49, 10),
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9, weight_decay=1e-4)
    return Subject(model, SoftenedCrossEntropy(0.05), optimizer, images, labels)


def expected_class_number():
    """Someone took the class for a quantity: the mean class under the softmax is regressed on the class number."""
    torch.manual_seed(302)
    raw, labels, raw_held, held_labels = fashion(302, 3000)
    images, held = standard(raw, raw_held)
    model = nn.Sequential(
        nn.Conv2d(1, 12, 5, stride=2),
        nn.ReLU(),
        nn.Conv2d(12, 24, 3, stride=2),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(24 * 25, 10),
    )
    numbers = torch.arange(10.0)

    def loss_fn(logits, y):
        return functional.mse_loss((logits.softmax(1) * numbers).sum(1), y.float())

    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step(x, y):
        optimizer.zero_grad()
        loss = loss_fn(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Subject(
        model, loss_fn, optimizer, images, labels, step=step, validate=lambda: accuracy(model, held, held_labels)
    )


class Staged(nn.Module):
    """Linear and an activation per stage, the last one too: "a score is a probability, so between 0 and 1"."""

    def __init__(self, *widths):
        super().__init__()
        self.depth = len(widths) - 1
        for i, (fan_in, fan_out) in enumerate(pairwise(widths)):
            activation = nn.ReLU() if i + 1 < self.depth else nn.Sigmoid()
            self.add_module(f"stage{i}", nn.Sequential(nn.Linear(fan_in, fan_out), activation))

    def forward(self, x):
        x = x.flatten(1)
        for i in range(self.depth):
            x = getattr(self, f"stage{i}")(x)
        return x


def scores_as_probabilities():
    torch.manual_seed(303)
    raw, labels, *_ = fashion(303, 5000)
    images = (raw.float() / 255 - 0.286) / 0.353
    model = Staged(784, 96, 48, 10)
    return Subject(
        model, nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9), images, labels
    )


class NegativeLogLikelihood:
    """Written out by hand: the mean over the batch, and then once more "per sample"."""

    def __call__(self, logits, labels):
        log_p = logits - logits.logsumexp(dim=1, keepdim=True)
        return -log_p.gather(1, labels[:, None]).mean() / labels.numel()


def mean_of_mean():
    torch.manual_seed(304)
    raw, labels, raw_held, held_labels = fashion(304, 4000)
    images, held = standard(raw.flatten(1), raw_held.flatten(1))
    model = nn.Sequential(nn.Linear(784, 64), nn.LayerNorm(64), nn.GELU(), nn.Linear(64, 10))
    criterion = NegativeLogLikelihood()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step(x, y):
        model.train()
        loss = criterion(model(x), y)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        return loss

    def validate():
        return accuracy(model, held, held_labels)

    return Subject(model, criterion, optimizer, images, labels, step, validate)


PROGRAMS = (
    Program("c-softmax-in-criterion", "cnn", softmax_in_criterion, "softmax-before-loss", "loss_fn"),
    Program("c-expected-class-number", "cnn", expected_class_number, "wrong-loss", "loss_fn"),
    Program("c-scores-as-probabilities", "fcn", scores_as_probabilities, "output-activation", "stage2"),
    Program("c-mean-of-mean", "fcn", mean_of_mean, "loss-reduction", "loss_fn"),
)
