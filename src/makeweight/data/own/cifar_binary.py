"""CIFAR's binary version, and own images in its layout: a folder of ``.bin`` files, its tar.gz, or one ``.bin``.

Layout (A. Krizhevsky, "The CIFAR-10 dataset", section "Binary version"): a row is the label, then 1,024 red, 1,024
green and 1,024 blue bytes, each plane row by row. CIFAR-100 has two labels, coarse and fine; the fine one is taken.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from makeweight.data.own.block import Batch
from makeweight.data.own.block_source import BlockSource
from makeweight.data.own.cifar_files import ARCHIVES, NAMES, PIXELS, BinFile, found_in, opened
from makeweight.data.own.fingerprint import of_files
from makeweight.data.own.form import Form
from makeweight.data.own.parts import PARTS, divided, part_in
from makeweight.data.own.rows import rows_at_once
from makeweight.data.own.source import Part, Source
from makeweight.data.readers.base import damaged, read_up_to
from makeweight.data.readers.cifar import IMAGE_SHAPE
from makeweight.errors import DataFormatError


def recognises(path: Path) -> bool:
    """Say whether a path is a folder with ``.bin`` files, such a file, or a tar.gz, by names."""
    if path.is_dir():
        return any(entry.suffix == ".bin" for entry in path.iterdir())
    return path.is_file() and path.name.lower().endswith((".bin", *ARCHIVES))


def cifar_source(path: Path, form: Form) -> Source:
    """Open CIFAR's binary version as a source.

    Raises
    ------
    DataFormatError
        When a file's size is that of no number of rows, or an archive is damaged.
    DataNotFound
        When a file cannot be opened.
    """
    found = found_in(path)
    kinds = {file.label_bytes for file in found.rows}
    if len(kinds) > 1:
        raise DataFormatError(f"{path}: some of its .bin files have one label byte a row and some two; keep one kind.")
    text = found.texts.get(NAMES[kinds.pop()])
    given = [(part_in(file.name) or "train", file) for file in found.rows]
    names = divided(part for part, _ in given)
    blocks = [CifarBlock(names[part], file) for wanted in PARTS for part, file in given if part == wanted]
    folder = path if path.is_dir() else path.parent
    files = {file.file.path for file in found.rows} | _beside(folder, found.texts, path)
    return BlockSource(path.name, blocks, form, partial(of_files, folder, files), _class_names(text, path))


def _beside(folder: Path, texts: dict[str, bytes], path: Path) -> set[Path]:
    return set() if path.name.lower().endswith(ARCHIVES) else {folder / name for name in texts}


def _class_names(text: bytes | None, path: Path) -> list[str] | None:
    """Read a class a line; blank lines end the file in CIFAR's own."""
    if text is None:
        return None
    try:
        return [line.strip() for line in text.decode("utf-8").splitlines() if line.strip()] or None
    except UnicodeDecodeError as error:
        raise DataFormatError(f"{path}: the names of its classes are no UTF-8; save their file in UTF-8.") from error


class CifarBlock:
    """The rows of one file."""

    dtype: np.dtype[Any] = np.dtype(np.uint8)
    image_shape: tuple[int, ...] = IMAGE_SHAPE

    def __init__(self, part: Part, file: BinFile) -> None:
        self.part, self._file, self._label_bytes = part, file, file.label_bytes
        self.count = file.size // self._row_bytes

    @property
    def _row_bytes(self) -> int:
        return self._label_bytes + PIXELS

    @property
    def name(self) -> str:
        """``data_batch_1.bin``, behind the archive's name where it is in one."""
        file = self._file.file
        return self._file.name if file.member is None else f"{file.path.name}, {self._file.name}"

    def batches(self) -> Iterator[Batch]:
        """Read the rows in order."""
        at_once = rows_at_once(self._row_bytes)
        with opened(self._file.file) as stream:
            for start in range(0, self.count, at_once):
                wanted = min(at_once, self.count - start)
                data = read_up_to(stream, wanted * self._row_bytes)
                if len(data) < wanted * self._row_bytes:
                    raise damaged(self._file.file, f"{self.count:,} rows", "less; it has changed")
                rows = np.frombuffer(data, np.uint8).reshape(wanted, self._row_bytes)
                yield Batch(rows[:, self._label_bytes :].reshape(-1, *IMAGE_SHAPE), rows[:, self._label_bytes - 1])

    def describe(self, row: int) -> str:
        """Name the file and the row: ``data_batch_1.bin[17]``."""
        return f"{self.name}[{row}]"
