"""Charts to play with: what they show as Plotly figures, how they are controlled, and their data as a table.

Python says all that is drawn; the page only chooses which figure, which networks and which kind of axis.
"""

from __future__ import annotations

import html
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from plotly import graph_objects

from makeweight.designs.families import described
from makeweight.designs.families.base import Marker
from makeweight.html import Column, Table
from makeweight.report.figures.style import colour_of

Axis = Literal["xaxis", "yaxis"]

# Plotly's names of markers, and of dashes that tell the networks of a family apart.
SYMBOLS: dict[Marker, str] = {"circle": "circle", "square": "square", "triangle": "triangle-up", "diamond": "diamond"}
DASHES = ("solid", "dash", "dot", "dashdot", "longdash", "longdashdot")


@dataclass(frozen=True, slots=True)
class Control:
    """A choice between figures of a chart."""

    label: str
    choices: tuple[tuple[str, str], ...]  # value in the key of a figure, words


@dataclass(frozen=True, slots=True)
class Series:
    """What a reader can show and hide, with its sample in the legend."""

    key: str  # in a trace's meta or ids
    colour: str
    symbol: str  # "" for a plain line
    dash: str  # "" for no line
    shown: bool = True  # at first


@dataclass(frozen=True)
class Chart:
    """One interactive chart."""

    name: str
    title: str
    description: str  # text alternative
    figures: dict[str, graph_objects.Figure] = field(repr=False)  # by the chosen values, joined with "|"
    table: Table = field(repr=False)
    statics: tuple[str, ...]  # names of the drawings that stand in for it on paper
    controls: tuple[Control, ...] = ()
    series: tuple[Series, ...] = ()
    log_axis: Axis | None = None  # that the reader may switch between logarithmic and linear
    log_first: bool = False

    def to_record(self) -> dict[str, Any]:
        """Return what the page's script needs."""
        return {
            "figures": {key: figure.to_plotly_json() for key, figure in self.figures.items()},
            "logAxis": self.log_axis,
        }


def figure(traces: Sequence[graph_objects.Scatter], x_title: str, y_title: str, **axes: Any) -> graph_objects.Figure:
    """Make a figure whose colours, fonts and sizes the page sets, as they depend on the reader's theme."""
    layout = {
        "template": graph_objects.layout.Template(),  # Plotly's own would be half of the data
        "xaxis": {"title": {"text": x_title}, **axes.get("xaxis", {})},
        "yaxis": {"title": {"text": y_title}, **axes.get("yaxis", {})},
        "hovermode": "closest",
        "showlegend": False,
    }
    return graph_objects.Figure(list(traces), layout)


def symbol_of(family: str) -> str:
    """Return a family's marker in Plotly's words."""
    return SYMBOLS[described(family).marker]


class Named(Protocol):
    """A network, as far as its line on a chart goes."""

    @property
    def label(self) -> str:
        """Short name, for example FCN 100K."""

    @property
    def family(self) -> str:
        """Name of the family."""


def lines_of(networks: Sequence[Named]) -> tuple[Series, ...]:
    """Return one line a network, in its family's colour; within a family the dashes differ."""
    seen: dict[str, int] = {}
    series = []
    for network in networks:
        place = seen[network.family] = seen.get(network.family, -1) + 1
        dash = DASHES[place % len(DASHES)]
        series.append(Series(network.label, colour_of(network.family), symbol_of(network.family), dash))
    return tuple(series)


def lines(*texts: str) -> str:
    """Return lines of text for Plotly, which reads some tags: names stay text."""
    return "<br>".join(map(html.escape, texts))


def short(number: float) -> float:
    """Round to what a screen can show, which halves the data."""
    return float(f"{number:.5g}")


def data_table(title: str, headings: Sequence[str], rows: Iterable[tuple[str, ...]]) -> Table:
    """Return a chart's numbers for those who want to read them; the first column names the network."""
    columns = (Column(headings[0], False), *(Column(heading, True) for heading in headings[1:]))
    return Table("", title, columns, tuple(rows))
