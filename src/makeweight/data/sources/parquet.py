"""Parquet with encoded pictures in a column, as the Hugging Face hub has them; by an extra (pyarrow)."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from makeweight.data.form import Form
from makeweight.data.picture import files_below
from makeweight.data.sources.files import first_bytes, guarded, of_files, open_file
from makeweight.data.sources.labels import Labels
from makeweight.data.sources.parts import PARTS, divided, natural, part_in
from makeweight.data.sources.pictures import BATCH, PictureBatch, PictureSource
from makeweight.data.sources.rows import BadRow
from makeweight.data.sources.source import Format, Part, Problem, Source
from makeweight.data.sources.table_columns import LABELS, NUMBERING, which_label
from makeweight.errors import DataFormatError, DataNotFound


def recognises(path: Path) -> bool:
    """Say whether a path is a Parquet file, or a folder with some at any depth."""
    return bool(_files(path))


def _files(path: Path) -> list[Path]:
    if path.is_dir():
        return sorted((file for file in files_below(path) if file.suffix == ".parquet" and file.is_file()), key=natural)
    named = path.suffix.lower() == ".parquet" or (path.is_file() and first_bytes(path, 4) == b"PAR1")
    return [path] if named else []


@dataclass(frozen=True)
class _File:
    path: Path
    part: Part
    rows: int
    image: str  # names of columns
    label: str
    names: tuple[str, ...] | None  # of the classes

    def batches(self, rows: int, columns: list[str]) -> Iterator[tuple[int, Any]]:
        """Give so many rows at once, and the number of their first."""
        start = 0
        with guarded(self.path, "a whole Parquet file"):
            for batch in _parquet(self.path).iter_batches(rows, columns=columns):
                yield start, batch
                start += len(batch)


def _parquet(path: Path) -> Any:
    try:
        import pyarrow.parquet as pq
    except ImportError:
        raise DataFormatError(f"{path}: Parquet is read with pyarrow: pip install 'makeweight[parquet]'.") from None
    open_file(path).close()
    with guarded(path, "a whole Parquet file"):
        return pq.ParquetFile(path)


class ParquetPictures:
    """The labelled pictures of one or several files."""

    doubts: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()

    def __init__(self, path: Path, form: Form) -> None:
        self._folder, self.name = (path if path.is_dir() else path.parent), path.name
        files = [_described(file, form.label) for file in _files(path)]
        if len({(file.label, file.names) for file in files}) > 1:
            raise DataFormatError(f"{path}: its files have different columns or classes; give the path of one.")
        names = divided(file.part for file in files)
        ordered = [file for part in (*PARTS, "all") for file in files if file.part == part]
        self._files = [(names[file.part], file) for file in ordered]
        self.parts = tuple(dict.fromkeys(part for part, _ in self._files))
        self.count = sum(file.rows for file in files)
        self.ordered, self.notes = files[0].names is not None, (f"labels are those of the column {files[0].label}",)
        self._labels = Labels(files[0].names, self.name)

    @cached_property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes by code: of the file's own record, or else found by a look at all labels."""
        for _, file in self._files if not self.ordered else ():
            for start, batch in file.batches(1_000, [file.label]):
                self._codes(file, start, batch)
        return self._labels.names

    def _codes(self, file: _File, start: int, batch: Any) -> list[int]:
        import pyarrow as pa

        column = batch.column(file.label)
        kind = "int64" if pa.types.is_integer(column.type) else "str"
        try:
            codes: list[int] = self._labels.codes(np.array(column.to_pylist(), object).astype(kind)).tolist()
            return codes
        except (BadRow, TypeError) as error:
            row, reason = (error.row, error.reason) if isinstance(error, BadRow) else (0, "a label near it is missing.")
            raise DataFormatError(f"{file.path.name}, row {start + row}: {reason}") from error

    def batches(self) -> Iterator[PictureBatch]:
        """Give the bytes of all pictures, some at a time."""
        for part, file in self._files:
            for start, batch in file.batches(BATCH, [file.image, file.label]):
                pictures = [_bytes(picture) for picture in batch.column(file.image).to_pylist()]
                yield PictureBatch(part, pictures, self._codes(file, start, batch))

    def describe(self, row: int) -> str:
        """Name the file and the row: ``train-00000.parquet, row 17``."""
        for _, file in self._files:
            if row < file.rows:
                return f"{file.path.relative_to(self._folder)}, row {row}"
            row -= file.rows
        raise IndexError(row)

    def fingerprint(self) -> str:
        """Of the files' names, sizes and times."""
        return of_files(self._folder, [file.path for _, file in self._files])


def _bytes(picture: Any) -> bytes:
    content = picture.get("bytes") if isinstance(picture, dict) else picture
    return content or b""


def _described(path: Path, wanted: str | None) -> _File:
    """Find the columns of pictures and labels of a file.

    Raises
    ------
    DataFormatError
        When it has no pictures, or several columns could be the label.
    """
    opened = _parquet(path)
    import pyarrow as pa

    schema = opened.schema_arrow
    pictures = [field.name for field in schema if _holds_bytes(field.type)]
    if len(pictures) != 1:
        found = "no column" if not pictures else f"the columns {', '.join(pictures)}"
        raise DataFormatError(
            f"{path}: it has {found} of encoded pictures, and one is needed; its columns are {', '.join(schema.names)}."
        )
    others = [
        field.name for field in schema
        if (pa.types.is_integer(field.type) or pa.types.is_string(field.type) or pa.types.is_large_string(field.type))
        and field.name.lower() not in NUMBERING
    ]  # fmt: skip
    known: list[str] = (
        [wanted] if wanted and wanted in schema.names else [name for name in LABELS if name in others] or others
    )
    if not known:
        raise DataFormatError(f"{path}: it has no column of labels; its columns are {', '.join(schema.names)}.")
    if len(known) > 1 and known[0] not in LABELS:
        raise which_label(str(path), known)
    label = known[0]
    part = part_in(path.name) or part_in(path.parent.name) or "all"
    return _File(path, part, opened.metadata.num_rows, pictures[0], label, _names(schema, label))


def _holds_bytes(kind: Any) -> bool:
    import pyarrow as pa

    if pa.types.is_struct(kind):
        return any(kind.field(i).name == "bytes" for i in range(kind.num_fields))
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _names(schema: Any, label: str) -> tuple[str, ...] | None:
    """Read the names of the classes from the hub's record of features."""
    try:
        features = json.loads(schema.metadata[b"huggingface"])["info"]["features"]
        return tuple(map(str, features[label]["names"]))
    except (KeyError, TypeError, ValueError):
        return None


def parquet_source(path: Path, form: Form) -> Source:
    """Open Parquet as a source.

    Raises
    ------
    DataFormatError
        When it is damaged, has no pictures or labels, or pyarrow is not there.
    """
    if not _files(path):
        raise DataNotFound(f"{path}: there is no .parquet file.")
    return PictureSource(ParquetPictures(path, form), form.workers)


FORMAT = Format(
    "Parquet",
    "`.parquet`, one or several in a folder",
    "the hub's layout: a column of encoded pictures and one of labels, with the names of its classes; needs the extra "
    "`makeweight[parquet]`",
    recognises,
    parquet_source,
    frozenset({"label"}),
)
