"""How results look in Python and in a notebook: tables as text, and as HTML that takes the page's own ink and paper."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from html import escape

from makeweight.text import visible, visible_lines


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, whether its cells stand right, and how soon a narrow terminal does without it."""

    heading: str
    right: bool
    rank: int = 0  # the highest is left out first, and 0 never


@dataclass(frozen=True, repr=False)
class Table:
    """A table of text.

    >>> Table("", "", (Column("network", False), Column("weights", True)), (("CNN 10K", "9,974"),))
    network  weights
    CNN 10K    9,974
    """

    name: str  # of its file, "comparisons"
    title: str
    columns: tuple[Column, ...]
    rows: tuple[tuple[str, ...], ...]
    notes: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "rows", tuple(tuple(map(visible, row)) for row in self.rows))

    def __repr__(self) -> str:
        lines = ([column.heading for column in self.columns], *self.rows)
        widths = [max(len(line[i]) for line in lines) for i in range(len(self.columns))]
        return "\n".join(
            "  ".join(
                cell.rjust(width) if column.right else cell.ljust(width)
                for cell, width, column in zip(line, widths, self.columns, strict=True)
            ).rstrip()
            for line in lines
        )

    def _repr_html_(self) -> str:
        styles = ["text-align:right" if column.right else "text-align:left" for column in self.columns]
        head = _row_html("th", styles, (column.heading for column in self.columns))
        body = "".join(_row_html("td", styles, row) for row in self.rows)
        caption = f'<caption style="text-align:left">{escape(visible(self.title))}</caption>' if self.title else ""
        return f"<table>{caption}<thead>{head}</thead><tbody>{body}</tbody></table>" + lines_html(self.notes)


def _row_html(tag: str, styles: Iterable[str], cells: Iterable[str]) -> str:
    written = (f'<{tag} style="{style}">{escape(cell)}</{tag}>' for style, cell in zip(styles, cells, strict=True))
    return f"<tr>{''.join(written)}</tr>"


def lines_html(lines: Iterable[str]) -> str:
    """Return lines of text as HTML paragraphs."""
    return "".join(f"<p>{escape(visible_lines(line))}</p>" for line in lines)
