"""The one form that a user's own images are brought into: how it is chosen, and how arrays get there.

The conversion of a picture is that of `makeweight.data.picture`: upright, 16 bits to 8, transparency on black, gray by
ITU-R 601-2, scaled to fit by Lanczos, centred on black.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from makeweight.data.own.source import Shape, Survey
from makeweight.data.picture import channels_first, fitted
from makeweight.errors import InvalidValue

#: A common size up to this many pixels is kept.
KEPT_SIDE = 64
#: Longer side of everything else: CIFAR's, between what budgets of 10K to 200K weights can use.
USUAL_SIDE = 32
MOST_SIDE = 1_024


@dataclass(frozen=True)
class Form:
    """What the user asks for; None leaves it to the images."""

    size: tuple[int, int] | None = None  # (h, w)
    channels: int | None = None  # 1 or 3

    def __post_init__(self) -> None:
        if self.channels not in (None, 1, 3):
            raise InvalidValue(f"channels {self.channels} is not possible: give 1 (gray) or 3 (colour).")
        if self.size is not None and not all(1 <= side <= MOST_SIDE for side in self.size):
            height, width = self.size
            raise InvalidValue(f"image size {height}x{width} is not possible: each side is 1 to {MOST_SIDE} pixels.")


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

    Colour where any image has colour. A size that all images share is kept up to 64 pixels; a larger one is scaled to
    32 on its longer side; images of several sizes become 32 × 32.
    """
    channels = form.channels or max(c for c, _, _ in survey.shapes)
    return channels, *(form.size or _size({(h, w) for _, h, w in survey.shapes}))


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
