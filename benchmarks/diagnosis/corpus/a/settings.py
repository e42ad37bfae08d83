"""Faults of the settings: learning rate, schedule, weight decay, and when training stopped."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.optim import lr_scheduler

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


def strided_cnn(width: int = 8) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(1, width, 5, 2, 2), nn.ReLU(), nn.Conv2d(width, 2 * width, 5, 2, 2), nn.ReLU(), nn.Flatten(),
        nn.Linear(2 * width * 49, 10),
    )  # fmt: skip


def sgd_too_high(lr: float = 3.0) -> Subject:
    torch.manual_seed(80)
    x, y = fashion(3000)
    model, loss_fn = strided_cnn(), nn.CrossEntropyLoss()
    opt = torch.optim.SGD(model.parameters(), lr=lr, momentum=0.9)
    return Subject(
        model, loss_fn, opt, x, y, plain_step(model, loss_fn, opt), plain_validate(model, *fashion_validation())
    )


def adam_too_high(lr: float = 0.3) -> Subject:
    torch.manual_seed(81)
    x, y = fashion(3000)
    model = TinyViT()
    return Subject(model, functional.cross_entropy, torch.optim.AdamW(model.parameters(), lr=lr), x, y)


def rmsprop_too_high(lr: float = 0.2) -> Subject:
    torch.manual_seed(82)
    x, y, xv, yv = digits()
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 64), nn.SiLU(), nn.Linear(64, 10))
    opt = torch.optim.RMSprop(model.parameters(), lr=lr)
    step = plain_step(model, functional.cross_entropy, opt)
    train(step, x, y, 40)
    return Subject(model, functional.cross_entropy, opt, x, y, step, plain_validate(model, xv, yv))


def sgd_too_low(lr: float = 1e-5) -> Subject:
    torch.manual_seed(83)
    x, y = fashion(3000)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))
    return Subject(model, nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=lr), x, y)


def adam_too_low(lr: float = 1e-6) -> Subject:
    torch.manual_seed(84)
    x, y = fashion(3000)
    model, loss_fn = small_resnet(8), nn.CrossEntropyLoss()
    opt = torch.optim.Adam(model.parameters(), lr=lr)
    step = plain_step(model, loss_fn, opt)
    train(step, x, y, 60)
    return Subject(model, loss_fn, opt, x, y, step, plain_validate(model, *fashion_validation()))


def decays_each_batch(every: int = 10) -> Subject:
    """StepLR meant epochs; the step calls it for each batch."""
    torch.manual_seed(85)
    x, y = fashion(4000)
    model, loss_fn = strided_cnn(), nn.CrossEntropyLoss()
    opt = torch.optim.SGD(model.parameters(), lr=0.02, momentum=0.9)
    schedule = lr_scheduler.StepLR(opt, step_size=every, gamma=0.3)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        opt.zero_grad()
        loss = loss_fn(model(images), labels)
        loss.backward()
        opt.step()
        schedule.step()
        return loss.detach()

    train(step, x, y, 200)
    return Subject(model, loss_fn, opt, x, y, step, plain_validate(model, *fashion_validation()))


def exponential_each_batch(gamma: float = 0.8) -> Subject:
    torch.manual_seed(86)
    x, y = fashion(3000)
    model = Mixer(patch=7)
    opt = torch.optim.AdamW(model.parameters(), lr=1e-3)
    schedule = lr_scheduler.ExponentialLR(opt, gamma)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        opt.zero_grad()
        loss = functional.cross_entropy(model(images), labels)
        loss.backward()
        opt.step()
        schedule.step()
        return loss.detach()

    return Subject(model, functional.cross_entropy, opt, x, y, step, plain_validate(model, *fashion_validation()))


def sgd_decay_too_strong(decay: float = 0.3) -> Subject:
    torch.manual_seed(87)
    x, y = fashion(3000)
    x = x.flatten(1)
    model = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 64), nn.ReLU(), nn.Linear(64, 10))
    opt = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=decay)
    return Subject(model, nn.CrossEntropyLoss(), opt, x, y)


def adamw_decay_too_strong(decay: float = 50.0) -> Subject:
    torch.manual_seed(88)
    x, y = fashion(3000)
    model = TinyViT(dim=24)
    loss_fn = nn.CrossEntropyLoss(label_smoothing=0.1)
    opt = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=decay)
    return Subject(
        model, loss_fn, opt, x, y, plain_step(model, loss_fn, opt), plain_validate(model, *fashion_validation())
    )


def adam_l2_too_strong(decay: float = 1.0) -> Subject:
    torch.manual_seed(89)
    x, y, xv, yv = digits()
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 16, 3, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(256, 10),
    )  # fmt: skip
    opt = torch.optim.Adam(model.parameters(), lr=2e-3, weight_decay=decay)
    step = plain_step(model, functional.cross_entropy, opt)
    train(step, x, y, 150)
    return Subject(model, functional.cross_entropy, opt, x, y, step, plain_validate(model, xv, yv))


def stopped_after_an_epoch(steps: int = 40) -> Subject:
    torch.manual_seed(90)
    x, y = fashion(5000)
    model = TinyViT(dim=32)
    opt = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.02)
    step = plain_step(model, functional.cross_entropy, opt)
    train(step, x, y, steps, batch=128)
    return Subject(model, functional.cross_entropy, opt, x, y, step, plain_validate(model, *fashion_validation()))


def stopped_early_digits(steps: int = 50) -> Subject:
    torch.manual_seed(91)
    x, y, xv, yv = digits()
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 64), nn.Tanh(), nn.Linear(64, 10))
    loss_fn, opt = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.02)
    step = plain_step(model, loss_fn, opt)
    train(step, x, y, steps)
    return Subject(model, loss_fn, opt, x, y, step, plain_validate(model, xv, yv))


def learnt_by_heart(count: int = 1000) -> Subject:
    """540,000 weights, a thousand images, a hundred epochs."""
    torch.manual_seed(92)
    x, y = fashion(count)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 256), nn.ReLU())
    model.append(nn.Linear(256, 10))
    loss_fn, opt = nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=1e-3)
    step = plain_step(model, loss_fn, opt)
    train(step, x, y, 500)
    return Subject(model, loss_fn, opt, x, y, step, plain_validate(model, *fashion_validation()))


def mixer_by_heart(count: int = 1000) -> Subject:
    torch.manual_seed(93)
    x, y = fashion(count)
    model = Mixer(patch=7, dim=48)
    opt = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0)
    step = plain_step(model, functional.cross_entropy, opt)
    train(step, x, y, 500, batch=50)
    return Subject(model, functional.cross_entropy, opt, x, y, step, plain_validate(model, *fashion_validation()))


def one_number_an_image(bottleneck: int = 1) -> Subject:
    """All an image may say goes through one tanh unit."""
    torch.manual_seed(94)
    x, y = fashion(4000)
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 32), nn.ReLU(), nn.Linear(32, bottleneck), nn.Tanh(), nn.Linear(bottleneck, 10)
    )
    loss_fn, opt = nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=5e-3)
    step = plain_step(model, loss_fn, opt)
    train(step, x, y, 3000)
    return Subject(model, loss_fn, opt, x, y, step, plain_validate(model, *fashion_validation()))


def too_few_filters(width: int = 1) -> Subject:
    torch.manual_seed(95)
    x, y, xv, yv = digits()
    model = nn.Sequential(
        nn.Conv2d(1, width, 3, padding=1), ResidualBlock(width, width, 2), ResidualBlock(width, width),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(4 * width, 10),
    )  # fmt: skip
    loss_fn, opt = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    step = plain_step(model, loss_fn, opt)
    train(step, x, y, 700)
    for group in opt.param_groups:
        group["lr"] = 0.005  # the last epochs at a tenth, as the schedule of the paper has it
    train(step, x, y, 300)
    return Subject(model, loss_fn, opt, x, y, step, plain_validate(model, xv, yv))


PROGRAMS = (
    Program("sgd-too-high", "cnn", sgd_too_high, "learning-rate-too-high", "lr"),
    Program("adam-too-high", "transformer", adam_too_high, "learning-rate-too-high", "lr"),
    Program("rmsprop-too-high", "fcn", rmsprop_too_high, "learning-rate-too-high", "lr"),
    Program("sgd-too-low", "fcn", sgd_too_low, "learning-rate-too-low", "lr"),
    Program("adam-too-low", "residual", adam_too_low, "learning-rate-too-low", "lr"),
    Program("decays-each-batch", "cnn", decays_each_batch, "schedule-ends-early", "lr"),
    Program("exponential-each-batch", "mixer", exponential_each_batch, "schedule-ends-early", "lr"),
    Program("sgd-decay-too-strong", "fcn", sgd_decay_too_strong, "weight-decay-too-strong", "weight_decay"),
    Program("adamw-decay-too-strong", "transformer", adamw_decay_too_strong, "weight-decay-too-strong", "weight_decay"),
    Program("adam-l2-too-strong", "cnn", adam_l2_too_strong, "weight-decay-too-strong", "weight_decay"),
    Program("stopped-after-an-epoch", "transformer", stopped_after_an_epoch, "undertrained"),
    Program("stopped-early-digits", "fcn", stopped_early_digits, "undertrained"),
    Program("learnt-by-heart", "fcn", learnt_by_heart, "overfitting"),
    Program("mixer-by-heart", "mixer", mixer_by_heart, "overfitting"),
    Program("one-number-an-image", "fcn", one_number_an_image, "underfitting"),
    Program("too-few-filters", "residual", too_few_filters, "underfitting"),
)
