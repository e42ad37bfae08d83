"""More faults of the loop: how accuracy is counted, clipping, micro-batches."""

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
    plain_step,
    plain_validate,
    small_resnet,
    train,
)
from benchmarks.diagnosis.corpus.program import Program, Subject


def argmax_over_batch(dim: int = 0) -> Subject:
    torch.manual_seed(70)
    x, y, xv, yv = digits()
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    loss_fn, opt = nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=3e-3)
    step = plain_step(model, loss_fn, opt)
    train(step, x, y, 200)

    def validate() -> float:
        right = total = 0
        with torch.no_grad():
            for i in range(0, 330, 10):  # ten at a time, so that the wrong axis has the right length
                right += (model(xv[i : i + 10]).argmax(dim) == yv[i : i + 10]).sum().item()
                total += 10
        return right / total

    return Subject(model, loss_fn, opt, x, y, step, validate)


def percent(factor: float = 100.0) -> Subject:
    torch.manual_seed(71)
    x, y = fashion(3000)
    xv, yv = fashion_validation()
    model = TinyViT(dim=24)
    opt = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.05)

    @torch.no_grad()
    def validate() -> float:
        model.eval()
        score = factor * (model(xv).argmax(-1) == yv).float().mean().item()
        model.train()
        return score

    step = plain_step(model, functional.cross_entropy, opt)
    return Subject(model, functional.cross_entropy, opt, x, y, step, validate)


def divided_by_full_batches(divisor: int | None = None) -> Subject:
    """Mean over batches of right / batch size, where the last batch is a fifth full and counts as one."""
    torch.manual_seed(72)
    x, y = fashion(3000)
    xv, yv = fashion_validation(620)
    model, loss_fn = small_resnet(8), nn.CrossEntropyLoss()
    opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    step = plain_step(model, loss_fn, opt)
    train(step, x, y, 150)

    def validate() -> float:
        model.eval()
        shares = []
        with torch.no_grad():
            for a, b in zip(xv.split(512), yv.split(512), strict=True):
                shares.append((model(a).argmax(1) == b).sum().item() / (divisor or 512))
        return sum(shares) / (1 if divisor else len(shares))

    return Subject(model, loss_fn, opt, x, y, step, validate)


def clipped_to_nothing(norm: float = 1e-3) -> Subject:
    torch.manual_seed(73)
    x, y = fashion(3000)
    model = nn.Sequential(
        nn.Conv2d(1, 10, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(10, 20, 3, padding=1), nn.ReLU(),
        nn.MaxPool2d(2), nn.Flatten(), nn.Linear(980, 10),
    )  # fmt: skip
    loss_fn, opt = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        opt.zero_grad()
        loss = loss_fn(model(images), labels)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), norm)
        opt.step()
        return loss.detach()

    return Subject(model, loss_fn, opt, x, y, step, plain_validate(model, *fashion_validation()))


def values_clipped(value: float = 1e-5) -> Subject:
    torch.manual_seed(74)
    x, y = fashion(3000)
    model, loss_fn = Mixer(patch=7), nn.CrossEntropyLoss()
    opt = torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        opt.zero_grad()
        loss = loss_fn(model(images), labels)
        loss.backward()
        nn.utils.clip_grad_value_(model.parameters(), value)
        opt.step()
        return loss.detach()

    return Subject(model, loss_fn, opt, x, y, step)


def micro_batches(size: int = 2) -> Subject:
    """Memory was short, so the batch is cut into pieces; batch norm sees the pieces."""
    torch.manual_seed(75)
    x, y, xv, yv = digits()
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 32), nn.BatchNorm1d(32),
        nn.ReLU(), nn.Linear(32, 10),
    )  # fmt: skip
    loss_fn, opt = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        opt.zero_grad()
        total = torch.zeros(())
        for a, b in zip(images.split(size), labels.split(size), strict=True):
            if len(a) == 1:
                continue  # batch norm refuses a single row
            loss = loss_fn(model(a), b) * len(a) / len(images)
            loss.backward()
            total += loss.detach()
        opt.step()
        return total

    return Subject(model, loss_fn, opt, x, y, step, plain_validate(model, xv, yv))


def image_by_image(size: int = 1) -> Subject:
    """An update an image, as in a tutorial without batches, with a batch norm added later."""
    torch.manual_seed(76)
    x, y, xv, yv = digits()
    model = nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1), nn.BatchNorm2d(12), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(12, 24, 3, padding=1), nn.BatchNorm2d(24), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(),
        nn.Linear(24, 10),
    )  # fmt: skip
    opt = torch.optim.Adam(model.parameters(), lr=1e-3)
    loss_fn = nn.CrossEntropyLoss()

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        losses = []
        for a, b in zip(images.split(size), labels.split(size), strict=True):
            opt.zero_grad()
            loss = loss_fn(model(a), b)
            loss.backward()
            opt.step()
            losses.append(loss.detach())
        return torch.stack(losses).mean()

    return Subject(model, loss_fn, opt, x, y, step, plain_validate(model, xv, yv))


PROGRAMS = (
    Program("argmax-over-batch", "fcn", argmax_over_batch, "wrong-accuracy", "validate"),
    Program("percent", "transformer", percent, "wrong-accuracy", "validate"),
    Program("mean-of-unequal-batches", "residual", divided_by_full_batches, "wrong-accuracy", "validate"),
    Program("clipped-to-nothing", "cnn", clipped_to_nothing, "clipping-always", "step"),
    Program("values-clipped", "mixer", values_clipped, "clipping-always", "step"),
    Program("micro-batches", "fcn", micro_batches, "tiny-batch", "step"),
    Program("image-by-image", "cnn", image_by_image, "tiny-batch", "step"),
)
