"""The rows of one CSV, or those of its rows that are for one part."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makeweight.data.own import table_numbers, table_packed
from makeweight.data.own.block import Batch
from makeweight.data.own.rows import BadRow
from makeweight.data.own.source import Part
from makeweight.data.own.table_columns import Columns
from makeweight.data.own.table_lines import pieces_of
from makeweight.data.own.table_packed import Packed
from makeweight.errors import DataFormatError


class TableBlock:
    """The rows of one CSV, or some of them: ``chosen`` (n,) are their numbers, ascending."""

    dtype: np.dtype[Any] = np.dtype(np.float64)

    def __init__(
        self, part: Part, path: Path, columns: Columns | Packed, chosen: NDArray[np.int64] | None = None
    ) -> None:
        self.part, self.path, self.columns, self._chosen = part, path, columns, chosen

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.path.name

    @property
    def image_shape(self) -> tuple[int, ...]:
        """Pixels of a line."""
        return (self.columns.pixels,)

    @cached_property
    def count(self) -> int:
        """Lines but the header, counted once in a pass over the file; or those that are chosen."""
        if self._chosen is not None:
            return len(self._chosen)
        return sum(piece.count(b"\n") for piece in pieces_of(self.path)) - self.columns.header

    def batches(self) -> Iterator[Batch]:
        """Read the lines in order."""
        row, given, header = 0, 0, self.columns.header
        for piece in pieces_of(self.path):
            lines = piece.split(b"\n", 1)[1] if header else piece
            header = False
            chosen = lines if self._chosen is None else _of(lines, row, self._chosen)
            if chosen:
                yield self._rows(chosen, given)
                given += chosen.count(b"\n")
            row += lines.count(b"\n")

    def _rows(self, lines: bytes, first: int) -> Batch:
        try:
            if isinstance(self.columns, Packed):
                return table_packed.rows_of(lines, self.columns)
            return table_numbers.rows_of(lines, self.columns)
        except BadRow as bad:
            raise DataFormatError(f"{self.describe(first + bad.row)}: {bad.reason}") from bad

    def describe(self, row: int) -> str:
        """Name the file and the line, counted from 1: ``train.csv, line 18``."""
        number = row if self._chosen is None else int(self._chosen[row])
        return f"{self.name}, line {number + 1 + self.columns.header}"


def _of(lines: bytes, row: int, chosen: NDArray[np.int64]) -> bytes:
    """Keep those lines that are chosen; the first has the number ``row``."""
    first, last = np.searchsorted(chosen, (row, row + lines.count(b"\n")))
    split = lines.split(b"\n")
    return b"".join(split[place] + b"\n" for place in (chosen[first:last] - row).tolist())
