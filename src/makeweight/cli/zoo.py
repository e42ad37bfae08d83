"""``makeweight zoo``: the networks that ship with makeweight, and how one gets there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from makeweight.cli import options
from makeweight.cli.output import examples, print_json, print_next, put, stdout
from makeweight.cli.tables import print_records
from makeweight.errors import InvalidValue
from makeweight.face.references import GRAMMAR, find_network

if TYPE_CHECKING:
    from makeweight.face.zoo import ZooNetwork

app = typer.Typer()
Name = Annotated[str, typer.Argument(help="Name of a network; see: makeweight zoo", show_default=False)]


@app.callback(invoke_without_command=True, epilog=examples("makeweight zoo", "makeweight zoo --json"))
def list_(context: typer.Context, zoo: options.ZooFolder = None, as_json: options.Json = False) -> None:
    """List the networks that ship with makeweight, with weights, scores and recipes; show, use and add them."""
    if context.invoked_subcommand:
        if zoo or as_json:
            raise InvalidValue(f"options of zoo {context.invoked_subcommand} come after it. Move them to the end.")
        return
    from makeweight.face.zoo import Zoo

    found = Zoo(zoo)
    networks, problems = found.readable()
    if as_json:
        print_json({"networks": [_record(network) for network in networks], "problems": problems})
    else:
        print_records(stdout(), found.table()) if len(found) else put(repr(found))


@app.command("show", epilog=examples("makeweight zoo show cnn-10k"))
def show(name: Name, zoo: options.ZooFolder = None, as_json: options.Json = False) -> None:
    """Show a network: each training, its machine, and the command that makes it again."""
    from makeweight.face.zoo import Zoo

    network = Zoo(zoo)[name]
    if as_json:
        print_json(_record(network))
    else:
        print_records(stdout(), network.table())


@app.command("copy", epilog=examples("makeweight zoo copy cnn-10k", "makeweight zoo copy cnn-10k --name mine"))
def copy(
    network: Name,
    name: Annotated[str | None, typer.Option(help="Name of the study.", show_default="the network's")] = None,
    zoo: options.ZooFolder = None,
    store: options.StoreFolder = Path("studies"),
    as_json: options.Json = False,
) -> None:
    """Make a study of a network, scored again on the test images, so that every command works on it."""
    from makeweight.face.zoo import Zoo

    copied = Zoo(zoo)[network].copy(store, name)
    if as_json:
        print_json({"network": copied.label, "folder": str(copied.folder)})
        return
    put(copied.folder)
    which = f"{copied.folder.name}/{copied.file_name}"
    print_next(
        store,
        (("predict", which, "picture.png"), "classify your own pictures"),
        (("export", which), "one file that runs elsewhere"),
        (("report", copied.folder.name), "accuracy, curves and feature maps on one page"),
    )


@app.command(
    "add", epilog=examples("makeweight zoo add fashion/cnn-10k", "makeweight zoo add slow/cnn-10k --name slow")
)
def add(
    run: Annotated[str, typer.Argument(help=f"{GRAMMAR}; without a seed, all that finished.", show_default=False)],
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

    Every seed is scored in float32, and the file of the best is opened again for the card.
    """
    from makeweight.face.zoo import add as add_to

    added = add_to(find_network(store, run), into, name=name, method=method, note=note, command=command)
    if as_json:
        print_json(_record(added))
    else:
        put(added.record.folder, added.command)


def _record(network: ZooNetwork) -> dict[str, Any]:
    record = network.record
    means = {"test_accuracy": network.accuracy, "validation_accuracy": record.validation_accuracy}
    return {"folder": str(record.folder), **means, "test_sd": record.test_sd, **record.to_record()}
