"""The source that all formats of pictures share: encoded pictures, in files or in memory, become chunks of images."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from makeweight.data.picture import PictureHeader, decode_picture, read_picture, read_shape, unreadable_reason
from makeweight.data.sources.pixels import dim_note
from makeweight.data.sources.source import Chunk, Part, Problem, Progress, Shape, Survey
from makeweight.data.workers import mapped
from makeweight.errors import DataFormatError, MakeweightError
from makeweight.processors import processors

#: Pictures that a process decodes at a time.
BATCH = 64
#: Fewer are decoded here before other processes have started.
FEW = 400

Encoded = Path | bytes


@dataclass(frozen=True)
class PictureBatch:
    """Some pictures of one part that follow one another, at most `BATCH`."""

    part: Part
    pictures: Sequence[Encoded]
    codes: Sequence[int]  # positions in `Pictures.class_names`


class Pictures(Protocol):
    """Labelled pictures, still encoded; every call of `batches` gives them anew, part by part."""

    @property
    def name(self) -> str:
        """What to call the data set."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes by code."""

    @property
    def ordered(self) -> bool:
        """As `Source.ordered`."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What finding them has left out or assumed."""

    @property
    def doubts(self) -> tuple[str, ...]:
        """As `Source.doubts`."""

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Pictures that have no label, and labels that have no picture."""

    @property
    def parts(self) -> tuple[Part, ...]:
        """Those that there are."""

    @property
    def count(self) -> int:
        """How many there are."""

    def batches(self) -> Iterator[PictureBatch]:
        """Give all in order."""

    def describe(self, row: int) -> str:
        """As `Source.describe`."""

    def fingerprint(self) -> str:
        """As `Source.fingerprint`."""


class PictureSource:
    """A `Source` of pictures.

    Parameters
    ----------
    pictures : Pictures
    workers : int, optional
        Processes that decode; by default one for each processor, and none for a few pictures.
    """

    def __init__(self, pictures: Pictures, workers: int | None = None) -> None:
        self._pictures, self._workers = pictures, workers
        self._highest = 0  # of all values of 16 bits
        self._good = Counter[int]()  # pictures of each class that can be read
        self.name, self.ordered = pictures.name, pictures.ordered
        self.describe, self.fingerprint = pictures.describe, pictures.fingerprint

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, by code."""
        return self._pictures.class_names

    @property
    def notes(self) -> tuple[str, ...]:
        """Whether pictures of 16 bits come out nearly black."""
        return dim_note(self._highest)

    @property
    def doubts(self) -> tuple[str, ...]:
        """What finding the pictures has left open, and classes of which none can be read."""
        lost = [name for code, name in enumerate(self.class_names) if not self._good[code]]
        listed = f"no picture of {', '.join(map(repr, lost[:10]))} can be read, so the class would vanish; repair them."
        return (*self._pictures.doubts, *([listed] if lost and not self.ordered else []))

    def survey(self, say: Progress) -> Survey:
        """Read the header of each picture; those that have none are left to `read` to name.

        Raises
        ------
        DataFormatError
            If no picture can be read.
        """
        shapes, traits = Counter[Shape](), Counter[str]()
        total, done, reason = self._pictures.count, 0, ""
        for headers in mapped(_headers, (batch.pictures for batch in self._pictures.batches()), self._processes):
            for header in headers:
                if isinstance(header, str):
                    reason = header
                    continue
                shapes[header.shape] += 1
                traits += Counter(_traits(header))
            done += len(headers)
            say("looking at the pictures", done, total)
        if not shapes:
            raise DataFormatError(f"none of the {total} pictures in {self.name} can be read; the last: {reason}")
        notes = [f"{count:,} of {total:,} pictures {trait}" for trait, count in sorted(traits.items())]
        return Survey(shapes, self._pictures.parts, (*notes, *self._pictures.notes))

    def read(self, shape: Shape, say: Progress) -> Iterator[Chunk]:
        """Decode all pictures; a damaged one is a problem of its chunk, and so is one without a label."""
        start, waiting = 0, list[PictureBatch]()
        unlabelled = self._pictures.problems
        self._good.clear()

        def work() -> Iterator[tuple[Sequence[Encoded], Shape]]:
            for batch in self._pictures.batches():
                waiting.append(batch)
                yield batch.pictures, shape

        for images, reasons, highest in mapped(_decode, work(), self._processes):
            batch = waiting.pop(0)
            self._highest = max(self._highest, highest)
            rows = np.arange(start, start + len(reasons))
            good = np.array([reason is None for reason in reasons])
            problems = [
                Problem(self.describe(int(row)), reason)
                for row, reason in zip(rows, reasons, strict=True)
                if reason is not None
            ]
            codes = np.array(batch.codes, dtype=np.int64)[good]
            self._good.update(codes.tolist())
            yield Chunk(batch.part, images, codes, rows[good], (*unlabelled, *problems))
            unlabelled = ()
            start += len(reasons)
            say("reading the pictures", start, self._pictures.count)

    @property
    def _processes(self) -> int:
        if self._workers is not None:
            return self._workers
        return 1 if self._pictures.count < FEW else processors()


def _traits(header: PictureHeader) -> Iterator[str]:
    if header.transparent:
        yield "have transparency, which is laid on black"
    if header.sixteen_bits:
        yield "have 16 bits, of which the upper 8 are taken"
    if header.animated:
        yield "are animated, of which the first frame is taken"


def _headers(pictures: Sequence[Encoded]) -> list[PictureHeader | str]:
    """Return the header of each picture, or why it has none."""

    def header(picture: Encoded) -> PictureHeader | str:
        try:
            return read_shape(picture)
        except MakeweightError as error:
            return unreadable_reason(error)

    return [header(picture) for picture in pictures]


def _decode(wanted: tuple[Sequence[Encoded], Shape]) -> tuple[NDArray[np.uint8], list[str | None], int]:
    """Decode pictures.

    Returns those that can be read, (b, c, h, w); for each that was asked for why it cannot; and the highest of all
    values of 16 bits.
    """
    pictures, shape = wanted
    pixels, reasons, highest = [], list[str | None](), 0
    for picture in pictures:
        try:
            read = read_picture(picture, shape) if isinstance(picture, Path) else decode_picture(picture, "it", shape)
            pixels.append(read.pixels)
            reasons.append(None)
            highest = max(highest, read.highest)
        except MakeweightError as error:
            reasons.append(unreadable_reason(error))
    return np.stack(pixels) if pixels else np.empty((0, *shape), np.uint8), reasons, highest
