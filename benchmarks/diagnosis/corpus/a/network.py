"""Faults of the network: its units, its start, its depth, what it does with the image."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.diagnosis.corpus.a.blocks import (
    EncoderBlock,
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


def on_fashion(model: nn.Module, lr: float = 2e-3, full: bool = True, count: int = 3000, before: int = 0) -> Subject:
    """Adam on FashionMNIST, with the loop or without."""
    x, y = fashion(count)
    loss_fn, optimizer = nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=lr)
    if not full:
        return Subject(model, loss_fn, optimizer, x, y)
    step = plain_step(model, loss_fn, optimizer)
    train(step, x, y, before)
    return Subject(model, loss_fn, optimizer, x, y, step, plain_validate(model, *fashion_validation()))


class Dense(nn.Sequential):
    def __init__(self, n_in: int, n_out: int, act: nn.Module | None = None):
        super().__init__(nn.Linear(n_in, n_out), act or nn.ReLU())


def negative_biases(bias: float = -8.0) -> Subject:
    """A bias meant to make the code sparse."""
    torch.manual_seed(100)
    model = nn.Sequential()
    model.add_module("flat", nn.Flatten())
    model.add_module("first", Dense(784, 96))
    model.add_module("sparse", Dense(96, 64))
    model.add_module("scores", nn.Linear(64, 10))
    nn.init.constant_(model.sparse[0].bias, bias)
    return on_fashion(model, full=False)


class ConvUnit(nn.Module):
    def __init__(self, c_in: int, c_out: int, stride: int = 2):
        super().__init__()
        self.conv, self.act = nn.Conv2d(c_in, c_out, 3, stride, 1), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.act(self.conv(x))


def killed_by_a_hot_start(hot: float = 0.5) -> Subject:
    """The first hundred steps were far too fast; the rate is sound by now, the units do not come back."""
    torch.manual_seed(101)
    model = nn.Sequential()
    model.add_module("stage1", ConvUnit(1, 12))
    model.add_module("stage2", ConvUnit(12, 24))
    model.add_module("stage3", ConvUnit(24, 24))
    model.add_module("head", nn.Sequential(nn.Flatten(), nn.Linear(384, 10)))
    result = on_fashion(model, lr=hot, before=100)
    result.optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    result.step = plain_step(model, result.loss_fn, result.optimizer)
    return result


def deep_sigmoid(act: type[nn.Module] = nn.Sigmoid, depth: int = 8) -> Subject:
    torch.manual_seed(102)
    x, y, xv, yv = digits()
    layers = [nn.Linear(64, 48), act()]
    for _ in range(depth):
        layers += [nn.Linear(48, 48), act()]
    model = nn.Sequential(nn.Flatten(), *layers, nn.Linear(48, 10))
    loss_fn, opt = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return Subject(model, loss_fn, opt, x, y, plain_step(model, loss_fn, opt), plain_validate(model, xv, yv))


class DeepPlain(nn.Module):
    """A ResNet's layers without its shortcuts and norms, in PyTorch's default initialisation."""

    def __init__(self, depth: int = 20):
        super().__init__()
        self.stem = nn.Conv2d(1, 12, 4, 4)  # 28 → 7
        self.convs = nn.ModuleList(nn.Conv2d(12, 12, 3, padding=1) for _ in range(depth))
        self.fc = nn.Linear(12 * 49, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = functional.relu(self.stem(x))
        for conv in self.convs:
            x = functional.relu(conv(x))
        return self.fc(x.flatten(1))


def deep_plain(depth: int = 20) -> Subject:
    torch.manual_seed(103)
    x, y = fashion(2000)
    model = DeepPlain(depth)
    opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return Subject(model, nn.CrossEntropyLoss(), opt, x, y)


class SumsOfAll(nn.Module):
    """Each layer adds its output to the sum of all before it: the sum doubles with each."""

    def __init__(self, depth: int, dense: bool):
        super().__init__()
        self.dense = dense
        self.first = nn.Linear(784, 48)
        self.layers = nn.ModuleList(nn.Linear(48, 48) for _ in range(depth))
        self.last = nn.Linear(48, 10)

    def forward(self, x: Tensor) -> Tensor:
        states = [self.first(x.flatten(1))]
        for layer in self.layers:
            so_far = torch.stack(states).sum(0) if self.dense else states[-1]
            states.append(so_far + functional.relu(layer(so_far)))
        return self.last(states[-1])


def sums_of_all(dense: bool = True) -> Subject:
    torch.manual_seed(104)
    x, y = fashion(3000)
    model, loss_fn = SumsOfAll(14, dense), functional.cross_entropy
    opt = torch.optim.SGD(model.parameters(), lr=0.01)
    return Subject(
        model, loss_fn, opt, x, y, plain_step(model, loss_fn, opt), plain_validate(model, *fashion_validation())
    )


class NoNorm(nn.Identity):
    def __init__(self, _: int):
        super().__init__()


def residual_without_norm(norm: type[nn.Module] = NoNorm, blocks: int = 14) -> Subject:
    """He's initialisation on every branch doubles the variance in each block."""
    torch.manual_seed(105)
    x, y = fashion(1500)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 4, 4), *(ResidualBlock(8, 8, 1, norm) for _ in range(blocks)),
        nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(72, 10),
    )  # fmt: skip
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_normal_(module.weight)
    return Subject(model, nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9), x, y)


def all_zero(fill: bool = True) -> Subject:
    torch.manual_seed(106)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 32), nn.ReLU(), nn.Linear(32, 10))
    for p in model.parameters() if fill else ():
        nn.init.zeros_(p)
    return on_fashion(model, full=False)


def standard_normal(std: float = 1.0) -> Subject:
    torch.manual_seed(107)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.ReLU(), nn.Flatten(), nn.Linear(1568, 10)
    )
    for module in model if std else ():
        if hasattr(module, "weight"):
            nn.init.normal_(module.weight, std=std)
    return on_fashion(model, lr=1e-3)


def equal_mixer(value: float = 0.01) -> Subject:
    """All units of a layer the same, so they stay the same."""
    torch.manual_seed(108)
    model = Mixer(patch=7)
    for module in model.modules() if value else ():
        if isinstance(module, nn.Linear | nn.Conv2d):
            nn.init.constant_(module.weight, value)
            nn.init.zeros_(module.bias)
    return on_fashion(model, full=False)


def no_activations(act: type[nn.Module] = nn.Identity) -> Subject:
    torch.manual_seed(109)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), act(), nn.Linear(128, 64), act(), nn.Linear(64, 10))
    return on_fashion(model, lr=1e-3)


class LinearCnn(nn.Module):
    def __init__(self, act):
        super().__init__()
        self.act = act
        self.conv1, self.conv2 = nn.Conv2d(1, 12, 3, 2, 1), nn.Conv2d(12, 24, 3, 2, 1)
        self.fc1, self.fc2 = nn.Linear(24 * 49, 48), nn.Linear(48, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.act(self.conv2(self.act(self.conv1(x))))
        return self.fc2(self.act(self.fc1(x.flatten(1))))


def linear_cnn(act=lambda x: x) -> Subject:
    torch.manual_seed(110)
    return on_fashion(LinearCnn(act), full=False)


def pointwise(kernel: int = 1) -> Subject:
    """Only 1×1 filters in front of a global pool: a histogram of grey values."""
    torch.manual_seed(111)
    model, c = nn.Sequential(), 1
    for width in (16, 32, 32):
        model.extend([nn.Conv2d(c, width, kernel, padding=kernel // 2), nn.BatchNorm2d(width), nn.ReLU()])
        c = width
    model.extend([nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10)])
    return on_fashion(model, lr=3e-3, count=2000)


def one_look(stride: int = 1) -> Subject:
    """A residual network of one block at full resolution: 7×7 pixels of 28×28 before the mean."""
    torch.manual_seed(112)
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, stride, 1), nn.ReLU(), ResidualBlock(12, 12, stride), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(12, 10),
    )  # fmt: skip
    return on_fashion(model, lr=5e-3, full=False, count=1500)


def pooled_at_once(pool: int = 14) -> Subject:
    torch.manual_seed(113)
    model = nn.Sequential()
    model.add_module("shrink", nn.MaxPool2d(pool))
    model.add_module("conv", nn.Conv2d(1, 32, 3, padding=1))
    model.add_module("act", nn.ReLU())
    model.add_module("out", nn.Sequential(nn.Flatten(), nn.Linear(32 * (28 // pool) ** 2, 10)))
    return on_fashion(model, full=False)


class CornerViT(TinyViT):
    """Takes the first tokens only; the rest of the image goes nowhere."""

    tokens = 3

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(x).flatten(2).transpose(1, 2) + self.positions
        return self.head(self.norm(self.blocks(x[:, : self.tokens])).mean(1))


def corner_of_the_image(tokens: int = 3) -> Subject:
    torch.manual_seed(114)
    model = CornerViT()
    model.tokens = tokens
    return on_fashion(model)


def strided_residual(stride: int = 9) -> Subject:
    """A stem of 3×3 filters set nine pixels apart."""
    torch.manual_seed(115)
    model = nn.Sequential()
    model.add_module("stem", nn.Conv2d(1, 16, 3, stride))
    model.add_module("body", nn.Sequential(ResidualBlock(16, 32), ResidualBlock(32, 32)))
    model.add_module("head", nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10)))
    return on_fashion(model, full=False)


def wide_head(hidden: int = 128) -> Subject:
    """Two filters of features, and 200,000 weights that read them."""
    torch.manual_seed(116)
    model = nn.Sequential()
    model.add_module("conv1", nn.Conv2d(1, 2, 3, padding=1))
    model.add_module("act1", nn.ReLU())
    model.add_module("conv2", nn.Conv2d(2, 2, 3, padding=1))
    model.add_module("act2", nn.ReLU())
    model.add_module("flatten", nn.Flatten())
    model.add_module("fc_big", nn.Linear(1568, hidden))
    model.add_module("act3", nn.ReLU())
    model.add_module("fc_out", nn.Linear(hidden, 10))
    return on_fashion(model, lr=1e-3, full=False)


class HeadHeavyViT(nn.Module):
    def __init__(self, hidden: int):
        super().__init__()
        self.patches = nn.Conv2d(1, 8, 4, 4)
        self.block = EncoderBlock(8, heads=2)
        self.big = nn.Linear(8 * 49, hidden)
        self.out = nn.Linear(hidden, 10)

    def forward(self, x: Tensor) -> Tensor:
        tokens = self.block(self.patches(x).flatten(2).transpose(1, 2))
        return self.out(functional.gelu(self.big(tokens.flatten(1))))


def head_heavy_vit(hidden: int = 768) -> Subject:
    torch.manual_seed(117)
    return on_fashion(HeadHeavyViT(hidden), lr=1e-3, full=False, count=2000)


def weightless_classes(weight: float = 0.0) -> Subject:
    """Class weights of an older task: two of them are zero."""
    torch.manual_seed(118)
    x, y = fashion(3000)
    weights = torch.ones(10)
    weights[[3, 8]] = weight
    model, loss_fn = small_resnet(8), nn.CrossEntropyLoss(weight=weights)
    opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    step = plain_step(model, loss_fn, opt)
    train(step, x, y, 200)
    return Subject(model, loss_fn, opt, x, y, step, plain_validate(model, *fashion_validation()))


def ignored_class(ignored: int = 0) -> Subject:
    """The loss comes from a text model, where 0 is padding."""
    torch.manual_seed(119)
    x, y = fashion(4000)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 96), nn.ReLU(), nn.Linear(96, 10))
    loss_fn = nn.CrossEntropyLoss(ignore_index=ignored)
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    step = plain_step(model, loss_fn, opt)
    train(step, x, y, 400)
    return Subject(model, loss_fn, opt, x, y, step, plain_validate(model, *fashion_validation()))


PROGRAMS = (
    Program("negative-biases", "fcn", negative_biases, "dead-relu", "sparse"),
    Program("killed-by-a-hot-start", "cnn", killed_by_a_hot_start, "dead-relu", "stage"),
    Program("deep-sigmoid", "fcn", deep_sigmoid, "vanishing-gradients"),
    Program("deep-plain", "cnn", deep_plain, "vanishing-gradients"),
    Program("sums-of-all", "fcn", sums_of_all, "exploding-gradients"),
    Program("residual-without-norm", "residual", residual_without_norm, "exploding-gradients"),
    Program("all-zero", "fcn", all_zero, "bad-initialisation"),
    Program("standard-normal", "cnn", standard_normal, "bad-initialisation"),
    Program("equal-mixer", "mixer", equal_mixer, "bad-initialisation"),
    Program("no-activations", "fcn", no_activations, "missing-nonlinearity"),
    Program("linear-cnn", "cnn", linear_cnn, "missing-nonlinearity"),
    Program("pointwise", "cnn", pointwise, "small-receptive-field"),
    Program("one-look", "residual", one_look, "small-receptive-field"),
    Program("pooled-at-once", "cnn", pooled_at_once, "image-discarded", "shrink"),
    Program("corner-of-the-image", "transformer", corner_of_the_image, "image-discarded"),
    Program("strided-stem", "residual", strided_residual, "image-discarded", "stem"),
    Program("wide-head", "cnn", wide_head, "budget-imbalance", "fc_big"),
    Program("head-heavy-vit", "transformer", head_heavy_vit, "budget-imbalance", "big"),
    Program("weightless-classes", "residual", weightless_classes, "dead-classes"),
    Program("ignored-class", "fcn", ignored_class, "dead-classes"),
)
