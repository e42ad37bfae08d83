"""CIFAR's binary version, and own images in its layout: a folder of ``.bin`` files, or one.

Layout (A. Krizhevsky, "The CIFAR-10 dataset", section "Binary version"): a row is the label, then 1,024 red, 1,024
green and 1,024 blue bytes, each plane row by row. CIFAR-100 has two labels, coarse and fine; the fine one is taken.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from makeweight.data.form import Form
from makeweight.data.picture import has_pictures
from makeweight.data.sources.block import Batch
from makeweight.data.sources.block_source import BlockSource
from makeweight.data.sources.files import damaged, guarded, of_files, open_file, read_up_to
from makeweight.data.sources.parts import PARTS, divided, natural, part_in
from makeweight.data.sources.rows import rows_at_once
from makeweight.data.sources.source import Format, Part, Source
from makeweight.errors import DataFormatError, DataNotFound

IMAGE_SHAPE = (3, 32, 32)
PIXELS = 3 * 32 * 32
#: Where the names of the classes are, by how many label bytes a row has.
NAMES = {1: "batches.meta.txt", 2: "fine_label_names.txt"}
MAX_NAMES_BYTES = 1 << 20


def recognises(path: Path) -> bool:
    """Say whether a path is a folder with ``.bin`` files, or such a file, by names."""
    if path.is_dir():
        return any(entry.suffix == ".bin" for entry in path.iterdir()) and not has_pictures(path)
    return path.name.lower().endswith(".bin")


def cifar_source(path: Path, form: Form) -> Source:
    """Open CIFAR's binary version as a source.

    Raises
    ------
    DataFormatError
        When a file's size is that of no number of rows.
    DataNotFound
        When a file cannot be opened.
    """
    folder = path if path.is_dir() else path.parent
    files = sorted((f for f in path.iterdir() if f.suffix == ".bin"), key=natural) if path.is_dir() else [path]
    given = [(part_in(file.name) or "train", file) for file in files]
    names = divided(part for part, _ in given)
    ordered = [(names[part], file) for wanted in PARTS for part, file in given if part == wanted]
    blocks = [CifarBlock(part, file) for part, file in ordered]
    kinds = {block.label_bytes for block in blocks}
    if len(kinds) > 1:
        raise DataFormatError(f"{path}: some of its .bin files have one label byte a row and some two; keep one kind.")
    text = folder / NAMES[kinds.pop()]
    return _source(path.name, folder, blocks, form, text if text.is_file() else None)


def batches_source(name: str, parts: Iterable[tuple[Part, Path]], form: Form, class_names: Sequence[str]) -> Source:
    """Make a source of files of rows whose parts are known."""
    blocks = [CifarBlock(part, file, (1,)) for part, file in parts]
    return BlockSource(name, blocks, form, lambda: "", class_names)


def _source(name: str, folder: Path, blocks: Sequence[CifarBlock], form: Form, text: Path | None) -> Source:
    files = [block.path for block in blocks] + ([text] if text else [])
    return BlockSource(name, blocks, form, partial(of_files, folder, files), _class_names(text) if text else None)


def _class_names(path: Path) -> list[str] | None:
    """Read a class a line; blank lines end the file in CIFAR's own."""
    with open_file(path) as stream:
        text = bytes(read_up_to(stream, MAX_NAMES_BYTES))
    try:
        return [line.strip() for line in text.decode("utf-8").splitlines() if line.strip()] or None
    except UnicodeDecodeError as error:
        raise DataFormatError(f"{path}: the names of its classes are no UTF-8; save their file in UTF-8.") from error


class CifarBlock:
    """The rows of one file."""

    dtype: np.dtype[Any] = np.dtype(np.uint8)
    image_shape: tuple[int, ...] = IMAGE_SHAPE

    def __init__(self, part: Part, path: Path, label_bytes: tuple[int, ...] = (1, 2)) -> None:
        self.part, self.path = part, path
        try:
            size = path.stat().st_size
        except OSError as error:
            raise DataNotFound(f"{path}: cannot be opened ({error.strerror or error}); check the path.") from error
        likely = label_bytes[::-1] if path.name in ("train.bin", "test.bin") else label_bytes
        kinds = [count for count in likely if size and size % (count + PIXELS) == 0]
        if not kinds:
            rule = f"rows of {1 + PIXELS:,} bytes (label and image; CIFAR-100: {2 + PIXELS:,})"
            raise damaged(path, rule, f"{size:,} bytes")
        self.label_bytes = kinds[0]
        self.count = size // (self.label_bytes + PIXELS)

    @property
    def name(self) -> str:
        """``data_batch_1.bin``."""
        return self.path.name

    def batches(self) -> Iterator[Batch]:
        """Read the rows in order."""
        row_bytes = self.label_bytes + PIXELS
        at_once = rows_at_once(row_bytes)
        with guarded(self.path, "a whole file"), open_file(self.path) as stream:
            for start in range(0, self.count, at_once):
                wanted = min(at_once, self.count - start)
                data = read_up_to(stream, wanted * row_bytes)
                if len(data) < wanted * row_bytes:
                    raise damaged(self.path, f"{self.count:,} rows", "less; it has changed")
                rows = np.frombuffer(data, np.uint8).reshape(wanted, row_bytes)
                yield Batch(rows[:, self.label_bytes :].reshape(-1, *IMAGE_SHAPE), rows[:, self.label_bytes - 1])

    def describe(self, row: int) -> str:
        """Name the file and the row: ``data_batch_1.bin[17]``."""
        return f"{self.name}[{row}]"


FORMAT = Format(
    "CIFAR's binary version",
    "CIFAR's binary version",
    "a folder with `data_batch_1.bin` …, its `.tar.gz`, or one `.bin`; CIFAR-100 by its fine labels",
    recognises,
    cifar_source,
)
