"""Where output goes: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.console import Console

    from makeweight.report.summary import StudySummary
    from makeweight.report.tables import Table


PIPE_WIDTH = 200  # a pipe has no width, and a table must not be cut for it


@cache
def stdout() -> Console:
    """Console for results; NO_COLOR and pipes are respected by rich."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)


@cache
def stderr() -> Console:
    """Console for progress and remarks."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else PIPE_WIDTH)


def complain(message: str) -> None:
    """Print an error as one line."""
    print(f"error: {' '.join(message.split())}", file=sys.stderr)


def remark(message: str) -> None:
    """Print a line that is no result."""
    print(message, file=sys.stderr, flush=True)


def print_json(record: dict[str, Any]) -> None:
    """Print one JSON object; NaN and infinity, which JSON does not know, become null."""
    print(json.dumps(_finite(record), indent=2, allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


def print_table(console: Console, headings: Sequence[tuple[str, bool]], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; ``headings`` are (text, whether it stands right)."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading, right in headings:
        table.add_column(heading, justify="right" if right else "left", overflow="fold")
    for row in rows:
        # As text and not as markup: a name may hold brackets.
        table.add_row(*(Text(cell) for cell in row))
    console.print(table)


def print_records(console: Console, table: Table) -> None:
    """Print a table of the report with its notes."""
    print_table(console, [(column.heading, column.right) for column in table.columns], table.rows)
    for note in table.notes:
        console.print(note, style="dim", markup=False, soft_wrap=True)


def print_networks(console: Console, summary: StudySummary) -> None:
    """Print a study's table."""
    from makeweight.report import tables

    print_records(console, replace(tables.networks_table(summary), notes=()))


def print_summary(console: Console, summary: StudySummary) -> None:
    """Print a study's table with what there is to say about it."""
    from makeweight.report import tables

    print_networks(console, summary)
    console.print(f"{summary.jobs_done} of {summary.jobs_total} trainings done, {summary.wall_seconds:.0f} s in all.")
    for note in (*tables.networks_table(summary).notes, summary.environment):
        console.print(note, style="dim", markup=False, soft_wrap=True)
    for line in summary.failures:
        console.print(f"failed: {line}", style="bold red", markup=False, soft_wrap=True)
    for line in summary.problems:
        console.print(f"note: {line}", style="yellow", markup=False, soft_wrap=True)
