"""``makeweight data``: the data sets, where they are, and what they look like."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from makeweight.cli import options
from makeweight.cli.output import print_json, print_table, remark, stdout

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
def get(name: Name, data: options.Data = None, as_json: options.Json = False) -> None:
    """Prepare a data set, downloading it where it is nowhere on this machine."""
    from makeweight.data.dataset import prepare

    ready = prepare(name, data, progress=remark)
    if as_json:
        print_json({"name": ready.name, "digest": ready.digest, "path": str(ready.path)})
    else:
        print(ready.path)


@app.command("show", epilog="Example: makeweight data show fashion-mnist --output sheet.png")
def show(
    name: Name,
    data: options.Data = None,
    output: Annotated[Path | None, typer.Option(help="The picture.", show_default="NAME.png")] = None,
    split_seed: Annotated[int, typer.Option(help="Of the validation split.", min=0)] = 0,
    as_json: options.Json = False,
) -> None:
    """Draw a contact sheet; print class counts, split and checksums."""
    from makeweight.data.contact_sheet import draw_contact_sheet
    from makeweight.data.dataset import prepare
    from makeweight.data.meta import read
    from makeweight.files import writing_to

    ready = prepare(name, data, progress=remark)
    counts = _counts(ready, split_seed)
    path = output or Path(f"{name}.png")
    with writing_to(path):
        draw_contact_sheet(ready, path)
    checksums = {array: record.sha256 for array, record in read(ready.path).arrays.items()}
    if as_json:
        record = {"name": name, "digest": ready.digest, "sha256": checksums, "picture": str(path)}
        print_json({**record, "image_shape": list(ready.image_shape), "split_seed": split_seed, "classes": counts})
        return
    parts = ("training", "validation", "test")
    rows = [(str(c["label"]), c["name"], *(f"{c[part]:,}" for part in parts)) for c in counts]
    totals = [f"{sum(c[part] for c in counts):,}" for part in parts]
    headings = [("label", True), ("class", False), *((part, True) for part in parts)]
    print_table(stdout(), headings, [*rows, ("", "all", *totals)])
    print(f"split seed {split_seed}; digest {ready.digest}")
    for array, sha256 in checksums.items():
        print(f"{array}: SHA-256 {sha256}")
    print(f"contact sheet: {path}")


def _counts(ready: Any, split_seed: int) -> list[dict[str, Any]]:
    import numpy as np

    from makeweight.data.split import split_indices

    labels, test = ready.training_images().labels, ready.test_images().labels
    split = split_indices(labels, seed=split_seed)
    parts = {"training": labels[split.train], "validation": labels[split.validation], "test": test}
    counted = {part: np.bincount(found, minlength=ready.classes) for part, found in parts.items()}
    return [
        {"label": label, "name": name, **{part: int(counted[part][label]) for part in parts}}
        for label, name in enumerate(ready.class_names)
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
