"""Folders of NumPy's arrays: images in one file and labels in another, or one file a class."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makeweight.data.form import Form
from makeweight.data.picture import has_pictures
from makeweight.data.sources.block import PairBlock
from makeweight.data.sources.block_source import BlockSource
from makeweight.data.sources.files import of_files
from makeweight.data.sources.npy import Member, members_of, open_member, paired
from makeweight.data.sources.parts import PARTS, divided, natural, part_in
from makeweight.data.sources.source import Format, Part, Source
from makeweight.errors import DataFormatError

#: What files of images and of labels are called, as a word of their names.
_IMAGES = re.compile(r"(?<![a-z])(imgs?|images?|x|data|pixels)(?![a-z])", re.IGNORECASE)
_LABELS = re.compile(r"(?<![a-z])(labels?|lbls|y|targets?|classes)(?![a-z])", re.IGNORECASE)


@dataclass(frozen=True)
class OneLabel:
    """The labels of a file of one class."""

    name: str
    label: str
    count: int

    @property
    def shape(self) -> tuple[int, ...]:
        """(n,)."""
        return (self.count,)

    @property
    def dtype(self) -> np.dtype[Any]:
        """Text."""
        return np.array([self.label]).dtype

    def pieces(self, rows: int) -> Iterator[NDArray[Any]]:
        """Give so many at once."""
        for start in range(0, self.count, rows):
            yield np.full(min(rows, self.count - start), self.label)


def recognises(path: Path) -> bool:
    """Say whether a path is a folder with ``.npy`` files, or with a ``.npz`` of labels, and has no pictures."""
    files = _arrays(path) if path.is_dir() else []
    return any(file.suffix.lower() == ".npy" or _is_labels(file) for file in files) and not has_pictures(path)


def _arrays(folder: Path) -> list[Path]:
    return sorted(
        (f for f in folder.iterdir() if f.suffix.lower() in (".npy", ".npz") and f.name[0] != "."), key=natural
    )


def _is_labels(file: Path) -> bool:
    return _LABELS.search(file.stem) is not None


def arrays_folder_source(path: Path, form: Form) -> Source:
    """Open such a folder as a source.

    Raises
    ------
    DataFormatError
        When images lack labels, several files could be one part, or one is damaged.
    """
    files = _arrays(path)
    blocks = _pairs(path, files) if any(map(_is_labels, files)) else _classes(path, files)
    return BlockSource(path.name, blocks, form, partial(of_files, path, files))


def _pairs(folder: Path, files: Sequence[Path]) -> list[PairBlock]:
    found: dict[Part, dict[str, Path]] = {}
    for file in files:
        role = "labels" if _is_labels(file) else "images" if _IMAGES.search(file.stem) else None
        if role is None:
            raise DataFormatError(
                f"{file}: its name says neither images (X, images) nor labels (y, labels); rename it."
            )
        pair = found.setdefault(part_in(file.stem) or "all", {})
        if role in pair:
            raise DataFormatError(
                f"{folder}: {pair[role].name} and {file.name} could be the {role} of one part; move one."
            )
        pair[role] = file
    lacking = next((pair for pair in found.values() if len(pair) < 2), None)
    if lacking or ("all" in found and len(found) > 1):
        names = ", ".join(file.name for file in files)
        raise DataFormatError(f"{folder}: images and labels come in pairs such as X.npy and y.npy, but it has {names}.")
    names_of = divided(found)
    return [
        PairBlock(names_of[part], *paired(_only(found[part]["images"]), _only(found[part]["labels"])))
        for part in (*PARTS, "all") if part in found
    ]  # fmt: skip


def _classes(folder: Path, files: Sequence[Path]) -> list[PairBlock]:
    if len(files) < 2:
        raise DataFormatError(f"{files[0]}: it has no labels; put them beside it as y.npy, or give one array a class.")
    shared = [len({*letters}) == 1 for letters in zip(*(file.stem for file in files), strict=False)]
    begin = files[0].stem[: [*shared, False].index(False)]
    begin = begin[: max(begin.rfind(mark) for mark in "_- ") + 1]  # full_numpy_bitmap_ of QuickDraw's files
    members = [(file.stem.removeprefix(begin), _only(file)) for file in files]
    return [PairBlock("all", member, OneLabel(member.name, label, member.shape[0])) for label, member in members]


def _only(file: Path) -> Member:
    """Open a .npy, or the one array of a .npz."""
    if file.suffix.lower() == ".npy":
        return open_member(file)
    names = list(members_of(file).values())
    if len(names) != 1:
        raise DataFormatError(f"{file}: beside other files it may have one array only, but it has {len(names)}.")
    return open_member(file, names[0])


FORMAT = Format(
    "folder of .npy files",
    "a folder of `.npy` files, or of pairs of `.npz`",
    "pairs as `X.npy` and `y.npy`, `x_train.npy` and `y_train.npy`, `…-imgs.npz` and `…-labels.npz`; or one array a "
    "class as `cat.npy` and `dog.npy`",
    recognises,
    arrays_folder_source,
)
