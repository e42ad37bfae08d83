"""``makeweight data``: the data sets, where they are, and what they look like."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from makeweight.cli import data_check, options
from makeweight.cli.datasets import form, ready, ready_own
from makeweight.cli.output import print_json, print_table, remark, stdout

if TYPE_CHECKING:
    from makeweight.data.dataset import PreparedDataset

app = typer.Typer(help="List, get and look at data sets.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="Name of a data set; see: makeweight data list")]


@app.command("list", epilog="Example: makeweight data list --json")
def list_(as_json: options.Json = False) -> None:
    """List the data sets that makeweight knows by name."""
    from makeweight.data.catalog import CATALOG
    from makeweight.data.dataset import is_prepared

    if as_json:
        print_json({"datasets": [_entry(entry, is_prepared(entry.name)) for entry in CATALOG.values()]})
        return
    rows = [
        (e.name, "×".join(map(str, e.image_shape)), str(e.classes), f"{e.train_images:,}", f"{e.test_images:,}",
         "yes" if is_prepared(e.name) else "no", e.licence) for e in CATALOG.values()
    ]  # fmt: skip
    headings = ("name", False), ("image", True), ("classes", True), ("training", True), ("test", True)
    print_table(stdout(), [*headings, ("prepared", False), ("licence", False)], rows)


@app.command("get", epilog="Example: makeweight data get fashion-mnist --data ~/fashion-mnist")
def get(name: Name, data: options.Files = None, as_json: options.Json = False) -> None:
    """Prepare a data set, downloading it where it is nowhere on this machine."""
    from makeweight.data import dataset

    found = dataset.prepare(name, data, progress=remark)
    if as_json:
        print_json({"name": found.name, "digest": found.digest, "path": str(found.path)})
    else:
        print(found.path)


app.command("check", epilog=data_check.EXAMPLES)(data_check.check)


@app.command("prepare", epilog="Example: makeweight data prepare photographs/ --image-size 48")
def prepare(
    path: Annotated[Path, typer.Argument(help="Your own images, as for --data.", show_default=False)],
    image_size: options.ImageSize = None,
    channels: options.Channels = None,
    skip_unreadable: options.SkipUnreadable = False,
    division_seed: Annotated[
        int, typer.Option(help="Of the division into training and test images, where you give none.", min=0)
    ] = 0,
    workers: Annotated[int | None, typer.Option(help="Processes that decode.", min=1)] = None,
    as_json: options.Json = False,
) -> None:
    """Prepare your own data in the cache, once; other commands find it there, and do this themselves where needed."""
    wanted = form(image_size, channels)
    found = ready_own(path, wanted, skip_unreadable=skip_unreadable, workers=workers, seed=division_seed)
    counts = {part: len(labelled.labels) for part, labelled in (
        ("training", found.training_images()), ("test", found.test_images()))}  # fmt: skip
    if as_json:
        record = {"name": found.name, "digest": found.digest, "path": str(found.path), "origin": found.origin}
        shape = {"image_shape": list(found.image_shape), "class_names": list(found.class_names)}
        print_json({**record, **shape, "images": counts, "validation_share": found.validation, "notes": found.notes})
    else:
        print(f"{counts['training']:,} images for training and validation, {counts['test']:,} for test")
        print(found.path)


@app.command("show", epilog="Example: makeweight data show fashion-mnist --output sheet.png")
def show(
    name: Annotated[str | None, typer.Argument(help="Name of a data set; see: makeweight data list")] = None,
    data: options.Data = None,
    image_size: options.ImageSize = None,
    channels: options.Channels = None,
    skip_unreadable: options.SkipUnreadable = False,
    output: Annotated[Path | None, typer.Option(help="The picture.", show_default="NAME.png")] = None,
    split_seed: Annotated[int, typer.Option(help="Of the validation split.", min=0)] = 0,
    as_json: options.Json = False,
) -> None:
    """Draw a contact sheet; print class counts, split and checksums."""
    from makeweight.data.contact_sheet import draw_contact_sheet, training_part
    from makeweight.data.meta import read
    from makeweight.files import writing_to

    found = ready(name, data, image_size, channels, skip_unreadable)
    counts = _counts(found, split_seed)
    path = output or Path(f"{found.name}.png")
    with writing_to(path):
        draw_contact_sheet(training_part(found), path)
    checksums = {array: record.sha256 for array, record in read(found.path).arrays.items()}
    if as_json:
        record = {"name": found.name, "digest": found.digest, "sha256": checksums, "picture": str(path)}
        print_json({**record, "image_shape": list(found.image_shape), "split_seed": split_seed, "classes": counts})
        return
    parts = ("training", "validation", "test")
    rows = [(str(c["label"]), c["name"], *(f"{c[part]:,}" for part in parts)) for c in counts]
    totals = [f"{sum(c[part] for c in counts):,}" for part in parts]
    headings = [("label", True), ("class", False), *((part, True) for part in parts)]
    print_table(stdout(), headings, [*rows, ("", "all", *totals)])
    print(f"split seed {split_seed}; digest {found.digest}")
    for array, sha256 in checksums.items():
        print(f"{array}: SHA-256 {sha256}")
    print(f"contact sheet: {path}")


def _counts(found: PreparedDataset, split_seed: int) -> list[dict[str, Any]]:
    import numpy as np

    labels, test = found.training_images().labels, found.test_images().labels
    split = found.split(seed=split_seed)
    parts = {"training": labels[split.train], "validation": labels[split.validation], "test": test}
    counted = {part: np.bincount(of_part, minlength=found.classes) for part, of_part in parts.items()}
    return [
        {"label": label, "name": name, **{part: int(counted[part][label]) for part in parts}}
        for label, name in enumerate(found.class_names)
    ]


def _entry(entry: Any, prepared: bool) -> dict[str, Any]:
    return {
        "name": entry.name,
        "title": entry.title,
        "image_shape": list(entry.image_shape),
        "classes": entry.classes,
        "train_images": entry.train_images,
        "test_images": entry.test_images,
        "licence": entry.licence,
        "source": entry.source,
        "prepared": prepared,
    }
