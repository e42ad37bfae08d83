"""A self-test for a device: some test images with the answers that the exported file gave for them here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from makeweight.data.dataset import LabelledImages
from makeweight.export.c import text
from makeweight.export.c.render import render
from makeweight.export.facts import Pixels, Probabilities
from makeweight.files import write_whole

IMAGES = 10
LOOKED_AT = 20  # images of a class from which the one is taken


@dataclass(frozen=True, eq=False)
class Examples:
    """Images for the self-test."""

    images: Pixels  # (n, c, h, w)
    labels: NDArray[np.int64]  # (n,)


def choose_examples(test: LabelledImages, answer: Callable[[Pixels], Probabilities]) -> Examples:
    """Take ten test images, of as many classes as there are: the first of each that the network gets right.

    Of a class of which none of the first 20 is right, the first image is taken. With fewer than ten classes some come
    more than once, in turn.
    """
    labels = np.asarray(test.labels)
    classes = np.unique(labels)[:IMAGES]
    rows = {label: np.flatnonzero(labels == label)[:LOOKED_AT] for label in classes.tolist()}
    ranked = {label: _right_first(test, label, rows[label], answer) for label in rows}
    turns = [row for turn in range(LOOKED_AT) for label in rows for row in ranked[label][turn : turn + 1]]
    chosen = turns[:IMAGES]
    return Examples(np.array(test.images[chosen]), labels[chosen])


def _right_first(
    test: LabelledImages, label: int, rows: NDArray[np.intp], answer: Callable[[Pixels], Probabilities]
) -> list[int]:
    right = answer(np.array(test.images[rows])).argmax(1) == label
    return [*rows[right].tolist(), *rows[~right].tolist()]


def write_selftest(source: Path, int8: bool, examples: Examples, scores: NDArray[np.float32]) -> None:
    """Write ``NAME_selftest.h`` beside ``NAME.c``.

    Parameters
    ----------
    source : pathlib.Path
        The C file of the network.
    int8 : bool
        Whether it computes in int8, whose scores must be the same bit by bit.
    examples : Examples
    scores : (n, k) float32
        What the file gives for them, before they become probabilities.

    Raises
    ------
    StoreError
        If the file cannot be written.
    """
    pixels = examples.images.transpose(0, 2, 3, 1)  # as a camera gives them
    images = [
        {
            "label": int(label),
            "answer": int(score.argmax()),
            "pixels": text.numbers(image),
            "scores": text.bits(score) if int8 else text.numbers(score),
        }
        for label, image, score in zip(examples.labels, pixels, scores, strict=True)
    ]
    values = {"name": source.stem, "upper": source.stem.upper(), "int8": int8, "images": images}
    write_whole(source.with_name(f"{source.stem}_selftest.h"), render("selftest.h", values))
