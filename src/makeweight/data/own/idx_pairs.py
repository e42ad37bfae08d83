"""Pairs of IDX files, as MNIST and its kin come: images in one, labels in the other; plain or gzipped.

A pair is told by its names: ``train-images-idx3-ubyte.gz`` and ``train-labels-idx1-ubyte.gz``. What stands before
``images`` says which part it is; images of four dimensions (``idx4``) are in colour. The type of the values is that of
the header, whatever the name says.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makeweight.data.own.block import PairBlock
from makeweight.data.own.block_source import BlockSource
from makeweight.data.own.fingerprint import of_files
from makeweight.data.own.form import Form
from makeweight.data.own.parts import PARTS, divided, part_in
from makeweight.data.own.source import Part, Source
from makeweight.data.readers.base import DataFile, first_bytes
from makeweight.data.readers.idx import TYPES, open_idx
from makeweight.errors import DataFormatError, DataNotFound

#: What a file may promise; read in pieces, so only time and the disk set a limit.
MOST_BYTES = 256 << 30
DIMENSIONS = {"images": (3, 4), "labels": (1,)}

#: What names call the types of values.
_WORDS = ("ubyte", "byte", "short", "int", "float", "double")

_TYPE = rf"(?P<dash>[-._]?)(?P<word>{'|'.join(_WORDS)})"
_IMAGES = re.compile(rf"(?P<before>.*)images(?P<between>[-._]?)idx[34](?:{_TYPE})?(\.gz)?", re.IGNORECASE)

_MAGIC = [bytes((0, 0, code, dimensions)) for code in TYPES for dimensions in (3, 4)]


def recognises(path: Path) -> bool:
    """Say whether a path is an IDX file of images, by its name or first bytes, or a folder with one, by names."""
    if path.is_dir():
        return any(_IMAGES.fullmatch(entry.name) for entry in path.iterdir())
    return path.is_file() and (_IMAGES.fullmatch(path.name) is not None or first_bytes(path, 4) in _MAGIC)


def idx_source(path: Path, form: Form) -> Source:
    """Open an IDX file of images with the labels beside it, or a folder of such pairs, as a source.

    Raises
    ------
    DataFormatError
        When a file is no IDX, images and labels differ in number, or one part has several pairs.
    DataNotFound
        When a file is missing or cannot be opened.
    """
    found: dict[Part, Path] = _parts(path) if path.is_dir() else {"all": path}
    names = divided(found)
    pairs = [(names[part], images, _labels_of(images)) for part, images in found.items()]
    blocks = [PairBlock(part, _column(images, "images"), _column(labels, "labels")) for part, images, labels in pairs]
    folder = path if path.is_dir() else path.parent
    files = [file for _, *pair in pairs for file in pair]
    return BlockSource(path.name, blocks, form, partial(of_files, folder, files))


def _parts(folder: Path) -> dict[Part, Path]:
    """Find the images of each part, in the order of the parts."""
    images = sorted(entry for entry in folder.iterdir() if _IMAGES.fullmatch(entry.name))
    images = [file for file in images if not (file.suffix == ".gz" and file.with_suffix("") in images)]
    found: dict[Part, list[Path]] = {}
    for file in images:
        found.setdefault(part_in(file.name) or "all", []).append(file)
    several = next((files for files in found.values() if len(files) > 1), None)
    if several or ("all" in found and len(found) > 1):
        names = ", ".join(file.name for file in several or images)
        raise DataFormatError(
            f"{folder}: several files could be the images of one part: {names}; give the path of one."
        )
    return {part: found[part][0] for part in (*PARTS, "all") if part in found}


def _labels_of(images: Path) -> Path:
    """Find the labels beside a file of images."""
    match = _IMAGES.fullmatch(images.name)
    if match is None:
        raise DataFormatError(
            f"{images}: it is not called …images-idx3-ubyte, so its labels cannot be found; rename it."
        )
    plain, dash = f"{match['before']}labels{match['between']}idx1", match["dash"]
    names = [plain] if dash is None else [f"{plain}{dash}{word}" for word in (match["word"], *_WORDS)]
    for name in names:
        for file in (images.with_name(name), images.with_name(f"{name}.gz")):
            if file.exists():
                return file
    raise DataNotFound(f"{images}: its labels are not beside it; they would be called {names[0]} or {names[0]}.gz.")


@dataclass(frozen=True)
class IdxColumn:
    """The array in an IDX file; nothing but its header has been read."""

    path: Path
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    dimensions: tuple[int, ...]

    @property
    def name(self) -> str:
        """Name of the file."""
        return self.path.name

    def pieces(self, rows: int) -> Iterator[NDArray[Any]]:
        """Read so many rows at once.

        Raises
        ------
        DataFormatError
            When the file is damaged, or has other bytes than its header promises.
        """
        with open_idx(DataFile(self.path), self.dimensions, MOST_BYTES, TYPES) as opened:
            for start in range(0, self.shape[0], rows):
                yield opened.rows(min(rows, self.shape[0] - start))
            opened.end()


def _column(path: Path, role: str) -> IdxColumn:
    with open_idx(DataFile(path), DIMENSIONS[role], MOST_BYTES, TYPES) as opened:
        return IdxColumn(path, opened.shape, opened.dtype, DIMENSIONS[role])
