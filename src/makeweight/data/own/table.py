"""CSV in Kaggle's layout: a line an image, the label and then the pixels; one file, or one for each part in a folder.

The column called label, class, target or y is the label, else the first; the others are pixels in their order. Without
a header the first column is the label. In FER2013's layout one column called pixels holds all of them, and a column
Usage says which part a line is for. Flat colour is read as `makeweight.data.own.layout.settled` says. The numbers
have no type: where none is above 1, they go from 0 to 1.
"""

from __future__ import annotations

from functools import partial
from itertools import chain
from pathlib import Path

from makeweight.data.own.block_source import BlockSource
from makeweight.data.own.fingerprint import of_files
from makeweight.data.own.form import Form
from makeweight.data.own.parts import PARTS, divided, natural, part_in
from makeweight.data.own.source import Part, Source
from makeweight.data.own.table_block import TableBlock
from makeweight.data.own.table_columns import Columns, columns_of
from makeweight.data.own.table_lines import pieces_of
from makeweight.data.own.table_packed import Packed, is_packed, packed_of
from makeweight.data.own.table_usage import rows_by_part
from makeweight.errors import DataFormatError, DataNotFound

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz")


def recognises(path: Path) -> bool:
    """Say whether a path is a CSV, or a folder of some and of no sub-folders (which could be classes)."""
    if not path.is_dir():
        return path.is_file() and _is_table(path)
    folders = any(entry.is_dir() and not entry.name.startswith((".", "_")) for entry in path.iterdir())
    return not folders and any(_is_table(entry) for entry in path.iterdir())


def _is_table(path: Path) -> bool:
    return path.name.lower().endswith(SUFFIXES) and not path.name.startswith(".")


def table_source(path: Path, form: Form) -> Source:
    """Open a CSV, or a folder with one or more, as a source.

    Raises
    ------
    DataFormatError
        When a first line is none of a label and pixels, or the files of a folder do not say which part they are.
    DataNotFound
        When a file cannot be opened.
    """
    if path.is_dir():
        return _folder_source(path, form)
    columns = _columns(path)
    if columns is None:
        raise _no_label(path)
    fingerprint = partial(of_files, path.parent, [path])
    return BlockSource(path.name, _blocks(path, columns), form, fingerprint, notes=_left_out(columns))


def _blocks(path: Path, columns: Columns | Packed) -> list[TableBlock]:
    """Make a block of each part that the lines name; without such names one of all."""
    if not isinstance(columns, Packed) or columns.usage is None:
        return [TableBlock("all", path, columns)]
    rows = rows_by_part(path, columns.separator, len(columns.names), columns.usage)
    names = divided(rows)
    return [TableBlock(names[part], path, columns, rows[part]) for part in rows]


def _left_out(columns: Columns | Packed) -> list[str]:
    return [columns.note] if isinstance(columns, Packed) and columns.note else []


def _folder_source(folder: Path, form: Form) -> Source:
    files, notes = _files(folder)
    given = [(part, file, _columns(file)) for part, file in files]
    notes += [f"{file.name} is left out: it has no label column" for _, file, columns in given if columns is None]
    labelled = [(part, file, columns) for part, file, columns in given if columns is not None]
    if not labelled:
        raise _no_label(files[0][1])
    notes += [note for _, _, columns in labelled for note in _left_out(columns)]
    names = divided(part for part, _, _ in labelled)
    if len(labelled) == 1:
        blocks = _blocks(*labelled[0][1:])
    else:  # then files are parts, whatever their lines say
        blocks = [TableBlock(names[part], file, columns) for part, file, columns in labelled]
    return BlockSource(folder.name, blocks, form, partial(of_files, folder, [file for _, file in files]), notes=notes)


def _files(folder: Path) -> tuple[list[tuple[Part, Path]], list[str]]:
    """Find the files of each part in a folder, in the order of the parts, and what is left out."""
    tables = sorted((entry for entry in folder.iterdir() if _is_table(entry) and entry.is_file()), key=natural)
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


def _columns(path: Path) -> Columns | Packed | None:
    lines = chain.from_iterable(piece.removesuffix(b"\n").split(b"\n") for piece in pieces_of(path))
    first = next(lines, b"")
    if not first:
        raise DataFormatError(f"{path}: it is empty or begins with a blank line; a line is a label and its pixels.")
    header = _text(first, path, 1)
    if is_packed(header, path.name):
        return packed_of(header, _text(next(lines, b""), path, 2), path.name)
    return columns_of(header, path.name)


def _text(line: bytes, path: Path, number: int) -> str:
    try:
        return line.decode("utf-8")
    except UnicodeDecodeError as error:
        raise DataFormatError(f"{path.name}, line {number}: it is no UTF-8; save the file in UTF-8.") from error


def _no_label(path: Path) -> DataFormatError:
    return DataFormatError(f"{path}: it has no label column; call the column with the labels label.")
