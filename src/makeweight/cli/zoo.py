"""``makeweight zoo``: the networks that ship with makeweight, and how one gets there."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from makeweight.cli import options
from makeweight.cli.output import examples, print_json, put
from makeweight.face.references import GRAMMAR, find_network

app = typer.Typer(help="List, use and add networks that ship with makeweight, with weights and scores.")


@app.command("add", epilog=examples("makeweight zoo add fashion/cnn-10k", "makeweight zoo add slow/cnn-10k#0 --name a"))
def add(
    run: Annotated[str, typer.Argument(help=f"{GRAMMAR}; all its finished seeds without one.", show_default=False)],
    name: Annotated[str | None, typer.Option(help="Name in the zoo.", show_default="family and budget")] = None,
    into: Annotated[Path, typer.Option(help="Folder of the zoo.")] = Path("results/frontier"),
    method: Annotated[str, typer.Option(help="How it was trained, in a word.")] = "plain",
    note: Annotated[str, typer.Option(help="A sentence on what else to know.", show_default=False)] = "",
    command: Annotated[
        str | None,
        typer.Option(help="What makes it again.", show_default="the makeweight study that plans the same trainings"),
    ] = None,
    store: options.StoreFolder = Path("studies"),
    as_json: options.Json = False,
) -> None:
    """Write a network of a study into the zoo: weights of every seed, record and model card; replaces one of its name.

    The best seed's file is opened again and scored on the test images, for the card.
    """
    from makeweight.face.zoo import add as add_to

    network = find_network(store, run)
    added = add_to(network, into, name=name, method=method, note=note, command=command)
    if as_json:
        print_json({"name": added.name, "folder": str(added.folder), "command": added.command})
    else:
        put(added.folder)
