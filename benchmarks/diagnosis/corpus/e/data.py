"""Faults of the data; ``fixed`` puts a program right."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from benchmarks.diagnosis.corpus.e.kit import (
    LeNet,
    Pair,
    TinyResNet,
    accuracy,
    accuracy_of_one_output,
    bce,
    depthwise,
    digit_rows,
    garment_bytes,
    garments,
    garments_of,
    mlp,
    sign_photos,
    signs,
    small_cnn,
    stepping,
    training,
)
from benchmarks.diagnosis.corpus.program import Program, Subject


def flips_appended(fixed: bool = False) -> Subject:
    """Mirrored copies are put behind the images, the labels' copies beside the labels."""
    torch.manual_seed(920)
    x, y = garments(1500, 920)
    x = torch.cat([x, x.flip(3)])
    y = y.repeat(2) if fixed else y.repeat_interleave(2)
    model = LeNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
    order = torch.randperm(len(x))
    return training(model, (x[order], y[order]), garments(1000, 1, True), optimizer)


def names_sorted(fixed: bool = False) -> Subject:
    """os.listdir sorts 10.png before 2.png; the table of labels goes by number."""
    torch.manual_seed(921)
    x, y = signs(2000, 921)
    if not fixed:
        x = x[torch.tensor(sorted(range(len(x)), key=str))]
    model = TinyResNet(3, 5)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return training(model, (x, y), signs(600, 1), optimizer)


def unreadable_image_skipped(fixed: bool = False) -> Subject:
    """The 100th image couldn't be read; its label stayed, and all later ones are one late."""
    torch.manual_seed(922)
    x, y, xv, yv = digit_rows(922)
    x, xv = x / 8 - 1, xv / 8 - 1
    x = torch.cat([x[:100], x[101:]])
    y = torch.cat([y[:100], y[101:]]) if fixed else y[:-1]
    model = nn.Sequential(nn.Linear(64, 64), nn.BatchNorm1d(64), nn.ReLU(), nn.Linear(64, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return Subject(model, nn.CrossEntropyLoss(), optimizer, x, y, validate=accuracy(model, (xv, yv)))


def labels_from_one(fixed: bool = False) -> Subject:
    """A table counts classes from 1, so there are 11 outputs; the validation's file counts from 0."""
    torch.manual_seed(923)
    x, y = garments(3000, 923)
    model = small_cnn(1, 11)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return training(model, (x, y if fixed else y + 1), garments(1000, 1, True), optimizer)


def one_and_two(fixed: bool = False) -> Subject:
    torch.manual_seed(924)
    x, y = garments(1600, 924, classes=[5, 7])
    model = mlp(784, 64, 1)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    validate = accuracy_of_one_output(model, garments(800, 1, True, [5, 7]))
    return Subject(model, bce, optimizer, x, y if fixed else y + 1, stepping(model, bce, optimizer), validate)


def bytes_to_lenet(fixed: bool = False) -> Subject:
    """torch.from_numpy(images).float() instead of ToTensor()."""
    torch.manual_seed(925)
    (x, y), (xv, yv) = garment_bytes(3000, 925), garment_bytes(1000, 1, True)
    scale = 255 if fixed else 1
    model = LeNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return training(model, (x.float() / scale, y), (xv.float() / scale, yv), optimizer)


def divided_twice(fixed: bool = False) -> Subject:
    """ToTensor() had divided by 255 before."""
    torch.manual_seed(926)
    (x, y), (xv, yv) = garment_bytes(3000, 926), garment_bytes(1000, 1, True)
    scale = 255 if fixed else 255 * 255
    model = mlp(784, 128, 64, 10)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return training(model, (x.float() / scale, y), (xv.float() / scale, yv), optimizer)


def far_from_zero(fixed: bool = False) -> Subject:
    """The mean is given for pixels up to 255 and the deviation for pixels up to 1, as two web pages had it."""
    torch.manual_seed(927)
    (photos, y), (held_out, yv) = sign_photos(2000, 927), sign_photos(600, 1)
    mean, std = (0.45, 0.25) if fixed else (115.0, 0.25)

    def as_tensor(pictures: np.ndarray) -> Tensor:
        return (torch.from_numpy(pictures).permute(0, 3, 1, 2).float() / 255 - mean) / std

    model = small_cnn(3, 5)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return training(model, (as_tensor(photos), y), (as_tensor(held_out), yv), optimizer)


def constant_pixels(fixed: bool = False) -> Subject:
    """Each pixel by its own deviation, which is 0 in the corners."""
    torch.manual_seed(928)
    x, y, xv, yv = digit_rows()
    mean, std = x.mean(0), x.std(0)
    if fixed:
        std = std.clamp(min=1.0)
    model = mlp(64, 64, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return training(model, ((x - mean) / std, y), ((xv - mean) / std, yv), optimizer)


def black_frames(fixed: bool = False) -> Subject:
    """Every picture by its own greatest value; the camera gave six black ones."""
    torch.manual_seed(929)
    x, y = garment_bytes(3000, 929)
    x = x.float()
    x[[13, 700, 701, 1500, 2222, 2900]] = 0

    def scaled(images: Tensor) -> Tensor:
        greatest = images.amax((1, 2, 3), keepdim=True)
        return images / (greatest.clamp(min=1) if fixed else greatest)

    xv, yv = garment_bytes(1000, 1, True)
    model = LeNet()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.03, momentum=0.9)
    return training(model, (scaled(x), y), (scaled(xv.float()), yv), optimizer)


def photos_viewed(fixed: bool = False) -> Subject:
    """.view() made the error message about channels go away; validation has ToTensor()."""
    torch.manual_seed(930)
    photos, y = sign_photos(2000, 930)
    x = torch.from_numpy(photos).float() / 255
    x = x.permute(0, 3, 1, 2) if fixed else x.view(-1, 3, 32, 32)
    model = nn.Sequential(
        nn.Conv2d(3, 16, 5, 2, 2), nn.BatchNorm2d(16), nn.ReLU(), nn.Conv2d(16, 32, 3, 2, 1), nn.BatchNorm2d(32),
        nn.ReLU(), nn.Conv2d(32, 32, 3, 2, 1), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 5),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    held_out, yv = sign_photos(600, 1)
    xv = torch.from_numpy(held_out).permute(0, 3, 1, 2).float() / 255
    return training(model, ((x - 0.45) / 0.25, y), ((xv - 0.45) / 0.25, yv), optimizer)


def matlab_reshaped(fixed: bool = False) -> Subject:
    """A .mat file has the images along its last axis: (28, 28, n)."""
    torch.manual_seed(931)

    def tensors(n: int, seed: int, validation: bool) -> Pair:
        images, labels = garments(n, seed, validation)
        stored = images[:, 0].permute(1, 2, 0).contiguous()
        return (stored.permute(2, 0, 1)[:, None] if fixed else stored.reshape(-1, 1, 28, 28)), labels

    model = mlp(784, 128, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return training(model, tensors(3000, 931, False), tensors(1000, 1, True), optimizer)


def folders_in_turn(fixed: bool = False) -> Subject:
    """ImageFolder gives class after class, and the DataLoader has no shuffle=True."""
    torch.manual_seed(932)
    x, y = signs(2000, 932)
    if not fixed:
        order = y.argsort(stable=True)
        x, y = x[order], y[order]
    model = TinyResNet(3, 5)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return training(model, (x, y), signs(600, 1), optimizer)


def first_ones_then_others(fixed: bool = False) -> Subject:
    """np.concatenate([positive, negative])"""
    torch.manual_seed(933)
    x, y = garments(2000, 933, classes=[2, 4])
    if not fixed:
        order = torch.cat([torch.where(y == 1)[0], torch.where(y == 0)[0]])
        x, y = x[order], y[order]
    model = mlp(784, 64, 32, 1)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    validate = accuracy_of_one_output(model, garments(800, 1, True, [2, 4]))
    return Subject(model, bce, optimizer, x, y, stepping(model, bce, optimizer), validate)


def a_tenth_of_a_tenth(fixed: bool = False) -> Subject:
    """__getitem__ takes index % 150, and __len__ says 3000."""
    torch.manual_seed(934)
    x, y = garments(3000, 934)
    if not fixed:
        rows = torch.arange(3000) % 150
        x, y = x[rows], y[rows]
    order = torch.randperm(3000)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU(), depthwise(16, 32, 2), depthwise(32, 48),
        nn.AdaptiveAvgPool2d(2), nn.Flatten(), nn.Linear(192, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return training(model, (x[order], y[order]), garments(1000, 1, True), optimizer)


def random_split_twice(fixed: bool = False) -> Subject:
    """The training part comes from one call of random_split, the validation part from another."""
    torch.manual_seed(935)
    x, y = garments(700, 935)
    first = torch.randperm(700)
    second = first if fixed else torch.randperm(700)
    model = mlp(784, 256, 10)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    held_out = (x[second[500:]], y[second[500:]])
    return training(model, (x[first[:500]], y[first[:500]]), held_out, optimizer)


def oversampled_then_split(fixed: bool = False) -> Subject:
    """The rare class is repeated nine times so that both are as many, and then everything is split."""
    torch.manual_seed(936)
    x, y = garments_of({0: 720, 6: 80}, 936)

    def balanced(rows: Tensor) -> Tensor:
        rows = torch.cat([rows[y[rows] == 0], rows[y[rows] == 1].repeat(9)])
        return rows[torch.randperm(len(rows))]

    if fixed:
        rows, held_out = balanced(torch.arange(160, 800)), balanced(torch.arange(160))
    else:
        everything = balanced(torch.arange(800))
        rows, held_out = everything[288:], everything[:288]
    model = TinyResNet(classes=2)
    optimizer = torch.optim.Adam(model.parameters(), lr=3e-3)
    return training(model, (x[rows], y[rows]), (x[held_out], y[held_out]), optimizer)


def validation_left_in(fixed: bool = False) -> Subject:
    """The last fifth is for validation, and is trained on too."""
    torch.manual_seed(937)
    x, y, _, _ = digit_rows(937)
    x, y = x[:250].view(-1, 1, 8, 8) / 8 - 1, y[:250]
    x_train, y_train = (x[:200], y[:200]) if fixed else (x, y)
    model = nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(),
        nn.Flatten(), nn.Linear(512, 10),
    )  # fmt: skip
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return training(model, (x_train, y_train), (x[200:], y[200:]), optimizer)


def one_shirt_in_forty(fixed: bool = False) -> Subject:
    """97 % right from the first epoch, and not one shirt is found."""
    torch.manual_seed(938)
    x, y = garments_of({0: 2340, 6: 60}, 938)
    model = nn.Sequential(nn.Conv2d(1, 16, 3, 2, 1), nn.ReLU(), nn.Conv2d(16, 24, 3, 2, 1), nn.ReLU(), nn.Flatten(),
                          nn.Linear(24 * 49, 2))  # fmt: skip
    weight = torch.tensor([1.0, 39.0]) if fixed else None
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def loss_fn(out: Tensor, target: Tensor) -> Tensor:
        return F.cross_entropy(out, target, weight)

    return training(model, (x, y), garments_of({0: 400, 6: 400}, 1, True), optimizer, loss_fn)


def rare_signs(fixed: bool = False) -> Subject:
    """Two hundred of one sign for each of the rarest; the cure here is to draw the classes equally often."""
    torch.manual_seed(939)
    x, y = signs(8000, 939)
    share = torch.tensor([1.0, 0.015, 1.0, 0.015, 0.015])
    keep = torch.rand(len(y)) < share[y]
    x, y = x[keep], y[keep]
    if fixed:
        rows = torch.multinomial(1 / y.bincount().float()[y], len(y), replacement=True)
        x, y = x[rows], y[rows]
    model = small_cnn(3, 5)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return training(model, (x, y), signs(600, 1), optimizer)


PROGRAMS = (
    Program("flips-appended", "cnn", flips_appended, "labels-misaligned", "labels"),
    Program("names-sorted", "residual", names_sorted, "labels-misaligned", "labels"),
    Program("unreadable-image-skipped", "fcn", unreadable_image_skipped, "labels-misaligned", "labels"),
    Program("labels-from-one", "cnn", labels_from_one, "labels-off-by-one", "labels"),
    Program("one-and-two", "fcn", one_and_two, "labels-off-by-one", "labels"),
    Program("bytes-to-lenet", "cnn", bytes_to_lenet, "inputs-not-normalised", "images"),
    Program("divided-twice", "fcn", divided_twice, "inputs-not-normalised", "images"),
    Program("far-from-zero", "cnn", far_from_zero, "inputs-not-normalised", "images"),
    Program("constant-pixels", "fcn", constant_pixels, "inputs-bad-values", "images"),
    Program("black-frames", "cnn", black_frames, "inputs-bad-values", "images"),
    Program("photos-viewed", "cnn", photos_viewed, "wrong-axis-order", "images"),
    Program("matlab-reshaped", "fcn", matlab_reshaped, "wrong-axis-order", "images"),
    Program("folders-in-turn", "residual", folders_in_turn, "data-not-shuffled"),
    Program("first-ones-then-others", "fcn", first_ones_then_others, "data-not-shuffled"),
    Program("a-tenth-of-a-tenth", "cnn", a_tenth_of_a_tenth, "duplicate-images", "images"),
    Program("random-split-twice", "fcn", random_split_twice, "split-overlap", "validate"),
    Program("oversampled-then-split", "residual", oversampled_then_split, "split-overlap", "validate"),
    Program("validation-left-in", "cnn", validation_left_in, "split-overlap", "validate"),
    Program("one-shirt-in-forty", "cnn", one_shirt_in_forty, "class-imbalance", "labels"),
    Program("rare-signs", "cnn", rare_signs, "class-imbalance", "labels"),
)
