"""Tables of file names and labels beside pictures: ``labels.csv``, ``metadata.csv``, ``_classes.csv`` and their kin."""

from __future__ import annotations

import csv
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path, PurePosixPath

from makeweight.data.form import Form
from makeweight.data.sources.arrange import Arrangement, Folder
from makeweight.data.sources.parts import PARTS, USAGE, divided, part_in, part_of_usage
from makeweight.data.sources.source import Part, Problem
from makeweight.data.sources.table_columns import LABELS, NUMBERING, first_fields, is_number, which_label
from makeweight.data.sources.table_lines import pieces_of
from makeweight.errors import DataFormatError
from makeweight.wording import plural

SUFFIXES = (".csv", ".csv.gz", ".tsv", ".tsv.gz")
MAX_ROWS = 20_000_000
_SAMPLE = 200  # rows by which columns are judged


def is_table(path: Path) -> bool:
    """Say whether a file is a table, by its name."""
    return path.name.lower().endswith(SUFFIXES) and not path.name.startswith(".")


@dataclass
class Named:
    """Pictures that tables have labelled."""

    rows: list[tuple[str, Part, str]] = field(default_factory=list)  # path below the root, part, label
    problems: list[Problem] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)


class _Index:
    """Finds pictures by what tables call them: path, name, or name without ending."""

    def __init__(self, pictures: Mapping[Folder, Sequence[str]]) -> None:
        self.all = [file for files in pictures.values() for file in files]
        self._paths = set(self.all)
        self._names: dict[str, list[str]] = {}
        for file in self.all:
            name = PurePosixPath(file).name
            for key in {name, PurePosixPath(name).stem}:
                self._names.setdefault(key, []).append(file)

    def find(self, text: str, table: PurePosixPath) -> str | None:
        """Find the picture that a table means; of several of one name the one beside the table, or of its part."""
        path = text.strip().replace("\\", "/").removeprefix("./")
        for candidate in (str(table.parent / path), path):
            if candidate in self._paths:
                return candidate
        named = self._names.get(path.rpartition("/")[2], [])
        near = [file for file in named if PurePosixPath(file).is_relative_to(table.parent)]
        of_part = [file for file in near if part_in(file.partition("/")[0]) == part_in(table.name)]
        return next((some[0] for some in (named, near, of_part) if len(some) == 1), None)


@dataclass(frozen=True)
class _Table:
    path: PurePosixPath  # below the root
    header: tuple[str, ...]
    rows: list[list[str]]
    file: int  # position of the names of pictures

    def column(self, place: int) -> list[str]:
        return [row[place].strip() if place < len(row) else "" for row in self.rows]


def labelled(
    root: Path, tables: Sequence[Path], pictures: Mapping[Folder, Sequence[str]], form: Form, by_folder: Arrangement
) -> Named | None:
    """Label pictures by the tables that name them; None where the folders say it as well, or no table names any.

    Raises
    ------
    DataFormatError
        If a table names pictures and several of its columns could be the label, or none is.
    """
    index = _Index(pictures) if tables else None
    naming = [table for path in tables if index and (table := _read(path, root, index))]
    if index is None or not naming:
        return None
    clean = not by_folder.doubts and len(by_folder.classes) > 1 and not by_folder.unlabelled
    named, done = Named(), dict[str, str]()
    for table in naming:
        try:
            labels = _labels(table, form.label)
        except DataFormatError as error:
            if clean and form.label is None:
                named.notes.append(f"{table.path} is left out: the folders are the classes")
                continue
            raise error
        if labels is not None:
            _add(named, table, labels, index, done)
    if not named.rows:
        return None
    _name_others(named, index, done)
    _settle_parts(named)
    return _compared(named, by_folder, form) if clean else named


def _compared(named: Named, by_folder: Arrangement, form: Form) -> Named | None:
    """Compare with folders that could be classes too: where they are equal, the folders have it; else doubt it."""
    folders = {"/".join(folder): name for folder, (_, name) in by_folder.places.items()}
    differing = next((row for row in named.rows if folders.get(row[0].rpartition("/")[0]) != row[2]), None)
    if differing is None:
        return None
    if form.label is None:
        path, _, label = differing
        named.doubts.append(
            f"{path} is in the folder {folders.get(path.rpartition('/')[0])!r}, and a table labels it {label!r}: say "
            "layout=class if the folders are the classes, or label=COLUMN if the table has them."
        )
    return named


def _read(path: Path, root: Path, index: _Index) -> _Table | None:
    """Read a table if one of its columns names pictures."""
    lines = _lines(path)
    try:
        separator, header = first_fields(next(lines, ""), path.name)
        rows = csv.reader(lines, delimiter=separator)
        sample = list(islice(rows, _SAMPLE))
        place = PurePosixPath(path.relative_to(root).as_posix())
        columns = [{row[i] for row in sample if len(row) > i} for i in range(len(header))]
        shares = [(sum(index.find(text, place) is not None for text in texts), i) for i, texts in enumerate(columns)]
        # Labels such as 0 and 1 may be pictures' names as well: there are more names than labels.
        count, file = max(shares, key=lambda share: share[0])
        if not sample or 2 * count < len(columns[file]):
            return None
        rest = list(islice(rows, MAX_ROWS))
    except csv.Error as error:
        raise DataFormatError(f"{path}: its quotes are damaged ({error}); write it again.") from error
    return _Table(place, header, sample + rest, file)


def _lines(path: Path) -> Iterator[str]:
    for piece in pieces_of(path):
        yield from piece.decode("utf-8", "replace").splitlines()


def _labels(table: _Table, wanted: str | None) -> list[str] | None:
    """Find the label of each row; None where no column has labels."""
    lower = [name.lower() for name in table.header]
    if wanted is not None and wanted.lower() in lower:
        return table.column(lower.index(wanted.lower()))
    known = next((lower.index(name) for name in LABELS if name in lower), None)
    if known is not None and known != table.file:
        return table.column(known)
    others = [place for place in range(len(lower)) if place != table.file and lower[place] not in (*NUMBERING, *USAGE)]
    columns = {place: table.column(place) for place in others}
    hot = _one_hot(table, columns)
    if hot is not None:
        return hot
    repeated = {place: column for place, column in columns.items() if 1 < len({*column}) < len(column)}
    texts = [
        place for place, column in repeated.items() if not all(is_number(value or "0") for value in column[:_SAMPLE])
    ]
    candidates = texts or list(repeated)
    if len(candidates) > 1:
        raise which_label(str(table.path), [table.header[place] for place in candidates])
    return columns[candidates[0]] if candidates else None


def _one_hot(table: _Table, columns: Mapping[int, Sequence[str]]) -> list[str] | None:
    """Read one column a class, of which one is 1 in each row."""
    places = list(columns)
    values = list(zip(*columns.values(), strict=True))
    if len(places) < 2 or not all({*row} <= {"0", "1", "0.0", "1.0"} for row in values):
        return None
    ones = [[place for place, value in zip(places, row, strict=True) if float(value)] for row in values]
    several = next((row for row, hot in enumerate(ones) if len(hot) != 1), None)
    if several is not None:
        raise DataFormatError(
            f"{table.path}, line {several + 2}: {len(ones[several])} of {len(places)} classes are 1; give each image "
            "one (a set with several labels an image is not supported)."
        )
    return [table.header[hot[0]] for hot in ones]


def _add(named: Named, table: _Table, labels: Sequence[str], index: _Index, done: dict[str, str]) -> None:
    lower = [name.lower() for name in table.header]
    usage = next((table.column(lower.index(name)) for name in USAGE if name in lower), None)
    of_table = part_in(table.path.name) or part_in(table.path.parent.name)
    lost = list[str]()
    for row, (text, label) in enumerate(zip(table.column(table.file), labels, strict=True)):
        path = index.find(text, table.path)
        if path is None or not label:
            lost.append(f"line {row + 2} ({text[:60]})")
        elif path not in done:
            part = part_of_usage(usage[row]) if usage else of_table or part_in(path.partition("/")[0])
            named.rows.append((path, part or "all", label))
            done[path] = label
        elif done[path] != label:
            lost.append(f"line {row + 2} ({text[:60]} is {done[path]!r} and {label!r})")
    named.notes.append(f"labels are those of {table.path}")
    if lost:
        reason = f"{plural(len(lost), 'row')} without one picture and one label: {', '.join(lost[:20])}"
        named.problems.append(Problem(str(table.path), reason))


def _name_others(named: Named, index: _Index, done: Collection[str]) -> None:
    missing = Counter(PurePosixPath(file).parent.as_posix() for file in index.all if file not in done)
    named.problems += [
        Problem(f"{folder}/", f"{plural(count, 'picture')} without a label: no table names them")
        for folder, count in missing.items()
    ]


def _settle_parts(named: Named) -> None:
    """Where some rows say no part, none does; parts come in their order, and a part alone is all."""
    parts = {part for _, part, _ in named.rows}
    if "all" in parts and len(parts) > 1:
        named.notes.append("not all rows say a part, so none is taken")
        parts = {"all"}
    names = divided(parts)
    named.rows = [
        (path, names.get(part, "all"), label)
        for wanted in (*PARTS, "all") if wanted in parts
        for path, part, label in named.rows if part == wanted or parts == {"all"}
    ]  # fmt: skip
