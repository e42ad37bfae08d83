"""The steps in torch: the ranges of all values for int8, and a check that folding changed nothing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional

from makeweight.export.c.steps import (
    Add,
    Adjust,
    Average,
    Convolution,
    Depthwise,
    Filter,
    Floats,
    Largest,
    Pixels,
    Program,
    Rule,
    Step,
)


@torch.inference_mode()
def execute(program: Program, images: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield for each step what it gives before and after its rule, (n, c, h, w) in float64.

    Parameters
    ----------
    program : Program
    images : (n, c, h, w) uint8
    """
    values: list[Tensor] = []
    for step in program.steps:
        before = _value(step, images, values)
        rule = getattr(step, "rule", None)
        values.append(before if rule is None else _ruled(before, rule))
        yield before, values[-1]


def _value(step: Step, images: Tensor, values: list[Tensor]) -> Tensor:
    match step:
        case Pixels():
            x = images.double() - torch.from_numpy(step.mean)[:, None, None]
            return _convolved(x, step)
        case Filter() | Depthwise():
            return _convolved(values[step.source], step)
        case Largest():
            return functional.max_pool2d(values[step.source], (step.rows, step.columns))
        case Average():
            return functional.avg_pool2d(values[step.source], (step.rows, step.columns))
        case Adjust():
            return values[step.source] * torch.from_numpy(step.scale) + torch.from_numpy(step.shift)
        case Add():
            return values[step.source] + values[step.kept]
        case _:
            raise TypeError(f"no such step: {type(step).__name__}")


def _convolved(x: Tensor, step: Convolution) -> Tensor:
    weights, bias = (torch.from_numpy(numbers) for numbers in (step.weights, step.bias))
    groups = x.shape[1] // weights.shape[1]
    return functional.conv2d(x, weights, bias, step.stride, step.padding, groups=groups)


def _ruled(x: Tensor, rule: Rule) -> Tensor:
    if rule.function == "gelu":
        return functional.gelu(x)
    return torch.where(x > 0, x, x * _tensor(rule.slopes))


def _tensor(numbers: Floats) -> Tensor:
    return torch.from_numpy(numbers)


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
    seen = [StepRange()] * len(program.steps)
    for start in range(0, len(images), BATCH):
        batch = torch.from_numpy(np.array(images[start : start + BATCH]))
        for number, values in enumerate(execute(program, batch)):
            seen[number] |= StepRange(*(Range(min(0.0, float(v.min())), max(0.0, float(v.max()))) for v in values))
    return seen
