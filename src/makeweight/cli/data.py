"""``makeweight data``: the data sets, where they are, and what they look like."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from makeweight.cli import data_check, options
from makeweight.cli.output import examples, print_json, put, remark, stdout
from makeweight.cli.tables import print_table
from makeweight.html import Column
from makeweight.wording import dimensions

if TYPE_CHECKING:
    from makeweight.data.catalog import CatalogEntry
    from makeweight.data.dataset import PreparedDataset

app = typer.Typer(help="List, get and inspect data sets.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name of a data set; see: makeweight data list")]


@app.command("list", epilog=examples("makeweight data list --json"))
def list_(as_json: options.Json = False) -> None:
    """List the data sets that makeweight knows by name."""
    from makeweight.data.catalog import CATALOG
    from makeweight.data.dataset import is_prepared

    if as_json:
        print_json({"datasets": [_entry(entry, is_prepared(entry.name)) for entry in CATALOG.values()]})
        return
    rows = [
        (e.name, dimensions(e.image_shape), str(e.classes), f"{e.train_images:,}", f"{e.test_images:,}",
         "yes" if is_prepared(e.name) else "no", e.licence) for e in CATALOG.values()
    ]  # fmt: skip
    columns = (
        Column("name", False), Column("image", True, 1), Column("classes", True), Column("training", True, 2),
        Column("test", True, 3), Column("prepared", False, 4), Column("licence", False, 5),
    )  # fmt: skip
    print_table(stdout(), columns, rows)


@app.command("get", epilog=examples("makeweight data get fashion-mnist --data ~/fashion-mnist"))
def get(name: Name, data: options.Files = None, as_json: options.Json = False) -> None:
    """Prepare a data set, and download it if it isn't on this machine."""
    from makeweight.data import dataset

    prepared = dataset.prepare(name, data, progress=remark)
    if as_json:
        print_json({"name": prepared.name, "digest": prepared.digest, "path": str(prepared.path)})
    else:
        put(prepared.path)


app.command("check", epilog=data_check.EXAMPLES)(data_check.check)


@app.command("prepare", epilog=examples("makeweight data prepare photographs/ --image-size 48"))
def prepare(
    path: Annotated[Path, typer.Argument(help="Your own images, as for --data.", show_default=False)],
    image_size: options.ImageSize = None,
    channels: options.Channels = None,
    scale: options.Scale = None,
    layout: options.Layout = None,
    label: options.Label = None,
    follow_links: options.FollowLinks = False,
    skip_unreadable: options.SkipUnreadable = False,
    division_seed: Annotated[
        int, typer.Option(help="Random seed for the split into training and test images, if you give none.", min=0)
    ] = 0,
    workers: Annotated[int | None, typer.Option(help="Processes that decode images.", min=1)] = None,
    as_json: options.Json = False,
) -> None:
    """Prepare your own data in the cache, once; other commands find it there, and prepare it themselves if needed."""
    meant = scale, layout, label, follow_links
    prepared = options.Images(None, path, image_size, channels, *meant, skip_unreadable).ready(workers, division_seed)
    counts = {part: len(labelled.labels) for part, labelled in (
        ("training", prepared.training_images()), ("test", prepared.test_images()))}  # fmt: skip
    if as_json:
        record = {
            "name": prepared.name,
            "digest": prepared.digest,
            "path": str(prepared.path),
            "origin": prepared.origin,
        }
        shape = {"image_shape": list(prepared.image_shape), "class_names": list(prepared.class_names)}
        print_json(
            {**record, **shape, "images": counts, "validation_share": prepared.validation, "notes": prepared.notes}
        )
    else:
        put(f"{counts['training']:,} images for training and validation, {counts['test']:,} for test")
        put(prepared.path)


@app.command("show", epilog=examples("makeweight data show fashion-mnist --output sheet.png"))
def show(
    name: Annotated[str | None, typer.Argument(help="Name of a data set; see: makeweight data list")] = None,
    data: options.Data = None,
    image_size: options.ImageSize = None,
    channels: options.Channels = None,
    scale: options.Scale = None,
    layout: options.Layout = None,
    label: options.Label = None,
    follow_links: options.FollowLinks = False,
    skip_unreadable: options.SkipUnreadable = False,
    output: Annotated[Path | None, typer.Option(help="PNG file.", show_default="NAME.png")] = None,
    split_seed: Annotated[int, typer.Option(help="Random seed for the validation split.", min=0)] = 0,
    as_json: options.Json = False,
) -> None:
    """Draw a contact sheet; print class counts, split and checksums."""
    from makeweight.data.contact_sheet import draw_contact_sheet, training_part
    from makeweight.data.meta import read
    from makeweight.files import writing_to

    meant = scale, layout, label, follow_links
    prepared = options.Images(name, data, image_size, channels, *meant, skip_unreadable).ready()
    counts = _counts(prepared, split_seed)
    path = output or Path(f"{prepared.name}.png")
    with writing_to(path):
        draw_contact_sheet(training_part(prepared), path)
    checksums = {array: record.sha256 for array, record in read(prepared.path).arrays.items()}
    if as_json:
        record = {"name": prepared.name, "digest": prepared.digest, "sha256": checksums, "picture": str(path)}
        print_json({**record, "image_shape": list(prepared.image_shape), "split_seed": split_seed, "classes": counts})
        return
    parts = ("training", "validation", "test")
    rows = [(str(c["label"]), c["name"], *(f"{c[part]:,}" for part in parts)) for c in counts]
    totals = [f"{sum(c[part] for c in counts):,}" for part in parts]
    columns = [Column("label", True, 1), Column("class", False), *(Column(part, True) for part in parts)]
    print_table(stdout(), columns, [*rows, ("", "all", *totals)])
    put(f"split seed {split_seed}")
    put(f"digest: {prepared.digest}")
    for array, sha256 in checksums.items():
        put(f"{array}: SHA-256 {sha256}")
    put(f"contact sheet: {path}")


def _counts(prepared: PreparedDataset, split_seed: int) -> list[dict[str, Any]]:
    import numpy as np

    labels, test = prepared.training_images().labels, prepared.test_images().labels
    split = prepared.split(seed=split_seed)
    parts = {"training": labels[split.train], "validation": labels[split.validation], "test": test}
    counted = {part: np.bincount(of_part, minlength=prepared.classes) for part, of_part in parts.items()}
    return [
        {"label": label, "name": name, **{part: int(counted[part][label]) for part in parts}}
        for label, name in enumerate(prepared.class_names)
    ]


def _entry(entry: CatalogEntry, prepared: bool) -> dict[str, Any]:
    names = "name", "title", "image_shape", "classes", "train_images", "test_images", "licence", "source"
    return {**{name: getattr(entry, name) for name in names}, "prepared": prepared}
