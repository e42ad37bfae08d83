"""Sound residual networks, transformers and mixers."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import lr_scheduler

from benchmarks.diagnosis.corpus.a.blocks import (
    EncoderBlock,
    Mixer,
    MixerBlock,
    ResidualBlock,
    TinyViT,
    digits,
    fashion,
    fashion_validation,
    plain_step,
    plain_validate,
    raw_fashion,
    small_resnet,
    train,
)
from benchmarks.diagnosis.corpus.program import Program, Subject


def resnet_sgd() -> Subject:
    torch.manual_seed(220)
    x, y = fashion(4000)
    model, loss_fn = small_resnet(12), nn.CrossEntropyLoss()
    opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=5e-4, nesterov=True)
    return Subject(
        model, loss_fn, opt, x, y, plain_step(model, loss_fn, opt), plain_validate(model, *fashion_validation())
    )


def zero_gamma() -> Subject:
    """The last scale of each branch starts at zero (Goyal et al. 2017), so the branch has no gradient at first."""
    torch.manual_seed(221)
    x, y = fashion(3000)
    model = small_resnet(10)
    for module in model.modules():
        if isinstance(module, ResidualBlock):
            nn.init.zeros_(module.norm2.weight)
    return Subject(model, functional.cross_entropy, torch.optim.Adam(model.parameters(), lr=2e-3), x, y)


def resnet_group_norm() -> Subject:
    torch.manual_seed(222)
    x, y = raw_fashion(4000)
    xv, yv = raw_fashion(1000, 50_000)
    x, xv = x.float() / 127.5 - 1, xv.float() / 127.5 - 1  # -1 to 1
    model = small_resnet(12, norm=lambda c: nn.GroupNorm(4, c))
    opt = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)

    def loss_fn(scores: Tensor, target: Tensor) -> Tensor:
        return functional.cross_entropy(scores, target, label_smoothing=0.1)

    return Subject(model, loss_fn, opt, x, y, plain_step(model, loss_fn, opt), plain_validate(model, xv, yv))


class DenseResidual(nn.Module):
    def __init__(self, n: int = 784, dim: int = 64, depth: int = 3):
        super().__init__()
        self.embed = nn.Linear(n, dim)
        self.branches = nn.ModuleList(
            nn.Sequential(nn.LayerNorm(dim), nn.Linear(dim, dim), nn.SiLU(), nn.Linear(dim, dim)) for _ in range(depth)
        )
        self.out = nn.Linear(dim, 10, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        h = self.embed(x.flatten(1))
        for branch in self.branches:
            h = h + branch(h)
        return self.out(h)


def dense_residual() -> Subject:
    torch.manual_seed(223)
    x, y = fashion(3000)
    model = DenseResidual()
    return Subject(model, nn.CrossEntropyLoss(), torch.optim.RMSprop(model.parameters(), lr=5e-4), x, y)


def trained_resnet() -> Subject:
    """Digits, with the rate at a tenth for the last third."""
    torch.manual_seed(224)
    x, y, xv, yv = digits()
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU(), ResidualBlock(12, 12),
        ResidualBlock(12, 24, 2), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(24, 10),
    )  # fmt: skip
    loss_fn, opt = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-3)
    schedule = lr_scheduler.MultiStepLR(opt, [300], 0.1)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        opt.zero_grad()
        loss = loss_fn(model(images), labels)
        loss.backward()
        opt.step()
        schedule.step()
        return loss.detach()

    train(step, x, y, 450)
    return Subject(model, loss_fn, opt, x, y, step, plain_validate(model, xv, yv))


def vit_with_warm_up() -> Subject:
    torch.manual_seed(225)
    x, y = fashion(5000)
    model = TinyViT(dim=48, depth=2, dropout=0.1)
    opt = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)
    total = 4000

    def factor(t: int) -> float:
        return min((t + 1) / 50, 0.02 + 0.98 * 0.5 * (1 + math.cos(math.pi * min(t / total, 1))))

    schedule = lr_scheduler.LambdaLR(opt, factor)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        loss = functional.cross_entropy(model(images), labels, label_smoothing=0.05)
        opt.zero_grad(set_to_none=True)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        opt.step()
        schedule.step()
        return loss.detach()

    loss_fn = nn.CrossEntropyLoss(label_smoothing=0.05)
    return Subject(model, loss_fn, opt, x, y, step, plain_validate(model, *fashion_validation()))


class ClassTokenViT(nn.Module):
    """A class token that starts at zero, and positions that are sines and are not learnt (as in MAE)."""

    def __init__(self, dim: int = 32, depth: int = 2):
        super().__init__()
        self.patches = nn.Linear(49, dim)
        self.token = nn.Parameter(torch.zeros(1, 1, dim))
        angles = torch.arange(17)[:, None] / 50 ** (torch.arange(dim // 2) / (dim // 2))
        self.positions = nn.Parameter(torch.cat([angles.sin(), angles.cos()], 1)[None], requires_grad=False)
        self.blocks = nn.ModuleList(EncoderBlock(dim) for _ in range(depth))
        self.norm, self.head = nn.LayerNorm(dim), nn.Linear(dim, 10)

    def forward(self, x: Tensor) -> Tensor:
        x = self.patches(functional.unfold(x, 7, stride=7).transpose(1, 2))
        x = torch.cat([self.token.expand(len(x), -1, -1), x], 1) + self.positions
        for block in self.blocks:
            x = block(x)
        return self.head(self.norm(x[:, 0]))


def class_token() -> Subject:
    torch.manual_seed(226)
    x, y = fashion(4000)
    model = ClassTokenViT()
    return Subject(model, nn.CrossEntropyLoss(), torch.optim.AdamW(model.parameters(), lr=2e-3), x, y)


def vit_digits() -> Subject:
    torch.manual_seed(227)
    x, y, xv, yv = digits()
    model, loss_fn = TinyViT(side=8, patch=2, dim=32), nn.CrossEntropyLoss()
    decayed = [p for p in model.parameters() if p.dim() > 1]
    others = [p for p in model.parameters() if p.dim() <= 1]
    opt = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": 0.1}, {"params": others, "weight_decay": 0.0}], lr=2e-3
    )
    return Subject(model, loss_fn, opt, x, y, plain_step(model, loss_fn, opt), plain_validate(model, xv, yv))


def one_cycle_vit() -> Subject:
    torch.manual_seed(228)
    x, y = fashion(3000)
    model = TinyViT(patch=7, dim=24, depth=3)
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    schedule = lr_scheduler.OneCycleLR(opt, max_lr=4e-3, total_steps=5000, pct_start=0.1)
    xv, yv = fashion_validation()

    def step(images: Tensor, labels: Tensor) -> Tensor:
        opt.zero_grad()
        loss = functional.cross_entropy(model(images), labels)
        loss.backward()
        opt.step()
        if schedule.last_epoch < 4999:
            schedule.step()
        return loss.detach()

    @torch.inference_mode()
    def validate() -> float:
        return float((model(xv).argmax(-1) == yv).sum()) / len(yv)

    return Subject(model, functional.cross_entropy, opt, x, y, step, validate)


def mixer_adam() -> Subject:
    torch.manual_seed(229)
    x, y = fashion(4000)
    model, loss_fn = Mixer(patch=7, dim=32), nn.CrossEntropyLoss()
    opt = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    return Subject(model, loss_fn, opt, x, y)


class BatchNormOfTokens(nn.BatchNorm1d):
    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.transpose(1, 2)).transpose(1, 2)


def mixer_batch_norm() -> Subject:
    """Batch norm over channels in a mixer, SGD, ReLU."""
    torch.manual_seed(230)
    x, y = fashion(3000)
    model = nn.Sequential(
        nn.Conv2d(1, 32, 4, 4), nn.Flatten(2), Transposed(), MixerBlock(49, 32, nn.ReLU, BatchNormOfTokens),
        MixerBlock(49, 32, nn.ReLU, BatchNormOfTokens), Transposed(), nn.AdaptiveAvgPool1d(1), nn.Flatten(),
        nn.Linear(32, 10),
    )  # fmt: skip
    opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    return Subject(model, nn.CrossEntropyLoss(), opt, x, y)


class Transposed(nn.Module):
    def forward(self, x: Tensor) -> Tensor:
        return x.transpose(1, 2)


def mixer_digits() -> Subject:
    torch.manual_seed(231)
    x, y, xv, yv = digits()
    model = Mixer(side=8, patch=2, dim=24, act=nn.SiLU)
    opt = torch.optim.Adam(model.parameters(), lr=3e-3)
    step = plain_step(model, functional.cross_entropy, opt)
    return Subject(model, functional.cross_entropy, opt, x, y, step, plain_validate(model, xv, yv))


PROGRAMS = (
    Program("resnet-sgd", "residual", resnet_sgd),
    Program("zero-gamma", "residual", zero_gamma),
    Program("resnet-group-norm", "residual", resnet_group_norm),
    Program("dense-residual", "residual", dense_residual),
    Program("trained-resnet", "residual", trained_resnet),
    Program("vit-with-warm-up", "transformer", vit_with_warm_up),
    Program("class-token", "transformer", class_token),
    Program("vit-digits", "transformer", vit_digits),
    Program("one-cycle-vit", "transformer", one_cycle_vit),
    Program("mixer-adam", "mixer", mixer_adam),
    Program("mixer-batch-norm", "mixer", mixer_batch_norm),
    Program("mixer-digits", "mixer", mixer_digits),
)
