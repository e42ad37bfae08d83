"""Which part of a data set a name speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from makeweight.data.own.source import Part

#: The order in which parts are read.
PARTS: tuple[Part, ...] = ("train", "validation", "test")

#: Words that name a part, in lower case; t10k is MNIST's test part.
WORDS: dict[str, Part] = {
    "train": "train", "training": "train",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation",
    "test": "test", "testing": "test", "t10k": "test",
}  # fmt: skip

# A word ends where letters end, or where a capital follows a small letter: fashion-mnist_train, mnistTrain, t10k.
_WORD = re.compile(r"t10k|[A-Z]?[a-z]+|[A-Z]+")


def part_in(name: str) -> Part | None:
    """Find the part that a file's name speaks of, or None where it speaks of none or of several."""
    named = {WORDS[word.lower()] for word in _WORD.findall(name) if word.lower() in WORDS}
    return named.pop() if len(named) == 1 else None


def divided(parts: Iterable[Part]) -> dict[Part, Part]:
    """Say what to call the parts that a source has: one alone is no division, and so becomes "all"."""
    present = set(parts)
    return {part: "all" if len(present) == 1 else part for part in present}


def natural(path: Path) -> list[int | str]:
    """Sort key of files: train_2 before train_10."""
    return [int(text) if place % 2 else text for place, text in enumerate(re.split(r"([0-9]+)", path.name))]
