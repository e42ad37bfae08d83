"""The ranges of all values over calibration images."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from makeweight.export.c.execute import execute
from makeweight.export.c.steps import Program

BATCH = 100  # images at once: the values of all steps are there together, in float64


@dataclass(frozen=True)
class Range:
    """The smallest and the largest number, widened to hold 0."""

    low: float = 0.0
    high: float = 0.0

    def __or__(self, other: Range) -> Range:
        return Range(min(self.low, other.low), max(self.high, other.high))


@dataclass(frozen=True)
class StepRange:
    """What a step gives before and after its rule."""

    before: Range = Range()
    after: Range = Range()

    def __or__(self, other: StepRange) -> StepRange:
        return StepRange(self.before | other.before, self.after | other.after)


def ranges(program: Program, images: NDArray[np.uint8]) -> list[StepRange]:
    """Return the range of every step over (n, c, h, w) images."""
    found = [StepRange()] * len(program.steps)
    for start in range(0, len(images), BATCH):
        batch = torch.from_numpy(np.array(images[start : start + BATCH]))
        for number, values in enumerate(execute(program, batch)):
            found[number] |= StepRange(*(Range(min(0.0, float(v.min())), max(0.0, float(v.max()))) for v in values))
    return found
