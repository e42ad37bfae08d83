"""What the folders about pictures mean: which are parts, which are classes, which only wrap others.

Nothing is guessed in silence: what could be meant in two ways is a doubt that names both and how to say which.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from makeweight.data.sources.parts import PARTS, divided, natural, part_in
from makeweight.data.sources.source import Part, Problem
from makeweight.errors import DataFormatError
from makeweight.wording import plural

Folder = tuple[str, ...]  # names from the root down

EXPECTED = "one sub-folder a class, optionally below train/, val/ and test/"
MAX_SHOWN = 4


@dataclass
class Arrangement:
    """Where each folder with pictures belongs."""

    places: dict[Folder, tuple[Part, str]] = field(default_factory=dict)  # part and class
    unlabelled: dict[Folder, str] = field(default_factory=dict)  # why its pictures have no class
    notes: list[str] = field(default_factory=list)
    doubts: list[str] = field(default_factory=list)

    @property
    def classes(self) -> set[str]:
        """Names of the classes."""
        return {name for _, name in self.places.values()}

    def problems(self, counts: Mapping[Folder, int]) -> list[Problem]:
        """Name the folders whose pictures have no label."""
        return [
            Problem(shown(folder), f"{plural(counts[folder], 'picture')} without a label: {reason}")
            for folder, reason in self.unlabelled.items()
        ]


def shown(folder: Sequence[str]) -> str:
    """Write a folder for a message."""
    return "/".join(folder) + "/" if folder else "the folder itself"


def arrange(counts: Mapping[Folder, int], layout: str | None) -> Arrangement:
    """Find part and class of each folder with pictures, of which ``counts`` says how many.

    Parameters
    ----------
    counts : mapping
    layout : str, optional
        What the user says that the levels are: part, class or *, as in part/class; deeper levels belong to their class.
    """
    found = _as_told(counts, layout.split("/")) if layout else _recognised(counts)
    names = divided(part for part, _ in found.places.values())
    order = {part: place for place, part in enumerate(PARTS)}
    ranked = sorted(
        found.places.items(), key=lambda item: (order.get(item[1][0], 0), *(natural(name) for name in item[0]))
    )
    found.places = {folder: (names[part], name) for folder, (part, name) in ranked}
    return found


def _as_told(counts: Mapping[Folder, int], levels: Sequence[str]) -> Arrangement:
    found = Arrangement()
    for folder in counts:
        part: Part | None = "all"
        if "part" in levels and len(folder) > levels.index("part"):
            part = part_in(folder[levels.index("part")])
        if len(folder) < len(levels):
            found.unlabelled[folder] = f"it is not as deep as layout={'/'.join(levels)} says"
        elif part is None:
            found.unlabelled[folder] = f"{folder[levels.index('part')]} names no part: train, val or test"
        else:
            found.places[folder] = (
                part,
                "/".join(n for n, level in zip(folder, levels, strict=False) if level == "class"),
            )
    return found


def _recognised(counts: Mapping[Folder, int]) -> Arrangement:
    found = Arrangement()
    prefix = _unwrapped(counts, (), found)
    inside = [folder for folder in counts if len(folder) > len(prefix) and folder[: len(prefix)] == prefix]
    tops = _tops(inside, prefix)
    parts = {top: part for top in tops if (part := part_in(top))}
    if len({*parts.values()}) < 2:
        _add_classes(found, inside, prefix, "all", prefix)
        return found
    deep = {folder[: len(prefix) + 1] for folder in inside if len(folder) > len(prefix) + 1}
    if not any((*prefix, top) in deep for top in parts):
        found.doubts.append(
            f"{_listed(parts)} look like parts and not like classes, and have no sub-folders: expected {EXPECTED}, or "
            f"a table of file names and labels. If they are classes, say layout={_pattern(prefix, 'class')}."
        )
        _add_classes(found, inside, prefix, "all", prefix)
        return found
    if "train" not in parts.values():
        found.doubts.append(f"there is no training part beside {_listed(parts)}; add train/ or give the path of one.")
    for part in PARTS:
        _add_part(found, part, [top for top in tops if parts.get(top) == part], inside, prefix, deep)
    _leave_out(found, [top for top in tops if top not in parts], inside, prefix, counts)
    return found


def _unwrapped(folders: Iterable[Folder], prefix: Folder, found: Arrangement) -> Folder:
    """Go down while one folder alone holds all others; pictures beside those have no label."""
    folders = [folder for folder in folders if folder[: len(prefix)] == prefix]
    while True:
        tops = _tops(folders, prefix)
        top = (*prefix, *tops[:1])
        below = _tops(folders, top)
        if prefix in folders:
            found.unlabelled[prefix] = "they lie beside the folders of the classes" if tops else f"expected {EXPECTED}"
        if len(tops) != 1 or not below or (top in folders and len(below) < 2):
            return prefix
        prefix = top


def _tops(folders: Iterable[Folder], prefix: Folder) -> list[str]:
    """Names of the folders right below a prefix that hold pictures at any depth."""
    depth = len(prefix)
    return list(dict.fromkeys(f[depth] for f in folders if len(f) > depth and f[:depth] == prefix))


def _add_part(
    found: Arrangement, part: Part, tops: Sequence[str], inside: Sequence[Folder], prefix: Folder, deep: set[Folder]
) -> None:
    """Add the classes of a part; of several folders that are called so, those without sub-folders have no labels."""
    with_classes = [top for top in tops if (*prefix, top) in deep]
    if len(with_classes) > 1:
        found.doubts.append(
            f"{_listed(with_classes)} are all called {part}; give the path of one, or rename the others."
        )
    for top in tops:
        folder = (*prefix, top)
        if top not in with_classes:
            found.unlabelled[folder] = "it has no sub-folders, which would be the classes"
            continue
        inner = _unwrapped(inside, folder, found)
        members = [other for other in inside if other[: len(inner)] == inner and len(other) > len(inner)]
        flat = [other for other in members if len(other) == len(inner) + 1 and part_in(other[-1]) == part]
        found.unlabelled |= dict.fromkeys(flat, "it has no sub-folders, which would be the classes")
        _add_classes(found, [other for other in members if other not in flat], inner, part, prefix)


def _leave_out(
    found: Arrangement, extras: Sequence[str], inside: Sequence[Folder], prefix: Folder, counts: Mapping[Folder, int]
) -> None:
    """Deal with folders beside the parts: a copy of the parts is left out, other pictures have no part."""
    for top in extras:
        folder = (*prefix, top)
        members = [other for other in inside if other[: len(folder)] == folder]
        if len({part_in(name) for name in _tops(members, folder)} - {None}) >= 2:
            pictures = sum(counts[other] for other in members)
            found.notes.append(f"{shown(folder)} ({plural(pictures, 'picture')}) has parts of its own and is left out")
        else:
            found.unlabelled |= dict.fromkeys(members, "it is neither train, val nor test")


def _add_classes(found: Arrangement, folders: Sequence[Folder], prefix: Folder, part: Part, root: Folder) -> None:
    """Take the folders right below a prefix for classes; where they have sub-folders, doubt it."""
    depth = len(prefix)
    for folder in folders:
        found.places[folder] = part, folder[depth]
    nested = [folder for folder in folders if len(folder) > depth + 1]
    if not nested:
        return
    classes, leaves = _tops(folders, prefix), Counter("/".join(folder[depth : depth + 2]) for folder in nested)
    below = {name for folder in nested for name in [folder[depth + 1]]}
    levels = (
        *(["*"] * len(root)),
        *(["part"] if part != "all" else []),
        *(["*"] * (depth - len(root) - (part != "all"))),
    )
    ways = [f"layout={_pattern(levels, 'class')} for {plural(len(classes), 'class')} ({_listed(classes)})"]
    if len(nested) < len(folders):  # some pictures lie right in their class
        ways.append("move the pictures of the sub-folders")
    elif all(part_in(name) for name in below):
        ways.append(f"layout={_pattern(levels, 'class/part')} where {_listed(sorted(below))} are parts of each class")
    else:
        ways.append(f"layout={_pattern(levels, 'class/class')} for {plural(len(leaves), 'class')} ({_listed(leaves)})")
        ways.append(f"layout={_pattern(levels, '*/class')} for {len(below):,} ({_listed(sorted(below))})")
    found.doubts.append(
        f"{_listed(dict.fromkeys(folder[depth] for folder in nested))} have sub-folders with pictures, so it is not "
        f"clear which are the classes. Say {', '.join(ways[:-1])} or {ways[-1]}; or give the path of one."
    )


def _pattern(levels: Sequence[str], rest: str) -> str:
    return "/".join([*("part" if level == "part" else "*" for level in levels), rest])


def _listed(names: Iterable[str]) -> str:
    all_names = list(names)
    more = f" and {len(all_names) - MAX_SHOWN:,} more" if len(all_names) > MAX_SHOWN else ""
    return ", ".join(f"{name}/" for name in all_names[:MAX_SHOWN]) + more


def no_classes(root: object, found: Arrangement, counts: Mapping[Folder, int]) -> DataFormatError:
    """Build the error for pictures none of which has a class; says where they are."""
    places = "; ".join(f"{problem.name}: {problem.reason}" for problem in found.problems(counts)[:MAX_SHOWN])
    return DataFormatError(f"{root} has pictures, but none has a label ({places}): expected {EXPECTED}, or a table of "
                           "file names and labels beside them.")  # fmt: skip
