"""How a command names pictures: files, folders, patterns, and ``-`` for one from stdin."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from makeweight.errors import DataFormatError, InvalidValue

if TYPE_CHECKING:
    from makeweight.data.picture import Picture
    from makeweight.export.classifier import Source
    from makeweight.export.facts import Shape

STDIN = "-"
SUFFIXES = frozenset((".png", ".jpg", ".jpeg", ".webp", ".gif", ".bmp", ".tif", ".tiff", ".ppm", ".pgm", ".pbm"))
MOST_PICTURES = 1_000_000


@dataclass(frozen=True)
class Found:
    """What a user's words stand for."""

    sources: tuple[Source, ...]
    ignored: int  # files in folders that are no pictures, by their names


def find_pictures(words: Sequence[str]) -> Found:
    """Find pictures, in the order of the words; those of a folder, with its sub-folders, by name.

    Raises
    ------
    InvalidValue
        If a folder holds none, a pattern matches none, stdin is named twice, or there are too many.
    """
    if list(words).count(STDIN) > 1:
        raise InvalidValue("stdin has one picture, and - is given more than once.")
    sources: list[Source] = []
    ignored = 0
    for word in words:
        if is_folder(word):
            inside = sorted(_files(word))
            pictures = [path for path in inside if Path(path).suffix.lower() in SUFFIXES]
            ignored += len(inside) - len(pictures)
            sources += map(partial(_in_folder, word), _some(pictures, f"the folder {word} holds no picture"))
        else:
            sources += map(_source, _matching(word))
        if len(sources) > MOST_PICTURES:
            raise InvalidValue(f"more than {MOST_PICTURES:,} pictures are too many at once. Give fewer.")
    return Found(tuple(sources), ignored)


def _files(folder: str) -> Iterator[str]:
    """List files; links to folders are not followed, so that none leads round in a circle."""
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if not name.startswith(".")]
        yield from (str(Path(parent, name)) for name in names if not name.startswith("."))


def _matching(word: str) -> list[str]:
    """Expand a pattern; what exists under that very name, and what is no pattern, is taken as it is."""
    if word == STDIN or is_file(word) or not glob.has_magic(word):
        return [word]
    found = glob.iglob(word, recursive=True)  # noqa: PTH207 - a pattern may start with / or ..
    return _some(sorted(path for path in found if not is_folder(path)), f"nothing matches {word}")


def is_folder(name: str) -> bool:
    """Say whether there is a folder of that name, also where no name can be like that."""
    try:
        return Path(name).is_dir()
    except OSError:  # too long
        return False


def is_file(name: str) -> bool:
    """Say whether there is a file of that name, also where no name can be like that."""
    try:
        return Path(name).is_file()
    except OSError:  # too long
        return False


def _some(paths: list[str], otherwise: str) -> list[str]:
    if not paths:
        raise InvalidValue(f"{otherwise}. Pictures end in {', '.join(sorted(SUFFIXES))}.")
    return paths


def _source(name: str) -> Source:
    from makeweight.export.classifier import Source

    return Source("stdin", _read_stdin) if name == STDIN else Source(name, partial(_read_file, name))


def _in_folder(folder: str, name: str) -> Source:
    from makeweight.export.classifier import Source

    if not Path(os.path.realpath(name)).is_relative_to(os.path.realpath(folder)):  # Path.resolve fails in a circle
        return Source(name, partial(_refuse_link, name))
    return _source(name)


def _read_file(name: str, shape: Shape, invert: bool) -> Picture:
    from makeweight.data.picture import read_picture

    return read_picture(Path(name), shape, invert=invert)


def _read_stdin(shape: Shape, invert: bool) -> Picture:
    from makeweight.data.picture import MOST_BYTES, decode_picture

    return decode_picture(sys.stdin.buffer.read(MOST_BYTES + 1), "stdin", shape, invert=invert)


def _refuse_link(name: str, shape: Shape, invert: bool) -> Picture:
    raise DataFormatError(f"the picture {name} is a link that leads out of its folder. Name the picture itself.")
