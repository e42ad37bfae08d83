"""Pairs of IDX files, as MNIST and its kin come: images in one, labels in the other; plain or gzipped.

A pair is told by its names: ``train-images-idx3-ubyte.gz`` and ``train-labels-idx1-ubyte.gz``. What stands before
``images`` says which part it is; images of four dimensions (``idx4``) are in colour. The type of the values is that of
the header, whatever the name says. EMNIST stores its images column by column, which they are told by their name; of
QMNIST's labels (``idx2-int``) the first column is the class.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makeweight.data.form import Form
from makeweight.data.sources.block import PairBlock
from makeweight.data.sources.block_source import BlockSource
from makeweight.data.sources.files import first_bytes, of_files
from makeweight.data.sources.idx_file import TYPES, open_idx
from makeweight.data.sources.parts import PARTS, divided, part_in
from makeweight.data.sources.source import Format, Part, Source
from makeweight.errors import DataFormatError, DataNotFound

DIMENSIONS = {"images": (3, 4), "labels": (1, 2)}

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
    pairs = {names[part]: (images, _labels_of(images)) for part, images in found.items()}
    folder = path if path.is_dir() else path.parent
    return pairs_source(path.name, folder, pairs, form)


def pairs_source(
    name: str, folder: Path, pairs: Mapping[Part, tuple[Path, Path]], form: Form,
    class_names: Sequence[str] | None = None,
) -> Source:  # fmt: skip
    """Make a source of the images and labels of each part, in files below a folder."""
    blocks = [PairBlock(part, _images(images), _labels(labels)) for part, (images, labels) in pairs.items()]
    files = [file for pair in pairs.values() for file in pair]
    turned = any(_is_emnist(images) for images, _ in pairs.values())
    notes = ["EMNIST's images are stored column by column, and turned"] if turned else []
    return BlockSource(name, blocks, form, partial(of_files, folder, files), class_names, notes)


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
    dash = match["dash"]
    endings = [""] if dash is None else [f"{dash}{word}" for word in (match["word"], *_WORDS)]
    names = [f"{match['before']}labels{match['between']}idx{n}{ending}" for n in (1, 2) for ending in endings]
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
    change: Callable[[NDArray[Any]], NDArray[Any]] = lambda values: values

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
        with open_idx(self.path, self.dimensions) as opened:
            for start in range(0, self.shape[0], rows):
                yield self.change(opened.rows(min(rows, self.shape[0] - start)))
            opened.end()


def _images(path: Path) -> IdxColumn:
    with open_idx(path, DIMENSIONS["images"]) as opened:
        if not _is_emnist(path):
            return IdxColumn(path, opened.shape, opened.dtype, DIMENSIONS["images"])
        count, first, second, *rest = opened.shape
        return IdxColumn(
            path,
            (count, second, first, *rest),
            opened.dtype,
            DIMENSIONS["images"],
            lambda values: values.swapaxes(1, 2),
        )


def _labels(path: Path) -> IdxColumn:
    with open_idx(path, DIMENSIONS["labels"]) as opened:
        if len(opened.shape) == 1 or not _is_qmnist(path):
            return IdxColumn(path, opened.shape, opened.dtype, DIMENSIONS["labels"])
        return IdxColumn(path, opened.shape[:1], opened.dtype, DIMENSIONS["labels"], lambda values: values[:, 0])


def _is_emnist(path: Path) -> bool:
    return "emnist" in path.name.lower()


def _is_qmnist(path: Path) -> bool:
    return "qmnist" in path.name.lower()


FORMAT = Format(
    "pair of IDX files",
    "IDX files, plain or gzipped, of any type: bytes to doubles",
    "pairs `train-images-idx3-ubyte` and `train-labels-idx1-ubyte`, also `t10k-…`, or one images file with its labels "
    "beside it; EMNIST's (by their name) are turned upright, of QMNIST's labels the first column is the class",
    recognises,
    idx_source,
)
