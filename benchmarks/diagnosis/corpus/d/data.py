"""Faults of the data: labels that are another image's, parts that overlap, images in the wrong form or order."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F  # noqa: N812

from benchmarks.diagnosis.corpus.d.blocks import (
    PatchMixer,
    SmallResNet,
    colours,
    digits,
    fashion,
    fashion_bytes,
    fashion_of,
    make_step,
    make_validate,
    mobile_net,
    shapes,
)
from benchmarks.diagnosis.corpus.program import Program, Subject

TAIL = [800, 500, 350, 250, 180, 120, 90, 60, 45, 30]  # images of each class


def conv_net(channels: int = 1, classes: int = 10) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels, 16, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1), nn.ReLU(),
        nn.Conv2d(32, 32, 3, padding=1), nn.ReLU(),
        nn.AdaptiveAvgPool2d(3), nn.Flatten(), nn.Linear(288, classes),
    )  # fmt: skip


def images_shuffled_alone(alone: bool = True) -> Subject:
    torch.manual_seed(720)
    rng = np.random.default_rng(720)
    x, y = (part.numpy() for part in fashion(3000))
    order = rng.permutation(len(x))
    x, y = x[order], y if alone else y[order]
    model, loss_fn = conv_net(), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return Subject(model, loss_fn, optimizer, torch.from_numpy(x), torch.from_numpy(y),
                   validate=make_validate(model, *fashion(1000, validation=True)))  # fmt: skip


def labels_one_late(late: bool = True) -> Subject:
    """The first row of the table of labels was taken for its header."""
    torch.manual_seed(721)
    x, y, xv, yv = digits()
    x, y = (x[:-1], y[1:]) if late else (x[1:], y[1:])
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 96), nn.ReLU(), nn.Linear(96, 96), nn.ReLU(), nn.Linear(96, 10))
    loss_fn, optimizer = nn.CrossEntropyLoss(), torch.optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    return Subject(model, loss_fn, optimizer, x, y, make_step(model, loss_fn, optimizer), make_validate(model, xv, yv))


def rare_boots(mixed: bool = True) -> Subject:
    """Nine sneakers to a boot: 90 % right is what a constant gets."""
    torch.manual_seed(722)
    x, y = fashion_of([7, 9], [1800, 200])
    xv, yv = fashion_of([7, 9], [450, 50], validation=True)
    if mixed:
        y = y[torch.randperm(len(y))]
    net = mobile_net(classes=2)
    optimizer = torch.optim.AdamW(net.parameters(), lr=3e-3)
    return Subject(net, F.cross_entropy, optimizer, x, y, validate=make_validate(net, xv, yv))


def long_tail(mixed: bool = True) -> Subject:
    """A DataFrame's images were sorted by file name, its labels were not."""
    torch.manual_seed(723)
    x, y = fashion_of(list(range(10)), TAIL)
    xv, yv = fashion_of(list(range(10)), [n // 3 for n in TAIL], validation=True)
    if mixed:
        x = x[x.flatten(1).mean(1).argsort()]  # an order that has nothing to do with the labels' one
    else:
        order = torch.randperm(len(x))
        x, y = x[order], y[order]
    model, criterion = SmallResNet(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9, weight_decay=1e-4)
    return Subject(model, criterion, optimizer, x, y, make_step(model, criterion, optimizer),
                   make_validate(model, xv, yv))  # fmt: skip


def numbered(names: list[str], as_text: bool) -> dict[str, int]:
    return {name: i for i, name in enumerate(sorted(names, key=str if as_text else int))}


def folders_sorted_as_text(as_text: bool = True) -> Subject:
    """Folders 1 to 10: numbers in training, 1, 10, 2 … in validation."""
    torch.manual_seed(724)
    x, y = fashion(3000)
    xv, yv = fashion(1000, validation=True)
    names = [str(i) for i in range(1, 11)]
    of_training, of_validation = numbered(names, False), numbered(names, as_text)
    y = torch.tensor([of_training[names[i]] for i in y])
    yv = torch.tensor([of_validation[names[i]] for i in yv])
    model, loss_fn = PatchMixer(), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return Subject(model, loss_fn, optimizer, x, y, make_step(model, loss_fn, optimizer), make_validate(model, xv, yv))


def twelve_shapes(as_text: bool = True) -> Subject:
    torch.manual_seed(725)
    x, y = colours(3000, 3, classes=12)
    xv, yv = colours(600, 4, classes=12)
    names = [str(i) for i in range(12)]
    order = sorted(names) if as_text else names
    yv = torch.tensor([order.index(names[i]) for i in yv])
    model = SmallResNet(3, classes=12)
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    @torch.no_grad()
    def validate() -> float:
        model.eval()
        hits = 0
        for images, labels in zip(xv.split(100), yv.split(100), strict=True):
            hits += (model(images).argmax(dim=1) == labels).sum().item()
        return hits / len(yv)

    return Subject(model, nn.CrossEntropyLoss(), optimizer, x, y, validate=validate)


GARMENTS = ["T-shirt", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"]


def garments_by_name(by_name: bool = True) -> Subject:
    """The catalogue's order in training, the alphabet's in the folder of validation."""
    torch.manual_seed(726)
    x, y = fashion(2500)
    xv, yv = fashion(800, validation=True)
    if by_name:
        yv = torch.tensor([sorted(GARMENTS).index(GARMENTS[i]) for i in yv])
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, 200), nn.BatchNorm1d(200), nn.ReLU(), nn.Linear(200, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return Subject(model, F.cross_entropy, optimizer, x, y, make_step(model, F.cross_entropy, optimizer),
                   make_validate(model, xv, yv))  # fmt: skip


def shifted(x: Tensor, most: int, generator: torch.Generator) -> Tensor:
    moves = torch.randint(-most, most + 1, (len(x), 2), generator=generator).tolist()
    return torch.stack([image.roll((down, right), (1, 2)) for image, (down, right) in zip(x, moves, strict=True)])


def shifted_then_split(before: bool = True) -> Subject:
    """Five shifted copies of 300 images make 1,500, of which every fifth is for validation."""
    torch.manual_seed(727)
    generator = torch.Generator().manual_seed(727)
    x, y = fashion(300)

    def copies(images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        order = torch.randperm(5 * len(images), generator=generator)
        many = torch.cat([images, *(shifted(images, 1, generator) for _ in range(4))])
        return many[order], labels.repeat(5)[order]

    if before:
        x, y = copies(x, y)
        x, y, xv, yv = x[300:], y[300:], x[:300], y[:300]
    else:
        (x, y), (xv, yv) = copies(x[60:], y[60:]), (x[:60], y[:60])
    model, criterion = conv_net(), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return Subject(model, criterion, optimizer, x, y, make_step(model, criterion, optimizer),
                   make_validate(model, xv, yv))  # fmt: skip


def mirrored_then_split(before: bool = True) -> Subject:
    torch.manual_seed(728)
    x, y = fashion(600, 9)
    if before:
        x, y = torch.cat([x, x.flip(3)]), y.repeat(2)
        order = torch.randperm(len(x))
        x, y, xv, yv = x[order[240:]], y[order[240:]], x[order[:240]], y[order[:240]]
    else:
        x, y, xv, yv = torch.cat([x[120:], x[120:].flip(3)]), y[120:].repeat(2), x[:120], y[:120]
        order = torch.randperm(len(x))
        x, y = x[order], y[order]
    net = mobile_net()
    optimizer = torch.optim.Adam(net.parameters(), lr=3e-3)
    return Subject(net, F.cross_entropy, optimizer, x, y, validate=make_validate(net, xv, yv))


def noisy_then_split(before: bool = True) -> Subject:
    """Six noisy copies of 150 pictures."""
    torch.manual_seed(729)
    x, y = colours(150, 6)

    def noisy(images: Tensor) -> Tensor:
        return images.repeat(6, 1, 1, 1) + 0.15 * torch.randn(6 * len(images), *images.shape[1:])

    if before:
        x, y = noisy(x), y.repeat(6)
        order = torch.randperm(len(x))
        x, y, xv, yv = x[order[200:]], y[order[200:]], x[order[:200]], y[order[:200]]
    else:
        x, y, xv, yv = noisy(x[33:]), y[33:].repeat(6), x[:33], y[:33]
        order = torch.randperm(len(x))
        x, y = x[order], y[order]
    model, loss_fn = SmallResNet(3, classes=6), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return Subject(model, loss_fn, optimizer, x, y, make_step(model, loss_fn, optimizer), make_validate(model, xv, yv))


def bytes_as_they_are(raw: bool = True) -> Subject:
    torch.manual_seed(730)
    (x, y), (xv, yv) = fashion_bytes(3000), fashion_bytes(1000, validation=True)
    scale = 1 if raw else 255
    x, xv = x.float().flatten(1) / scale, xv.float().flatten(1) / scale
    model = nn.Sequential(nn.Linear(784, 128), nn.Tanh(), nn.Linear(128, 64), nn.Tanh(), nn.Linear(64, 10))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return Subject(model, F.cross_entropy, optimizer, x, y, make_step(model, F.cross_entropy, optimizer),
                   make_validate(model, xv, yv))  # fmt: skip


def channels_last(reshaped: bool = True) -> Subject:
    """The pictures come as (20, 20, 3) and are reshaped to (3, 20, 20) where they should be transposed."""
    torch.manual_seed(731)

    def images(n: int, seed: int) -> tuple[Tensor, Tensor]:
        pictures, labels = shapes(n, seed)
        x = (torch.from_numpy(pictures) - 0.5) / 0.25
        return (x.reshape(-1, 3, 20, 20) if reshaped else x.movedim(-1, 1)), labels

    x, y = images(2000, 7)
    model, loss_fn = conv_net(3, 6), nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)
    return Subject(model, loss_fn, optimizer, x, y, validate=make_validate(model, *images(600, 8)))


def folder_by_folder(sort: bool = True) -> Subject:
    """Read one folder after the other, and fed in that order."""
    torch.manual_seed(732)
    x, y = fashion(3000)
    if sort:
        order = y.argsort(stable=True)
        x, y = x[order], y[order]
    model, criterion = conv_net(), nn.CrossEntropyLoss()
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return Subject(model, criterion, optimizer, x, y, make_step(model, criterion, optimizer),
                   make_validate(model, *fashion(1000, validation=True)))  # fmt: skip


PROGRAMS = (
    Program("images-shuffled-alone", "cnn", images_shuffled_alone, "labels-misaligned"),
    Program("labels-one-late", "fcn", labels_one_late, "labels-misaligned"),
    Program("rare-boots-mixed", "cnn", rare_boots, "labels-misaligned"),
    Program("long-tail-mixed", "residual", long_tail, "labels-misaligned"),
    Program("folders-sorted-as-text", "mixer", folders_sorted_as_text, "labels-misaligned"),
    Program("twelve-shapes-as-text", "residual", twelve_shapes, "labels-misaligned"),
    Program("garments-by-name", "fcn", garments_by_name, "labels-misaligned"),
    Program("shifted-then-split", "cnn", shifted_then_split, "split-overlap"),
    Program("mirrored-then-split", "cnn", mirrored_then_split, "split-overlap"),
    Program("noisy-then-split", "residual", noisy_then_split, "split-overlap"),
    Program("bytes-as-they-are", "fcn", bytes_as_they_are, "inputs-not-normalised"),
    Program("channels-last-reshaped", "cnn", channels_last, "wrong-axis-order"),
    Program("folder-by-folder", "cnn", folder_by_folder, "data-not-shuffled"),
)
