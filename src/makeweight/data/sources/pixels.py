"""The one conversion of numbers to images (n, c, h, w) uint8, c 1 or 3.

What is stored as       becomes
whole numbers 0 to 255  themselves
bool                    0 and 255
uint16                  itself where no value is above 255, else value / 257, rounded (65,535 = 255 · 257)
floats                  value · 255 where no value is above 1, else themselves; rounded
gray or RGB with alpha  laid on black: value · alpha / 255, rounded

Whether 16 bits are used, and how far floats go, is decided over all images of a source: each is converted alike.
Anything else needs a scale from the user. A value that does not round to 0 … 255 is an error.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makeweight.data.form import STANDARDISED, ends_of
from makeweight.data.sources.rows import BadRow, first_row, shown

#: Floats up to here are meant to end at 1: what lies above still rounds to 255, and interpolation leaves such values.
UNIT_LIMIT = 255.5 / 255
#: Where no number is above this, 255 is probably not white: the brightest pixel of all images would be dark gray.
DIM = 127
TWELVE_BITS = 4_095


@dataclass(frozen=True)
class Scale:
    """The numbers that are black and white."""

    low: Any = 0.0  # a number, or (c, 1, 1) for the channels
    high: Any = 255.0
    note: str | None = None  # what that changes

    @property
    def factor(self) -> Any:
        """What numbers are multiplied with once `low` is taken away."""
        return 255.0 / (self.high - self.low)


def limit_of(dtype: np.dtype[Any]) -> float | None:
    """Value above which the scale of such numbers is certain; None where it is certain from the type alone."""
    if dtype.kind == "f":
        return UNIT_LIMIT
    return 255.0 if dtype.kind == "u" and dtype.itemsize == 2 else None


def scale_of(dtype: np.dtype[Any], highest: float) -> Scale:
    """Choose the scale of numbers whose highest is given (which counts only where `limit_of` has a limit)."""
    if dtype.kind == "b":
        return Scale(0.0, 1.0, "true and false become 255 and 0")
    limit = limit_of(dtype)
    if limit is None:
        return Scale()
    if dtype.kind == "u":
        return Scale(0.0, 65_535.0, "16-bit values are divided by 257") if highest > limit else Scale()
    return Scale() if highest > limit else Scale(0.0, 1.0, "values from 0 to 1 are multiplied by 255")


def asked_for(scale: str, all_planes: Iterable[NDArray[Any]]) -> Scale:
    """Give the scale that the user asks for; standardised numbers (n, c, h, w) are looked through for their ends."""
    if scale != STANDARDISED:
        low, high = ends_of(scale)
        return Scale(low, high, f"numbers are read as {scale}, black to white")
    ends: list[NDArray[Any]] = []
    for planes in all_planes:
        new = [np.fmin.reduce(planes, axis=(0, 2, 3)), np.fmax.reduce(planes, axis=(0, 2, 3))]
        ends = [np.fmin(ends[0], new[0]), np.fmax(ends[1], new[1])] if ends else new
    lows, highs = (end.astype(np.float64)[:, None, None] for end in ends)
    return Scale(
        lows, np.where(highs > lows, highs, lows + 1), "each channel's lowest number becomes 0 and its highest 255"
    )


def to_bytes(values: NDArray[Any], scale: Scale) -> NDArray[np.uint8]:
    """Turn numbers (n, …) into bytes of the same shape.

    Raises
    ------
    BadRow
        For the first row with a value that is NaN, infinite, negative or too large.
    """
    plain = np.ndim(scale.low) == 0 and (scale.low, scale.high) == (0, 255)
    if values.dtype == np.uint8 and plain:
        return values
    scaled = values if plain and values.dtype.kind in "iu" else _scaled(values, scale)
    if scaled.size and not (scaled.min() >= 0 and scaled.max() <= 255):  # also where NaN makes them NaN
        row, place = first_row(~((scaled >= 0) & (scaled <= 255)))
        raise BadRow(row, _reason(values[place], scale))
    return scaled.astype(np.uint8)


def _scaled(values: NDArray[Any], scale: Scale) -> NDArray[Any]:
    working = np.float64 if values.dtype.itemsize > 4 else np.float32
    with np.errstate(over="ignore"):  # what becomes infinite is refused as such
        shifted = values if np.ndim(scale.low) == 0 and scale.low == 0 else values - np.asarray(scale.low, working)
        scaled: NDArray[Any] = np.rint(np.multiply(shifted, np.asarray(scale.factor, working), dtype=working))
    return scaled


def _reason(value: Any, scale: Scale) -> str:
    if not np.isfinite(value):
        return f"a pixel is {shown(value)}; pixels are numbers from 0 to 255 or from 0 to 1: mend or drop the image."
    ends = f"{scale.low:,.6g} to {scale.high:,.6g}" if np.ndim(scale.low) == 0 else "the others' range"
    likely = f"scale=-1..1, scale={STANDARDISED}" if value < 0 else "scale=0..1023, scale=0..65535"
    return (
        f"a pixel is {shown(value)}, outside {ends}; say which numbers are black and white, as in {likely} …, or bring "
        "them to 0 … 255."
    )


def dim_doubt(highest: float, name: str) -> str | None:
    """Doubt numbers that are read as 0 to 255 where none is above the half of that."""
    if not 0 < highest <= DIM:
        return None
    likely = next(top for top in (1, 15, 16, 31, 63, 64, 100, DIM) if highest <= top)
    return (
        f"{name}: no pixel is above {highest:g}, where 255 is white, so the images would be nearly black and pictures "
        f"for makeweight predict would not look like them. Say what the numbers mean: scale=0..{likely} where "
        f"{likely} is white, or scale=0..255 if the images are that dark."
    )


def dim_note(highest: int) -> tuple[str, ...]:
    """Say that values of 16 bits use 12 or fewer, as microscopes write them; the upper 8 bits leave them nearly black.

    Nothing is multiplied unasked: of one picture alone, as `makeweight predict` gets it, nobody knows the bits.
    """
    if not 0 < highest <= TWELVE_BITS:
        return ()
    factor = 1 << (16 - highest.bit_length())
    return (
        f"no value of 16 bits is above {highest:,}, so these images come out nearly black: multiply their values by "
        f"{factor:,} first, here and for makeweight predict",
    )


def without_alpha(planes: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Lay images (n, c, h, w) with 2 or 4 channels on black, by their last one: (n, c − 1, h, w)."""
    if planes.shape[1] in (1, 3):
        return planes
    colour, alpha = planes[:, :-1].astype(np.uint32), planes[:, -1:].astype(np.uint32)
    return ((colour * alpha + 127) // 255).astype(np.uint8)
