"""One part's images and labels, row by row, as a format stores them."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from makeweight.data.sources import labels
from makeweight.data.sources.rows import rows_at_once
from makeweight.data.sources.source import Part
from makeweight.errors import DataFormatError


@dataclass(frozen=True)
class Batch:
    """Some rows that follow one another."""

    images: NDArray[Any]  # (b, …) as stored
    labels: NDArray[Any]  # (b,), (b, 1) or (b, k)


class Block(Protocol):
    """The rows of one part; every call of `batches` reads them anew."""

    @property
    def part(self) -> Part:
        """The part that they are."""

    @property
    def name(self) -> str:
        """What to call the images in a message: ``name.npz, train_images``."""

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one image as stored."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the images' numbers."""

    @property
    def count(self) -> int:
        """How many rows there are; may need a pass over the file, once."""

    def batches(self) -> Iterator[Batch]:
        """Read all rows in order; a batch has one at least.

        Raises
        ------
        DataFormatError
            When the file is not what it promises.
        """

    def describe(self, row: int) -> str:
        """Say which image row `row` of this block is."""


class Column(Protocol):
    """An array read along its first axis, from a file or from memory."""

    @property
    def name(self) -> str:
        """What to call it in a message."""

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, …)."""

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of its values."""

    def pieces(self, rows: int) -> Iterator[NDArray[Any]]:
        """Read it in pieces of so many rows; the last may be shorter."""


class PairBlock:
    """A block whose images and labels are arrays of their own.

    Raises
    ------
    DataFormatError
        When they cannot be what they are called: types, dimensions, counts.
    """

    def __init__(self, part: Part, images: Column, labels: Column) -> None:
        _check_pair(images, labels)
        self.part, self._images, self._labels = part, images, labels

    @property
    def name(self) -> str:
        """Name of the images' array."""
        return self._images.name

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Shape of one image as stored."""
        return self._images.shape[1:]

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of the images' numbers."""
        return self._images.dtype

    @property
    def count(self) -> int:
        """Images, which are as many as labels."""
        return self._images.shape[0]

    def batches(self) -> Iterator[Batch]:
        """Read images and labels side by side."""
        rows = rows_at_once(_row_bytes(self._images) + _row_bytes(self._labels))
        for images, found in zip(self._images.pieces(rows), self._labels.pieces(rows), strict=True):
            yield Batch(images, found)

    def describe(self, row: int) -> str:
        """Name the array and the row: ``name.npz, train_images[17]``."""
        return f"{self.name}[{row}]"


def _row_bytes(column: Column) -> int:
    return math.prod(column.shape[1:]) * column.dtype.itemsize


def _check_pair(images: Column, found: Column) -> None:
    if images.dtype.kind not in "biuf":
        raise DataFormatError(f"{images.name}: images are numbers, but it holds {images.dtype}; store it as uint8.")
    if found.dtype.kind not in labels.KINDS:
        raise DataFormatError(f"{found.name}: labels are numbers or text, but it holds {found.dtype}; convert it.")
    if len(images.shape) < 2:
        raise DataFormatError(f"{images.name}: images have 2 to 4 dimensions, but its shape is {images.shape}.")
    if len(found.shape) not in (1, 2) or 0 in found.shape[1:]:
        shapes = "(n,), (n, 1) or (n, classes)"
        raise DataFormatError(f"{found.name}: labels have the shape {shapes}, but its shape is {found.shape}.")
    if images.shape[0] != found.shape[0]:
        raise DataFormatError(
            f"{images.name} has {images.shape[0]:,} images, but {found.name} has {found.shape[0]:,} labels; "
            "each image needs one label."
        )
