"""What the first lines of a CSV say: the separator, and which column is what."""

from __future__ import annotations

import csv
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from makeweight.data.sources.parts import USAGE
from makeweight.errors import DataFormatError

#: Names of the label column, in lower case; the first of these that is there.
LABELS = ("label", "labels", "class", "target", "y")
#: Columns that number the rows: pandas writes the unnamed ones.
NUMBERING = ("", "id", "index", "unnamed: 0")
SEPARATORS = (",", ";", "\t")
PIXELS = "pixels"
MAX_NAMED = 6  # columns in one message
_MIN_VARIED = 10  # rows from which a column of one value is no label


@dataclass(frozen=True)
class Columns:
    """How a line of a CSV is to be read."""

    separator: str
    names: tuple[str, ...]  # as the header has them; "1", "2", … without one
    header: bool  # whether the first line is one
    label: int  # position of the label
    left_out: tuple[int, ...] = ()  # positions that are neither label nor pixel
    usage: int | None = None  # position of the part that a line is for; it is left out too
    packed: int | None = None  # position of the one column that holds all pixels, as FER2013 has them
    packed_pixels: int = 0  # how many that column has
    note: str | None = None  # what was assumed

    @property
    def special(self) -> list[int]:
        """Positions that are no pixels."""
        return sorted((self.label, *self.left_out))

    @property
    def pixels(self) -> int:
        """Pixels of a line; they are in the order of their columns."""
        return len(self.names) - len(self.special) if self.packed is None else self.packed_pixels


def split(line: str, separator: str) -> list[str]:
    """Split a line into its fields; quotes are as RFC 4180 has them.

    Raises
    ------
    csv.Error
        When a quoted field is damaged.
    """
    return next(csv.reader([line], delimiter=separator), []) if '"' in line else line.split(separator)


def columns_of(lines: Sequence[str], name: str, wanted: str | None = None) -> Columns | None:
    """Understand the first lines of a file; None where there is a header and no column that could be the label.

    Parameters
    ----------
    lines : sequence of str
        Not only the first: some rows show what their columns hold.
    name : str
        Of the file, for messages.
    wanted : str, optional
        The name of the label's column, where the user says it.

    Raises
    ------
    DataFormatError
        When it is no line of a label and pixels, or several columns could be the label; names the file.
    """
    separator, names = first_fields(lines[0], name)
    packed = PIXELS in [field.lower() for field in names]
    if (len(names) < 2 and not packed) or all(name.lower() in NUMBERING for name in names):
        raise DataFormatError(
            f"{name}, line 1: a line is a label and its pixels with , ; or tab between them, "
            f"but it is {lines[0][:40]!r}; write it again as such."
        )
    if packed and len(names) > 1 and len(lines) > 1 and (count := len(split(lines[1], separator))) != len(names):
        raise DataFormatError(f"{name}, line 2: it has {count} fields instead of {len(names)}; mend or drop it.")
    label = None if packed else _label_of_row(names)
    if label is None:
        return columns_named(names, separator, _columns(lines[1:], separator, len(names)), name, wanted)
    numbered = tuple(str(position) for position in range(1, len(names) + 1))
    if wanted in numbered:
        return Columns(separator, numbered, False, numbered.index(wanted))
    first, *_, last = _columns(lines, separator, len(names))
    if label == 0 and len(first) >= _MIN_VARIED and len({*first}) == 1 < len({*last}):
        label, note = len(names) - 1, "the last column is read as the label: the first is the same everywhere"
        return Columns(separator, numbered, False, label, note=note)
    return Columns(separator, numbered, False, label)


def _columns(lines: Sequence[str], separator: str, count: int) -> list[list[str]]:
    """Values of each column in the lines that can be split."""
    rows = [[field.strip() for field in row] for line in lines if len(row := _fields(line, separator)) == count]
    return [list(column) for column in zip(*rows, strict=True)] or [[] for _ in range(count)]


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


def _fields(line: str, separator: str) -> list[str]:
    try:
        return split(line, separator)
    except csv.Error:
        return []  # which reading names with its line


def columns_named(
    names: Sequence[str], separator: str, values: Sequence[Sequence[str]], name: str, wanted: str | None = None
) -> Columns | None:
    """Tell by their names which column is what; where several could be the label, their first values decide or nothing.

    Raises
    ------
    DataFormatError
        When several could be the label.
    """
    lower = [column.lower() for column in names]
    usage = next((lower.index(word) for word in USAGE if word in lower), None)
    packed = lower.index(PIXELS) if lower.count(PIXELS) == 1 else None
    aside = {place for place, word in enumerate(lower) if word in NUMBERING or place in (usage, packed)}
    stem = _stem_of_pixels(names, aside)
    others = [
        place
        for place in range(len(names))
        if place not in aside and (packed is not None or _stem(names[place]) != stem)
    ]
    known = [word for word in ([wanted.lower()] if wanted else LABELS) if word in lower]
    if wanted and not known:
        raise DataFormatError(f"{name}: it has no column {wanted!r}; its columns are {_listed(names)}.")
    if not known and not others and stem == "":  # all columns are numbered, as pandas does
        others = [place for place in range(len(names)) if place not in aside][:1]
    if not known and not others:
        return None
    label = lower.index(known[0]) if known else _likely(others, names, values, name)
    left = tuple(sorted({*aside, *(others if stem is not None or packed is not None else ())} - {label}))
    unread = [names[place] for place in left if place not in aside]
    note = f"columns that are left out: {_listed(unread)}" if unread else None
    if packed is None:
        return Columns(separator, tuple(names), True, label, left, usage, note=note)
    count = len(values[packed][0].split()) if values[packed] else 0
    if not count:
        what = ", line 2: it has 0 pixels; mend or drop it." if values[packed] else ": it has no images; give some."
        raise DataFormatError(f"{name}{what}")
    return Columns(separator, tuple(names), True, label, left, usage, packed, count, note)


def _stem_of_pixels(names: Sequence[str], aside: Iterable[int]) -> str | None:
    """Find what the names of pixels begin with: most columns are called so, with a number behind."""
    stems = Counter(_stem(name) for place, name in enumerate(names) if place not in aside and name[-1:].isdigit())
    stem, count = stems.most_common(1)[0] if stems else ("", 0)
    return stem if 2 * count >= len(names) - len({*aside}) else None


def _likely(places: Sequence[int], names: Sequence[str], values: Sequence[Sequence[str]], name: str) -> int:
    """Choose the column that alone could be the label: text rather than numbers, and not different in each row."""
    if len(places) == 1:
        return places[0]
    repeated = [p for p in places if len(values[p]) < _MIN_VARIED or len({*values[p]}) < len(values[p])]
    texts = [place for place in repeated if any(not is_number(value) for value in values[place])]
    candidates = texts or repeated or places
    if len(candidates) > 1:
        raise which_label(f"{name}, line 1", [names[place] for place in candidates])
    return candidates[0]


def which_label(where: str, names: Sequence[str]) -> DataFormatError:
    """Build the error for several columns that could be the label."""
    return DataFormatError(f"{where}: several columns could be the label: {_listed(names)}; say label=COLUMN.")


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MAX_NAMED:,} more" if len(names) > MAX_NAMED else ""
    return ", ".join(name[:40] for name in names[:MAX_NAMED]) + more


def _stem(name: str) -> str:
    return re.sub(r"\d+(x\d+)?$", "", name)
