"""The one form that a user's own images are brought into: how it is chosen, and how arrays get there.

The conversion of a picture is that of `makeweight.data.picture`: upright, 16 bits to 8, transparency on black, gray by
ITU-R 601-2, scaled to fit by Lanczos, centred on black.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from makeweight.data.picture import channels_first, fitted
from makeweight.data.sources.source import Shape, Survey
from makeweight.errors import InvalidValue

#: A common size up to this many pixels is kept: STL-10's.
KEPT_SIDE = 96
#: Longer side of everything else: CIFAR's, between what budgets of 10K to 200K weights can use.
USUAL_SIDE = 32
MAX_SIDE = 1_024
STANDARDISED = "standardised"
LEVELS = {"part", "class", "*"}


@dataclass(frozen=True)
class Form:
    """What the user asks for; None leaves it to the images."""

    size: tuple[int, int] | None = None  # (h, w)
    channels: int | None = None  # 1 or 3
    scale: str | None = None  # what the numbers of arrays mean: LOW..HIGH for black and white, or standardised
    layout: str | None = None  # what the levels of folders are: part, class or *, as in part/class
    label: str | None = None  # the column of a table that has the labels
    follow_links: bool = False  # out of a folder of pictures too
    workers: int | None = None  # processes that decode pictures; changes nothing about the images

    def __post_init__(self) -> None:
        if self.channels not in (None, 1, 3):
            raise InvalidValue(f"channels {self.channels} is not possible: give 1 (gray) or 3 (colour).")
        if self.size is not None and not all(1 <= side <= MAX_SIDE for side in self.size):
            height, width = self.size
            raise InvalidValue(f"image size {height}x{width} is not possible: each side is 1 to {MAX_SIDE} pixels.")
        if self.scale not in (None, STANDARDISED):
            ends_of(str(self.scale))
        levels = (self.layout or "class").split("/")
        if "class" not in levels or not {*levels} <= LEVELS or levels.count("part") > 1:
            raise InvalidValue(
                f"layout {self.layout!r} is not possible: say what each level of folders is, part, class or *, with "
                "one class at least, as in part/class."
            )


def ends_of(scale: str) -> tuple[float, float]:
    """Read black and white of a scale: -1..1 is (-1, 1).

    Raises
    ------
    InvalidValue
        If it is no scale.
    """
    low, separator, high = scale.partition("..")
    with suppress(ValueError):
        ends = float(low), float(high)
        if separator and ends[0] < ends[1] < float("inf") and ends[0] > -float("inf"):
            return ends
    raise InvalidValue(
        f"scale {scale!r} is not possible: give the numbers of black and white, as in 0..1, 0..16, 0..255 or -1..1, or "
        f"{STANDARDISED}."
    )


def parse_size(text: str) -> tuple[int, int]:
    """Read an image size: 32, or height and width as in 24x32.

    Raises
    ------
    InvalidValue
        If it is neither.
    """
    match = re.fullmatch(r"(\d{1,5})(?:[x×](\d{1,5}))?", text.strip().lower())
    if match is None:
        raise InvalidValue(f"image size {text!r} is not possible: write one side as in 32, or height and width: 24x32.")
    height = int(match[1])
    return height, int(match[2] or height)


def choose_shape(survey: Survey, form: Form) -> Shape:
    """Choose (c, h, w) of the prepared images.

    Colour where any image has colour. A size that all images share is kept up to 96 pixels; a larger one is scaled to
    32 on its longer side; images of several sizes become 32 × 32.
    """
    channels = form.channels or max(c for c, _, _ in survey.shapes)
    return channels, *(form.size or _size({(h, w) for _, h, w in survey.shapes}))


def sized(survey: Survey, form: Form, shape: Shape) -> Iterator[str]:
    """Explain a size that nobody asked for, by what it costs."""
    sizes = {(h, w) for _, h, w in survey.shapes}
    if form.size is None and sizes != {shape[1:]}:
        height, width = max(sizes)
        before = f"{height} × {width}" if len(sizes) == 1 else f"of {len(sizes):,} sizes, up to {height} × {width},"
        yield (
            f"the originals are {before} and become {shape[1]} × {shape[2]}, where each unit of an FCN's first layer "
            f"costs {math.prod(shape):,} weights and not {shape[0] * height * width:,}; image_size=SIDE changes that"
        )


def _size(sizes: set[tuple[int, int]]) -> tuple[int, int]:
    if len(sizes) > 1:
        return USUAL_SIDE, USUAL_SIDE
    height, width = next(iter(sizes))
    longer = max(height, width)
    if longer <= KEPT_SIDE:
        return height, width
    return max(1, round(height * USUAL_SIDE / longer)), max(1, round(width * USUAL_SIDE / longer))


def convert(images: NDArray[np.uint8], shape: Shape) -> NDArray[np.uint8]:
    """Bring images (n, c, h, w), c 1 or 3, into the form ``shape``: (n, *shape)."""
    if images.shape[1:] == shape:
        return images
    if images.shape[2:] == shape[1:] and images.shape[1] == 1:
        return np.repeat(images, shape[0], axis=1)
    return np.stack([_converted(image, shape) for image in images]) if len(images) else np.empty((0, *shape), np.uint8)


def _converted(image: NDArray[np.uint8], shape: Shape) -> NDArray[np.uint8]:
    from PIL import Image

    plane = image[0] if image.shape[0] == 1 else np.ascontiguousarray(image.transpose(1, 2, 0))
    mode = "L" if shape[0] == 1 else "RGB"
    return channels_first(fitted(Image.fromarray(plane).convert(mode), *shape[1:]))


def shrink(images: NDArray[np.uint8], side: int) -> NDArray[np.uint8]:
    """Scale images (n, c, h, w) down until no side is longer than ``side``, each pixel the mean of a block."""
    height, width = images.shape[2:]
    step = -(-max(height, width) // side)
    if step == 1:
        return images
    rows, columns = (np.arange(0, length, step) for length in (height, width))
    sums = np.add.reduceat(np.add.reduceat(images, rows, axis=2, dtype=np.uint32), columns, axis=3)
    areas = np.outer(np.diff(np.append(rows, height)), np.diff(np.append(columns, width)))
    means: NDArray[np.uint8] = (sums // areas).astype(np.uint8)
    return means
