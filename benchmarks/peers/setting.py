"""What every contestant gets, and what it must give."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.workloads import TRAINING_IMAGES, Workload
from makeweight.data.dataset import LabelledImages, prepare
from makeweight.data.split import split_indices
from makeweight.designs.architecture import Architecture

LEARNING_RATE = 1e-3  # of Adam, for everybody: speed does not depend on it


@dataclass(frozen=True)
class Setting:
    """The same network, images, batch size and threads for everybody."""

    architecture: Architecture
    labelled: LabelledImages  # all of the official training part: images (n, c, h, w) uint8
    rows: NDArray[np.int64]  # those of the training split that are trained on, (m,)
    unseen: NDArray[np.int64]  # all of the validation split
    batch_size: int
    passes: int  # over the rows, in one leg
    threads: int

    @property
    def labels(self) -> NDArray[np.int64]:
        """(m,)."""
        return np.asarray(self.labelled.labels[self.rows])

    def images(self) -> NDArray[np.uint8]:
        """(m, c, h, w)."""
        return np.asarray(self.labelled.images[self.rows])

    def normalised(self) -> NDArray[np.float32]:
        """(m, c, h, w) with mean 0 and standard deviation 1 over everything."""
        images = self.images()
        mean, std = pixel_statistics(images)
        return ((images.astype(np.float32) - mean) / std).astype(np.float32)


@dataclass(frozen=True)
class Outcome:
    """What a leg says about itself."""

    loss: float  # mean cross-entropy of its last pass
    seconds: float | None = None  # of training, where the contestant measures them itself


@dataclass(frozen=True)
class Trainer:
    """A network that is ready to train."""

    weights: int  # trainable scalars
    precision: str
    leg: Callable[[], Outcome]  # trains setting.passes times over the rows


def setting_of(workload: Workload, threads: int) -> Setting:
    """Open FashionMNIST and design the network."""
    labelled = prepare("fashion-mnist").training_images()
    split = split_indices(labelled.labels, seed=0)
    if workload.images > len(split.train):
        raise ValueError(
            f"workload {workload.name!r} wants {workload.images:,} rows, and the training split has "
            f"{len(split.train):,}. Use at most {TRAINING_IMAGES:,}, and copies for more."
        )
    rows = np.tile(split.train[: workload.images], workload.copies)
    architecture = workload.design().architecture
    return Setting(architecture, labelled, rows, split.validation, workload.batch_size, workload.passes, threads)


def pixel_statistics(images: NDArray[np.uint8]) -> tuple[float, float]:
    """Mean and standard deviation of uint8 pixels."""
    return float(images.mean(dtype=np.float64)), float(images.std(dtype=np.float64))
