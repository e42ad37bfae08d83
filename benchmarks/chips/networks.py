"""The networks that are measured; untrained, for the weights hardly move the count."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from makeweight.designs.architecture import Task
from makeweight.designs.cost import cost
from makeweight.designs.families import family_named
from makeweight.designs.limits import NO_LIMITS, Limits
from makeweight.designs.solver import fit
from makeweight.nets.build import Network, build

CLASSES = 10


@dataclass(frozen=True)
class Case:
    """A network by what it was designed for."""

    name: str
    family: str
    shape: tuple[int, int, int]
    budget: int
    limits: Limits = NO_LIMITS
    options: Mapping[str, Any] = field(default_factory=dict)

    def network(self) -> Network:
        """Build it with random weights."""
        architecture = fit(
            family_named(self.family), Task(self.shape, CLASSES), self.budget, self.options, self.limits
        ).architecture
        network = build(architecture, torch.Generator().manual_seed(0)).eval()
        network.get_buffer("mean").copy_(torch.linspace(100, 140, self.shape[0]))
        network.get_buffer("std").fill_(60.0)
        return network

    def images(self, count: int = 8) -> NDArray[np.uint8]:
        """Return random images."""
        return np.random.default_rng(0).integers(0, 256, (count, *self.shape), dtype=np.uint8)


def macs(network: Network) -> int:
    """Multiply–accumulate operations for one image."""
    return int(cost(network.architecture).macs)


_GRAY = (1, 28, 28)
CASES = (
    *(Case(f"CNN {budget // 1000}K, 28×28", "cnn", _GRAY, budget) for budget in (10_000, 20_000, 50_000, 100_000)),
    *(
        Case(f"CNN 20K, {side}×{side}×3, {limit}M MACs", "cnn", (3, side, side), 20_000, Limits(limit * 1_000_000))
        for side, limit in ((64, 1), (96, 2))
    ),
    Case("CNN 20K, 28×28, 16 KiB of RAM", "cnn", _GRAY, 20_000, Limits(max_ram=16 * 1024)),
    Case("mobile 20K, 28×28", "mobile", _GRAY, 20_000),
    Case("LeNet 50K, 28×28", "lenet", _GRAY, 50_000),
    Case("FCN 50K, 28×28", "fcn", _GRAY, 50_000),
)
