"""Which part each line of a CSV is for, where its column Usage says so: FER2013's Training, PublicTest, PrivateTest."""

from __future__ import annotations

from array import array
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from makeweight.data.own.parts import PARTS, WORDS
from makeweight.data.own.rows import BadRow
from makeweight.data.own.source import Part
from makeweight.data.own.table_lines import pieces_of
from makeweight.data.own.table_numbers import decoded, fields_of
from makeweight.errors import DataFormatError

#: Kaggle's public test served as validation while the competition ran, the private one decided it.
USAGES: dict[str, Part] = {**WORDS, "publictest": "validation", "privatetest": "test"}


def rows_by_part(path: Path, separator: str, columns: int, usage: int) -> dict[Part, NDArray[np.int64]]:
    """Find the lines of each part that is named: their numbers, ascending, from 0 after the header.

    Parameters
    ----------
    path : pathlib.Path
    separator : str
        Between the fields of a line.
    columns, usage : int
        How many fields a line has, and the position of the one that names the part.

    Raises
    ------
    DataFormatError
        When a line is ragged or names no part that is known; names file and line.
    """
    found = {part: array("q") for part in PARTS}
    row = -1  # the header
    for piece in pieces_of(path):
        try:
            for place, line in enumerate(decoded(piece).removesuffix("\n").split("\n")):
                if row + place >= 0:
                    found[_part(line, separator, columns, usage, place)].append(row + place)
        except BadRow as bad:
            raise DataFormatError(f"{path.name}, line {row + bad.row + 2}: {bad.reason}") from bad
        row += piece.count(b"\n")
    return {part: np.array(rows, np.int64) for part, rows in found.items() if rows}


def _part(line: str, separator: str, columns: int, usage: int, place: int) -> Part:
    try:
        word = fields_of(line, separator, columns)[usage].strip()
    except ValueError as error:
        raise BadRow(place, str(error)) from error
    part = USAGES.get(word.lower())
    if part is None:
        raise BadRow(place, f"its Usage is {word[:40]!r}; it is Training, PublicTest or PrivateTest: mend the line.")
    return part
