"""All images of a source in one file in their final form, before it is decided which are for what.

The pixels go straight to disk, so memory holds the labels and 8 bytes an image, and nothing else.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from makeweight.data.meta import writing
from makeweight.data.own.form import Form, choose_shape
from makeweight.data.own.listing import natural
from makeweight.data.own.source import CHUNK_IMAGES, Part, Problem, Progress, Shape, Source, Survey

FILE_NAME = "staged.u8"


@dataclass(frozen=True)
class Staged:
    """The images of a source, on disk, with what is known of each."""

    path: Path  # uint8 (n, c, h, w) without a header
    survey: Survey
    shape: Shape
    class_names: tuple[str, ...]  # in natural order, by label
    labels: NDArray[np.int64]  # (n,)
    parts: dict[Part, slice]  # the rows of each part that the source gives
    rows: NDArray[np.int64]  # (n,) the source's own numbers
    prints: NDArray[np.uint64]  # (n,) digest of the pixels
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]  # what the survey and reading have shown

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
    with writing(folder), path.open("xb") as file:
        for chunk in source.read(shape, say):
            file.write(np.ascontiguousarray(chunk.images).data.cast("B"))
            codes.append(chunk.codes)
            rows.append(chunk.rows)
            prints.append(fingerprints(chunk.images))
            problems += chunk.problems
            begin = parts[chunk.part].start if chunk.part in parts else count
            count += len(chunk.codes)
            parts[chunk.part] = slice(begin, count)
    labels, class_names = _in_order(np.concatenate(codes), source.class_names)
    return Staged(
        path, survey, shape, class_names, labels, parts, np.concatenate(rows), np.concatenate(prints),
        tuple(problems), (*survey.notes, *source.notes),
    )  # fmt: skip


_NOTHING = np.empty(0, np.int64)


def fingerprints(images: NDArray[np.uint8]) -> NDArray[np.uint64]:
    """(n,) digests of images (n, c, h, w): equal where all pixels are, and as good as never elsewhere.

    Of a million different images, two have the same 64 bits with a probability of 3e-8.
    """
    digests = b"".join(hashlib.blake2b(image.tobytes(), digest_size=8).digest() for image in images)
    return np.frombuffer(digests, dtype=np.uint64)


def _in_order(codes: NDArray[np.int64], names: Sequence[str]) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Give the classes the natural order of their names."""
    order = sorted(range(len(names)), key=lambda code: natural(names[code]))
    labels = np.empty(len(names), np.int64)
    labels[order] = np.arange(len(names))
    return labels[codes], tuple(names[code] for code in order)
