"""Tables in a terminal: headings wrap, the least important columns go, and no word or number is broken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from rich.cells import cell_len

from makeweight.cli.output import print_text
from makeweight.text import visible

if TYPE_CHECKING:
    from rich.console import Console

    from makeweight.html import Column, Table
    from makeweight.report.summary import StudySummary

GAP = 2  # blanks between two columns
PROSE = 20  # letters; shorter text stays on one line, longer text wraps at blanks

Rows = Sequence[Sequence[str]]


@dataclass(frozen=True)
class Fitted:
    """The columns that a table keeps, by index, with their widths."""

    kept: tuple[int, ...]
    widths: tuple[int, ...]


def fit(columns: Sequence[Column], rows: Rows, width: int) -> Fitted | None:
    """Drop columns, the highest rank first, until the table fits; None if those of rank 0 are still too wide."""
    kept = list(range(len(columns)))
    least = [_least(column, [row[i] for row in rows]) for i, column in enumerate(columns)]
    while sum(least[i] for i in kept) + GAP * (len(kept) - 1) > width:
        last = max(kept, key=lambda i: (columns[i].rank, i))
        if columns[last].rank == 0:
            return None
        kept.remove(last)
    spare = width - sum(least[i] for i in kept) - GAP * (len(kept) - 1)
    widths = {i: least[i] for i in kept}
    in_cells = {i: max((cell_len(row[i]) for row in rows), default=0) for i in kept}
    whole = {i: max(in_cells[i], cell_len(columns[i].heading)) for i in kept}
    for wanted in (in_cells, whole):  # a heading wraps before a cell does
        for i in kept:
            more = min(spare, max(0, wanted[i] - widths[i]))
            widths[i], spare = widths[i] + more, spare - more
    return Fitted(tuple(kept), tuple(widths[i] for i in kept))


def _least(column: Column, cells: Sequence[str]) -> int:
    """Smallest width at which heading and cells break only at blanks, and numbers not at all."""
    return max(_longest_word(column.heading), *(cell_len(c) if column.right else _least_text(c) for c in cells), 1)


def _least_text(cell: str) -> int:
    return max(_longest_word(cell), min(cell_len(cell), PROSE))


def _longest_word(text: str) -> int:
    return max(map(cell_len, text.split()), default=0)


def print_table(console: Console, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Print a table; drop the least important columns if they don't fit, and name them.

    If not even the important ones fit, each row is printed as a block.
    """
    rows = [tuple(map(visible, row)) for row in rows]
    fitted = fit(columns, rows, console.width)
    if fitted is None:
        _print_blocks(console, columns, rows)
        return
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=(0, GAP - 1, 0, 0), show_edge=False, pad_edge=False)
    for i, width in zip(fitted.kept, fitted.widths, strict=True):
        table.add_column(Text(columns[i].heading), justify="right" if columns[i].right else "left", width=width)
    for row in rows:
        # As text and not as markup: a name may hold brackets.
        table.add_row(*(Text(row[i]) for i in fitted.kept))
    console.print()
    console.print(table)
    console.print()
    left_out = [column.heading for i, column in enumerate(columns) if i not in fitted.kept]
    if left_out:
        how = f"a terminal wider than {console.width} columns, or --json"
        print_text(console, f"Left out: {', '.join(left_out)}. To see them: {how}.", "dim")


def _print_blocks(console: Console, columns: Sequence[Column], rows: Sequence[Sequence[str]]) -> None:
    """Print each row as lines of heading and value, under its first cell."""
    longest = max(len(column.heading) for column in columns[1:])
    for first, *rest in rows:
        console.print()
        print_text(console, first, "bold")
        for column, cell in zip(columns[1:], rest, strict=True):
            print_text(console, f"  {column.heading:{longest}}  {cell}", indent=" " * (longest + 4))
    console.print()


def print_records(console: Console, table: Table) -> None:
    """Print a table of the report with its notes."""
    print_table(console, table.columns, table.rows)
    for note in table.notes:
        print_text(console, note, "dim")


def print_networks(console: Console, summary: StudySummary) -> None:
    """Print a study's table."""
    from makeweight.report import tables

    print_records(console, replace(tables.networks_table(summary), notes=()))


def print_summary(console: Console, summary: StudySummary) -> None:
    """Print a study's table with its notes; one sentence if no training is finished."""
    from makeweight.report import tables

    if summary.networks:
        print_networks(console, summary)
        done = f"{summary.jobs_done} of {summary.jobs_total} trainings done, {summary.wall_seconds:.0f} s in all."
        print_text(console, done)
        for note in (*tables.networks_table(summary).notes, summary.environment):
            print_text(console, note, "dim")
    else:
        print_text(console, f"None of the {summary.jobs_total} trainings of the study {summary.name} is finished.")
    for line in summary.failures:
        print_text(console, f"failed: {line}", "bold red")
    for line in summary.problems:
        print_text(console, f"note: {line}", "yellow")
