"""Which part of a data set a name speaks of."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from makeweight.data.sources.source import Part

#: The order in which parts are read.
PARTS: tuple[Part, ...] = ("train", "validation", "test")

#: Words that name a part, in lower case; t10k is MNIST's test part.
WORDS: dict[str, Part] = {
    "train": "train", "training": "train",
    "val": "validation", "valid": "validation", "validation": "validation", "dev": "validation", "eval": "validation",
    "test": "test", "testing": "test", "t10k": "test",
}  # fmt: skip
#: Columns of tables that say which part a row is for.
USAGE = ("usage", "split", "set", "subset", "partition")
#: Kaggle's public test served as validation while the competition ran, the private one decided it.
_KAGGLE: dict[str, Part] = {"publictest": "validation", "privatetest": "test"}

# A word ends where letters end, or where a capital follows a small letter: fashion-mnist_train, mnistTrain, t10k.
_WORD = re.compile(r"t10k|[A-Z]?[a-z]+|[A-Z]+")


def part_in(name: str) -> Part | None:
    """Return the part that a file's name mentions, or None if it mentions no part or several."""
    named = {WORDS[word.lower()] for word in _WORD.findall(name) if word.lower() in WORDS}
    return named.pop() if len(named) == 1 else None


def part_of_usage(text: str) -> Part | None:
    """Find the part that a cell in a column of `USAGE` names: FER2013's PublicTest and PrivateTest, or a word."""
    return _KAGGLE.get(text.strip().lower()) or part_in(text)


def divided(parts: Iterable[Part]) -> dict[Part, Part]:
    """Say what to call the parts that a source has: one alone is no division, and so becomes "all"."""
    present = set(parts)
    return {part: "all" if len(present) == 1 else part for part in present}


def natural(name: str | Path) -> tuple[tuple[int, int, str], ...]:
    """Sort key by which 2 comes before 10, and both before a."""
    text = name.name if isinstance(name, Path) else name
    parts = (part for part in re.split(r"(\d{1,18})", text) if part)
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)
