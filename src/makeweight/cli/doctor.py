"""``makeweight doctor``: what this machine has and lacks."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from makeweight.cli import options
from makeweight.cli.output import examples, print_json, put, say, stdout
from makeweight.cli.tables import print_table
from makeweight.html import Column

EXAMPLES = examples("makeweight doctor", "makeweight doctor --json")


def doctor(
    store: Annotated[Path, typer.Option(help="Folder that holds the studies.")] = Path("studies"),
    as_json: options.Json = False,
) -> None:
    """Look at what makeweight needs: versions, processors, folders, data sets, extras, compilers and emulators.

    Nothing is downloaded or changed. What is absent is needed by some commands only. Exit code 1: there is a problem.
    """
    from makeweight.face.doctor import about, examine

    checks = examine(store)
    problems = sum(check.state == "problem" for check in checks)
    if as_json:
        print_json({"about": about(), "checks": [asdict(check) for check in checks], "problems": problems})
    else:
        put(about())
        columns = (Column("", False), Column("state", False), Column("found", False), Column("remedy", False))
        print_table(stdout(), columns, [(c.name, c.state, c.found, c.remedy) for c in checks])
        say("Nothing is in the way." if not problems else f"In the way: {problems}. See the remedies.")
    raise typer.Exit(int(problems > 0))
