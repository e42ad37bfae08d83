"""The steps in torch: for the ranges of int8, and to check that folding changed nothing."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.nn import functional

from makeweight.export.c.steps import Add, Adjust, Average, Filter, Floats, Largest, Pixels, Program, Rule, Step


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
        case Filter():
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


def _convolved(x: Tensor, step: Pixels | Filter) -> Tensor:
    weights, bias = (torch.from_numpy(numbers) for numbers in (step.weights, step.bias))
    return functional.conv2d(x, weights, bias, step.stride, step.padding)


def _ruled(x: Tensor, rule: Rule) -> Tensor:
    if rule.function == "gelu":
        return functional.gelu(x)
    return torch.where(x > 0, x, x * _tensor(rule.slopes))


def _tensor(numbers: Floats) -> Tensor:
    return torch.from_numpy(numbers)
