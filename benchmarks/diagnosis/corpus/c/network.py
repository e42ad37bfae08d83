"""Faults in the network."""

from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from benchmarks.diagnosis.corpus.c.blocks import accuracy, digits, fashion, standard, train
from benchmarks.diagnosis.corpus.program import Program, Subject


class Encoder(nn.Module):
    """Asked for "sparse codes", the author starts the second encoder's biases far below zero."""

    def __init__(self):
        super().__init__()
        self.encoder1 = nn.Sequential(nn.Linear(784, 96), nn.ReLU())
        self.encoder2 = nn.Sequential(nn.Linear(96, 64), nn.ReLU())
        self.classifier = nn.Linear(64, 10)
        nn.init.constant_(self.encoder2[0].bias, -8.0)

    def forward(self, x):
        return self.classifier(self.encoder2(self.encoder1(x.flatten(1))))


def sparse_code():
    torch.manual_seed(341)
    raw, labels, *_ = fashion(341, 3000)
    (images,) = standard(raw)
    model = Encoder()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return Subject(model, nn.CrossEntropyLoss(), optimizer, images, labels)


def ten_logistic_layers():
    torch.manual_seed(342)
    raw, labels, raw_held, held_labels = digits(342)
    images, held = standard(raw.flatten(1), raw_held.flatten(1))
    widths = [64] + [32] * 10
    hidden = [m for a, b in pairwise(widths) for m in (nn.Linear(a, b), nn.Sigmoid())]
    model = nn.Sequential(*hidden, nn.Linear(32, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)

    def step(x, y):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return Subject(
        model, functional.cross_entropy, optimizer, images, labels, step, lambda: accuracy(model, held, held_labels)
    )


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x):
        return x + functional.relu(self.conv2(functional.relu(self.conv1(x))))


def unnormalised_tower():
    """Sixteen residual blocks with He's initialisation and no norm: each doubles what it is given, and more."""
    torch.manual_seed(343)
    raw, labels, *_ = fashion(343, 2000)
    (images,) = standard(raw)
    model = nn.Sequential(nn.Conv2d(1, 12, 4, stride=4), *(Residual(12) for _ in range(16)))
    model.append(nn.Flatten())
    model.append(nn.Linear(12 * 49, 10))
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            nn.init.zeros_(module.bias)
    return Subject(model, nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.02), images, labels)


def averaging_start():
    """Every neuron starts as the mean of its inputs, so all neurons of a layer stay one and the same."""
    torch.manual_seed(344)
    raw, labels, raw_held, held_labels = fashion(344, 4000)
    images, held = standard(raw, raw_held)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10)
    )

    @torch.no_grad()
    def initialise(module):
        if isinstance(module, nn.Linear):
            module.weight.fill_(1 / module.in_features)
            module.bias.zero_()

    model.apply(initialise)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)

    def step(x, y):
        optimizer.zero_grad()
        loss = functional.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return Subject(
        model, functional.cross_entropy, optimizer, images, labels, step, lambda: accuracy(model, held, held_labels)
    )


class Stage(nn.Module):
    """Has an activation, and never calls it."""

    def __init__(self, fan_in, fan_out):
        super().__init__()
        self.conv = nn.Conv2d(fan_in, fan_out, 4, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(fan_out)
        self.act = nn.ReLU(inplace=True)

    def forward(self, x):
        return self.norm(self.conv(x))


def activation_never_called():
    torch.manual_seed(345)
    raw, labels, raw_held, held_labels = fashion(345, 5000)
    images, held = standard(raw, raw_held)
    model = nn.Sequential(Stage(1, 24), Stage(24, 48), nn.Flatten(), nn.Linear(48 * 49, 10))
    optimizer = torch.optim.AdamW(model.parameters(), lr=5e-4)
    criterion = nn.CrossEntropyLoss(label_smoothing=0.1)

    def step(x, y):
        model.train()
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss

    return Subject(model, criterion, optimizer, images, labels, step, lambda: accuracy(model, held, held_labels))


class Pointwise(nn.Module):
    """Mostly 1x1 convolutions at full resolution, then the mean over all positions."""

    def __init__(self, width=24):
        super().__init__()
        self.embed = nn.Conv2d(1, width, 3, padding=1)
        self.mix1 = nn.Conv2d(width, width, 1)
        self.mix2 = nn.Conv2d(width, width, 1)
        self.score = nn.Linear(width, 10)

    def forward(self, x):
        x = functional.gelu(self.embed(x))
        x = functional.gelu(self.mix1(x))
        x = functional.gelu(self.mix2(x))
        return self.score(x.mean(dim=(2, 3)))


def three_pixels_see():
    torch.manual_seed(346)
    raw, labels, *_ = fashion(346, 3000)
    (images,) = standard(raw)
    model = Pointwise()
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return Subject(model, nn.CrossEntropyLoss(), optimizer, images, labels)


class Patches(nn.Module):
    """Tokens of 7x7 patches were meant; the stem's kernel is one pixel, and its stride seven."""

    def __init__(self, dim=48):
        super().__init__()
        self.stem = nn.Conv2d(1, dim, kernel_size=1, stride=7)
        self.position = nn.Parameter(torch.randn(1, 16, dim) * 0.02)
        self.norm1, self.norm2, self.norm3 = (nn.LayerNorm(dim) for _ in range(3))
        self.attention = nn.MultiheadAttention(dim, 4, batch_first=True)
        self.mlp = nn.Sequential(nn.Linear(dim, 2 * dim), nn.GELU(), nn.Linear(2 * dim, dim))
        self.head = nn.Linear(dim, 10)

    def forward(self, x):
        x = self.stem(x).flatten(2).transpose(1, 2) + self.position
        h = self.norm1(x)
        x = x + self.attention(h, h, h, need_weights=False)[0]
        x = x + self.mlp(self.norm2(x))
        return self.head(self.norm3(x).mean(1))


def one_pixel_in_forty_nine():
    torch.manual_seed(347)
    raw, labels, raw_held, held_labels = fashion(347, 4000)
    images, held = standard(raw, raw_held)
    model = Patches()
    criterion, optimizer = nn.CrossEntropyLoss(), torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.05)

    def step(x, y):
        model.train()
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    return Subject(model, criterion, optimizer, images, labels, step, lambda: accuracy(model, held, held_labels))


def squeeze_of_everything():
    """Two thin convolutions at full size, all of whose outputs meet in one dense layer with 99 % of the weights."""
    torch.manual_seed(348)
    raw, labels, *_ = fashion(348, 4000)
    (images,) = standard(raw)
    model = nn.Sequential()
    model.add_module("conv1", nn.Conv2d(1, 6, 3, padding=1))
    model.add_module("relu1", nn.ReLU())
    model.add_module("conv2", nn.Conv2d(6, 12, 3, padding=1))
    model.add_module("relu2", nn.ReLU())
    model.add_module("flat", nn.Flatten())
    model.add_module("squeeze", nn.Linear(12 * 28 * 28, 50))
    model.add_module("relu3", nn.ReLU())
    model.add_module("out", nn.Linear(50, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=5e-4)
    return Subject(model, nn.CrossEntropyLoss(), optimizer, images, labels)


def weights_from_the_first_batch():
    """Class weights from the counts of the first few labels: a class not among them weighs next to nothing."""
    torch.manual_seed(349)
    raw, labels, raw_held, held_labels = fashion(349, 5000)
    images, held = standard(raw.flatten(1), raw_held.flatten(1))
    weight = labels[:12].bincount(minlength=10).clamp(max=1) + 1e-3
    model = nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 10))
    criterion = nn.CrossEntropyLoss(weight=weight)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    def step(x, y):
        model.train()
        optimizer.zero_grad()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        return loss

    train(step, images, labels, steps=600)
    return Subject(model, criterion, optimizer, images, labels, step, lambda: accuracy(model, held, held_labels))


PROGRAMS = (
    Program("c-sparse-code", "fcn", sparse_code, "dead-relu", "encoder2"),
    Program("c-ten-logistic-layers", "fcn", ten_logistic_layers, "vanishing-gradients"),
    Program("c-unnormalised-tower", "residual", unnormalised_tower, "exploding-gradients"),
    Program("c-averaging-start", "fcn", averaging_start, "bad-initialisation"),
    Program("c-activation-never-called", "cnn", activation_never_called, "missing-nonlinearity"),
    Program("c-three-pixels-see", "cnn", three_pixels_see, "small-receptive-field"),
    Program("c-one-pixel-in-forty-nine", "transformer", one_pixel_in_forty_nine, "image-discarded", "stem"),
    Program("c-squeeze-of-everything", "cnn", squeeze_of_everything, "budget-imbalance", "squeeze"),
    Program("c-weights-from-the-first-batch", "fcn", weights_from_the_first_batch, "dead-classes"),
)
