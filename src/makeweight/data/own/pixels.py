"""The one conversion of numbers to images (n, c, h, w) uint8, c 1 or 3.

What is stored as       becomes
whole numbers 0 to 255  themselves
bool                    0 and 255
uint16                  itself where no value is above 255, else value / 257, rounded (65,535 = 255 · 257)
floats                  value · 255 where no value is above 1, else themselves; rounded
gray or RGB with alpha  laid on black: value · alpha / 255, rounded

Whether 16 bits are used, and how far floats go, is decided over all images of a source: each is converted alike.
A value that does not round to 0 … 255 is an error.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makeweight.data.own.rows import BadRow, first_row, shown

#: Floats up to here are meant to end at 1: what lies above still rounds to 255, and interpolation leaves such values.
UNIT_LIMIT = 255.5 / 255


@dataclass(frozen=True)
class Scale:
    """What stored numbers are multiplied with."""

    factor: float = 1.0
    note: str | None = None  # what that changes


def limit_of(dtype: np.dtype[Any]) -> float | None:
    """Value above which the scale of such numbers is certain; None where it is certain from the type alone."""
    if dtype.kind == "f":
        return UNIT_LIMIT
    return 255.0 if dtype.kind == "u" and dtype.itemsize == 2 else None


def scale_of(dtype: np.dtype[Any], highest: float) -> Scale:
    """Choose the scale of numbers whose highest is given (which counts only where `limit_of` has a limit)."""
    if dtype.kind == "b":
        return Scale(255.0, "true and false become 255 and 0")
    limit = limit_of(dtype)
    if limit is None:
        return Scale()
    if dtype.kind == "u":
        return Scale(1 / 257, "16-bit values are divided by 257") if highest > limit else Scale()
    return Scale() if highest > limit else Scale(255.0, "values from 0 to 1 are multiplied by 255")


def to_bytes(values: NDArray[Any], scale: Scale) -> NDArray[np.uint8]:
    """Turn numbers (n, …) into bytes of the same shape.

    Raises
    ------
    BadRow
        For the first row with a value that is NaN, infinite, negative or too large.
    """
    if values.dtype == np.uint8:
        return values
    if values.dtype.kind == "b":
        return values.astype(np.uint8) * np.uint8(255)
    scaled = _scaled(values, scale.factor)
    if scaled.size and not (scaled.min() >= 0 and scaled.max() <= 255):  # also where NaN makes them NaN
        row, place = first_row(~((scaled >= 0) & (scaled <= 255)))
        raise BadRow(row, _reason(values[place], scale))
    return scaled.astype(np.uint8)


def _scaled(values: NDArray[Any], factor: float) -> NDArray[Any]:
    if factor == 1.0 and values.dtype.kind in "iu":
        return values
    working = np.float64 if values.dtype.itemsize > 4 else np.float32
    with np.errstate(over="ignore"):  # what becomes infinite is refused as such
        scaled: NDArray[Any] = np.rint(np.multiply(values, factor, dtype=working))
    return scaled


def _reason(value: Any, scale: Scale) -> str:
    if not np.isfinite(value):
        return f"a pixel is {shown(value)}; pixels are numbers from 0 to 255 or from 0 to 1: mend or drop the image."
    most = "1" if scale.factor == 255.0 else "65,535" if scale.factor < 1 else "255"
    advice = "bring the values to 0 … 255 as uint8 first" if value < 0 else "as uint16 it may be up to 65,535"
    return f"a pixel is {shown(value)}, outside 0 to {most}; {advice}."


def without_alpha(planes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay images (n, c, h, w) with 2 or 4 channels on black, by their last one: (n, c − 1, h, w)."""
    if planes.shape[1] in (1, 3):
        return planes
    colour, alpha = planes[:, :-1].astype(np.uint32), planes[:, -1:].astype(np.uint32)
    return ((colour * alpha + 127) // 255).astype(np.uint8)
