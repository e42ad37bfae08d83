"""``makeweight data check``: what is in a user's own data, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from makeweight.cli import options
from makeweight.cli.counting import counting
from makeweight.cli.datasets import form
from makeweight.cli.output import print_json, print_table, stdout

if TYPE_CHECKING:
    from makeweight.data.own.check import Alike, Check

EXAMPLES = (
    "Examples: makeweight data check photographs/   |   makeweight data check train.csv.gz --image-size 28   |   "
    "makeweight data check photographs/ --sheet sheet.png --json"
)
_PARTS = {"all": "images", "train": "training", "validation": "validation", "test": "test"}
_SHOWN = 5  # examples of each kind; --json has more


def check(
    path: Annotated[Path, typer.Argument(help="Your own images, as for --data.", show_default=False)],
    image_size: options.ImageSize = None,
    channels: options.Channels = None,
    sheet: Annotated[Path | None, typer.Option(help="Draw a contact sheet into this PNG file.")] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that decode.", min=1)] = None,
    as_json: options.Json = False,
) -> None:
    """Say what is in your own data and what is wrong with it; exit code 1 where it cannot be used as it is."""
    from makeweight.data.contact_sheet import Subject, draw_contact_sheet
    from makeweight.data.own import check as own
    from makeweight.data.own.detect import open_source
    from makeweight.data.own.prepare import staged_for_a_look
    from makeweight.files import writing_to

    wanted = form(image_size, channels)
    source = open_source(path, wanted, workers)
    with counting() as view, staged_for_a_look(source, wanted, None, view.say) as staged:
        view.say("comparing the images", 0, None)
        found = own.check(source, staged)
        if sheet is not None and len(staged.labels):
            with writing_to(sheet):
                subject = Subject(source.name, "", staged.shape, staged.class_names, staged.labels, staged.images)
                draw_contact_sheet(subject, sheet)
    if as_json:
        print_json(_record(path, found, sheet))
    else:
        _show(path, found, sheet)
    raise typer.Exit(0 if found.usable else 1)


def _record(path: Path, found: Check, sheet: Path | None) -> dict[str, Any]:
    record = asdict(found)
    for name in ("shape", "shapes", "counts", "class_names"):
        del record[name]
    return {
        "path": str(path),
        "usable": found.usable,
        "images": found.images,
        "image_shape": list(found.shape),
        "original_shapes": [{"shape": list(shape), "images": count} for shape, count in found.shapes],
        "classes": [
            {"label": label, "name": name, **{_PARTS[part]: counts[label] for part, counts in found.counts}}
            for label, name in enumerate(found.class_names)
        ],
        "rare_classes": list(found.rare),
        **record,
        "picture": None if sheet is None else str(sheet),
    }


def _show(path: Path, found: Check, sheet: Path | None) -> None:
    channels, height, width = found.shape
    sizes = ", ".join(f"{h} × {w} {_colour(c)} ({count:,})" for (c, h, w), count in found.shapes[:_SHOWN])
    more = f", and {len(found.shapes) - _SHOWN} other sizes" if len(found.shapes) > _SHOWN else ""
    print(f"{path}: {found.images:,} images of {len(found.class_names)} classes")
    print(f"originals (height × width): {sizes}{more}")
    print(f"prepared: {height} × {width} {_colour(channels)}; --image-size and --channels change that")
    headings = [("label", True), ("class", False), *((_PARTS[part], True) for part, _ in found.counts)]
    rows = [
        (str(label), name, *(f"{counts[label]:,}" for _, counts in found.counts))
        for label, name in enumerate(found.class_names)
    ]
    print_table(stdout(), headings, rows)
    for line in _lines(found):
        print(line)
    if sheet is not None:
        print(f"contact sheet: {sheet}")
    if found.usable:
        print(f"usable: makeweight study --data {path}")
    else:
        remedy = "repair it, or add --skip-unreadable" if found.refusal is None else "repair it"
        print(f"not usable as it is: {remedy}.")


def _colour(channels: int) -> str:
    return "gray" if channels == 1 else "colour"


def _lines(found: Check) -> Iterator[str]:
    """Say what there is to say, the worst first."""
    if found.refusal is not None:
        yield f"refused: {found.refusal}"
    if found.problems:
        yield f"unreadable: {len(found.problems)} images"
        yield from (f"  {problem.name}: {problem.reason}" for problem in found.problems)
    leaks = {"test": found.leaked, "validation": found.leaked_validation}
    for part, count in leaks.items():
        if count:
            yield f"leak: {count:,} {part} images are also among those for training, so accuracy on them is not honest"
    if found.conflict_count:
        yield f"conflict: {found.conflict_count:,} images are the same as one of another class"
        yield from _pairs(found.conflicts)
    if found.rare:
        yield f"imbalance: fewer than a tenth of the largest class have {', '.join(found.rare)}"
    if found.copies:
        stay = "" if any(leaks.values()) else "; they stay on one side of every division"
        yield f"copies: {found.copies:,} images are the same as an earlier one{stay}"
    if found.near_count:
        yield f"nearly the same: {found.near_count:,} pairs among {found.near_compared:,} images compared"
        yield from _pairs(found.near)
    if found.suspect_count:
        yield (
            f"suspicious labels: {found.suspect_count:,} of {found.suspects_compared:,} images look more like "
            "another class, to a simple model; the clearest:"
        )
        yield from (
            f"  {one.name}: labelled {one.label}, looks like {one.looks_like} ({one.probability:.0%})"
            for one in found.suspects[:_SHOWN]
        )
    yield from (f"note: {note}" for note in found.notes)


def _pairs(pairs: Iterable[Alike]) -> Iterator[str]:
    for pair in list(pairs)[:_SHOWN]:
        yield f"  {pair.first} ({pair.first_class}) and {pair.second} ({pair.second_class})"
