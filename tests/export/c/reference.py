"""What the int8 program must compute, bit by bit: its steps in integers of NumPy, one number after another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from makeweight.export.c.quantise import Coded, Ending, Multiplier
from makeweight.export.c.steps import Add, Adjust, Average, Convolution, Largest, Pixels, Program, Step

Numbers = NDArray[np.int64]


def logits(program: Program, coded: Sequence[Coded], image: NDArray[np.uint8]) -> NDArray[np.float32]:
    """Return the (k,) logits of a (c, h, w) image."""
    values: list[Numbers] = []
    for step, code in zip(program.steps, coded, strict=True):
        sums = _sums(step, code, image, values)
        if code.scores is not None:
            return sums.reshape(-1).astype(np.float32) * code.scores
        values.append(sums if code.ending is None else _finished(sums, code.ending))
    last = coded[-1].result
    return (values[-1].reshape(-1) - last.zero).astype(np.float32) * np.float32(last.scale)


def _sums(step: Step, code: Coded, image: NDArray[np.uint8], values: Sequence[Numbers]) -> Numbers:
    match step:
        case Pixels():
            return _convolved(step, code, image.astype(np.int64) - code.mean[:, None, None])
        case Largest():
            return _windows(step, values[step.source]).max((3, 4))
        case Average():
            return _windows(step, values[step.source] - code.source.zero).sum((3, 4))
        case Adjust():
            return (values[step.source] - code.source.zero) * code.factor + code.shift
        case Add():
            factor, kept_factor = code.factors
            kept = (values[step.kept] - code.kept.zero) * kept_factor
            return (values[step.source] - code.source.zero) * factor + kept
        case _:
            return _convolved(step, code, values[step.source] - code.source.zero)


def _convolved(step: Convolution, code: Coded, x: Numbers) -> Numbers:
    _, depth, rows, columns = code.weights.shape
    padded = np.pad(x, ((0, 0), *[(step.padding, step.padding)] * 2))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (rows, columns), (1, 2))
    windows = windows[:, :: step.stride, :: step.stride]
    grouped = "cijrs,crs->cij" if depth < len(x) else "cijrs,ocrs->oij"
    weights = code.weights.astype(np.int64)
    return np.einsum(grouped, windows, weights[:, 0] if depth < len(x) else weights) + code.bias[:, None, None]


def _windows(step: Largest | Average, x: Numbers) -> Numbers:
    windows = np.lib.stride_tricks.sliding_window_view(x, (step.rows, step.columns), (1, 2))
    return windows[:, :: step.rows, :: step.columns]


def _finished(sums: Numbers, ending: Ending) -> Numbers:
    q = _scaled(sums, ending.above)
    if ending.below is not None:
        q = np.where(sums < 0, _scaled(sums, ending.below), q)
    q = np.clip(q + ending.zero, -128, 127)
    return q if ending.table is None else ending.table[q + 128].astype(np.int64)


def _scaled(sums: Numbers, multiplier: Multiplier) -> Numbers:
    """Round halves away from 0."""
    product, shift = sums * multiplier.m, multiplier.shift.astype(np.int64)
    return np.sign(product) * ((np.abs(product) + (np.int64(1) << (shift - 1))) >> shift)
