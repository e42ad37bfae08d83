"""All images of a source in one file in their final form, before it is decided which are for what.

The pixels go straight to disk, so memory holds the labels and 8 bytes an image, and nothing else.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from makeweight.data.class_names import compared
from makeweight.data.form import Form, choose_shape, sized
from makeweight.data.meta import writing
from makeweight.data.sources.parts import natural
from makeweight.data.sources.source import CHUNK_IMAGES, Part, Problem, Progress, Shape, Source, Survey
from makeweight.wording import plural

FILE_NAME = "staged.u8"
GRAY_LEVELS = 4  # by which the channels of a gray image may differ


@dataclass(frozen=True)
class Staged:
    """The images of a source, on disk, with what is known of each."""

    path: Path  # uint8 (n, c, h, w) without a header
    survey: Survey
    shape: Shape
    class_names: tuple[str, ...]  # by label
    labels: NDArray[np.int64]  # (n,)
    parts: dict[Part, slice]  # the rows of each part that the source gives
    rows: NDArray[np.int64]  # (n,) the source's own numbers
    prints: NDArray[np.uint64]  # (n,) digest of the pixels
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]  # what the survey and reading have shown
    doubts: tuple[str, ...] = ()  # what could be meant in several ways

    def images(self, rows: NDArray[np.int64]) -> NDArray[np.uint8]:
        """(m, c, h, w) of these rows, ascending; for a few of them."""
        parts = list(self.chunks(rows))
        return np.concatenate(parts) if parts else np.empty((0, *self.shape), np.uint8)

    def chunks(self, rows: NDArray[np.int64]) -> Iterator[NDArray[np.uint8]]:
        """Yield the images of these rows, ascending, some at a time, without mapping the file into memory."""
        size = int(np.prod(self.shape))
        with self.path.open("rb") as file:
            for start in range(0, len(self.labels), CHUNK_IMAGES):
                first, last = np.searchsorted(rows, (start, start + CHUNK_IMAGES))
                if first == last:
                    continue
                file.seek(start * size)
                pixels = np.fromfile(file, np.uint8, min(CHUNK_IMAGES, len(self.labels) - start) * size)
                yield pixels.reshape(-1, *self.shape)[rows[first:last] - start]


def stage(source: Source, form: Form, folder: Path, say: Progress) -> Staged:
    """Read all of a source into ``folder``.

    Raises
    ------
    DataFormatError, DataNotFound
        As the source does.
    StoreError
        If the folder cannot be written, or the disk is full.
    """
    survey = source.survey(say)
    shape = choose_shape(survey, form)
    path = folder / FILE_NAME
    codes, rows, prints = [_NOTHING], [_NOTHING], [_NOTHING.astype(np.uint64)]
    parts, problems, count = dict[Part, slice](), list[Problem](), 0
    gray, blank = shape[0] == 3 and form.channels is None, 0
    with writing(folder), path.open("xb") as file:
        for chunk in source.read(shape, say):
            if chunk.images.size:  # of a chunk in which nothing can be read there are only problems
                file.write(np.ascontiguousarray(chunk.images).data.cast("B"))
            codes.append(chunk.codes)
            rows.append(chunk.rows)
            prints.append(fingerprints(chunk.images))
            problems += chunk.problems
            begin = parts[chunk.part].start if chunk.part in parts else count
            count += len(chunk.codes)
            parts[chunk.part] = slice(begin, count)
            gray, blank = gray and _are_gray(chunk.images), blank + _blank(chunk.images)
    labels, class_names = np.concatenate(codes), source.class_names
    if not source.ordered:
        labels, class_names = _in_order(labels, class_names)
    class_notes, class_doubts = compared(class_names, labels, parts)
    seen = (*_seen(gray, blank, shape), *class_notes, *sized(survey, form, shape))
    return Staged(
        path, survey, shape, class_names, labels, parts, np.concatenate(rows), np.concatenate(prints),
        tuple(problems), (*survey.notes, *source.notes, *seen), (*source.doubts, *class_doubts),
    )  # fmt: skip


_NOTHING = np.empty(0, np.int64)


def fingerprints(images: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """(n,) digests of images (n, c, h, w): equal for identical images; collisions are negligible.

    Of a million different images, two have the same 64 bits with a probability of 3e-8.
    """
    digests = b"".join(hashlib.blake2b(image.tobytes(), digest_size=8).digest() for image in images)
    return np.frombuffer(digests, dtype=np.uint64)


def _are_gray(images: NDArray[np.uint8]) -> bool:
    """Say whether images (n, 3, h, w) have no colour: JPEG leaves a trace of it."""
    signed = images.astype(np.int16)
    return not len(images) or int(np.abs(signed[:, 1:] - signed[:, :1]).max()) <= GRAY_LEVELS


def _blank(images: NDArray[np.uint8]) -> int:
    flat = images.reshape(len(images), math.prod(images.shape[1:]))
    return int((flat.min(axis=1) == flat.max(axis=1)).sum())


def _seen(gray: bool, blank: int, shape: Shape) -> Iterator[str]:
    """Say what the pixels of all images have shown."""
    if gray:
        weights = f"each unit of an FCN's first layer spends {np.prod(shape):,} weights, in gray {np.prod(shape[1:]):,}"
        yield f"all images are gray, though they are stored in colour: channels=1 ({weights})"
    if blank:
        yield f"of one colour all over: {plural(blank, 'image')} (black drawings on transparency would be, on black)"


def _in_order(codes: NDArray[np.int64], names: Sequence[str]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Give the classes the natural order of their names."""
    order = sorted(range(len(names)), key=lambda code: natural(names[code]))
    labels = np.empty(len(names), np.int64)
    labels[order] = np.arange(len(names))
    return labels[codes], tuple(names[code] for code in order)
