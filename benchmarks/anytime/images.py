"""FashionMNIST as the other tools get it: makeweight's split, normalised; the test images at the very end."""

from __future__ import annotations

import argparse
import json
import sys
import time
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers.setting import pixel_statistics
from makeweight.data.dataset import prepare
from makeweight.data.split import split_indices

CLASSES = 10
Part = tuple[NDArray[np.float32], NDArray[np.int64]]  # images (n, 1, 28, 28), labels (n,)


@dataclass(frozen=True)
class Asked:
    """What a search has to find, and how long it may take once its imports are done."""

    family: str
    weights: int
    seconds: float
    way: str
    begun: float = field(default_factory=time.monotonic)

    def left(self) -> float:
        """Seconds that are left; a hundredth is kept for the test images."""
        return 0.99 * self.seconds - (time.monotonic() - self.begun)

    def report(self, **found: float | int) -> None:
        """Print what was found, as JSON."""
        wall = time.monotonic() - self.begun
        sys.stdout.write(json.dumps({**found, "wall_seconds": round(wall, 1)}) + "\n")


def asked(*ways: str) -> Asked:
    """Read the command line: NETWORK such as cnn-20k, SECONDS, and the way to search if there are several."""
    parser = argparse.ArgumentParser()
    parser.add_argument("network", help="cnn-20k, fcn-100k …")
    parser.add_argument("seconds", type=float)
    parser.add_argument("--way", choices=ways, default=ways[0])
    given = parser.parse_args()
    family, budget = given.network.split("-")
    return Asked(family, 1_000 * int(budget.removesuffix("k")), given.seconds, given.way)


def training_and_validation() -> tuple[Part, Part]:
    """Return the 54,000 and 6,000 images that makeweight searches with."""
    labelled = prepare("fashion-mnist").training_images()
    split = split_indices(labelled.labels, seed=0)
    return _part(labelled.images[split.train], labelled.labels[split.train]), _part(
        labelled.images[split.validation], labelled.labels[split.validation]
    )


def test() -> Part:
    """Return the test images."""
    labelled = prepare("fashion-mnist").test_images()
    return _part(np.asarray(labelled.images), labelled.labels)


def _part(images: NDArray[np.uint8], labels: NDArray[np.int64]) -> Part:
    mean, std = pixel_statistics(np.asarray(prepare("fashion-mnist").training_images().images))
    return (np.asarray(images, np.float32) - mean) / std, np.array(labels, np.int64)
