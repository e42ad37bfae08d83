"""Faults in the images and labels."""

import numpy as np
import torch
from torch import nn
from torch.nn import functional

from benchmarks.diagnosis.corpus.c.blocks import accuracy, digits, fashion, standard
from benchmarks.diagnosis.corpus.program import Program, Subject


def header_row():
    """The labels' file was read with a header that it did not have, so every label belongs to the row before."""
    torch.manual_seed(311)
    raw, labels, *_ = fashion(311, 4001)
    (images,) = standard(raw[:-1])
    labels = labels[1:]
    model = nn.Sequential(
        nn.Conv2d(1, 16, 4, stride=2, padding=1),
        nn.BatchNorm2d(16),
        nn.LeakyReLU(0.1),
        nn.Conv2d(16, 32, 4, stride=2, padding=1),
        nn.BatchNorm2d(32),
        nn.LeakyReLU(0.1),
        nn.Flatten(),
        nn.Linear(32 * 49, 10),
    )
    return Subject(model, functional.cross_entropy, torch.optim.Adam(model.parameters(), 1e-3), images, labels)


def background_class():
    """Training counts a class "background" as 0; the validation set was written before that and does not."""
    torch.manual_seed(312)
    raw, labels, raw_held, held_labels = fashion(312, 3000, held_out=800)
    images, held = raw.flatten(1) / 127.5 - 1, raw_held.flatten(1) / 127.5 - 1
    classes = ["background", *map(str, range(10))]
    labels = torch.tensor([classes.index(str(int(label))) for label in labels])
    model = nn.Sequential(nn.Linear(784, 80), nn.ReLU(), nn.Dropout(0.1), nn.Linear(80, len(classes)))
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=2e-3)

    def train_step(batch, target):
        model.train()
        optimizer.zero_grad()
        loss = criterion(model(batch), target)
        loss.backward()
        optimizer.step()
        return loss

    def validation_accuracy():
        model.eval()
        with torch.inference_mode():
            return float((model(held).argmax(1) == held_labels).double().mean())

    return Subject(model, criterion, optimizer, images, labels, step=train_step, validate=validation_accuracy)


def normalised_twice():
    """The data set's transform normalises, and so does the training script that loads it."""
    torch.manual_seed(313)
    raw, labels, *_ = fashion(313, 3000)

    def transform(x):
        return (x / 255 - 0.286) / 0.353

    images = transform(transform(raw.float()))
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 100), nn.Tanh(), nn.Linear(100, 50), nn.Tanh(), nn.Linear(50, 10)
    )
    optimizer = torch.optim.SGD(model.parameters(), lr=0.05, momentum=0.9)
    return Subject(model, nn.CrossEntropyLoss(), optimizer, images, labels)


def log_of_black():
    """Brightness is perceived on a logarithmic scale; black pixels have none."""
    torch.manual_seed(314)
    raw, labels, *_ = digits(314)
    images = torch.log(raw.float() / 255).flatten(1) + 1
    model = nn.Sequential(nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10))
    return Subject(model, nn.CrossEntropyLoss(), torch.optim.RMSprop(model.parameters(), 1e-3), images, labels)


def channels_last_reshaped():
    """Coloured pictures as a photo library gives them, (n, h, w, 3), brought to (n, 3, h, w) with reshape."""
    torch.manual_seed(315)
    raw, labels, *_ = fashion(315, 4000)
    grey = raw[:, 0, ..., None].numpy() / 255
    garment, wall = np.random.default_rng(315).random((2, len(grey), 1, 1, 3))
    pictures = (grey * garment + (1 - grey) * wall * 0.6).astype(np.float32)
    images = torch.from_numpy(pictures).reshape(-1, 3, 28, 28)
    images = (images - images.mean()) / images.std()
    model = nn.Sequential(
        nn.Conv2d(3, 16, 3, stride=2, padding=1),
        nn.GroupNorm(4, 16),
        nn.ReLU(),
        nn.Conv2d(16, 32, 3, stride=2, padding=1),
        nn.GroupNorm(4, 32),
        nn.ReLU(),
        nn.Conv2d(32, 48, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        nn.Flatten(),
        nn.Linear(192, 10),
    )
    return Subject(model, nn.CrossEntropyLoss(), torch.optim.AdamW(model.parameters(), lr=2e-3), images, labels)


class Folders:
    """Reads class folder after class folder, as ``sorted(glob("*/*.png"))`` would, and trains in that order."""

    def __init__(self):
        raw, labels, raw_held, self.held_labels = fashion(316, 5000)
        folders = [(labels == k).nonzero().flatten() for k in range(10)]
        rows = torch.cat(folders)
        self.images, self.held = standard(raw[rows], raw_held)
        self.labels = labels[rows]
        self.model = nn.Sequential(
            nn.Flatten(), nn.Linear(784, 64), nn.LeakyReLU(), nn.Linear(64, 32), nn.LeakyReLU(), nn.Linear(32, 10)
        )
        self.optimizer = torch.optim.SGD(self.model.parameters(), lr=0.1)

    def step(self, x, y):
        self.optimizer.zero_grad()
        loss = functional.cross_entropy(self.model(x), y)
        loss.backward()
        self.optimizer.step()
        return loss

    def validate(self):
        return accuracy(self.model, self.held, self.held_labels)


def folder_after_folder():
    torch.manual_seed(316)
    run = Folders()
    return Subject(run.model, functional.cross_entropy, run.optimizer, run.images, run.labels, run.step, run.validate)


def shards_joined_again():
    """Eight workers wrote "their" shard, and each wrote the same one."""
    torch.manual_seed(317)
    raw, labels, *_ = fashion(317, 500)
    shard_images, shard_labels = (raw.float() - 72.9) / 90.0, labels
    images, labels = torch.cat([shard_images] * 8), torch.cat([shard_labels] * 8)
    order = torch.randperm(len(labels))
    model = nn.Sequential(
        nn.Conv2d(1, 8, 5, stride=2),
        nn.PReLU(),
        nn.Conv2d(8, 16, 5, stride=2),
        nn.PReLU(),
        nn.Flatten(),
        nn.Linear(256, 10),
    )
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    return Subject(model, nn.CrossEntropyLoss(label_smoothing=0.1), optimizer, images[order], labels[order])


class Evaluator:
    def __init__(self, model, images, labels, fraction=0.25):
        rows = torch.randperm(len(labels))[: int(fraction * len(labels))]
        self.model, self.images, self.labels = model, images[rows], labels[rows]

    def __call__(self):
        return accuracy(self.model, self.images, self.labels)


def validation_from_training():
    """The evaluator draws "a quarter of the data" after the training set was made of all of it."""
    torch.manual_seed(318)
    raw, labels, *_ = fashion(318, 2400)
    (images,) = standard(raw)
    model = nn.Sequential(
        nn.Conv2d(1, 20, 3, stride=2),
        nn.ELU(),
        nn.Conv2d(20, 40, 3, stride=2),
        nn.ELU(),
        nn.Flatten(),
        nn.Linear(1440, 10),
    )
    criterion, optimizer = nn.CrossEntropyLoss(), torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=0.01)

    def step(x, y):
        model.train()
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        return loss.detach()

    return Subject(model, criterion, optimizer, images, labels, step, Evaluator(model, images, labels))


def long_tail():
    """Each class has half as many images as the one before, down to three."""
    torch.manual_seed(319)
    raw, labels, *_ = fashion(319, 16000)
    rows = torch.cat([(labels == k).nonzero().flatten()[: 1500 // 2**k + 1] for k in range(10)])
    rows = rows[torch.randperm(len(rows))]
    (images,) = standard(raw[rows].flatten(1))
    model = nn.Sequential(nn.Linear(784, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 10))
    return Subject(model, nn.CrossEntropyLoss(), torch.optim.Adam(model.parameters()), images, labels[rows])


PROGRAMS = (
    Program("c-header-row", "cnn", header_row, "labels-misaligned", "labels"),
    Program("c-background-class", "fcn", background_class, "labels-off-by-one", "labels"),
    Program("c-normalised-twice", "fcn", normalised_twice, "inputs-not-normalised", "images"),
    Program("c-log-of-black", "fcn", log_of_black, "inputs-bad-values", "images"),
    Program("c-channels-last-reshaped", "cnn", channels_last_reshaped, "wrong-axis-order", "images"),
    Program("c-folder-after-folder", "fcn", folder_after_folder, "data-not-shuffled"),
    Program("c-shards-joined-again", "cnn", shards_joined_again, "duplicate-images", "images"),
    Program("c-validation-from-training", "cnn", validation_from_training, "split-overlap", "validate"),
    Program("c-long-tail", "fcn", long_tail, "class-imbalance", "labels"),
)
