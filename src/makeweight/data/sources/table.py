"""CSV in Kaggle's layout: a line an image, the label and then the pixels; one file, or one for each part in a folder.

The column called label, class, target or y is the label, else the one that is not called as most are; the others are
pixels in their order. Without a header the first column is the label. In FER2013's layout one column called pixels
holds all of them, and a column such as Usage says which part a line is for. Flat colour is read as
`makeweight.data.sources.axes.settled` says. The numbers have no type: where none is above 1, they go from 0 to 1.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from functools import cached_property, partial
from itertools import chain, islice
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makeweight.data.form import Form
from makeweight.data.picture import has_pictures
from makeweight.data.sources import table_numbers
from makeweight.data.sources.block import Batch
from makeweight.data.sources.block_source import BlockSource
from makeweight.data.sources.files import of_files
from makeweight.data.sources.names import SUFFIXES, is_table
from makeweight.data.sources.parts import PARTS, divided, natural, part_in, part_of_usage
from makeweight.data.sources.rows import BadRow
from makeweight.data.sources.source import Format, Part, Source
from makeweight.data.sources.table_columns import Columns, columns_of
from makeweight.data.sources.table_lines import pieces_of
from makeweight.errors import DataFormatError, DataNotFound

_SAMPLE = 50  # lines that are looked at before any is read


def recognises(path: Path) -> bool:
    """Say whether a path is a CSV, or a folder of some and of no pictures (which they could label)."""
    if not path.is_dir():
        return path.is_file() and is_table(path)
    return any(is_table(entry) for entry in path.iterdir()) and not has_pictures(path)


def table_source(path: Path, form: Form) -> Source:
    """Open a CSV, or a folder with one or more, as a source.

    Raises
    ------
    DataFormatError
        When a first line is none of a label and pixels, or the files of a folder do not say which part they are.
    DataNotFound
        When a file cannot be opened.
    """
    files, notes = _files(path) if path.is_dir() else ([("train", path)], [])
    given = [(part, file, _columns(file, form)) for part, file in files]
    notes += [f"{file.name} is left out: it has no label column" for _, file, columns in given if columns is None]
    labelled = [(part, file, columns) for part, file, columns in given if columns is not None]
    if not labelled:
        raise DataFormatError(f"{files[0][1]}: it has no label column; say label=COLUMN, or call the column label.")
    notes += [columns.note for _, _, columns in labelled if columns.note]
    names = divided(part for part, _, _ in labelled)
    if len(labelled) == 1:
        blocks = _blocks(*labelled[0][1:])
    else:  # then files are parts, whatever their lines say
        blocks = [TableBlock(names[part], file, columns) for part, file, columns in labelled]
    folder = path if path.is_dir() else path.parent
    return BlockSource(path.name, blocks, form, partial(of_files, folder, [file for _, file in files]), notes=notes)


def _blocks(path: Path, columns: Columns) -> list[TableBlock]:
    """Make a block of each part that the lines name; without such names one of all."""
    if columns.usage is None:
        return [TableBlock("all", path, columns)]
    rows = _rows_by_part(path, columns, columns.usage)
    names = divided(rows)
    return [TableBlock(names[part], path, columns, rows[part]) for part in rows]


def _files(folder: Path) -> tuple[list[tuple[Part, Path]], list[str]]:
    """Find the files of each part in a folder, in the order of the parts, and what is left out."""
    tables = sorted((entry for entry in folder.iterdir() if is_table(entry) and entry.is_file()), key=natural)
    if not tables:
        raise DataNotFound(
            f"{folder}: it has no file that ends in {', '.join(SUFFIXES)}; give the folder with the CSV."
        )
    packed = [table for table in tables if table.name.endswith(".gz") and table.with_suffix("") in tables]
    notes = [f"{table.name} is left out: it is there unpacked" for table in packed]
    tables = [table for table in tables if table not in packed]
    if len(tables) == 1:
        return [("train", tables[0])], notes
    named = [(part, table) for part in PARTS for table in tables if part_in(table.name) == part]
    if not named:
        raise DataFormatError(
            f"{folder}: it has {len(tables)} CSV, and no name says which part one is; "
            "name them train, val and test, or give the path of one."
        )
    used = {table for _, table in named}
    return named, notes + [f"{table.name} is left out: no part is named" for table in tables if table not in used]


def _columns(path: Path, form: Form) -> Columns | None:
    lines = chain.from_iterable(piece.removesuffix(b"\n").split(b"\n") for piece in pieces_of(path))
    sample = list(islice(lines, _SAMPLE))
    if not sample or not sample[0]:
        raise DataFormatError(f"{path}: it is empty or begins with a blank line; a line is a label and its pixels.")
    try:
        return columns_of([sample[0].decode("utf-8"), *(line.decode("utf-8", "replace") for line in sample[1:])],
                          path.name, form.label)  # fmt: skip
    except UnicodeDecodeError as error:
        raise DataFormatError(f"{path.name}, line 1: it is no UTF-8; save the file in UTF-8.") from error


def _rows_by_part(path: Path, columns: Columns, usage: int) -> dict[Part, NDArray[np.int64]]:
    """Find the lines of each part that is named: their numbers, ascending, from 0 after the header."""
    found = {part: array("q") for part in PARTS}
    row = -1  # the header
    for piece in pieces_of(path):
        try:
            for place, line in enumerate(table_numbers.decoded(piece).removesuffix("\n").split("\n")):
                if row + place >= 0:
                    found[_part(line, columns, usage, place)].append(row + place)
        except BadRow as bad:
            raise DataFormatError(f"{path.name}, line {row + bad.row + 2}: {bad.reason}") from bad
        row += piece.count(b"\n")
    return {part: np.array(rows, np.int64) for part, rows in found.items() if rows}


def _part(line: str, columns: Columns, usage: int, place: int) -> Part:
    try:
        word = table_numbers.fields_of(line, columns.separator, len(columns.names))[usage].strip()
    except ValueError as error:
        raise BadRow(place, str(error)) from error
    part = part_of_usage(word)
    if part is None:
        column = columns.names[usage]
        raise BadRow(place, f"its {column} is {word[:40]!r}; it is a word such as train, val or test: mend the line.")
    return part


class TableBlock:
    """The rows of one CSV, or some of them: ``chosen`` (n,) are their numbers, ascending."""

    dtype: np.dtype[Any] = np.dtype(np.float64)

    def __init__(self, part: Part, path: Path, columns: Columns, chosen: NDArray[np.int64] | None = None) -> None:
        self.part, self.path, self.columns, self._chosen = part, path, columns, chosen
        self.name, self.image_shape = path.name, (columns.pixels,)

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


FORMAT = Format(
    "CSV",
    "`.csv`, `.csv.gz`, `.tsv`",
    "Kaggle's layout: a column `label` (or `class`, `target`, `y`, else the one that is not called as the pixels are), "
    "the others are pixels; a folder with `train.csv` and `test.csv` too. FER2013's layout: one column `pixels` of "
    "numbers with blanks between them. A column `Usage` or `split` divides",
    recognises,
    table_source,
    frozenset({"label"}),
)
