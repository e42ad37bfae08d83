"""Programs whose network cannot learn, or learns less than its weights could."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812  as everybody writes it
from torch import Tensor, nn

from benchmarks.diagnosis.corpus.b.blocks import BasicBlock, MeanOverTokens, Patches, ResNet, ViT, mixer
from benchmarks.diagnosis.corpus.b.shared import accuracy_of, digits, fashion, plain_step, train
from benchmarks.diagnosis.corpus.program import Program, Subject

Data = tuple[Tensor, Tensor, Tensor, Tensor]


def with_loop(net: nn.Module, opt: torch.optim.Optimizer, data: Data) -> Subject:
    x, y, vx, vy = data
    return Subject(net, F.cross_entropy, opt, x, y, plain_step(net, F.cross_entropy, opt), accuracy_of(net, vx, vy))


def cnn_sparse_by_bias() -> Subject:
    """Meant to make units sparse, the bias keeps a whole layer below zero."""
    torch.manual_seed(501)
    data = fashion(2500)
    net = nn.Sequential()
    net.add_module("conv1", nn.Conv2d(1, 12, 3, 2, 1))
    net.add_module("act1", nn.ReLU())
    net.add_module("conv2", nn.Conv2d(12, 24, 3, 2, 1))
    net.add_module("act2", nn.ReLU())
    net.add_module("out", nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(24 * 9, 10)))
    nn.init.constant_(net.conv2.bias, -4.0)
    return with_loop(net, torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9), data)


def mixer_beta_below_zero() -> Subject:
    """A mixing layer whose norm starts at −6, before a ReLU: what comes through is the last bias alone."""

    class Gate(nn.Module):
        def __init__(self, width: int) -> None:
            super().__init__()
            self.norm = nn.LayerNorm(width)
            nn.init.constant_(self.norm.bias, -6.0)
            self.relu = nn.ReLU()

        def forward(self, x: Tensor) -> Tensor:
            return self.relu(self.norm(x))

    torch.manual_seed(502)
    x, y, _, _ = digits(seed=14)
    net = mixer(size=8, patch=2, width=24)
    net.insert(2, Gate(24))
    return Subject(net, nn.CrossEntropyLoss(), torch.optim.Adam(net.parameters(), lr=1e-3), x, y)


def fcn_ten_sigmoids() -> Subject:
    torch.manual_seed(503)
    x, y, vx, vy = digits(seed=15)
    layers: list[nn.Module] = [nn.Flatten(), nn.Linear(64, 40), nn.Sigmoid()]
    for _ in range(8):
        layers += [nn.Linear(40, 40), nn.Sigmoid()]
    net = nn.Sequential(*layers, nn.Linear(40, 10))
    return with_loop(net, torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9), (x, y, vx, vy))


class ShyBranch(nn.Module):
    """The author's residual block: the skip is halved, too, "to keep the variance"."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        return 0.25 * (x + torch.tanh(self.conv(x)))


def resnet_halves_its_skip() -> Subject:
    torch.manual_seed(504)
    x, y, _, _ = fashion(2000, start=3000)
    net = nn.Sequential(
        nn.Conv2d(1, 12, 5, 4, 1), nn.Tanh(), *(ShyBranch(12) for _ in range(14)), nn.Flatten(), nn.Linear(12 * 49, 10)
    )
    return Subject(net, nn.CrossEntropyLoss(), torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9), x, y)


class UnnormedBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.a, self.b = nn.Conv2d(width, width, 3, 1, 1), nn.Conv2d(width, width, 3, 1, 1)
        for conv in (self.a, self.b):
            nn.init.kaiming_normal_(conv.weight, nonlinearity="relu")

    def forward(self, x: Tensor) -> Tensor:
        return x + self.b(F.relu(self.a(F.relu(x))))


def resnet_doubles_with_depth() -> Subject:
    """He's initialisation is right for plain layers; beside a skip each block adds to the variance, without a norm."""
    torch.manual_seed(505)
    data = fashion(1500, start=6000)
    stem = nn.Conv2d(1, 12, 5, 4, 1)
    head = (nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(12, 10))
    net = nn.Sequential(stem, *(UnnormedBlock(12) for _ in range(24)), *head)
    return with_loop(net, torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9), data)


class Recurrent(nn.Module):
    """One mixing layer, sixteen times."""

    def __init__(self, patches: int, inputs: int, width: int) -> None:
        super().__init__()
        self.embed = nn.Linear(inputs, width)
        self.across, self.within = nn.Linear(patches, patches), nn.Linear(width, width)
        nn.init.orthogonal_(self.across.weight, 1.7)
        nn.init.orthogonal_(self.within.weight, 1.7)
        self.head = nn.Linear(width, 10)

    def forward(self, x: Tensor) -> Tensor:
        h = self.embed(x)
        for _ in range(16):
            h = F.leaky_relu(self.within(self.across(h.transpose(1, 2)).transpose(1, 2)), 0.2)
        return self.head(h.mean(1))


def mixer_sixteen_times() -> Subject:
    torch.manual_seed(506)
    x, y, _, _ = fashion(2000, start=9000)
    net = nn.Sequential(Patches(7), Recurrent(16, 49, 32))
    return Subject(net, nn.CrossEntropyLoss(), torch.optim.Adam(net.parameters(), lr=1e-3), x, y)


def resnet_all_equal() -> Subject:
    torch.manual_seed(507)
    data = fashion(2500, start=12000)
    net = ResNet(width=10)
    for module in net.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.constant_(module.weight, 0.02)
    return with_loop(net, torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9), data)


def vit_standard_normal() -> Subject:
    """randn without a scale, for each matrix."""
    torch.manual_seed(508)
    x, y, _, _ = fashion(2500, start=15000)
    net = ViT(width=48)
    with torch.no_grad():
        for p in net.parameters():
            if p.ndim > 1:
                p.copy_(torch.randn(p.shape))
    return Subject(net, nn.CrossEntropyLoss(), torch.optim.AdamW(net.parameters(), lr=5e-4), x, y)


def fcn_leaks_everything() -> Subject:
    """A slope of 1 on both sides is a straight line."""
    torch.manual_seed(509)
    x, y, _, _ = fashion(6000, start=18000)
    net = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 64), nn.LeakyReLU(1.0), nn.Linear(64, 64), nn.LeakyReLU(1.0), nn.Linear(64, 10)
    )
    return Subject(net, nn.CrossEntropyLoss(), torch.optim.AdamW(net.parameters(), lr=1e-3), x, y)


class LinearBlock(BasicBlock):
    """Forgot both activations."""

    def forward(self, x: Tensor) -> Tensor:
        return self.bn2(self.conv2(self.bn1(self.conv1(x)))) + self.skip(x)


def resnet_without_relu() -> Subject:
    torch.manual_seed(510)
    x, y, _, _ = fashion(3000, start=24000)
    stem = nn.Sequential(nn.Conv2d(1, 12, 3, 2, 1, bias=False), nn.BatchNorm2d(12))
    net = nn.Sequential(stem, LinearBlock(12, 12), LinearBlock(12, 24, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
                        nn.Linear(24, 10))  # fmt: skip
    return Subject(net, F.cross_entropy, torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9), x, y)


class PixelBlock(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.BatchNorm2d(width), nn.ReLU(), nn.Conv2d(width, 2 * width, 1), nn.ReLU(), nn.Conv2d(2 * width, width, 1)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.body(x)


def resnet_sees_pixels() -> Subject:
    torch.manual_seed(511)
    x, y, _, _ = fashion(2500, start=27000)
    stem = nn.Conv2d(1, 16, 2, stride=2)
    net = nn.Sequential(stem, PixelBlock(16), PixelBlock(16), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 10))
    return Subject(net, nn.CrossEntropyLoss(), torch.optim.Adam(net.parameters(), lr=3e-3), x, y)


def mixer_never_mixes() -> Subject:
    """A mixer without the half that mixes tokens, and no position: a bag of 2×2 patches."""
    torch.manual_seed(512)
    x, y, _, _ = digits(seed=16)
    within = [nn.Sequential(nn.LayerNorm(32), nn.Linear(32, 64), nn.GELU(), nn.Linear(64, 32)) for _ in range(2)]
    net = nn.Sequential(Patches(2), nn.Linear(4, 32), *within, MeanOverTokens(), nn.Linear(32, 10))
    return Subject(net, nn.CrossEntropyLoss(), torch.optim.AdamW(net.parameters(), lr=2e-3), x, y)


def resnet_strides_away() -> Subject:
    """A stem for photographs of 224×224: stride 4, pooled by 4, leaves 2×2 of 28×28 and little of each."""
    torch.manual_seed(513)
    data = fashion(3000, start=30000)
    net = ResNet(width=10)
    net.stem = nn.Sequential(nn.Conv2d(1, 10, 1, stride=7, bias=False), nn.BatchNorm2d(10), nn.ReLU(), nn.MaxPool2d(4))
    return with_loop(net, torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9), data)


class TopRows(nn.Module):
    """A quarter of the rows; the author believed images were (n, w, h, c)."""

    def forward(self, x: Tensor) -> Tensor:
        return x[:, :, :7]


def vit_sees_the_collar() -> Subject:
    torch.manual_seed(514)
    x, y, _, _ = fashion(2500, start=33000)
    vit = ViT(patch=7, width=32)
    vit.position = nn.Parameter(0.02 * torch.randn(1, 4, 32))
    net = nn.Sequential(TopRows(), vit)
    return Subject(net, nn.CrossEntropyLoss(), torch.optim.AdamW(net.parameters(), lr=1e-3), x, y)


def resnet_all_in_one_matrix() -> Subject:
    torch.manual_seed(515)
    x, y, _, _ = fashion(2500, start=36000)
    net = nn.Sequential()
    net.add_module("stem", nn.Sequential(nn.Conv2d(1, 4, 3, padding=1, bias=False), nn.BatchNorm2d(4), nn.ReLU()))
    net.add_module("block", BasicBlock(4, 4))
    net.add_module("flat", nn.Flatten())
    net.add_module("dense", nn.Linear(4 * 784, 128))
    net.add_module("out", nn.Sequential(nn.ReLU(), nn.Linear(128, 10)))
    return Subject(net, nn.CrossEntropyLoss(), torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9), x, y)


def vit_ignores_background() -> Subject:
    """`ignore_index=0` came with the loss, from a program for segmentation: class 0 is never learned."""
    torch.manual_seed(516)
    x, y, vx, vy = digits(seed=17)
    vit = ViT(size=8, patch=2, width=32)
    loss_fn = nn.CrossEntropyLoss(ignore_index=0)
    opt = torch.optim.AdamW(vit.parameters(), lr=2e-3)
    step = plain_step(vit, loss_fn, opt)
    train(step, x, y, 220)
    return Subject(vit, loss_fn, opt, x, y, step, accuracy_of(vit, vx, vy))


def resnet_weighs_classes() -> Subject:
    """Weights of classes from an earlier project, in which three of them did not count."""
    torch.manual_seed(517)
    x, y, vx, vy = fashion(3000, start=39000)
    net = ResNet()
    weighted = nn.CrossEntropyLoss(weight=torch.tensor([1.0, 1, 0, 1, 1, 0, 1, 1, 0, 1]))
    opt = torch.optim.SGD(net.parameters(), lr=0.02, momentum=0.9)
    step = plain_step(net, weighted, opt)
    train(step, x, y, 150)
    return Subject(net, weighted, opt, x, y, step, accuracy_of(net, vx, vy))


PROGRAMS = (
    Program("cnn-sparse-by-bias", "cnn", cnn_sparse_by_bias, "dead-relu", "2"),
    Program("mixer-beta-below-zero", "mixer", mixer_beta_below_zero, "dead-relu", "2"),
    Program("fcn-ten-sigmoids", "fcn", fcn_ten_sigmoids, "vanishing-gradients"),
    Program("resnet-halves-its-skip", "residual", resnet_halves_its_skip, "vanishing-gradients"),
    Program("resnet-doubles-with-depth", "residual", resnet_doubles_with_depth, "exploding-gradients"),
    Program("mixer-sixteen-times", "mixer", mixer_sixteen_times, "exploding-gradients"),
    Program("resnet-all-equal", "residual", resnet_all_equal, "bad-initialisation"),
    Program("vit-standard-normal", "transformer", vit_standard_normal, "bad-initialisation"),
    Program("fcn-leaks-everything", "fcn", fcn_leaks_everything, "missing-nonlinearity"),
    Program("resnet-without-relu", "residual", resnet_without_relu, "missing-nonlinearity"),
    Program("resnet-sees-pixels", "residual", resnet_sees_pixels, "small-receptive-field"),
    Program("mixer-never-mixes", "mixer", mixer_never_mixes, "small-receptive-field"),
    Program("resnet-strides-away", "residual", resnet_strides_away, "image-discarded"),
    Program("vit-sees-the-collar", "transformer", vit_sees_the_collar, "image-discarded"),
    Program("resnet-all-in-one-matrix", "residual", resnet_all_in_one_matrix, "budget-imbalance", "dense"),
    Program("vit-ignores-background", "transformer", vit_ignores_background, "dead-classes"),
    Program("resnet-weighs-classes", "residual", resnet_weighs_classes, "dead-classes"),
)
