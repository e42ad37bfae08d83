"""From float to int8: q = zero + x / scale, with weights for each filter and values for each map.

The scheme is that of B. Jacob et al. 2018, "Quantization and Training of Neural Networks for Efficient
Integer-Arithmetic-Only Inference" (arXiv:1712.05877): sums in int32 (section 2.2, equation 4), and a sum becomes int8
by a multiplier of fixed point, M = m · 2^(−shift) (equations 5 and 6). Weights are symmetric about 0 and have a scale
for each filter; the last layer's sums stay as they are and become floats.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import erf

from makeweight.export.c.execute import Range, StepRange, ranges
from makeweight.export.c.rounding import largest_code, units
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
)

WIDEST_INPUT = 255  # |q − zero|, of int8 and of pixels
# Together below 2^31, so that no sum overflows whatever the image: products of weights and inputs, and the bias.
PRODUCTS, BIAS = 2.0**30, 2.0**29
FINE = 256  # factor of an element-wise step: bits that a shift has below those of the input
SUM_FACTOR = 2.0**20  # factor of the coarser of two values that are added: 2 · 255 · 2^20 < 2^31
GELU_LOW = -4.0  # below, GELU is within 0.0002 of 0: the range of its input need not go further


@dataclass(frozen=True)
class Coding:
    """How a value is coded in int8."""

    scale: float
    zero: int


@dataclass(frozen=True, eq=False)
class Multiplier:
    """M = m · 2^(−shift); of shape (1, 1, 1), (c, 1, 1) or (c, h, w), as what it belongs to."""

    m: NDArray[np.int32]
    shift: NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Ending:
    """From an int32 sum to the int8 value."""

    above: Multiplier
    below: Multiplier | None  # for sums below 0, where a slope makes those differ
    zero: int
    table: NDArray[np.int8] | None  # (256,) of GELU


@dataclass(frozen=True, eq=False)
class Coded:
    """A step in integers; what a step has not stays as it is here."""

    source: Coding
    result: Coding
    ending: Ending | None = None  # None for a maximum, and for the scores
    weights: NDArray[np.int8] | None = None  # (o, c, rows, columns)
    bits: int = 8  # of a weight
    bias: NDArray[np.int32] | None = None  # (o,)
    mean: NDArray[np.uint8] | None = None  # (c,)
    factor: NDArray[np.int16] | None = None  # as the scale of Adjust
    shift: NDArray[np.int32] | None = None  # as that of Adjust
    kept: Coding | None = None  # how the value that is added is coded
    factors: tuple[int, ...] = ()  # of the two values of an addition
    scores: NDArray[np.float32] | None = None  # (k,) from sums to logits


def quantise(program: Program, images: NDArray[np.uint8], bits: int = 8) -> list[Coded]:
    """Code a program in int8, with the ranges that its values have over (n, c, h, w) images.

    Weights have 8, 6 or 4 bits; those of depthwise filters, which are few, have 8 either way.
    """
    seen = ranges(program, images)
    coded: list[Coded] = []
    for number, step in enumerate(program.steps):
        source = Coding(1.0, 0) if isinstance(step, Pixels) else coded[step.source].result
        kept = coded[step.kept].result if isinstance(step, Add) else None
        last = number == len(program.steps) - 1
        coded.append(_coded(program, step, source, kept, seen[number], last, bits))
    return coded


def _coded(
    program: Program, step: Any, source: Coding, kept: Coding | None, seen: StepRange, last: bool, bits: int
) -> Coded:
    if isinstance(step, Largest):
        return Coded(source, source)
    result = _scale(seen.after)
    match step:
        case Pixels() | Filter() | Depthwise():
            bits = 8 if isinstance(step, Depthwise) else bits
            return _filter(program, step, source, result, seen, last, bits)
        case Average():
            unit = np.full((1, 1, 1), source.scale / (step.rows * step.columns))
            return Coded(source, result, _ending(unit, step.rule, result, seen))
        case Adjust():
            return _adjust(step, source, result, seen)
        case Add() if kept is not None:
            coarser = max(source.scale, kept.scale)
            factors = tuple(round(SUM_FACTOR * coding.scale / coarser) for coding in (source, kept))
            unit = np.full((1, 1, 1), coarser / SUM_FACTOR)
            return Coded(source, result, _ending(unit, step.rule, result, seen), kept=kept, factors=factors)
        case _:
            raise TypeError(f"no int8 for {type(step).__name__}")


def _filter(
    program: Program, step: Convolution, source: Coding, result: Coding, seen: StepRange, last: bool, bits: int
) -> Coded:
    weights, unit = _weights(step, source, bits)
    sums = unit * source.scale
    bias, mean = step.bias, None
    if isinstance(step, Pixels):
        mean = np.clip(np.rint(step.mean), 0, 255).astype(np.uint8)
        # The bias makes up for the rounding of the means, but for what padding leaves out at the edges.
        bias = bias + np.einsum("ocij,c->o", weights, mean - step.mean) * unit
    coded = Coded(source, result, weights=weights, bits=bits, bias=np.rint(bias / sums).astype(np.int32), mean=mean)
    if last and _are_scores(program, step):
        return replace(coded, scores=sums.astype(np.float32))
    return replace(coded, ending=_ending(sums[:, None, None], step.rule, result, seen))


def _weights(step: Convolution, source: Coding, bits: int) -> tuple[NDArray[np.int8], Floats]:
    """Return the weights of each filter and its unit: the finest that keeps weights, products and bias in range."""
    flat, largest = np.abs(step.weights.reshape(len(step.weights), -1)), largest_code(bits)
    own = units(torch.from_numpy(step.weights), bits).numpy()
    unit = np.maximum.reduce((own, flat.sum(1) * WIDEST_INPUT / PRODUCTS, np.abs(step.bias) / source.scale / BIAS))
    unit[unit == 0] = 1.0  # nothing but zeros
    return np.clip(np.rint(step.weights / unit[:, None, None, None]), -largest, largest).astype(np.int8), unit


def _are_scores(program: Program, step: Convolution) -> bool:
    """Whether a last step is a plain sum over all that it reads, as every fully connected layer is."""
    if not isinstance(step, Filter):
        return False
    return step.rule is None and not step.padding and step.weights.shape[1:] == program.steps[step.source].shape


def _adjust(step: Adjust, source: Coding, result: Coding, seen: StepRange) -> Coded:
    unit = np.maximum(np.abs(step.scale) * source.scale / FINE, np.abs(step.shift) / BIAS)
    unit[unit == 0] = 1.0
    factor = np.rint(step.scale * source.scale / unit).astype(np.int16)
    shift = np.rint(step.shift / unit).astype(np.int32)
    return Coded(source, result, _ending(unit, step.rule, result, seen), factor=factor, shift=shift)


def _scale(seen: Range) -> Coding:
    """Spread a range over the 256 values of int8, with a whole number for 0 (section 2.1 of the paper)."""
    scale = (seen.high - seen.low) / 255
    if scale == 0:
        return Coding(1.0, 0)
    return Coding(scale, int(np.clip(np.rint(-128 - seen.low / scale), -128, 127)))


def _ending(unit: Floats, rule: Rule | None, result: Coding, seen: StepRange) -> Ending:
    if rule is not None and rule.function == "gelu":
        entry = _scale(Range(max(seen.before.low, GELU_LOW), seen.before.high))
        return Ending(_multiplier(unit / entry.scale), None, entry.zero, _gelu(entry, result))
    above = _multiplier(unit / result.scale)
    # Where all that is below 0 becomes 0 it is below the range, and clamped to it.
    below = None if rule is None or not rule.slopes.any() else _multiplier(unit * rule.slopes / result.scale)
    return Ending(above, below, result.zero, None)


def _multiplier(value: Floats) -> Multiplier:
    """Return the nearest m · 2^(−shift) with 31 bits of m and a shift of 1 to 62; what is smaller is 0."""
    fraction, exponent = np.frexp(value)
    m, shift = np.rint(fraction * 2.0**31), 31 - exponent.astype(np.int64)
    rounded_up = np.abs(m) == 2.0**31
    m, shift = np.where(rounded_up, m / 2, m), np.where(rounded_up, shift - 1, shift)
    m = np.where(shift > 62, 0, np.where(shift < 1, np.sign(m) * (2.0**31 - 1), m))
    return Multiplier(m.astype(np.int32), np.clip(shift, 1, 62).astype(np.uint8))


def _gelu(entry: Coding, result: Coding) -> NDArray[np.int8]:
    """Return GELU (Hendrycks and Gimpel 2016) from int8 to int8."""
    x = (np.arange(-128, 128) - entry.zero) * entry.scale
    y = x * 0.5 * (1 + erf(x / np.sqrt(2)))
    q: NDArray[np.int8] = np.clip(np.rint(y / result.scale) + result.zero, -128, 127).astype(np.int8)
    return q
