"""Which pictures lie in a folder of classes: one sub-folder a class, perhaps below train, val and test."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from makeweight.data.own.source import Part
from makeweight.errors import DataFormatError, DataNotFound

PART_FOLDERS: dict[str, Part] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
PICTURES = (".png", ".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff", ".ppm", ".pgm",
            ".pbm", ".pnm")  # fmt: skip
_CLUTTER = ("thumbs.db", "desktop.ini", "__macosx", "@eadir")
LAYOUT = "one sub-folder a class, optionally below train/, val/ and test/"


@dataclass
class Listing:
    """The pictures of a folder, in order; and what else lay there."""

    root: Path
    paths: list[str] = field(default_factory=list)  # relative to root
    codes: list[int] = field(default_factory=list)  # positions in `class_names`
    parts: list[Part] = field(default_factory=list)
    class_names: list[str] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)  # files that are no pictures, by ending


def list_pictures(root: Path) -> Listing:
    """List all pictures below a folder of classes.

    Hidden files and what file managers leave behind are passed over.

    Raises
    ------
    DataNotFound
        If a folder cannot be read.
    DataFormatError
        If there is no sub-folder with pictures; if a symbolic link leads out of the folder, in a circle or nowhere.
    """
    listing = Listing(root)
    for part, folder in _part_folders(root):
        for entry in _entries(folder, root):
            if entry.is_dir():
                _add_class(listing, part, entry)
            else:
                listing.others["." + entry.name.rpartition(".")[2].lower()] += 1
    if not listing.paths:
        raise DataFormatError(
            f"{root} has no pictures in sub-folders: expected {LAYOUT}, with {', '.join(PICTURES[:4])} … files in them."
        )
    return listing


def natural(name: str) -> tuple[tuple[int, int, str], ...]:
    """Sort key by which 2 comes before 10, and both before a."""
    parts = (part for part in re.split(r"(\d{1,18})", name) if part)
    return tuple((0, int(part), "") if part.isdecimal() else (1, 0, part) for part in parts)


def _part_folders(root: Path) -> Iterator[tuple[Part, Path]]:
    """Yield the folders that hold classes: the root, or its train, val and test."""
    found = {entry.name: entry for entry in _entries(root, root) if entry.is_dir()}
    parts = {name: PART_FOLDERS.get(name.lower()) for name in found}
    if not found or any(part is None for part in parts.values()) or "train" not in parts.values():
        yield "all", root
        return
    for wanted in ("train", "validation", "test"):
        for name, part in parts.items():
            if part == wanted:
                yield part, found[name]


def _add_class(listing: Listing, part: Part, folder: Path) -> None:
    # A name that is no UTF-8 could be written into no JSON file.
    name = os.fsencode(folder.name).decode("utf-8", "replace")
    before = len(listing.paths)
    for file in _files(folder, listing.root, (os.path.realpath(folder),)):
        if file.suffix.lower() in PICTURES:
            listing.paths.append(str(file.relative_to(listing.root)))
        else:
            listing.others[file.suffix.lower()] += 1
    added = len(listing.paths) - before
    if added and name not in listing.class_names:
        listing.class_names.append(name)
    if added:
        listing.codes += [listing.class_names.index(name)] * added
        listing.parts += [part] * added


def _files(folder: Path, root: Path, above: tuple[str, ...]) -> Iterator[Path]:
    """Yield the files of a folder and of those in it; ``above`` are the real paths on the way here."""
    for entry in _entries(folder, root):
        if not entry.is_dir():
            yield entry
            continue
        real = os.path.realpath(entry)
        if real in above:
            raise _bad_link(entry, "leads in a circle")
        yield from _files(entry, root, (*above, real))


def _entries(folder: Path, root: Path) -> list[Path]:
    """List a folder in natural order, with each symbolic link checked."""
    try:
        names = sorted((entry.name for entry in folder.iterdir()), key=natural)
    except OSError as error:
        raise DataNotFound(
            f"the folder {folder} cannot be read: {error.strerror or error}. Check its rights."
        ) from error
    kept = [folder / name for name in names if not name.startswith(".") and name.lower() not in _CLUTTER]
    for entry in kept:
        if entry.is_symlink():
            _check_link(entry, root)
    return kept


def _check_link(link: Path, root: Path) -> None:
    try:
        target = link.resolve(strict=True)
    except (OSError, RuntimeError):  # a circle is the one or the other, by Python's version
        raise _bad_link(link, "leads nowhere or in a circle") from None
    if not target.is_relative_to(root.resolve()):
        raise _bad_link(link, f"leads out of the folder, to {target}")


def _bad_link(link: Path, what: str) -> DataFormatError:
    return DataFormatError(f"the symbolic link {link} {what}: only links within the folder are followed. Remove it.")
