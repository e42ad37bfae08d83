"""Faults of the loss: what is put into it, which one it is, how it is averaged."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.diagnosis.corpus.a.blocks import (
    Mixer,
    TinyViT,
    digits,
    fashion,
    fashion_validation,
    only,
    plain_step,
    plain_validate,
    small_resnet,
    train,
)
from benchmarks.diagnosis.corpus.program import Program, Subject


def softmax_in_chain(last: nn.Module | None = None) -> Subject:
    torch.manual_seed(0)
    x, y = fashion(3000)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10), last or nn.Softmax(dim=1))
    return Subject(model, nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9), x, y)


class ProbabilityViT(TinyViT):
    probabilities = True

    def forward(self, x: Tensor) -> Tensor:
        scores = super().forward(x)
        return scores.softmax(-1) if self.probabilities else scores


def softmax_in_vit(probabilities: bool = True) -> Subject:
    torch.manual_seed(1)
    x, y = fashion(4000)
    model = ProbabilityViT()
    model.probabilities = probabilities
    opt = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    return Subject(model, functional.cross_entropy, opt, x, y)


class LogProbabilityCnn(nn.Module):
    """Copied from a tutorial that trains with NLLLoss."""

    def __init__(self):
        super().__init__()
        self.conv1, self.conv2 = nn.Conv2d(1, 8, 3, padding=1), nn.Conv2d(8, 16, 3, padding=1)
        self.fc = nn.Linear(16 * 49, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.max_pool2d(functional.relu(self.conv1(x)), 2)
        x = functional.max_pool2d(functional.relu(self.conv2(x)), 2)
        return functional.log_softmax(self.fc(x.flatten(1)), dim=1)


def log_softmax_twice() -> Subject:
    torch.manual_seed(2)
    x, y = fashion(2000)
    model = LogProbabilityCnn()
    criterion = nn.CrossEntropyLoss(label_smoothing=0.05)
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    return Subject(model, criterion, opt, x, y, plain_step(model, criterion, opt))


def nll_on_scores(loss_fn=None) -> Subject:
    torch.manual_seed(3)
    x, y, xv, yv = digits()
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(12, 24, 3, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(24 * 16, 10),
    )  # fmt: skip
    loss_fn = loss_fn or nn.NLLLoss()
    opt = torch.optim.Adam(model.parameters(), lr=2e-3)
    return Subject(model, loss_fn, opt, x, y, plain_step(model, loss_fn, opt), plain_validate(model, xv, yv))


def l1_on_one_hot(loss_fn=None) -> Subject:
    torch.manual_seed(4)
    x, y = fashion(3000)
    model = small_resnet(8)

    def absolute_error(scores: Tensor, target: Tensor) -> Tensor:
        return nn.L1Loss()(scores, functional.one_hot(target, 10).float())

    return Subject(model, loss_fn or absolute_error, torch.optim.Adam(model.parameters(), lr=3e-3), x, y)


def regression_of_numbers() -> Subject:
    """Ten outputs whose probability-weighted mean is fitted to the class's number."""
    torch.manual_seed(5)
    x, y = fashion(3000)
    model = Mixer(patch=7, dim=24)

    def mse(scores: Tensor, target: Tensor) -> Tensor:
        expected = (scores.softmax(1) * torch.arange(10.0)).sum(1)
        return functional.mse_loss(expected, target.float())

    opt = torch.optim.AdamW(model.parameters(), lr=2e-3)
    return Subject(model, mse, opt, x, y, plain_step(model, mse, opt), plain_validate(model, *fashion_validation()))


def negated() -> Subject:
    torch.manual_seed(6)
    x, y = fashion(2000)
    x = x.flatten(1)
    model = nn.Sequential(nn.Linear(784, 64), nn.Tanh(), nn.Linear(64, 10))

    def likelihood(scores: Tensor, target: Tensor) -> Tensor:
        # log p is what we want to be large, but the optimizer goes down
        return scores.log_softmax(1).gather(1, target[:, None]).mean()

    return Subject(model, likelihood, torch.optim.SGD(model.parameters(), lr=0.05), x, y)


class ReluEverywhere(nn.Module):
    def __init__(self, head: nn.Module | None = None):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(784, 100), nn.ReLU(), nn.Linear(100, 50), nn.ReLU())
        self.head = nn.Sequential(nn.Linear(50, 10), head or nn.ReLU())

    def forward(self, x: Tensor) -> Tensor:
        return self.head(self.body(x.flatten(1)))


def relu_on_scores(head: nn.Module | None = None) -> Subject:
    torch.manual_seed(300)  # one of ten scores is dead from the start
    x, y = fashion(4000)
    model, loss_fn = ReluEverywhere(head), nn.CrossEntropyLoss()
    opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    step = plain_step(model, loss_fn, opt)
    train(step, x, y, 60)
    return Subject(model, loss_fn, opt, x, y, step, plain_validate(model, *fashion_validation()))


def sigmoid_on_scores(last: nn.Module | None = None) -> Subject:
    torch.manual_seed(8)
    x, y = only(*fashion(5000), classes=(0, 1, 2, 3, 4, 5))
    model = small_resnet(8, classes=6)
    model.append(last or nn.Sigmoid())
    opt = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=1e-4)
    return Subject(model, nn.CrossEntropyLoss(), opt, x, y)


def tanh_on_scores(last: nn.Module | None = None) -> Subject:
    torch.manual_seed(9)
    x, y, xv, yv = digits()
    model = nn.Sequential(TinyViT(side=8, patch=2, dim=24), last or nn.Tanh())
    loss_fn = nn.CrossEntropyLoss()
    opt = torch.optim.Adam(model.parameters(), lr=3e-3)
    return Subject(model, loss_fn, opt, x, y, plain_step(model, loss_fn, opt), plain_validate(model, xv, yv))


def summed(reduction: str = "sum") -> Subject:
    torch.manual_seed(10)
    x, y = fashion(3000)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 5, 2, 2), nn.ReLU(), nn.Conv2d(8, 16, 5, 2, 2), nn.ReLU(), nn.Flatten(), nn.Linear(784, 10)
    )
    loss_fn = nn.CrossEntropyLoss(reduction=reduction)
    opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return Subject(
        model, loss_fn, opt, x, y, plain_step(model, loss_fn, opt), plain_validate(model, *fashion_validation())
    )


def summed_residual(reduction: str = "sum") -> Subject:
    torch.manual_seed(11)
    x, y = fashion(2000)
    model = small_resnet(10, norm=lambda c: nn.GroupNorm(2, c))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1, nesterov=True, momentum=0.9, weight_decay=5e-4)
    return Subject(model, lambda a, b: functional.cross_entropy(a, b, reduction=reduction), optimizer, x, y)


def divided_twice(again: bool = True) -> Subject:
    torch.manual_seed(12)
    x, y = fashion(3000)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 96), nn.LayerNorm(96), nn.SiLU(), nn.Linear(96, 10))

    def loss_fn(scores: Tensor, target: Tensor) -> Tensor:
        loss = functional.cross_entropy(scores, target)  # a mean already
        return loss / len(target) if again else loss

    opt = torch.optim.SGD(model.parameters(), lr=0.1)
    return Subject(
        model, loss_fn, opt, x, y, plain_step(model, loss_fn, opt), plain_validate(model, *fashion_validation())
    )


PROGRAMS = (
    Program("softmax-in-chain", "fcn", softmax_in_chain, "softmax-before-loss"),
    Program("softmax-in-vit", "transformer", softmax_in_vit, "softmax-before-loss"),
    Program("log-softmax-twice", "cnn", log_softmax_twice, "softmax-before-loss"),
    Program("nll-on-scores", "cnn", nll_on_scores, "wrong-loss", "loss_fn"),
    Program("l1-on-one-hot", "residual", l1_on_one_hot, "wrong-loss", "loss_fn"),
    Program("regression-of-numbers", "mixer", regression_of_numbers, "wrong-loss", "loss_fn"),
    Program("negated-loss", "fcn", negated, "wrong-loss", "loss_fn"),
    Program("relu-on-scores", "fcn", relu_on_scores, "output-activation"),
    Program("sigmoid-on-scores", "residual", sigmoid_on_scores, "output-activation"),
    Program("tanh-on-scores", "transformer", tanh_on_scores, "output-activation"),
    Program("summed-loss", "cnn", summed, "loss-reduction", "loss_fn"),
    Program("summed-loss-residual", "residual", summed_residual, "loss-reduction", "loss_fn"),
    Program("divided-twice", "fcn", divided_twice, "loss-reduction", "loss_fn"),
)
