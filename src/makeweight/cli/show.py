"""``makeweight show``: the table of a study."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from makeweight.cli import options
from makeweight.cli.output import print_json, print_summary, stdout
from makeweight.errors import InvalidValue

EXAMPLES = "Examples: makeweight show   |   makeweight show report --md   |   makeweight show --csv > results.csv"


def show(
    study: Annotated[str | None, typer.Argument(help="Name or folder; by default the study changed last.")] = None,
    store: options.StoreFolder = Path("studies"),
    as_json: options.Json = False,
    as_csv: Annotated[bool, typer.Option("--csv", help="Print comma-separated values.")] = False,
    as_markdown: Annotated[bool, typer.Option("--md", help="Print a Markdown table.")] = False,
) -> None:
    """Print a study's networks with accuracy, interval and cost, also while the study runs."""
    from makeweight.report import tables
    from makeweight.report.summary import summarise

    if as_json + as_csv + as_markdown > 1:
        raise InvalidValue("--json, --csv and --md exclude each other: give one of them.")
    summary = summarise(options.find_study(store, study))
    if as_json:
        print_json(tables.to_record(summary))
    elif as_csv:
        print(tables.to_csv(summary), end="")
    elif as_markdown:
        print(tables.to_markdown(summary), end="")
    else:
        print_summary(stdout(), summary)
