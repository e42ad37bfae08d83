"""How the int8 program computes a convolution: which of its functions, and its weights as that one reads them."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from makeweight.designs.workload import LANES, MAX_WINDOW
from makeweight.export.c.parts import source_shape
from makeweight.export.c.quantise import Coded
from makeweight.export.c.steps import Convolution, Depthwise, Extent, Pixels, Program

CENTRE = 128  # what is taken from a pixel to make it int8

Kind = Literal["direct", "gathered", "depthwise", "pixels"]
FUNCTIONS: dict[Kind, str] = {
    "direct": "filter_map",
    "gathered": "filter_gathered",
    "depthwise": "filter_channels",
    "pixels": "filter_pixels",
}


@dataclass(frozen=True, eq=False)
class Kernel:
    """A convolution as its function takes it."""

    kind: Kind
    weights: NDArray[np.int8]
    bias: NDArray[np.int32]
    source: Extent
    window: tuple[int, int]  # rows and columns
    zero: int = 0  # subtracted from the input; 0 where the bias makes up for it
    fill: NDArray[np.int8] | None = None  # stands for 0 outside the map, by channel
    mean: NDArray[np.uint8] | None = None


def kernel(program: Program, step: Convolution, coded: Coded) -> Kernel:
    """Choose the function of a convolution, and lay its weights out for it."""
    assert coded.weights is not None
    assert coded.bias is not None
    weights, bias, source = coded.weights, coded.bias, source_shape(program, step)
    rows, columns = window = weights.shape[2:]
    in_order = weights.transpose(0, 2, 3, 1)
    if isinstance(step, Depthwise):
        return Kernel("depthwise", weights.transpose(1, 2, 3, 0), bias, source, window, coded.source.zero)
    zeros = np.full(source[0], coded.source.zero) if coded.mean is None else coded.mean.astype(np.int64) - CENTRE
    folded = bias - np.einsum("ocij,c->o", weights.astype(np.int64), zeros)
    # No sum leaves int32 for that: input and zero both lie within what bounds the products.
    folded = folded.astype(np.int32)
    if window == source[1:] and not step.padding:
        taps = in_order.reshape(len(weights), 1, -1)
        return Kernel("direct", *_laid_out(taps, folded, coded.bits), (weights[0].size, 1, 1), (1, 1))
    if weights[0].size <= MAX_WINDOW and (rows * columns > 1 or (isinstance(step, Pixels) and step.padding)):
        taps = in_order.reshape(len(weights), 1, -1)
        whole = np.pad(taps, ((0, 0), (0, 0), (0, -taps.shape[2] % LANES)))
        outside = zeros.astype(np.int8) if coded.mean is None else coded.mean.view(np.int8)
        return Kernel("gathered", *_laid_out(whole, folded, coded.bits), source, window, fill=outside)
    if isinstance(step, Pixels) and step.padding and len(set(zeros)) > 1:
        return Kernel("pixels", in_order, bias, source, window, mean=coded.mean)
    in_rows = in_order.reshape(len(weights), rows, -1)
    if step.padding:
        return Kernel("direct", *_laid_out(in_rows, bias, coded.bits), source, window, int(zeros[0]))
    return Kernel("direct", *_laid_out(in_rows, folded, coded.bits), source, window)


def _laid_out(
    weights: NDArray[np.int8], bias: NDArray[np.int32], bits: int
) -> tuple[NDArray[np.int8], NDArray[np.int32]]:
    if bits == 8:
        return packed(weights), bias
    return few_bits(weights, bits), np.pad(bias, (0, -len(bias) % LANES))


def packed(weights: NDArray[np.int8]) -> NDArray[np.int8]:
    """Lay (o, rows, taps) weights out: four filters at a time in blocks of four taps, and the last ones as they are."""
    together = len(weights) // LANES * LANES
    groups = weights[:together].reshape(-1, LANES, *weights.shape[1:]).swapaxes(1, 2)  # (groups, rows, filters, taps)
    whole = weights.shape[2] // LANES * LANES
    blocks = groups[..., :whole].reshape(*groups.shape[:3], whole // LANES, LANES).swapaxes(2, 3)
    rest = groups[..., whole:]
    in_rows = [part.reshape(*part.shape[:2], prod(part.shape[2:])) for part in (blocks, rest)]
    return np.concatenate([np.concatenate(in_rows, axis=2).reshape(-1), weights[together:].reshape(-1)])


def few_bits(weights: NDArray[np.int8], bits: int) -> NDArray[np.int8]:
    """Lay (o, rows, taps) weights of 4 or 6 bits out as w + 8 or w + 32, filters and taps filled up to four.

    [four filters][row][four taps], and of such a block [first, second pair of filters][taps 0 and 1, taps 2 and 3]
    [filter of the pair], the earlier tap in the lower half of the byte: as words of 32 bits each pair of taps that
    ``smlad`` takes together lies 16 bits apart. These are the upper four bits; of six, a block's lower two follow as
    [taps 0 and 1, taps 2 and 3][filter][tap], the first in the lowest bits.
    """
    filled = np.pad(weights, ((0, -len(weights) % LANES), (0, 0), (0, -weights.shape[2] % LANES)))
    codes = (filled + 2 ** (bits - 1)).astype(np.uint8)
    # [group][pair of filters][filter of the pair][row][block][pair of taps][tap of the pair]
    apart = codes.reshape(-1, 2, 2, codes.shape[1], codes.shape[2] // LANES, 2, 2).transpose(0, 3, 4, 1, 5, 2, 6)
    upper, lower = apart >> bits - 4, (apart & 3).swapaxes(3, 4).reshape(*apart.shape[:3], 2, 2, 4)
    parts = [(upper[..., 0] | upper[..., 1] << 4).reshape(*apart.shape[:3], 8)]
    if bits == 6:
        parts.append((lower << np.arange(0, 8, 2, dtype=np.uint8)).sum(5, dtype=np.uint8).reshape(*apart.shape[:3], 4))
    return np.concatenate(parts, axis=3).reshape(-1).view(np.int8)
