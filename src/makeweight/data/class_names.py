"""Names of classes that differ between the parts of a data set, or only in ways that people do not see."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from makeweight.data.sources.source import Part

MAX_LISTED = 10


def normalised(name: str) -> str:
    """Give a name without its case, its Unicode form and its blanks.

    >>> normalised("Cat ") == normalised("cat")
    True
    """
    return " ".join(unicodedata.normalize("NFC", name).casefold().split())


def compared(
    names: Sequence[str], labels: NDArray[np.int64], parts: Mapping[Part, slice]
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Compare the names of all classes over the parts.

    Parameters
    ----------
    names : sequence of str
        By label.
    labels : numpy.ndarray
        (n,)
    parts : mapping
        The rows of each part.

    Returns
    -------
    tuple of str, tuple of str
        What everybody should know: classes that the test part lacks, or names that look alike. And what stops a data
        set: one class under two names in two parts, and classes without images to learn them from.
    """
    present = {part: set(np.unique(labels[rows]).tolist()) for part, rows in parts.items()}
    alike: dict[str, list[int]] = {}
    for label, name in enumerate(names):
        alike.setdefault(normalised(name), []).append(label)
    notes, doubts, paired = list[str](), list[str](), set[int]()
    for group in alike.values():
        if len(group) == 1:
            continue
        places = {label: [part for part, here in present.items() if label in here] for label in group}
        words = " and ".join(f"{names[label]!r} ({', '.join(places[label])})" for label in group)
        if any(sum(label in here for label in group) > 1 for here in present.values()):
            notes.append(f"the classes {words} differ only in case, blanks or Unicode form")
        else:
            doubts.append(f"{words} differ only in case, blanks or Unicode form: give the class one name.")
            paired |= {*group}
    if "train" in present:
        for part in ("validation", "test"):
            lost = sorted(present.get(part, set()) - present["train"] - paired)
            if lost:
                listed = ", ".join(repr(names[label]) for label in lost[:MAX_LISTED])
                doubts.append(
                    f"there are no training images of {listed}, which the {part} part has: add some, or leave it out."
                )
        absent = sorted(present["train"] - present["test"]) if "test" in present and not paired else []
        if absent:
            listed = ", ".join(repr(names[label]) for label in absent[:MAX_LISTED])
            notes.append(f"the test part has no image of {listed}: accuracy says nothing about it")
    return tuple(notes), tuple(doubts)
