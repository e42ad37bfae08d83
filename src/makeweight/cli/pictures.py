"""How a command names pictures: files, folders, patterns, and ``-`` for one from stdin."""

from __future__ import annotations

import glob
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from makeweight.errors import DataFormatError, InvalidValue

if TYPE_CHECKING:
    from makeweight.data.picture import Picture
    from makeweight.export.classifier import PictureInput
    from makeweight.export.facts import Shape

STDIN = "-"
MAX_PICTURES = 1_000_000


@dataclass(frozen=True)
class Pictures:
    """The pictures that a user's words stand for."""

    sources: tuple[PictureInput, ...]
    ignored: int  # files in folders whose names aren't those of pictures


def find_pictures(words: Sequence[str]) -> Pictures:
    """Find pictures, in the order of the words; those of a folder, with its sub-folders, by name.

    Raises
    ------
    InvalidValue
        If a folder holds none, a pattern matches none, stdin is named twice, or there are too many.
    """
    if list(words).count(STDIN) > 1:
        raise InvalidValue("stdin has one picture: give - only once.")
    from makeweight.data.picture import files_below, is_picture

    sources: list[PictureInput] = []
    ignored = 0
    for word in words:
        if is_folder(word):
            inside = sorted(map(str, files_below(Path(word))))
            pictures = [path for path in inside if is_picture(Path(path))]
            ignored += len(inside) - len(pictures)
            sources += map(partial(_in_folder, word), _some(pictures, f"the folder {word} holds no picture"))
        else:
            sources += map(_source, _matching(word))
        if len(sources) > MAX_PICTURES:
            raise InvalidValue(f"more than {MAX_PICTURES:,} pictures are too many at once. Give fewer.")
    return Pictures(tuple(sources), ignored)


def _matching(word: str) -> list[str]:
    """Expand a pattern; existing names, and what isn't a pattern, are taken literally."""
    if word == STDIN or is_file(word) or not glob.has_magic(word):
        return [word]
    paths = glob.iglob(word, recursive=True)  # noqa: PTH207 - a pattern may start with / or ..
    return _some(sorted(path for path in paths if not is_folder(path)), f"nothing matches {word}")


def is_folder(name: str) -> bool:
    """Say whether there is a folder of that name, even if the name isn't possible."""
    try:
        return Path(name).is_dir()
    except OSError:  # too long
        return False


def is_file(name: str) -> bool:
    """Say whether there is a file of that name, even if the name isn't possible."""
    try:
        return Path(name).is_file()
    except OSError:  # too long
        return False


def _some(paths: list[str], otherwise: str) -> list[str]:
    if not paths:
        from makeweight.data.picture import SUFFIXES

        raise InvalidValue(f"{otherwise}. Pictures end in {', '.join(sorted(SUFFIXES))}.")
    return paths


def _source(name: str) -> PictureInput:
    from makeweight.export.classifier import PictureInput

    return PictureInput("stdin", _read_stdin) if name == STDIN else PictureInput(name, partial(_read_file, name))


def _in_folder(folder: str, name: str) -> PictureInput:
    from makeweight.export.classifier import PictureInput

    # Path.resolve fails on circular links.
    if not Path(os.path.realpath(name)).is_relative_to(os.path.realpath(folder)):
        return PictureInput(name, partial(_refuse_link, name))
    return _source(name)


def _read_file(name: str, shape: Shape, invert: bool, like: float | None) -> Picture:
    from makeweight.data.picture import read_picture

    return read_picture(Path(name), shape, invert=invert, like=like)


def _read_stdin(shape: Shape, invert: bool, like: float | None) -> Picture:
    from makeweight.data.picture import MAX_BYTES, decode_picture

    return decode_picture(sys.stdin.buffer.read(MAX_BYTES + 1), "stdin", shape, invert=invert, like=like)


def _refuse_link(name: str, *_: object) -> Picture:
    raise DataFormatError(f"the picture {name} is a link that leads out of its folder. Name the picture itself.")
