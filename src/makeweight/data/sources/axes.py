"""How the numbers of one image stand in an array: rows and columns, and where the channels are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from makeweight.data.form import Form
from makeweight.data.picture import MAX_PIXELS
from makeweight.data.sources.source import Shape
from makeweight.errors import DataFormatError

Order = Literal["hw", "hwc", "chw"]

#: Gray, gray with alpha, RGB, RGB with alpha.
CHANNELS = (1, 2, 3, 4)
#: The smallest side of a square that is guessed from the length of a row: one number beside another is no image.
MIN_SIDE = 2


@dataclass(frozen=True)
class Layout:
    """One image's shape as stored, and the order of its axes."""

    order: Order
    stored: tuple[int, ...]
    note: str | None = None  # what was assumed
    doubtful: bool = False  # flat colour: the order of the channels shows in the images alone

    @property
    def channels(self) -> int:
        """Channels as stored, alpha included."""
        return 1 if self.order == "hw" else self.stored[-1] if self.order == "hwc" else self.stored[0]

    @property
    def shape(self) -> Shape:
        """(c, h, w) once alpha has gone."""
        height, width = self.stored[1:] if self.order == "chw" else self.stored[:2]
        return (1 if self.channels < 3 else 3), height, width

    def planes(self, values: NDArray[Any]) -> NDArray[Any]:
        """Give values (n, …), however stored, as (n, c, h, w)."""
        images = values.reshape(len(values), *self.stored)
        if self.order == "hw":
            return images[:, None]
        return images if self.order == "chw" else images.transpose(0, 3, 1, 2)


def layout_of(shape: tuple[int, ...], form: Form, name: str) -> Layout:
    """Find the layout of one image of the stored shape: (h, w), (h, w, c), (c, h, w), or (d,) for a flat row.

    A flat row has the size that the user asked for where that fits, else it is a square.

    Raises
    ------
    DataFormatError
        When the shape is none of an image; names the array.
    """
    if not shape or 0 in shape or math.prod(shape) > MAX_PIXELS * max(CHANNELS):
        raise _no_image(shape, name)
    layout = _flat(shape[0], form, name) if len(shape) == 1 else _upright(shape, name)
    if math.prod(layout.shape[1:]) > MAX_PIXELS:
        raise _no_image(shape, name)
    return layout


def _upright(shape: tuple[int, ...], name: str) -> Layout:
    if len(shape) == 2:
        return Layout("hw", shape)
    last, first = shape[-1] in CHANNELS, shape[0] in CHANNELS
    if len(shape) != 3 or not (last or first):
        raise _no_image(shape, name)
    if not (last and first):
        return Layout("hwc" if last else "chw", shape)
    # Both could be channels: rather gray or colour than something with alpha, and rather the last axis.
    order: Order = "chw" if shape[0] in (1, 3) and shape[-1] not in (1, 3) else "hwc"
    axes = "height, width, channels" if order == "hwc" else "channels, height, width"
    return Layout(order, shape, f"images of the shape {shape} are read as {axes}")


def _flat(values: int, form: Form, name: str) -> Layout:
    squares = [(side, side) for side in (math.isqrt(values), math.isqrt(values // 3)) if side >= MIN_SIDE]
    for height, width in [form.size, *squares] if form.size else squares:
        note = f"{values:,} values a row are read as {height} × {width}"
        if height * width == values:
            return Layout("hw", (height, width), f"{note}, gray")
        if height * width * 3 == values:
            return Layout("hwc", (height, width, 3), f"{note} in colour, each pixel's three values together", True)
    raise DataFormatError(
        f"{name}: {values:,} values a row make no square image, gray or in colour; "
        "say what size they have: image_size=HEIGHTxWIDTH."
    )


def _no_image(shape: tuple[int, ...], name: str) -> DataFormatError:
    return DataFormatError(
        f"{name}: one image has the shape {shape}, but (height, width), (height, width, channels), (channels, height, "
        f"width) with 1 to 4 channels or one flat row are readable, up to {MAX_PIXELS:,} pixels; reshape the array."
    )


def settled(layout: Layout, sample: NDArray[Any]) -> Layout:
    """Choose the order of the channels of flat colour rows (n, d) by looking at some.

    Both are common: pixel by pixel, as Pillow and NumPy flatten, and plane by plane, as CIFAR has it. A pixel is like
    the one below it: w values further on in a plane, 3w where pixels are whole. Where that does not tell, as in noise,
    pixel by pixel.
    """
    if not layout.doubtful:
        return layout
    height, width = layout.shape[1:]
    rows = sample.reshape(len(sample), -1).astype(np.float64)
    if _difference(rows, width) >= _difference(rows, 3 * width) * 0.9:
        return layout
    values = 3 * height * width
    note = f"{values:,} values a row are read as {height} × {width} in colour: red, green and blue plane one by one"
    return Layout("chw", (3, height, width), note)


def _difference(rows: NDArray[np.float64], lag: int) -> float:
    return float(np.abs(rows[:, lag:] - rows[:, :-lag]).mean()) if 0 < lag < rows.shape[1] else math.inf
