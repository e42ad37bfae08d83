"""What every format is written from: a network with its preprocessing, its facts, and images to calibrate on."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import PurePath

import numpy as np
import torch
from torch import Tensor, nn

import makeweight
from makeweight.data.dataset import PreparedDataset
from makeweight.data.picture import border_brightness
from makeweight.errors import InvalidValue
from makeweight.export.c.rounding import BITS
from makeweight.export.facts import Facts, Pixels, Probabilities
from makeweight.jobs.result import Job
from makeweight.nets.build import Network
from makeweight.nets.load import load_network
from makeweight.store.rows import JobRow
from makeweight.store.store import Store, done
from makeweight.wording import join_words, percent, plural

# More bring nothing: CNN 10K on FashionMNIST in int8 has the class of float32 for 99.5 % of the test images with 512,
# 2,048 and 8,192 of them, and for 99.7 % with 32.
CALIBRATION_IMAGES = 512
MAX_EPOCHS, DEFAULT_EPOCHS = 1_000, 5  # of fine-tuning
BORDER_IMAGES = 1_000  # as many as `makeweight features` looks at


class Deployable(nn.Module):
    """Images as they come, (n, c, h, w) uint8, to probabilities (n, k)."""

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.network = network

    def forward(self, image: Tensor) -> Tensor:
        """Normalise, classify, and make the logits probabilities."""
        logits: Tensor = self.network(self.network.normalise(image, torch.float32))
        return logits.softmax(1)

    @torch.inference_mode()
    def answer(self, images: Pixels) -> Probabilities:
        """Do the same with arrays."""
        probabilities: Probabilities = self(torch.from_numpy(np.array(images))).numpy()
        return probabilities


@dataclass(frozen=True)
class Int8:
    """How int8 files are made.

    Raises
    ------
    InvalidValue
        If a value is outside its range.
    """

    bits: int = 8  # of a weight: 8, or in C also 6 or 4
    epochs: int | None = None  # of fine-tuning with rounded weights; by default 5 below 8 bits, and none with 8

    def __post_init__(self) -> None:
        if self.bits not in BITS:
            raise InvalidValue(f"bits={self.bits} is not possible: give {join_words(map(str, BITS), 'or')}.")
        if self.epochs is not None and not 0 <= self.epochs <= MAX_EPOCHS:
            raise InvalidValue(f"qat={self.epochs} is not possible: give 0 to {MAX_EPOCHS:,} epochs.")

    @property
    def fine_tuning(self) -> int:
        """Epochs of it."""
        return (DEFAULT_EPOCHS if self.bits < 8 else 0) if self.epochs is None else self.epochs


def int8_from(int8: bool, bits: int | None, qat: int | None) -> Int8 | None:
    """Return how int8 files are to be made, of a user's arguments; None for none.

    Raises
    ------
    InvalidValue
        If a value is outside its range, or says something of int8 that isn't asked for.
    """
    for name, value in (("bits", bits), ("qat", qat)):
        if value is not None and not int8:
            raise InvalidValue(f"{name}={value} is for int8: add int8=True.")
    return Int8(8 if bits is None else bits, qat) if int8 else None


@dataclass(frozen=True)
class Deployment:
    """A finished run, ready to be written in any format."""

    module: Deployable  # in float32 on the processor, in evaluation mode
    facts: Facts
    calibration: Pixels  # training images; neither validation nor test images
    achieved: str = ""  # a sentence: the accuracy that the run had at its end
    int8: Int8 = Int8()  # how int8 files are made
    fine_tuned: Network | None = None  # what they are made from, where it isn't the network of the run

    def answer(self, images: Pixels) -> Probabilities:
        """Return PyTorch's probabilities."""
        return self.module.answer(images)

    @property
    def for_int8(self) -> Deployment:
        """What int8 files are made from."""
        return self if self.fine_tuned is None else replace(self, module=Deployable(self.fine_tuned).eval())

    @property
    def quantisation(self) -> str:
        """Words on how its weights came to int8; empty where they were only rounded to 8 bits."""
        bits = f"weights of {self.int8.bits} bits"
        if self.fine_tuned is None:
            return bits if self.int8.bits < 8 else ""
        more = plural(self.int8.fine_tuning, "more epoch")
        return f"{bits}, from a copy of the network that was trained for {more} with its weights rounded"


def deployment_of(store: Store, row: JobRow, data: PreparedDataset) -> Deployment:
    """Bring together what the files of a finished run are made from. The test images stay closed.

    Raises
    ------
    StoreError
        If the run is not finished, or its file is missing or damaged.
    """
    network = load_network(row.job.architecture, store.weights(row))
    return Deployment(Deployable(network).eval(), _facts(row, data), _calibration(row.job, data), _achieved(row))


def _achieved(row: JobRow) -> str:
    result = done(row)
    share = f"{percent(result.test_accuracy)} of the test images"
    return f"At the end of its training, in {result.environment.precision}, the run had {share} right."


def _facts(row: JobRow, data: PreparedDataset) -> Facts:
    job = row.job
    return Facts(
        makeweight=makeweight.__version__,
        network=job.network_id.label,
        run=job.key[:12],
        seed=job.seed,
        dataset=PurePath(data.name).name,  # where the data lay is nobody else's business
        data_digest=data.digest,
        image_shape=data.image_shape,
        class_names=data.class_names,
        border=round(border_brightness(data.training_images().images[:BORDER_IMAGES]), 1),
        budget=job.budget,
        weights=row.weights,
    )


def _calibration(job: Job, data: PreparedDataset) -> Pixels:
    """Draw from the training split, seeded, so that the same run gives the same file."""
    labelled = data.training_images()
    rows = data.split(job.recipe.validation, job.split_seed).train
    chosen = np.random.default_rng(0).permutation(rows)[:CALIBRATION_IMAGES]
    return np.asarray(labelled.images[np.sort(chosen)])
