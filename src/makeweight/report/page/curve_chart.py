"""Learning curves of all networks on one chart."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from plotly import graph_objects

from makeweight.html import Table
from makeweight.report.figures import curves as curve_figures
from makeweight.report.page.charts import Chart, Control, Series, data_table, figure, lines, lines_of, short
from makeweight.report.summary import NetworkSummary
from makeweight.training.records import EpochRecord
from makeweight.wording import plural


@dataclass(frozen=True, slots=True)
class Value:
    """Something that is known after each epoch."""

    name: str
    title: str
    of: Callable[[EpochRecord], float]


VALUES = (
    Value("training-loss", "training loss", lambda record: record.training_loss),
    Value("validation-loss", "validation loss", lambda record: record.validation_loss),
    Value("validation-accuracy", "validation accuracy (%)", lambda record: 100 * record.validation_accuracy),
)
SPANS = (("epochs", "epochs"), ("share", "share of the training (%)"))
FIRST = (2, 0, 1)  # accuracy is what people look for


def curve_chart(networks: Sequence[NetworkSummary]) -> Chart:
    """Make the chart of losses and accuracy against epochs, or the share of the training for unequal lengths."""
    series = lines_of(networks)
    return Chart(
        name="curves",
        title="Learning curves",
        description=" ".join(map(curve_figures.describe, networks)),
        figures={
            f"{value.name}|{span}": _figure(networks, series, value, span, words)
            for value in VALUES
            for span, words in SPANS
        },
        table=_table(networks),
        statics=("curves",),
        controls=(Control("Value", tuple((VALUES[i].name, VALUES[i].title) for i in FIRST)), Control("Over", SPANS)),
        series=series,
        log_axis="yaxis",
    )


def _figure(
    networks: Sequence[NetworkSummary], series: tuple[Series, ...], value: Value, span: str, words: str
) -> graph_objects.Figure:
    traces = [trace for n, s in zip(networks, series, strict=True) for trace in _traces(n, s, value, span)]
    return figure(traces, words, value.title)


def _traces(network: NetworkSummary, series: Series, value: Value, span: str) -> Iterator[graph_objects.Scatter]:
    """Yield the band between the seeds, and their mean on it."""
    courses = _courses(network, value)
    epochs = np.arange(1, courses.shape[1] + 1)
    x = [short(epoch) for epoch in (epochs if span == "epochs" else 100 * epochs / len(epochs))]
    low, mean, high = courses.min(axis=0), courses.mean(axis=0), courses.max(axis=0)
    if len(courses) > 1:
        yield graph_objects.Scatter(
            x=[*x, *x[::-1]],
            y=[short(y) for y in (*high, *low[::-1])],
            meta=network.label,
            mode="lines",
            fill="toself",
            fillcolor=series.colour,
            line={"width": 0, "color": series.colour},
            opacity=0.18,
            hoverinfo="skip",
        )
    yield graph_objects.Scatter(
        x=x,
        y=[short(y) for y in mean],
        meta=network.label,
        mode="lines+markers",
        line={"color": series.colour, "dash": series.dash, "width": 2},
        marker={"symbol": series.symbol, "size": 5},
        hovertext=[_words(network, value, int(epoch), *at) for epoch, *at in zip(epochs, low, mean, high, strict=True)],
        hoverinfo="text",
    )


def _words(network: NetworkSummary, value: Value, epoch: int, low: float, mean: float, high: float) -> str:
    of = f"epoch {epoch} of {len(network.runs[0].epochs)}"
    if len(network.runs) == 1:
        return lines(f"{network.label}, {of}", f"{value.title} {mean:.4g}")
    seeds = f"from {low:.4g} to {high:.4g} over {plural(len(network.runs), 'seed')}"
    return lines(f"{network.label}, {of}", f"{value.title} {mean:.4g}", seeds)


def _courses(network: NetworkSummary, value: Value) -> NDArray[np.float64]:
    """Return (seeds, epochs) values, as far as all seeds go."""
    length = min(len(run.epochs) for run in network.runs)
    return np.array([[value.of(record) for record in run.epochs[:length]] for run in network.runs])


def _table(networks: Sequence[NetworkSummary]) -> Table:
    rows = []
    for network in networks:
        means = [_courses(network, value).mean(axis=0) for value in VALUES]
        for epoch, values in enumerate(zip(*means, strict=True), start=1):
            rows.append((network.label, str(epoch), *(f"{v:.4g}" for v in values)))
    return data_table("Means over the seeds after each epoch", ("network", "epoch", *(v.title for v in VALUES)), rows)
