"""A folder of pictures: labelled by their sub-folders, or by a table of their names."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from makeweight.data.form import Form
from makeweight.data.picture import MAX_DEPTH, has_pictures, is_picture
from makeweight.data.sources import names
from makeweight.data.sources.arrange import EXPECTED, Arrangement, Folder, arrange, no_classes
from makeweight.data.sources.parts import natural
from makeweight.data.sources.pictures import BATCH, PictureBatch, PictureSource
from makeweight.data.sources.source import Format, Part, Problem, Source
from makeweight.errors import DataFormatError, DataNotFound

_CLUTTER = ("thumbs.db", "desktop.ini", "__macosx", "@eadir")


def is_clutter(name: str) -> bool:
    """Say whether a name is hidden or of what file managers leave behind."""
    return name.startswith(".") or name.lower() in _CLUTTER


@dataclass
class Contents:
    """What lies in a folder, at any depth."""

    root: Path
    pictures: dict[Folder, list[str]] = field(default_factory=dict)  # paths below root, by folder
    tables: list[Path] = field(default_factory=list)
    others: Counter[str] = field(default_factory=Counter)  # files that are no pictures, by ending
    empty: list[str] = field(default_factory=list)  # folders without pictures at any depth, the topmost
    problems: list[Problem] = field(default_factory=list)

    @property
    def counts(self) -> dict[Folder, int]:
        """Pictures in each folder."""
        return {folder: len(files) for folder, files in self.pictures.items()}

    @property
    def notes(self) -> list[str]:
        """What is passed over."""
        endings = [f"{count} {ending or 'without ending'}" for ending, count in self.others.most_common(5)]
        notes = [f"passed over, being no pictures: {', '.join(endings)}"] if endings else []
        return notes + [f"without pictures, and so no classes: {', '.join(self.empty[:5])}"] * bool(self.empty)


def look(root: Path, follow_links: bool = False) -> Contents:
    """List what lies below a folder, in natural order. Links out of it are problems, unless they are to be followed.

    Raises
    ------
    DataNotFound
        If a folder cannot be read.
    """
    contents = Contents(root)
    _look(root, (), (os.path.realpath(root),), contents, follow_links)
    return contents


def _look(folder: Path, names_: Folder, above: tuple[str, ...], contents: Contents, follow: bool) -> bool:
    """Add a folder's files, then those of its sub-folders; ``above`` are the real paths on the way here."""
    sub_folders, files, empty, some = [], [], list[str](), False
    for entry in _entries(folder):
        if reason := _bad_link(entry, contents.root, above, follow):
            contents.problems.append(Problem(str(entry.relative_to(contents.root)), reason))
        elif entry.is_dir():
            sub_folders.append(entry)
        elif is_picture(entry):
            files.append(str(entry.relative_to(contents.root)))
        else:
            contents.others[entry.suffix.lower()] += 1
            if names.is_table(entry):
                contents.tables.append(entry)
    if files:
        contents.pictures[names_] = files
    if sub_folders and len(names_) == MAX_DEPTH:
        reason = f"folders are nested deeper than {MAX_DEPTH} levels. Move its pictures up, or leave it out."
        contents.problems.append(Problem("/".join((*names_, sub_folders[0].name)), reason))
        return some or bool(files)
    for entry in sub_folders:
        # A name that is no UTF-8 could be written into no JSON file.
        name = os.fsencode(entry.name).decode("utf-8", "replace")
        if _look(entry, (*names_, name), (*above, os.path.realpath(entry)), contents, follow):
            some = True
        else:
            empty.append("/".join((*names_, name)))
    if some or files:
        contents.empty += empty
    return some or bool(files)


def _entries(folder: Path) -> list[Path]:
    try:
        found = sorted((entry.name for entry in folder.iterdir() if not is_clutter(entry.name)), key=natural)
    except OSError as error:
        raise DataNotFound(
            f"the folder {folder} cannot be read: {error.strerror or error}. Check its rights."
        ) from error
    return [folder / name for name in found]


def _bad_link(entry: Path, root: Path, above: tuple[str, ...], follow: bool) -> str | None:
    if not entry.is_symlink():
        return None
    try:
        target = entry.resolve(strict=True)
    except (OSError, RuntimeError):  # a circle is the one or the other, by Python's version
        return "the link leads nowhere or in a circle. Remove it."
    if str(target) in above:
        return "the link leads in a circle. Remove it."
    if not follow and not target.is_relative_to(root.resolve()):
        return f"the link leads out of the folder, to {target}; follow it with follow_links=True."
    return None


def _by_folders(contents: Contents, arrangement: Arrangement) -> names.Named:
    rows = [
        (file, part, label)
        for folder, (part, label) in arrangement.places.items()
        for file in contents.pictures[folder]
    ]
    notes = [*arrangement.notes, *contents.notes]
    return names.Named(rows, arrangement.problems(contents.counts), notes, arrangement.doubts)


class FolderPictures:
    """The labelled pictures of a folder."""

    ordered = False

    def __init__(self, root: Path, form: Form) -> None:
        contents = look(root, form.follow_links)
        self._root = root
        by_folder = arrange(contents.counts, form.layout)
        by_name = None if form.layout else names.labelled(root, contents.tables, contents.pictures, form, by_folder)
        found = by_name or _by_folders(contents, by_folder)
        if not found.rows:
            raise self._nothing(contents, by_folder)
        self._rows, self.problems = found.rows, (*contents.problems, *found.problems)
        self.notes, self.doubts = tuple(found.notes), tuple(found.doubts)
        self.class_names = tuple(dict.fromkeys(label for _, _, label in self._rows))
        self.parts: tuple[Part, ...] = tuple(dict.fromkeys(part for _, part, _ in self._rows))
        self.count = len(self._rows)

    def _nothing(self, contents: Contents, by_folder: Arrangement) -> DataFormatError:
        if contents.pictures:
            return no_classes(self._root, by_folder, contents.counts)
        links = "; ".join(f"{problem.name}: {problem.reason}" for problem in contents.problems[:5])
        return DataFormatError(f"{self._root} has no pictures: expected {EXPECTED}. {links}".strip())

    @property
    def name(self) -> str:
        """Of the folder."""
        return self._root.resolve().name

    def batches(self) -> Iterator[PictureBatch]:
        """Give the paths some at a time; no batch has pictures of two parts."""
        codes = {name: code for code, name in enumerate(self.class_names)}
        for part in self.parts:
            rows = [row for row in self._rows if row[1] == part]
            for start in range(0, len(rows), BATCH):
                some = rows[start : start + BATCH]
                yield PictureBatch(part, [self._root / row[0] for row in some], [codes[row[2]] for row in some])

    def describe(self, row: int) -> str:
        """Return the picture's path within the folder."""
        return self._rows[row][0]

    def fingerprint(self) -> str:
        """Digest of all names, labels, sizes and times of change."""
        digest = hashlib.sha256()
        for name, part, label in self._rows:
            status = (self._root / name).stat()
            digest.update(f"{name!r} {part} {label!r} {status.st_size} {status.st_mtime_ns}\n".encode())
        return digest.hexdigest()


def folder_source(path: Path, form: Form | None = None) -> Source:
    """Open a folder of pictures as a source.

    Raises
    ------
    DataFormatError
        If there are no pictures, or none that has a label.
    DataNotFound
        If a folder cannot be read.
    """
    form = form or Form()
    return PictureSource(FolderPictures(path, form), form.workers)


def recognises(path: Path) -> bool:
    """Say whether a path is a folder with pictures, at any depth."""
    return path.is_dir() and has_pictures(path)


FORMAT = Format(
    "folder of pictures",
    "a folder of pictures, one sub-folder a class, perhaps below `train/`, `val/` and `test/`; or with a table of "
    "their names and labels",
    "PNG, JPEG, WebP, GIF, BMP, TIFF, PPM, AVIF, JPEG 2000, and HEIC by the extra `makeweight[heic]`; parts are known "
    "by words in their names (`seg_train`, `Test`, `valid`, `dev`, `eval` …), wrapped or doubled; hidden files are "
    "passed over",
    recognises,
    folder_source,
    frozenset({"layout", "label"}),
)
