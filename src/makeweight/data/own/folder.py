"""A folder of pictures, one sub-folder a class."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from makeweight.data.own.dim import dim_note
from makeweight.data.own.listing import list_pictures
from makeweight.data.own.source import Chunk, Problem, Progress, Shape, Survey
from makeweight.data.own.workers import mapped, processors
from makeweight.data.picture import PictureHeader, read_picture, read_shape
from makeweight.errors import DataFormatError, DataNotFound, InvalidValue, MakeweightError

#: Pictures that a process decodes at a time.
BATCH = 64
#: Fewer are decoded here before other processes have started.
FEW = 400


class FolderSource:
    """Pictures in one sub-folder a class, optionally below ``train``, ``val`` and ``test``.

    Parameters
    ----------
    root : pathlib.Path
    workers : int, optional
        Processes that decode; by default one for each processor, and none for a few pictures.

    Raises
    ------
    DataFormatError, DataNotFound
        As `makeweight.data.own.listing.list_pictures` does.
    """

    def __init__(self, root: Path, workers: int | None = None) -> None:
        self._root, self._workers, self._listing = root, workers, list_pictures(root)
        self._highest = 0  # of all values of 16 bits

    @property
    def name(self) -> str:
        """Of the folder."""
        return self._root.resolve().name

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the sub-folders, by code."""
        return tuple(self._listing.class_names)

    @property
    def notes(self) -> tuple[str, ...]:
        """Whether pictures of 16 bits come out nearly black."""
        return dim_note(self._highest)

    def fingerprint(self) -> str:
        """Digest of all names, sizes and times of change."""
        digest = hashlib.sha256()
        for name in self._listing.paths:
            found = (self._root / name).stat()
            digest.update(f"{name!r} {found.st_size} {found.st_mtime_ns}\n".encode())
        return digest.hexdigest()

    def survey(self, say: Progress) -> Survey:
        """Read the header of each picture; those that have none are left to `read` to name.

        Raises
        ------
        DataFormatError
            If no picture can be read, or a symbolic link leads out of the folder.
        """
        shapes: Counter[Shape] = Counter()
        traits: Counter[str] = Counter()
        total, done = len(self._listing.paths), 0
        for headers in mapped(_headers, self._batches(), self._processes):
            for header in headers:
                if isinstance(header, str):
                    continue
                shapes[header.shape] += 1
                traits += Counter(_traits(header))
            done += len(headers)
            say("looking at the pictures", done, total)
        if not shapes:
            raise DataFormatError(f"none of the {total} pictures in {self._root} can be read. Check the folder.")
        return Survey(shapes, tuple(dict.fromkeys(self._listing.parts)), tuple(self._notes(traits, total)))

    def read(self, shape: Shape, say: Progress) -> Iterator[Chunk]:
        """Decode all pictures; a damaged one is a problem of its chunk."""
        listing, start = self._listing, 0
        batches = ([(path, shape) for path in batch] for batch in self._batches())
        for images, reasons, highest in mapped(_decode, batches, self._processes):
            self._highest = max(self._highest, highest)
            rows = np.arange(start, start + len(reasons))
            good = np.array([reason is None for reason in reasons])
            problems = [
                Problem(self.describe(int(row)), reason)
                for row, reason in zip(rows, reasons, strict=True)
                if reason is not None
            ]
            codes = np.array(listing.codes[start : start + len(reasons)], dtype=np.int64)
            yield Chunk(listing.parts[start], images, codes[good], rows[good], tuple(problems))
            start += len(reasons)
            say("reading the pictures", start, len(listing.paths))

    def describe(self, row: int) -> str:
        """Return the picture's path within the folder."""
        return self._listing.paths[row]

    @property
    def _processes(self) -> int:
        if self._workers is not None:
            return self._workers
        return 1 if len(self._listing.paths) < FEW else processors()

    def _batches(self) -> Iterator[list[Path]]:
        """Yield paths some at a time; no batch has pictures of two parts."""
        listing, start = self._listing, 0
        for part in dict.fromkeys(listing.parts):
            end = start + listing.parts.count(part)
            for first in range(start, end, BATCH):
                yield [self._root / path for path in listing.paths[first : min(end, first + BATCH)]]
            start = end

    def _notes(self, traits: Counter[str], total: int) -> Iterable[str]:
        for trait, count in sorted(traits.items()):
            yield f"{count:,} of {total:,} pictures {trait}"
        if self._listing.others:
            endings = ", ".join(f"{count} {ending or 'without ending'}" for ending, count in islice(
                self._listing.others.most_common(), 5))  # fmt: skip
            yield f"passed over, being no pictures: {endings}"


def _traits(header: PictureHeader) -> Iterator[str]:
    if header.transparent:
        yield "have transparency, which is laid on black"
    if header.sixteen_bits:
        yield "have 16 bits, of which the upper 8 are taken"
    if header.animated:
        yield "are animated, of which the first frame is taken"


def _headers(paths: Sequence[Path]) -> list[PictureHeader | str]:
    """Return the header of each picture, or why it has none."""

    def header(path: Path) -> PictureHeader | str:
        try:
            return read_shape(path)
        except MakeweightError as error:
            return str(error)

    return [header(path) for path in paths]


def _decode(wanted: Sequence[tuple[Path, Shape]]) -> tuple[NDArray[np.uint8], list[str | None], int]:
    """Decode pictures.

    Returns those that can be read, (b, c, h, w); for each that was asked for why it cannot; and the highest of all
    values of 16 bits.
    """
    pixels, reasons, highest = [], list[str | None](), 0
    for path, shape in wanted:
        try:
            picture = read_picture(path, shape)
            pixels.append(picture.pixels)
            reasons.append(None)
            highest = max(highest, picture.highest)
        except (DataFormatError, DataNotFound, InvalidValue) as error:
            reasons.append(_without_path(str(error), path))
    shape = wanted[0][1]
    return np.stack(pixels) if pixels else np.empty((0, *shape), np.uint8), reasons, highest


def _without_path(message: str, path: Path) -> str:
    return message.replace(f"the picture {path} cannot be used: ", "").partition(". Give one in ")[0]
