"""``makeweight data check``: what is in a user's own data, and what is wrong with it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from makeweight.cli import options
from makeweight.cli.output import examples, print_json, put, say, stdout, with_flags
from makeweight.cli.tables import print_table
from makeweight.face.console import counting
from makeweight.html import Column
from makeweight.wording import percent, plural

if TYPE_CHECKING:
    from makeweight.data.check import Alike, Check

EXAMPLES = examples(
    "makeweight data check photographs/",
    "makeweight data check train.csv.gz --image-size 28",
    "makeweight data check photographs/ --sheet sheet.png --json",
)
_PARTS = {"all": "images", "train": "training", "validation": "validation", "test": "test"}
_SHOWN = 5  # examples of each kind; --json has more


def check(
    path: Annotated[Path, typer.Argument(help="Your own images, as for --data.", show_default=False)],
    image_size: options.ImageSize = None,
    channels: options.Channels = None,
    scale: options.Scale = None,
    layout: options.Layout = None,
    label: options.Label = None,
    follow_links: options.FollowLinks = False,
    sheet: Annotated[
        Path | None,
        typer.Option(help="Contact sheet, a PNG file.", show_default="NAME-check.png, if something is found"),
    ] = None,
    workers: Annotated[int | None, typer.Option(help="Processes that decode images.", min=1)] = None,
    as_json: options.Json = False,
) -> None:
    """Say what is in your own data and what is wrong with it; exit code 1 if it can't be used as it is."""
    from makeweight.data import check as own
    from makeweight.data.contact_sheet import Subject, draw_contact_sheet
    from makeweight.data.prepare import plain_name, staged_for_a_look
    from makeweight.data.sources.registry import open_source
    from makeweight.face.data import make_form
    from makeweight.files import writing_to

    wanted = make_form(
        image_size,
        channels=channels,
        scale=scale,
        layout=layout,
        label=label,
        follow_links=follow_links,
        workers=workers,
    )
    source = open_source(path, wanted)
    with counting() as view, staged_for_a_look(source, wanted, None, view.say) as staged:
        view.say("comparing the images", 0, None)
        checked = own.check(source, staged)
        if sheet is None and checked.remarkable:
            sheet = Path(f"{plain_name(source.name)}-check.png")
        if sheet is not None and len(staged.labels):
            with writing_to(sheet):
                subject = Subject(source.name, "", staged.shape, staged.class_names, staged.labels, staged.images)
                draw_contact_sheet(subject, sheet)
    if as_json:
        print_json(_record(path, checked, sheet))
    else:
        _show(path, checked, sheet)
    raise typer.Exit(0 if checked.usable else 1)


def _record(path: Path, checked: Check, sheet: Path | None) -> dict[str, Any]:
    record = asdict(checked)
    for name in ("shape", "shapes", "counts", "class_names"):
        del record[name]
    return {
        "path": str(path),
        "usable": checked.usable,
        "images": checked.images,
        "image_shape": list(checked.shape),
        "original_shapes": [{"shape": list(shape), "images": count} for shape, count in checked.shapes],
        "classes": [
            {"label": label, "name": name, **{_PARTS[part]: counts[label] for part, counts in checked.counts}}
            for label, name in enumerate(checked.class_names)
        ],
        "rare_classes": list(checked.rare),
        **record,
        "picture": None if sheet is None else str(sheet),
    }


def _show(path: Path, checked: Check, sheet: Path | None) -> None:
    channels, height, width = checked.shape
    sizes = ", ".join(f"{h} × {w} {_colour(c)} ({count:,})" for (c, h, w), count in checked.shapes[:_SHOWN])
    more = f", and {len(checked.shapes) - _SHOWN} other sizes" if len(checked.shapes) > _SHOWN else ""
    say(
        f"{path}: {plural(checked.images, 'image')} of {plural(len(checked.class_names), 'class')}",
        f"originals (height × width): {sizes}{more}",
        f"prepared: {height} × {width} {_colour(channels)}; --image-size and --channels change that",
    )
    columns = [Column("label", True, 1), Column("class", False), *(Column(_PARTS[p], True) for p, _ in checked.counts)]
    rows = [
        (str(label), name, *(f"{counts[label]:,}" for _, counts in checked.counts))
        for label, name in enumerate(checked.class_names)
    ]
    print_table(stdout(), columns, rows)
    say(*map(with_flags, _lines(checked)))
    if sheet is not None:
        put(f"contact sheet: {sheet}")
    if checked.usable:
        put(f"usable: makeweight study --data {path}")
    else:
        remedies = ["say what is meant"] * bool(checked.doubts) + ["repair what is named"] * bool(checked.problems)
        if checked.refusal is None and not checked.doubts:
            remedies.append("or add --skip-unreadable")
        say(f"not usable as it is: {', '.join(remedies) or 'repair it'}.")


def _colour(channels: int) -> str:
    return "gray" if channels == 1 else "colour"


def _lines(checked: Check) -> Iterator[str]:
    """List the findings, the worst first."""
    if checked.refusal is not None:
        yield f"refused: {checked.refusal}"
    yield from (f"unclear: {doubt}" for doubt in checked.doubts)
    if checked.problems:
        yield f"not usable: {plural(len(checked.problems), 'entry')}"
        yield from (f"  {problem.name}: {problem.reason}" for problem in checked.problems)
    leaks = {"test": checked.leaked, "validation": checked.leaked_validation}
    for part, count in leaks.items():
        if count:
            yield f"leak: {count:,} {part} images are also among those for training, so accuracy on them is not honest"
    if checked.conflict_count:
        yield f"conflict: {checked.conflict_count:,} images are the same as one of another class"
        yield from _pairs(checked.conflicts)
    if checked.rare:
        yield f"imbalance: fewer than a tenth of the largest class have {', '.join(checked.rare)}"
    if checked.copies:
        stay = "" if any(leaks.values()) else "; they stay on one side of every division"
        yield f"copies: {checked.copies:,} images are the same as an earlier one{stay}"
    if checked.near_count:
        yield f"nearly the same: {checked.near_count:,} pairs among {checked.near_compared:,} images compared"
        yield from _pairs(checked.near)
    if checked.suspect_count:
        yield (
            f"suspicious labels: {checked.suspect_count:,} of {checked.suspects_compared:,} images look more like "
            "another class, to a simple model; the clearest:"
        )
        yield from (
            f"  {one.name}: labelled {one.label}, looks like {one.looks_like} ({percent(one.probability, 0)})"
            for one in checked.suspects[:_SHOWN]
        )
    yield from (f"note: {note}" for note in checked.notes)


def _pairs(pairs: Iterable[Alike]) -> Iterator[str]:
    for pair in list(pairs)[:_SHOWN]:
        yield f"  {pair.first} ({pair.first_class}) and {pair.second} ({pair.second_class})"
