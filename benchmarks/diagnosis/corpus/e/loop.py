"""Faults of training loops; ``fixed`` puts a program right."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from benchmarks.diagnosis.corpus.e.kit import (
    Block,
    LeNet,
    TinyResNet,
    accuracy,
    digit_rows,
    garment_bytes,
    garments,
    mlp,
    signs,
    training,
)
from benchmarks.diagnosis.corpus.program import Program, Subject


def nothing_cleared(fixed: bool = False) -> Subject:
    torch.manual_seed(940)
    x, y = garments(3000, 940)
    model, criterion = LeNet(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        if fixed:
            optimizer.zero_grad()
        loss = criterion(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss

    return Subject(model, criterion, optimizer, x, y, step, accuracy(model, garments(1000, 1, True)))


def other_optimizer_cleared(fixed: bool = False) -> Subject:
    """One optimizer for the body and one for the head; only the head's gradients are cleared."""
    torch.manual_seed(941)
    x, y = signs(2000, 941)
    model = TinyResNet(3, 5)
    body = torch.optim.SGD([p for n, p in model.named_parameters() if not n.startswith("fc")], lr=0.05, momentum=0.9)
    head = torch.optim.SGD(model.fc.parameters(), lr=0.05)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        head.zero_grad()
        if fixed:
            body.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        body.step()
        head.step()
        return loss.detach()

    return Subject(model, F.cross_entropy, body, x, y, step, accuracy(model, signs(600, 1)))


def optimizer_of_the_first_model(fixed: bool = False) -> Subject:
    """In a notebook: the cell with the model was run again, the one with the optimizer wasn't."""
    torch.manual_seed(942)
    x, y = garments(3000, 942)
    model = mlp(784, 128, 64, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    if not fixed:
        model = mlp(784, 128, 64, 10)
    return training(model, (x, y), garments(1000, 1, True), optimizer)


def only_fc(fixed: bool = False) -> Subject:
    """As in the tutorial of transfer learning, but nothing was learnt before."""
    torch.manual_seed(943)
    model = TinyResNet(3, 5)
    optimizer = torch.optim.Adam(model.parameters() if fixed else model.fc.parameters(), lr=2e-3)
    return training(model, signs(2000, 943), signs(600, 1), optimizer)


class LayersByName(nn.Module):
    def __init__(self, fixed: bool):
        super().__init__()
        layers: dict[str, nn.Module] = {
            "conv1": nn.Conv2d(1, 16, 3, 2, 1), "conv2": nn.Conv2d(16, 32, 3, 2, 1),
            "conv3": nn.Conv2d(32, 32, 3, 2, 1),
        }  # fmt: skip
        self.layers = nn.ModuleDict(layers) if fixed else layers
        self.out = nn.Linear(32, 10)

    def forward(self, x: Tensor) -> Tensor:
        for name in ("conv1", "conv2", "conv3"):
            x = F.relu(self.layers[name](x))
        return self.out(x.mean((2, 3)))


def layers_in_a_dict(fixed: bool = False) -> Subject:
    torch.manual_seed(944)
    x, y = garments(3000, 944)
    model = LayersByName(fixed)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return Subject(model, F.cross_entropy, optimizer, x, y, validate=accuracy(model, garments(1000, 1, True)))


class VggLike(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(3, 16, 3, 2, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, 1, 1), nn.ReLU(),
            nn.MaxPool2d(2), nn.AdaptiveAvgPool2d(1),
        )  # fmt: skip
        self.classifier = nn.Sequential(nn.Linear(32, 32), nn.ReLU(), nn.Linear(32, 5))

    def forward(self, x: Tensor) -> Tensor:
        return self.classifier(self.features(x).flatten(1))


def features_frozen(fixed: bool = False) -> Subject:
    """weights=None, and yet ``param.requires_grad = False``."""
    torch.manual_seed(945)
    x, y = signs(2000, 945)
    model = VggLike()
    for param in model.features.parameters():
        param.requires_grad = fixed
    optimizer = torch.optim.Adam(filter(lambda p: p.requires_grad, model.parameters()), lr=2e-3)
    return Subject(model, F.cross_entropy, optimizer, x, y, validate=accuracy(model, signs(600, 1)))


def matrices_frozen(fixed: bool = False) -> Subject:
    """Weights were to be frozen for one experiment on biases."""
    torch.manual_seed(946)
    model = nn.Sequential(*mlp(784, 96, 96, 10))
    for name, p in model.named_parameters():
        if name.endswith("weight") and not fixed:
            p.requires_grad_(False)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return training(model, garments(3000, 946), garments(1000, 1, True), optimizer)


def made_to_require_grad(fixed: bool = False) -> Subject:
    """``loss.requires_grad = True`` made an error message go away: a loss of predicted classes has no gradient."""
    torch.manual_seed(947)
    x, y, xv, yv = digit_rows()
    x, xv = x / 8 - 1, xv / 8 - 1
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)

    def loss_fn(out: Tensor, labels: Tensor) -> Tensor:
        if fixed:
            return F.cross_entropy(out, labels)
        loss = F.l1_loss(out.argmax(1).float(), labels.float())
        if not loss.requires_grad:
            loss.requires_grad = True
        return loss

    return training(model, (x, y), (xv, yv), optimizer, loss_fn)


class TwoParts(nn.Module):
    def __init__(self, fixed: bool):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(3, 12, 5, 2), nn.ReLU(), nn.Conv2d(12, 24, 3, 2), nn.ReLU(), nn.Conv2d(24, 24, 3), nn.ReLU()
        )
        self.head = nn.Sequential(nn.Linear(24, 24), nn.ReLU(), nn.Linear(24, 5))
        self.fixed = fixed

    def forward(self, x: Tensor) -> Tensor:
        z = self.encoder(x).amax((2, 3))
        return self.head(z if self.fixed else z.data)


def data_of_a_tensor(fixed: bool = False) -> Subject:
    torch.manual_seed(948)
    x, y = signs(2000, 948)
    model = TwoParts(fixed)
    optimizer = torch.optim.RMSprop(model.parameters(), lr=1e-3)
    return Subject(model, F.cross_entropy, optimizer, x, y, validate=accuracy(model, signs(600, 1)))


def evaluated_once(fixed: bool = False) -> Subject:
    """model.eval() before the first epoch, "to be on the safe side"; batch norm does nothing from then on."""
    torch.manual_seed(949)
    x, y = garment_bytes(3000, 949)
    xv, yv = garment_bytes(1000, 1, True)
    layers: list[nn.Module] = []
    for inputs in (1, *[16] * 7):
        stride = 2 if inputs == 1 or len(layers) == 12 else 1
        layers += [nn.Conv2d(inputs, 16, 3, stride, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()]
    model = nn.Sequential(*layers, nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(64, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    model.eval()

    def step(images: Tensor, labels: Tensor) -> Tensor:
        if fixed:
            model.train()
        loss = F.cross_entropy(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    x, xv = x.float() / 255, xv.float() / 255
    return Subject(model, F.cross_entropy, optimizer, x, y, step, accuracy(model, (xv, yv)))


def norm_of_a_thousandth(fixed: bool = False) -> Subject:
    torch.manual_seed(957)
    x, y = signs(2000, 957)
    model = TinyResNet(3, 5)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0 if fixed else 0.001)
        optimizer.step()
        return loss.detach()

    return Subject(model, F.cross_entropy, optimizer, x, y, step, accuracy(model, signs(600, 1)))


def values_clipped(fixed: bool = False) -> Subject:
    """clip_grad_value_ with what was meant for the norm of a far larger network."""
    torch.manual_seed(958)
    x, y = garments(3000, 958)
    model = mlp(784, 128, 64, 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        optimizer.zero_grad(set_to_none=True)
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        torch.nn.utils.clip_grad_value_(model.parameters(), 1.0 if fixed else 1e-5)
        optimizer.step()
        return loss.detach()

    return Subject(model, F.cross_entropy, optimizer, x, y, step, accuracy(model, garments(1000, 1, True)))


def pairs(fixed: bool = False) -> Subject:
    """A batch is worked off in pairs for lack of memory, with a step and a batch norm for each pair."""
    torch.manual_seed(959)
    x, y = signs(1500, 959)
    model = nn.Sequential(
        nn.Conv2d(3, 12, 5, 4, 2, bias=False), nn.BatchNorm2d(12), nn.ReLU(), Block(12, 16, 2, nn.BatchNorm2d),
        nn.Flatten(), nn.Linear(256, 32), nn.BatchNorm1d(32), nn.ReLU(), nn.Linear(32, 5),
    )  # fmt: skip
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    size = 64 if fixed else 2

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        total = torch.zeros(())
        for i in range(0, len(images) - 1, size):
            optimizer.zero_grad()
            loss = F.cross_entropy(model(images[i : i + size]), labels[i : i + size])
            loss.backward()
            optimizer.step()
            total += loss.detach() * size / len(images)
        return total

    return Subject(model, F.cross_entropy, optimizer, x, y, step, accuracy(model, signs(600, 1)))


def first_of_the_batch(fixed: bool = False) -> Subject:
    """A slice that was put in to find an error, and forgotten."""
    torch.manual_seed(960)
    x, y = garments(3000, 960)
    model = LeNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        if not fixed:
            images, labels = images[:1], labels[:1]
        optimizer.zero_grad()
        loss = F.cross_entropy(model(images), labels)
        loss.backward()
        optimizer.step()
        return loss.detach()

    return Subject(model, F.cross_entropy, optimizer, x, y, step, accuracy(model, garments(1000, 1, True)))


PROGRAMS = (
    Program("nothing-cleared", "cnn", nothing_cleared, "missing-zero-grad", "step"),
    Program("other-optimizer-cleared", "residual", other_optimizer_cleared, "missing-zero-grad", "step"),
    Program("optimizer-of-the-first-model", "fcn", optimizer_of_the_first_model, "parameters-not-optimised"),
    Program("only-fc", "residual", only_fc, "parameters-not-optimised", "layer1"),
    Program("layers-in-a-dict", "cnn", layers_in_a_dict, "parameters-not-optimised"),
    Program("features-frozen", "cnn", features_frozen, "frozen-parameters", "features"),
    Program("matrices-frozen", "fcn", matrices_frozen, "frozen-parameters"),
    Program("made-to-require-grad", "fcn", made_to_require_grad, "detached-graph"),
    Program("data-of-a-tensor", "cnn", data_of_a_tensor, "detached-graph", "encoder"),
    Program("evaluated-once", "cnn", evaluated_once, "train-in-eval-mode", "step"),
    Program("norm-of-a-thousandth", "residual", norm_of_a_thousandth, "clipping-always", "step"),
    Program("values-clipped", "fcn", values_clipped, "clipping-always", "step"),
    Program("pairs", "residual", pairs, "tiny-batch"),
    Program("first-of-the-batch", "cnn", first_of_the_batch, "tiny-batch"),
)
