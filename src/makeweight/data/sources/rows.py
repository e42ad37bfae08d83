"""How many rows are handled at once, and what is raised for one that cannot be used."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from makeweight.data.sources.source import CHUNK_IMAGES

#: Stored bytes that are handled at once. Conversion needs a few times as much.
BATCH_BYTES = 4 << 20


class BadRow(Exception):
    """A row of an array breaks a rule; whoever knows where the array stands turns it into a message.

    Attributes
    ----------
    row : int
        Its number in the array, from 0.
    reason : str
        What is wrong and what to do, as the rest of a sentence.
    """

    def __init__(self, row: int, reason: str) -> None:
        super().__init__(reason)
        self.row, self.reason = row, reason


def rows_at_once(row_bytes: int) -> int:
    """Rows of so many bytes that are handled at once: at least one."""
    return max(1, min(CHUNK_IMAGES, BATCH_BYTES // max(1, row_bytes)))


def first_row(wrong: NDArray[np.bool_]) -> tuple[int, tuple[int, ...]]:
    """First row of (n, …) with a true value, and that value's place: (row, index into the array)."""
    place = np.unravel_index(int(np.argmax(wrong)), wrong.shape)
    index = tuple(int(axis) for axis in place)
    return index[0], index


def shown(value: Any) -> str:
    """Write a value of an array for a message."""
    return f"{value:g}" if isinstance(value, float | np.floating) else str(value)
