"""Faults of the loop: the step and the validation that people write themselves."""

from __future__ import annotations

import copy

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.diagnosis.corpus.a.blocks import (
    Mixer,
    ResidualBlock,
    TinyViT,
    digits,
    fashion,
    fashion_validation,
    plain_step,
    plain_validate,
    small_resnet,
    train,
)
from benchmarks.diagnosis.corpus.program import Program, Subject


def gradients_add_up(forgets: bool = True) -> Subject:
    torch.manual_seed(50)
    x, y = fashion(3000)
    x = x.flatten(1)
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    criterion, opt = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    def step(batch: Tensor, target: Tensor) -> Tensor:
        if not forgets:
            opt.zero_grad()
        loss = criterion(model(batch), target)
        loss.backward()
        opt.step()
        return loss

    xv, yv = fashion_validation()
    return Subject(model, criterion, opt, x, y, step, plain_validate(model, xv.flatten(1), yv))


def zeroes_the_copy(forgets: bool = True) -> Subject:
    """A teacher's copy is in the script as well, and it is the one whose gradients are cleared."""
    torch.manual_seed(51)
    x, y = fashion(3000)
    net = Mixer(patch=7)
    other = copy.deepcopy(net) if forgets else net
    opt = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)

    def step(batch: Tensor, target: Tensor) -> Tensor:
        other.zero_grad()
        loss = functional.cross_entropy(net(batch), target)
        loss.backward()
        opt.step()
        return loss.detach()

    return Subject(net, functional.cross_entropy, opt, x, y, step, plain_validate(net, *fashion_validation()))


def optimizer_of_older_model(older: bool = True) -> Subject:
    torch.manual_seed(52)
    x, y = fashion(2000)
    model = small_resnet(8)
    opt = torch.optim.Adam(model.parameters(), lr=2e-3)
    if older:
        model = small_resnet(12)  # made wider later, in a cell below the optimizer's
    return Subject(model, nn.CrossEntropyLoss(), opt, x, y)


class ListOfLayers(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Linear(784, 64)
        self.trunk = nn.Sequential(*(nn.Sequential(nn.Linear(64, 64), nn.ReLU()) for _ in range(2)))
        self.classifier = nn.Linear(64, 10)

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.trunk(functional.relu(self.stem(x.flatten(1)))))


def only_classifier_optimised(part: bool = True) -> Subject:
    torch.manual_seed(53)
    x, y, xv, yv = digits()
    model = nn.Sequential()
    model.add_module("features", nn.Sequential(nn.Conv2d(1, 12, 3), nn.ReLU(), nn.Conv2d(12, 12, 3), nn.ReLU()))
    model.add_module("classifier", nn.Sequential(nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(48, 10)))
    opt = torch.optim.Adam((model.classifier if part else model).parameters(), lr=3e-3)
    loss_fn = nn.CrossEntropyLoss()
    return Subject(model, loss_fn, opt, x, y, plain_step(model, loss_fn, opt), plain_validate(model, xv, yv))


def stem_frozen(frozen: bool = True) -> Subject:
    """Left from fine-tuning, though nothing was ever pretrained."""
    torch.manual_seed(54)
    x, y = fashion(2500)
    model = ListOfLayers()
    for p in (*model.stem.parameters(), *model.trunk.parameters()):
        p.requires_grad_(not frozen)
    opt = torch.optim.AdamW((p for p in model.parameters() if p.requires_grad), lr=2e-3)
    return Subject(model, nn.CrossEntropyLoss(), opt, x, y)


def encoder_frozen(frozen: bool = True) -> Subject:
    torch.manual_seed(55)
    x, y = fashion(3000)
    model = TinyViT(dim=32, depth=2)
    model.blocks.requires_grad_(not frozen)
    loss_fn = nn.CrossEntropyLoss(label_smoothing=0.1)
    opt = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    return Subject(model, loss_fn, opt, x, y)


class Cut(nn.Module):
    """Keeps the features for a plot, and goes on with the copy."""

    cut = True

    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 12, 3, 2, 1), nn.ReLU(), nn.Conv2d(12, 24, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(2)
        )
        self.head = nn.Linear(96, 10)

    def forward(self, x: Tensor) -> Tensor:
        self.last = self.features(x).flatten(1)
        if self.cut:
            self.last = self.last.detach()
        return self.head(self.last)


def features_detached(cut: bool = True) -> Subject:
    torch.manual_seed(56)
    x, y = fashion(3000)
    model = Cut()
    model.cut = cut
    loss_fn, opt = nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=3e-3)
    return Subject(model, loss_fn, opt, x, y)


class NumpyResNet(nn.Module):
    def __init__(self, numpy: bool):
        super().__init__()
        self.numpy = numpy
        self.body = nn.Sequential(nn.Conv2d(1, 12, 3, 2, 1), ResidualBlock(12, 12), ResidualBlock(12, 24, 2))
        self.out = nn.Linear(24, 10)

    def forward(self, x: Tensor) -> Tensor:
        h = self.body(x)
        # The mean over space, the way one does it with arrays
        h = torch.from_numpy(h.data.numpy().mean((2, 3))) if self.numpy else h.mean((2, 3))
        return self.out(h)


def through_numpy(numpy: bool = True) -> Subject:
    torch.manual_seed(57)
    x, y = fashion(3000)
    model = NumpyResNet(numpy)
    opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    return Subject(model, nn.CrossEntropyLoss(), opt, x, y)


def deep_bn_cnn(dropout: float = 0.0) -> nn.Sequential:
    layers, c = [], 1
    for width, stride in ((12, 2), (12, 1), (24, 2), (24, 1), (24, 1)):
        layers += [nn.Conv2d(c, width, 3, stride, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU()]
        c = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Dropout(dropout), nn.Linear(96, 10))


def eval_in_step(training: bool = False) -> Subject:
    torch.manual_seed(58)
    x, y = fashion(3000)
    model, loss_fn = deep_bn_cnn(0.2), nn.CrossEntropyLoss()
    opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train(training)
        opt.zero_grad(set_to_none=True)
        loss = loss_fn(model(images), labels)
        loss.backward()
        opt.step()
        return loss.detach()

    return Subject(model, loss_fn, opt, x, y, step, plain_validate(model, *fashion_validation()))


def never_back_to_train(back: bool = False) -> Subject:
    """The validation before the first epoch puts the network to eval, and nobody calls train() again."""
    torch.manual_seed(59)
    x, y = fashion(3000)
    xv, yv = fashion_validation()
    net = small_resnet(10)
    opt = torch.optim.Adam(net.parameters(), lr=2e-3)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        loss = functional.cross_entropy(net(images), labels)
        opt.zero_grad()
        loss.backward()
        opt.step()
        return loss.detach()

    def validate() -> float:
        net.eval()
        with torch.inference_mode():
            share = (net(xv).argmax(dim=1) == yv).float().mean().item()
        if back:
            net.train()
        return share

    validate()
    return Subject(net, functional.cross_entropy, opt, x, y, step, validate)


def validates_with_dropout(evaluates: bool = False) -> Subject:
    torch.manual_seed(60)
    x, y = fashion(4000)
    xv, yv = fashion_validation()
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Dropout(0.5), nn.Linear(128, 64), nn.ReLU(), nn.Dropout(0.5),
        nn.Linear(64, 10),
    )  # fmt: skip
    loss_fn, opt = nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=1e-3)
    step = plain_step(model, loss_fn, opt)
    train(step, x, y, 600)

    @torch.no_grad()
    def validate() -> float:
        model.train(not evaluates)
        return (model(xv).argmax(1) == yv).float().mean().item()

    return Subject(model, loss_fn, opt, x, y, step, validate)


def validates_with_batch_statistics(evaluates: bool = False) -> Subject:
    """Batches of eight, class by class, so the statistics are of one class each."""
    torch.manual_seed(61)
    x, y = fashion(3000)
    xv, yv = fashion_validation(800)
    order = yv.argsort()
    xv, yv = xv[order], yv[order]
    model, loss_fn = small_resnet(8), nn.CrossEntropyLoss()
    opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4)
    step = plain_step(model, loss_fn, opt)
    train(step, x, y, 200)

    def validate() -> float:
        right = 0
        if evaluates:
            model.eval()
        with torch.no_grad():
            for i in range(0, len(xv), 8):
                right += (model(xv[i : i + 8]).argmax(1) == yv[i : i + 8]).sum().item()
        return right / len(xv)

    return Subject(model, loss_fn, opt, x, y, step, validate)


PROGRAMS = (
    Program("gradients-add-up", "fcn", gradients_add_up, "missing-zero-grad", "step"),
    Program("zeroes-the-copy", "mixer", zeroes_the_copy, "missing-zero-grad", "step"),
    Program("optimizer-of-older-model", "residual", optimizer_of_older_model, "parameters-not-optimised"),
    Program("only-classifier-optimised", "cnn", only_classifier_optimised, "parameters-not-optimised", "features"),
    Program("stem-frozen", "fcn", stem_frozen, "frozen-parameters"),
    Program("encoder-frozen", "transformer", encoder_frozen, "frozen-parameters", "blocks"),
    Program("features-detached", "cnn", features_detached, "detached-graph", "features"),
    Program("through-numpy", "residual", through_numpy, "detached-graph", "body"),
    Program("eval-in-step", "cnn", eval_in_step, "train-in-eval-mode", "step"),
    Program("never-back-to-train", "residual", never_back_to_train, "train-in-eval-mode"),
    Program("validates-with-dropout", "fcn", validates_with_dropout, "validate-in-train-mode", "validate"),
    Program("validates-with-batch-statistics", "residual", validates_with_batch_statistics, "validate-in-train-mode",
            "validate"),
)  # fmt: skip
