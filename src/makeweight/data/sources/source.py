"""What every source of images gives, whatever its format."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from makeweight.data.form import Form

#: "all": the source gives no division, and makeweight makes one.
Part = Literal["all", "train", "validation", "test"]
Shape = tuple[int, int, int]  # (c, h, w)

#: Called with what is being done, how much of it is done, and how much there is (None: not known).
Progress = Callable[[str, int, int | None], None]

#: Images handed over at once: enough to keep NumPy busy, and at 64 × 64 pixels in colour 12 MB.
CHUNK_IMAGES = 1_000


@dataclass(frozen=True)
class Survey:
    """The shapes of a source's images, found before they are read."""

    shapes: Mapping[Shape, int]  # how many images have it; c is 1 or 3, after alpha has gone
    parts: tuple[Part, ...]  # those that the source gives, ("all",) where it gives none
    notes: tuple[str, ...] = ()  # what reading will change, as in "12 images with transparency are laid on black"


@dataclass(frozen=True)
class Problem:
    """An image that cannot be read."""

    name: str  # as `Source.describe` has it
    reason: str


@dataclass(frozen=True)
class Chunk:
    """Some images of one part, in the shape asked for."""

    part: Part
    images: NDArray[np.uint8]  # (b, c, h, w)
    codes: NDArray[np.int64]  # (b,) positions in `Source.class_names`
    rows: NDArray[np.int64]  # (b,) the source's own numbers of these images, ascending over all chunks
    problems: tuple[Problem, ...] = field(default=())


class Source(Protocol):
    """A set of labelled images in one format, in files or in memory."""

    @property
    def name(self) -> str:
        """What to call the data set: usually its file or folder."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, by code; complete only after the last chunk, in no particular order."""

    @property
    def ordered(self) -> bool:
        """Whether the classes stand in the order of their numbers, which is kept then."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What only reading has shown and everybody should know; complete after the last chunk."""

    @property
    def doubts(self) -> tuple[str, ...]:
        """What could be meant in several ways, each with its remedy, so that nothing is prepared; complete as above."""

    def fingerprint(self) -> str:
        """Hexadecimal digest that differs once the content may have changed; found without reading the images."""

    def survey(self, say: Progress) -> Survey:
        """Look at the shapes of all images.

        Raises
        ------
        DataFormatError
            If the source is not what its format promises.
        DataNotFound
            If a file cannot be opened.
        """

    def read(self, shape: Shape, say: Progress) -> Iterator[Chunk]:
        """Read all images, part by part; memory does not grow with their number.

        Raises
        ------
        DataFormatError
            If the source is not what its format promises; a single damaged picture is a `Problem` instead.
        """

    def describe(self, row: int) -> str:
        """Say which image that is, for a message: ``cats/17.jpg`` or ``train.csv, line 18``."""


@dataclass(frozen=True)
class Format:
    """One format: what it is called, how it is recognised and opened, and what the documentation says of it."""

    name: str
    lies: str  # at the path
    reading: str  # how it is read
    recognises: Callable[[Path], bool]
    open: Callable[[Path, Form], Source]
    takes: frozenset[str] = frozenset()  # of a form's ``layout`` and ``label``
