"""What is in a user's own data set, before anything is trained on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from makeweight.data import near, suspects
from makeweight.data.divide import divide
from makeweight.data.sources.source import Part, Problem, Shape, Source
from makeweight.data.stage import Staged
from makeweight.errors import DataFormatError

MAX_LISTED = 20
#: A class this many times rarer than the largest is called rare: accuracy hardly notices it.
RARE = 10


@dataclass(frozen=True)
class Alike:
    """Two images that are the same, or nearly."""

    first: str
    second: str
    first_class: str
    second_class: str


@dataclass(frozen=True)
class SuspectLabel:
    """An image whose label is probably wrong."""

    name: str
    label: str
    looks_like: str
    probability: float  # of what it looks like, 0 to 1


@dataclass(frozen=True)
class Check:
    """The contents of a data set, and what is wrong with it."""

    shape: Shape  # of the prepared images
    shapes: tuple[tuple[Shape, int], ...]  # of the originals, most frequent first
    class_names: tuple[str, ...]
    counts: tuple[tuple[Part, tuple[int, ...]], ...]  # images of each class, by the parts that the source gives
    notes: tuple[str, ...]  # on conversion
    problems: tuple[Problem, ...]  # images that cannot be read
    doubts: tuple[str, ...]  # what could be meant in several ways
    refusal: str | None  # why it cannot be divided
    copies: int  # images that are the same as an earlier one
    conflicts: tuple[Alike, ...]  # the same image with different labels; the first of them
    conflict_count: int
    leaked: int  # test images that are among those for training too, where the source divides
    leaked_validation: int  # the same of validation images
    near_compared: int
    near_count: int
    near: tuple[Alike, ...]  # the nearest
    suspects_compared: int
    suspect_count: int
    suspects: tuple[SuspectLabel, ...]  # the clearest

    @property
    def images(self) -> int:
        """How many can be read."""
        return sum(sum(counts) for _, counts in self.counts)

    @property
    def rare(self) -> tuple[str, ...]:
        """Classes with less than a tenth of the images of the largest."""
        totals = np.sum([counts for _, counts in self.counts], axis=0)
        return tuple(self.class_names[k] for k in np.flatnonzero(totals * RARE < totals.max()))

    @property
    def usable(self) -> bool:
        """Whether it can be prepared without leaving anything out."""
        return self.refusal is None and not self.problems and not self.doubts

    @property
    def remarkable(self) -> bool:
        """Whether there is something that a look at the images may explain."""
        return not self.usable or any((self.conflict_count, self.leaked, self.leaked_validation, self.near_count,
                                       self.suspect_count, self.rare, self.notes))  # fmt: skip


def check(source: Source, staged: Staged) -> Check:
    """Look at everything in a data set that may spoil a training or flatter its accuracy."""
    refusal, leaked, leaked_validation = _division(staged)
    copies, conflicts = _copies(staged)
    sample = _sample(len(staged.labels), near.MAX_IMAGES)
    alike = near.near_copies(staged.images(sample), sample)
    few = _sample(len(staged.labels), suspects.MAX_IMAGES)
    count, found = suspects.suspects(staged.images(few), staged.labels[few], few)

    def alikes(pairs: NDArray[np.int64]) -> tuple[Alike, ...]:
        return tuple(_alike(source, staged, *pair) for pair in pairs[:MAX_LISTED].tolist())

    return Check(
        shape=staged.shape,
        shapes=tuple(sorted(staged.survey.shapes.items(), key=lambda item: -item[1])),
        class_names=staged.class_names,
        counts=tuple((part, _counts(staged, rows)) for part, rows in staged.parts.items()),
        notes=staged.notes,
        problems=staged.problems,
        doubts=staged.doubts,
        refusal=refusal,
        copies=copies,
        conflicts=alikes(conflicts),
        conflict_count=len(conflicts),
        leaked=leaked,
        leaked_validation=leaked_validation,
        near_compared=alike.images,
        near_count=len(alike.pairs),
        near=alikes(alike.pairs),
        suspects_compared=len(few),
        suspect_count=count,
        suspects=tuple(
            SuspectLabel(
                source.describe(int(staged.rows[suspect.row])),
                staged.class_names[suspect.label],
                staged.class_names[suspect.looks_like],
                suspect.probability,
            )
            for suspect in found
        ),
    )


def _division(staged: Staged) -> tuple[str | None, int, int]:
    try:
        division = divide(staged)
    except DataFormatError as error:
        return str(error), 0, 0
    return None, division.shared_test, division.shared_validation


def _copies(staged: Staged) -> tuple[int, NDArray[np.int64]]:
    """Count copies, and pair each that has another label with the first image of its kind."""
    _, first, place = np.unique(staged.prints, return_index=True, return_inverse=True)
    original = first[place]
    differing = np.flatnonzero(staged.labels != staged.labels[original])
    return len(staged.prints) - len(first), np.stack([original[differing], differing], axis=1)


def _counts(staged: Staged, rows: slice) -> tuple[int, ...]:
    return tuple(np.bincount(staged.labels[rows], minlength=len(staged.class_names)).tolist())


def _sample(count: int, most: int) -> NDArray[np.int64]:
    """Spread over the data set evenly, so the same data give the same sample."""
    return np.unique(np.linspace(0, count - 1, min(count, most)).astype(np.int64)) if count else np.empty(0, np.int64)


def _alike(source: Source, staged: Staged, first: int, second: int) -> Alike:
    names = (source.describe(int(staged.rows[row])) for row in (first, second))
    classes = (staged.class_names[staged.labels[row]] for row in (first, second))
    return Alike(*names, *classes)
