"""``makeweight verify``: whether the weights of the zoo still do what it says."""

from __future__ import annotations

from dataclasses import asdict
from typing import Annotated

import typer

from makeweight.cli import options
from makeweight.cli.output import complain, examples, print_json, print_text, remark, stdout
from makeweight.cli.tables import print_table
from makeweight.face.console import counting
from makeweight.html import Column
from makeweight.wording import percentage

EXAMPLES = examples("makeweight verify", "makeweight verify cnn-10k fcn-100k --json")


def verify(
    names: Annotated[list[str] | None, typer.Argument(help="Networks of the zoo.", show_default="all")] = None,
    zoo: options.ZooFolder = None,
    as_json: options.Json = False,
) -> None:
    """Score the weights of the zoo again on the real test images, in float32, and compare with what is stored.

    A network holds if at most one test image in 1,000 more or fewer is right: another processor adds up in another
    order, which may turn an image or two. Files that are missing or damaged are named, and the others are scored.
    Exit code 1: one doesn't hold.
    """
    from makeweight.face.zoo import Zoo
    from makeweight.shipped.score import RULE, verify_networks

    folders, checked = Zoo(zoo).folders(names), []
    with counting() as view:
        for one in verify_networks(folders, remark):
            checked.append(one)
            view.say("scoring networks", len({c.network for c in checked}), len(folders))
    if as_json:
        print_json({"runs": [{**asdict(c), "holds": c.holds, "verdict": c.verdict} for c in checked], "rule": RULE})
    else:
        columns = (Column("network", False), Column("seed", True), Column("stored %", True), Column("now %", True),
                   Column("verdict", False))  # fmt: skip
        rows = [
            (c.network, "–" if c.seed is None else str(c.seed), *map(percentage, c.shares), c.verdict) for c in checked
        ]
        print_table(stdout(), columns, rows)
        print_text(stdout(), RULE, "dim")
    for one in checked:
        if one.problem:
            complain(one.problem)
    raise typer.Exit(int(not all(one.holds for one in checked)))
