"""Faults of the data: labels, values, axes, order, and what is in which split."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

from benchmarks.diagnosis.corpus.a.blocks import (
    FASHION_MEAN,
    FASHION_STD,
    Mixer,
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


def mlp(hidden: int = 100, outputs: int = 10) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(784, hidden), nn.ReLU(), nn.Linear(hidden, outputs))


def convnet(channels: int = 1, outputs: int = 10) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, 10, 3, padding=1), nn.BatchNorm2d(10), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(10, 20, 3, padding=1), nn.BatchNorm2d(20), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.LazyLinear(outputs),
    )  # fmt: skip


def subject(model, x, y, validation=None, lr=2e-3, before=None, loss_fn=None) -> Subject:
    """The usual rest: Adam, cross-entropy, a plain step."""
    loss_fn = loss_fn or nn.CrossEntropyLoss()
    model(x[:2])  # lazy layers take their shape here
    optimizer = torch.optim.Adam(model.parameters(), lr=lr)
    step = plain_step(model, loss_fn, optimizer)
    if before:
        train(step, x, y, before)
    validate = plain_validate(model, *validation) if validation else None
    return Subject(model, loss_fn, optimizer, x, y, step, validate)


def labels_shuffled(shuffle: bool = True) -> Subject:
    torch.manual_seed(20)
    x, y = fashion(3000)
    order = torch.randperm(len(x))
    x = x[order]
    y = y[torch.randperm(len(y))] if shuffle else y[order]  # a second permutation in place of the same one
    return subject(convnet(), x, y, fashion_validation())


def labels_rolled(by: int = 1) -> Subject:
    """The header of the label file was read as the first label."""
    torch.manual_seed(21)
    x, y = fashion(2500)
    model = mlp(64)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return Subject(model, nn.CrossEntropyLoss(), optimizer, x, y.roll(by))


def labels_of_other_order(other: bool = True) -> Subject:
    """Images sorted by their brightness for a look at them, labels left as they were."""
    torch.manual_seed(22)
    x, y = fashion(4000)
    order = x.mean((1, 2, 3)).argsort()
    x = x[order]
    model, loss_fn = Mixer(patch=7), functional.cross_entropy
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3, weight_decay=0.01)
    step = plain_step(model, loss_fn, optimizer)
    return Subject(
        model, loss_fn, optimizer, x, y if other else y[order], step, plain_validate(model, *fashion_validation())
    )


def labels_from_one() -> Subject:
    torch.manual_seed(23)
    x, y = fashion(3000)
    xv, yv = fashion_validation()
    return subject(convnet(outputs=11), x, y + 1, (xv, yv + 1))


def labels_from_one_digits() -> Subject:
    torch.manual_seed(24)
    x, y, _, _ = digits()
    model = nn.Sequential(nn.Linear(64, 48), nn.GELU(), nn.Linear(48, 11))
    return Subject(
        model, functional.cross_entropy, torch.optim.RMSprop(model.parameters(), lr=1e-3), x.flatten(1), y + 1
    )


def labels_shifted_in_training(shift: int = 1) -> Subject:
    torch.manual_seed(25)
    x, y = fashion(3000)
    return subject(small_resnet(8), x, (y + shift) % 10, fashion_validation(), before=80)


def raw_values(scale: float = 1.0) -> Subject:
    torch.manual_seed(26)
    x, y = raw_fashion(3000)
    xv, yv = raw_fashion(1000, 50_000)
    model, loss_fn = mlp(128), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    step, validate = plain_step(model, loss_fn, optimizer), plain_validate(model, xv.float() * scale, yv)
    return Subject(model, loss_fn, optimizer, x.float() * scale, y, step, validate)


def divided_by_255_twice(divisor: float = 255.0) -> Subject:
    """A ToTensor() does it, and the data set's own loader does it again."""
    torch.manual_seed(27)
    x, y = raw_fashion(3000)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 5, 2, 2), nn.ReLU(), nn.Conv2d(8, 16, 5, 2, 2), nn.ReLU(), nn.Flatten(), nn.Linear(784, 10)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return Subject(model, nn.CrossEntropyLoss(), optimizer, x.float() / 255 / divisor, y)


def statistics_of_other_units(mean: float = 72.9, std: float = 90.0) -> Subject:
    """Mean and deviation of 0–255 applied to images of 0–1."""
    torch.manual_seed(28)
    (x, y), (xv, yv) = raw_fashion(3000), raw_fashion(1000, 50_000)
    return subject(TinyViT(), (x / 255 - mean) / std, y, ((xv / 255 - mean) / std, yv), lr=1e-3)


def some_nan(count: int = 12) -> Subject:
    torch.manual_seed(29)
    x, y = fashion(3000)
    x[torch.randperm(len(x))[:count], :, 5:9, 5:9] = float("nan")  # a broken detector line
    return subject(small_resnet(8), x, y, fashion_validation())


def infinite_features(floor: float = 0.0) -> Subject:
    """Standardised by columns, of which some are constant."""
    torch.manual_seed(30)
    x, y, _, _ = digits()
    x = x.flatten(1)
    x = (x - x.mean(0)) / x.std(0).clamp(min=floor)
    model = nn.Sequential(nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    return Subject(model, nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=2e-3), x, y)


def many_blank(share: float = 0.35) -> Subject:
    """Files that could not be opened became black images."""
    torch.manual_seed(31)
    x, y = fashion(4000)
    x[torch.rand(len(x)) < share] = -FASHION_MEAN / FASHION_STD
    return subject(convnet(), x, y, fashion_validation())


def tinted(count: int, start: int = 0) -> tuple[Tensor, Tensor]:
    """Colour images (n, 28, 28, 3) as a camera's library gives them."""
    x, y = fashion(count, start)
    tint = 0.7 + 0.6 * torch.rand(count, 1, 1, 3, generator=torch.Generator().manual_seed(start))
    return x.permute(0, 2, 3, 1) * tint, y


def channels_by_reshape(reshape: bool = True) -> Subject:
    torch.manual_seed(32)
    (x, y), (xv, yv) = tinted(3000), tinted(800, 50_000)
    x, xv = (t.reshape(-1, 3, 28, 28) if reshape else t.permute(0, 3, 1, 2).contiguous() for t in (x, xv))
    return subject(small_resnet(10, channels=3), x, y, (xv, yv))


def torn_rows(torn: bool = True) -> Subject:
    """The border is cut off the flat array, as though rows had 24 pixels."""
    torch.manual_seed(33)
    x, y = fashion(3000)
    x = x.flatten(1)[:, 104:680].reshape(-1, 1, 24, 24) if torn else x[:, :, 2:26, 2:26]
    model = convnet()
    model(x[:1])
    return Subject(model, nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters(), lr=2e-3), x, y)


def matlab_order(reshape: bool = True) -> Subject:
    """A .mat file has the images last, (h, w, n)."""
    torch.manual_seed(42)
    x, y, xv, yv = digits()
    x, xv = (t[:, 0].permute(1, 2, 0).contiguous() for t in (x, xv))
    x, xv = (t.reshape(-1, 1, 8, 8) if reshape else t.permute(2, 0, 1)[:, None] for t in (x, xv))
    return subject(TinyViT(side=8, patch=2, dim=24), x, y, (xv, yv))


def sorted_by_class(in_order: bool = True) -> Subject:
    torch.manual_seed(34)
    x, y = fashion(3000)
    order = y.argsort(stable=True) if in_order else torch.arange(len(y))
    return subject(convnet(), x[order], y[order], fashion_validation())


def folder_by_folder(in_order: bool = True) -> Subject:
    """ImageFolder's order, and a loop that goes through it with its own cursor."""
    torch.manual_seed(35)
    x, y, xv, yv = digits()
    order = y.argsort(stable=True) if in_order else torch.arange(len(y))
    x, y = x[order].flatten(1), y[order]
    model = nn.Sequential(nn.Linear(64, 64), nn.LeakyReLU(0.1), nn.Linear(64, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    loss_fn = nn.CrossEntropyLoss()
    validate = plain_validate(model, xv.flatten(1), yv)
    return Subject(model, loss_fn, optimizer, x, y, plain_step(model, loss_fn, optimizer), validate)


def few_repeated(distinct: int = 200) -> Subject:
    """Oversampled to 3,000 before anyone counted what there was."""
    torch.manual_seed(36)
    x, y = fashion(3000)
    chosen = torch.randint(distinct, (3000,))
    return subject(mlp(64), x[chosen], y[chosen], fashion_validation())


def concatenated_twice() -> Subject:
    torch.manual_seed(37)
    x, y = fashion(700)
    order = torch.randperm(2800)
    model = Mixer(dim=24)
    optimizer = torch.optim.AdamW(model.parameters(), lr=2e-3)
    return Subject(model, functional.cross_entropy, optimizer, x.repeat(4, 1, 1, 1)[order], y.repeat(4)[order])


def validates_on_training_images() -> Subject:
    torch.manual_seed(38)
    x, y = fashion(3000)
    return subject(mlp(128), x, y, (x[2400:], y[2400:]), before=100)


def overlapping_random_splits() -> Subject:
    """Two draws with their own permutation each."""
    torch.manual_seed(39)
    x, y = fashion(5000)
    chosen, held_out = torch.randperm(5000)[:4000], torch.randperm(5000)[4000:]
    return subject(TinyViT(), x[chosen], y[chosen], (x[held_out], y[held_out]))


def one_class_rules(share: float = 0.02) -> Subject:
    torch.manual_seed(40)
    x, y = fashion(20_000)
    kept = (y == 6) | (torch.rand(len(y)) < share)
    return subject(convnet(), x[kept], y[kept], fashion_validation())


def long_tail(tail: float = 0.5) -> Subject:
    """Every class has half the images of the one before it."""
    torch.manual_seed(41)
    x, y = fashion(20_000)
    kept = torch.rand(len(y)) < tail**y
    model = small_resnet(8)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return Subject(model, nn.CrossEntropyLoss(), optimizer, x[kept], y[kept])


PROGRAMS = (
    Program("labels-shuffled", "cnn", labels_shuffled, "labels-misaligned", "labels"),
    Program("labels-rolled", "fcn", labels_rolled, "labels-misaligned", "labels"),
    Program("labels-of-other-order", "mixer", labels_of_other_order, "labels-misaligned", "labels"),
    Program("labels-from-one", "cnn", labels_from_one, "labels-off-by-one", "labels"),
    Program("labels-from-one-digits", "fcn", labels_from_one_digits, "labels-off-by-one", "labels"),
    Program("labels-shifted-in-training", "residual", labels_shifted_in_training, "labels-off-by-one", "labels"),
    Program("raw-values", "fcn", raw_values, "inputs-not-normalised", "images"),
    Program("divided-by-255-twice", "cnn", divided_by_255_twice, "inputs-not-normalised", "images"),
    Program("statistics-of-other-units", "transformer", statistics_of_other_units, "inputs-not-normalised", "images"),
    Program("some-nan", "residual", some_nan, "inputs-bad-values", "images"),
    Program("infinite-features", "fcn", infinite_features, "inputs-bad-values", "images"),
    Program("many-blank", "cnn", many_blank, "inputs-bad-values", "images"),
    Program("channels-by-reshape", "residual", channels_by_reshape, "wrong-axis-order", "images"),
    Program("torn-rows", "cnn", torn_rows, "wrong-axis-order", "images"),
    Program("matlab-order", "transformer", matlab_order, "wrong-axis-order", "images"),
    Program("sorted-by-class", "cnn", sorted_by_class, "data-not-shuffled"),
    Program("folder-by-folder", "fcn", folder_by_folder, "data-not-shuffled"),
    Program("few-repeated", "fcn", few_repeated, "duplicate-images", "images"),
    Program("concatenated-twice", "mixer", concatenated_twice, "duplicate-images", "images"),
    Program("validates-on-training-images", "fcn", validates_on_training_images, "split-overlap"),
    Program("overlapping-random-splits", "transformer", overlapping_random_splits, "split-overlap"),
    Program("one-class-rules", "cnn", one_class_rules, "class-imbalance", "labels"),
    Program("long-tail", "residual", long_tail, "class-imbalance", "labels"),
)
