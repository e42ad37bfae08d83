"""The trainings that are timed: a network, a batch size and so many images a leg."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from makeweight.designs.architecture import Task
from makeweight.designs.families import family_named
from makeweight.designs.solver import Design, fit

TRAINING_IMAGES = 54_000  # FashionMNIST's, without the validation images
TASK = Task((1, 28, 28), 10)

# A network that every peer can express: Linear and ReLU, nothing else.
PLAIN = {"activation": "relu", "norm": "none", "dropout": 0.0, "input_dropout": 0.0}


@dataclass(frozen=True)
class Workload:
    """One training, timed leg by leg."""

    name: str
    family: str
    budget: int  # weights
    batch_size: int
    images: int  # rows of the training split that are used
    passes: int = 1  # over those rows, in one leg
    copies: int = 1  # times that each row stands in the training data
    options: Mapping[str, Any] = field(default_factory=dict)  # of the family; empty for its default network
    plain: bool = False  # only Linear and ReLU, so that scikit-learn takes part

    @property
    def leg_images(self) -> int:
        """Images trained on in one leg."""
        return self.images * self.copies * self.passes

    def design(self) -> Design:
        """Design the network."""
        return fit(family_named(self.family), TASK, self.budget, dict(self.options))

    def quick(self) -> Workload:
        """Shrink it until it only tests the benchmark; what it measures then means nothing."""
        return replace(self, images=min(self.images, 2 * self.batch_size + 2), passes=1)

    def to_json(self) -> str:
        """JSON, for the command line of a worker."""
        return json.dumps(asdict(self))

    @staticmethod
    def from_json(text: str) -> Workload:
        """Read what :meth:`to_json` wrote."""
        return Workload(**json.loads(text))


WORKLOADS = (
    Workload("fcn-100k", "fcn", 100_000, 512, TRAINING_IMAGES, passes=3, options=PLAIN, plain=True),
    Workload("fcn-100k-default", "fcn", 100_000, 512, TRAINING_IMAGES, passes=3),
    Workload("cnn-100k", "cnn", 100_000, 256, 8_192),
    Workload("cnn-10k", "cnn", 10_000, 256, 16_384),
)


def workload_named(name: str) -> Workload:
    """Find a workload by its name."""
    return next(workload for workload in WORKLOADS if workload.name == name)
