"""What the first line of a CSV says: the separator, and which column is what."""

from __future__ import annotations

import csv
import re
from dataclasses import dataclass

from makeweight.errors import DataFormatError

#: Names of the label column, in lower case; the first of these that is there.
LABELS = ("label", "labels", "class", "target", "y")
#: Columns that number the rows: pandas writes the unnamed ones.
NUMBERING = ("", "id", "index", "unnamed: 0")
SEPARATORS = (",", ";", "\t")


@dataclass(frozen=True)
class Columns:
    """How a line of a CSV is to be read."""

    separator: str
    names: tuple[str, ...]  # as the header has them; "1", "2", … without one
    header: bool  # whether the first line is one
    label: int  # position of the label
    left_out: tuple[int, ...] = ()  # positions that are neither label nor pixel

    @property
    def special(self) -> list[int]:
        """Positions that are no pixels."""
        return sorted((self.label, *self.left_out))

    @property
    def pixels(self) -> int:
        """Pixels of a line; they are in the order of their columns."""
        return len(self.names) - len(self.special)


def split(line: str, separator: str) -> list[str]:
    """Split a line into its fields; quotes are as RFC 4180 has them.

    Raises
    ------
    csv.Error
        When a quoted field is damaged.
    """
    return next(csv.reader([line], delimiter=separator), []) if '"' in line else line.split(separator)


def columns_of(line: str, name: str) -> Columns | None:
    """Understand the first line of a file; None where there is a header and no column that could be the label.

    Raises
    ------
    DataFormatError
        When it is no line of a label and pixels; names the file.
    """
    separator, names = first_fields(line, name)
    if len(names) < 2 or all(name.lower() in NUMBERING for name in names):
        raise DataFormatError(
            f"{name}, line 1: a line is a label and its pixels with , ; or tab between them, "
            f"but it is {line[:40]!r}; write it again as such."
        )
    label = _label_of_row(names)
    if label is None:
        return _from_header(separator, names)
    return Columns(separator, tuple(str(position) for position in range(1, len(names) + 1)), False, label)


def first_fields(line: str, name: str) -> tuple[str, tuple[str, ...]]:
    """Find the separator in the first line of a file, and its fields without the blanks about them.

    Raises
    ------
    DataFormatError
        When a quoted field is damaged; names the file.
    """
    separator = max(SEPARATORS, key=line.count)
    try:
        return separator, tuple(field.strip() for field in split(line, separator))
    except csv.Error as error:
        raise DataFormatError(f"{name}, line 1: its quotes are damaged ({error}); write it again.") from error


def _label_of_row(names: tuple[str, ...]) -> int | None:
    """Find the label in a first line that is a row: numbers and at most one text; None where it is a header.

    A header may be made of numbers too: 0, 1, 2, …, as pandas numbers columns, alone or beside the name of the label.
    """
    texts = [position for position, name in enumerate(names) if not is_number(name)]
    if len(texts) > 1 or (texts and names[texts[0]].lower() in (*LABELS, *NUMBERING)):
        return None
    numbers = [name for name in names if is_number(name)]
    numbered = any(numbers == [str(start + place) for place in range(len(numbers))] for start in (0, 1))
    if numbered and len(names) > 2:
        return None
    return texts[0] if texts else 0


def is_number(text: str) -> bool:
    """Say whether a field holds a number; NaN counts as one."""
    try:
        float(text.replace("_", "·"))  # Python alone reads 1_0 as ten
    except ValueError:
        return False
    return True


def _from_header(separator: str, names: tuple[str, ...]) -> Columns | None:
    lower = [name.lower() for name in names]
    numbering = tuple(position for position, name in enumerate(lower) if name in NUMBERING)
    label = next((lower.index(name) for name in LABELS if name in lower), None)
    texts = [position for position, name in enumerate(names) if not is_number(name) and position not in numbering]
    if label is None and len(texts) == 1:
        label = texts[0]  # among numbers, as pandas writes columns of its own
    if label is None:
        first, *others = (position for position in range(len(names)) if position not in numbering)
        if others and _stem(names[first]) and _stem(names[first]) == _stem(names[others[0]]):
            return None  # pixel0, pixel1, …: images without labels
        label = first
    return Columns(separator, names, True, label, numbering)


def _stem(name: str) -> str:
    return re.sub(r"\d+$", "", name)
