"""A CSV whose pixels are one text, in a column called pixels: numbers with blanks between them, as FER2013 has them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from makeweight.data.own.block import Batch
from makeweight.data.own.rows import BadRow
from makeweight.data.own.table_columns import LABELS, NUMBERING, first_fields, is_number
from makeweight.data.own.table_numbers import decoded, fields_of, matrix
from makeweight.errors import DataFormatError

PIXELS, USAGE = "pixels", "usage"
MOST_NAMED = 5  # columns in one message


@dataclass(frozen=True)
class Packed:
    """How a line of such a CSV is to be read; its first line is a header."""

    separator: str
    names: tuple[str, ...]
    label: int  # position of the label
    together: int  # position of the pixels
    usage: int | None  # position of the part that a line is for
    pixels: int  # of a line
    header: bool = True

    @property
    def note(self) -> str | None:
        """Which columns are not read, if any is that does not number the lines."""
        others = _others(self.names, self.label)
        return f"columns that are left out: {_listed(self.names, others)}" if others else None


def is_packed(line: str, name: str) -> bool:
    """Say whether a first line has a column called pixels. Raises as `first_fields` does."""
    return [field.lower() for field in first_fields(line, name)[1]].count(PIXELS) == 1


def packed_of(first: str, second: str, name: str) -> Packed | None:
    """Understand the first two lines of such a file; None where it has no column that could be the label.

    Raises
    ------
    DataFormatError
        When it has no second line, or several columns could be the label; names the file.
    """
    separator, names = first_fields(first, name)
    lower = [field.lower() for field in names]
    label = next((lower.index(word) for word in LABELS if word in lower), None)
    others = _others(names, label)
    if label is None and len(others) > 1:
        raise DataFormatError(
            f"{name}, line 1: several columns could be the label: {_listed(names, others)}; call the one that is label."
        )
    if label is None and not others:
        return None
    if not second:
        raise DataFormatError(f"{name}: it has no images; give a file with some of each class.")
    together = lower.index(PIXELS)
    try:
        pixels = len(fields_of(second, separator, len(names))[together].split())
    except ValueError as error:
        raise DataFormatError(f"{name}, line 2: {error}") from error
    if not pixels:
        raise DataFormatError(f"{name}, line 2: {_pixels_reason(0, None)}")
    return Packed(
        separator, names, others[0] if label is None else label, together,
        lower.index(USAGE) if USAGE in lower else None, pixels,
    )  # fmt: skip


def rows_of(piece: bytes, columns: Packed) -> Batch:
    r"""Read lines that each end with ``\n``: images (b, d) as int32 or float64, not yet looked at, and labels as text.

    Raises
    ------
    BadRow
        For the first line that is blank, ragged, no UTF-8, or has other pixels than numbers, or not so many.
    """
    lines = decoded(piece).removesuffix("\n").split("\n")
    try:
        fields = [fields_of(line, columns.separator, len(columns.names)) for line in lines]
        images = matrix([one[columns.together].strip() for one in fields], None)
    except ValueError as error:
        raise _explained(lines, columns, error) from error
    if images.shape[1] != columns.pixels:
        raise _explained(lines, columns, ValueError("its pixels"))
    return Batch(images, np.array([one[columns.label] for one in fields], dtype=np.str_))


def _explained(lines: Sequence[str], columns: Packed, error: Exception) -> BadRow:
    """Find the first line that cannot be read, and say why."""
    for row, line in enumerate(lines):
        if reason := _reason(line, columns):
            return BadRow(row, reason)
    return BadRow(0, f"it or a line soon after cannot be read ({error}); write plain numbers with blanks between them.")


def _reason(line: str, columns: Packed) -> str | None:
    try:
        values = fields_of(line, columns.separator, len(columns.names))[columns.together].split()
    except ValueError as error:
        return str(error)
    wrong = next((place for place, value in enumerate(values, 1) if not is_number(value)), None)
    if wrong is not None:
        return f"its pixel {wrong:,} is {values[wrong - 1][:40]!r}; pixels are numbers: mend or drop the line."
    return None if len(values) == columns.pixels else _pixels_reason(len(values), columns.pixels)


def _pixels_reason(found: int, expected: int | None) -> str:
    instead = "" if expected is None else f" instead of {expected:,}"
    return f"it has {found:,} pixels{instead}; mend or drop it."


def _others(names: Sequence[str], label: int | None) -> list[int]:
    """Positions of columns that are neither pixels nor usage nor the label and do not number the lines."""
    known = (PIXELS, USAGE, *NUMBERING)
    return [place for place, name in enumerate(names) if name.lower() not in known and place != label]


def _listed(names: Sequence[str], places: Sequence[int]) -> str:
    more = f" and {len(places) - MOST_NAMED} more" if len(places) > MOST_NAMED else ""
    return ", ".join(names[place][:40] for place in places[:MOST_NAMED]) + more
