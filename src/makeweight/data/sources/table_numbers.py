"""Lines of a CSV to labels and pixels."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makeweight.data.sources.block import Batch
from makeweight.data.sources.rows import BadRow
from makeweight.data.sources.table_columns import Columns, is_number, split

#: Removes all that a line of whole numbers is made of.
_WHOLE = dict.fromkeys(map(ord, "0123456789-,;\t "))


def rows_of(piece: bytes, columns: Columns) -> Batch:
    r"""Read lines that each end with ``\n``.

    Returns
    -------
    Batch
        Images (b, d) as int32 or float64, not yet looked at; labels (b,) the same, or text where one of them is.

    Raises
    ------
    BadRow
        For the first line that is blank, ragged, no UTF-8, or has a pixel that is no number.
    """
    lines = decoded(piece).removesuffix("\n").split("\n")
    try:
        if columns.packed is not None:
            labels, images = _packed(lines, columns, columns.packed)
        else:
            labels, images = _all_numbers(lines, columns) or _with_text(lines, columns)
    except (ValueError, csv.Error) as error:
        raise _explained(lines, columns, error) from error
    if images.shape != (len(lines), columns.pixels):
        raise _explained(lines, columns, ValueError("its fields"))
    return Batch(images, labels)


def decoded(piece: bytes) -> str:
    """Decode UTF-8; raises `BadRow` for the line that isn't."""
    try:
        return piece.decode("utf-8")
    except UnicodeDecodeError as error:
        row = piece.count(b"\n", 0, error.start)
        raise BadRow(row, f"its byte {piece[error.start]:#04x} is no UTF-8; save the file in UTF-8.") from error


def _all_numbers(lines: Sequence[str], columns: Columns) -> tuple[NDArray[Any], NDArray[Any]] | None:
    """Read lines of numbers alone; None where there is something else."""
    try:
        numbers = matrix(lines, columns.separator)
    except ValueError:
        return None
    if numbers.shape[1] != len(columns.names):
        return None
    return numbers[:, columns.label], np.delete(numbers, columns.special, axis=1)


def _packed(lines: Sequence[str], columns: Columns, place: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Read lines of which one field holds all pixels, with blanks between them."""
    fields = [fields_of(line, columns.separator, len(columns.names)) for line in lines]
    return np.array([one[columns.label] for one in fields], np.str_), matrix(
        [one[place].strip() for one in fields], None
    )


def _with_text(lines: Sequence[str], columns: Columns) -> tuple[NDArray[Any], NDArray[Any]]:
    """Cut the label out of each line first."""
    labels, rest = [], []
    for line in lines:
        label, pixels = _cut(line, columns)
        labels.append(label)
        rest.append(pixels)
    return np.array(labels, dtype=np.str_), matrix(rest, columns.separator)


def _cut(line: str, columns: Columns) -> tuple[str, str]:
    special, separator = columns.special, columns.separator
    fields = split(line, separator) if '"' in line else line.split(separator, special[-1] + 1)
    if len(fields) <= special[-1]:
        raise ValueError("too few fields")
    return fields[columns.label], separator.join(
        field for position, field in enumerate(fields) if position not in special
    )


def matrix(lines: Sequence[str], separator: str | None) -> NDArray[Any]:
    """Read numbers (b, d) as int32 or float64; without a separator blanks are between them.

    Raises
    ------
    ValueError
        When a line is blank or ragged, or has something else.
    """
    if not all(lines):  # NumPy would pass over them
        raise ValueError("a blank line")
    text = "".join(lines)
    load = partial(
        np.loadtxt, lines, delimiter=separator, comments=None, quotechar='"' if '"' in text else None, ndmin=2
    )
    if not text.translate(_WHOLE):
        # NumPy reads whole numbers eight times as fast: 160 against 20 MB/s of Fashion-MNIST (one core, NumPy 2.4).
        with suppress(ValueError):  # a number of more than 32 bits
            return load(dtype=np.int32)
    return load(dtype=np.float64)


def _explained(lines: Sequence[str], columns: Columns, error: Exception) -> BadRow:
    """Find the first line that cannot be read, and say why."""
    for row, line in enumerate(lines):
        if reason := _reason(line, columns):
            return BadRow(row, reason)
    return BadRow(0, f"it or a line soon after cannot be read ({error}); write the numbers without units or quotes.")


def fields_of(line: str, separator: str, count: int) -> list[str]:
    """Split a line into so many fields.

    Raises
    ------
    ValueError
        When it has not so many; says why as the rest of a sentence.
    """
    try:
        fields = split(line, separator)
    except csv.Error as error:
        raise ValueError(f"its quotes are damaged ({error}); write it again.") from error
    if not line.strip():
        raise ValueError("it is blank; drop it.")
    if len(fields) != count:
        raise ValueError(f"it has {len(fields):,} fields instead of {count:,}; mend or drop it.")
    return fields


def _reason(line: str, columns: Columns) -> str | None:
    try:
        fields = fields_of(line, columns.separator, len(columns.names))
    except ValueError as error:
        return str(error)
    if columns.packed is not None:
        return _packed_reason(fields[columns.packed].split(), columns.pixels)
    special = set(columns.special)
    for position, field in enumerate(fields):
        if position not in special and not is_number(field):
            what = "is blank" if not field.strip() else f"holds {field[:40]!r}"
            return f"column {columns.names[position]!r} {what}; pixels are numbers: mend or drop the line."
    return None


def _packed_reason(values: Sequence[str], count: int) -> str | None:
    wrong = next((place for place, value in enumerate(values, 1) if not is_number(value)), None)
    if wrong is not None:
        return f"its pixel {wrong:,} is {values[wrong - 1][:40]!r}; pixels are numbers: mend or drop the line."
    return None if len(values) == count else f"it has {len(values):,} pixels instead of {count:,}; mend or drop it."
