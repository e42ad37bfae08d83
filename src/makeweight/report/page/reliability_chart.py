"""Accuracy against confidence: whether networks are right as often as they are sure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

from plotly import graph_objects

from makeweight.html import Table
from makeweight.report.analysis import NetworkAnalysis
from makeweight.report.figures import classes as class_figures
from makeweight.report.figures.style import QUIET
from makeweight.report.page.charts import Chart, Series, data_table, figure, lines, lines_of, short
from makeweight.stats.calibration import Bin
from makeweight.wording import confidence, percent, percentage


def reliability_chart(analyses: Sequence[NetworkAnalysis]) -> Chart:
    """Make the reliability diagram of all networks."""
    series = lines_of([analysis.network for analysis in analyses])
    traces = [_diagonal(), *(_trace(a, s) for a, s in zip(analyses, series, strict=True))]
    square = {"range": [0, 102], "dtick": 20}
    return Chart(
        name="reliability",
        title="Accuracy against confidence",
        description=class_figures.describe_reliability(analyses)
        + " Above the diagonal a network is underconfident, below it overconfident.",
        figures={"": figure(traces, "confidence (%)", "accuracy (%)", xaxis=square, yaxis=square)},
        table=_table(analyses),
        statics=("reliability",),
        series=series,
    )


def _diagonal() -> graph_objects.Scatter:
    style = {"color": QUIET, "width": 1.5, "dash": "dash"}
    return graph_objects.Scatter(x=[0, 100], y=[0, 100], mode="lines", line=style, hoverinfo="skip")


def _trace(analysis: NetworkAnalysis, series: Series) -> graph_objects.Scatter:
    bins = analysis.calibration.bins
    return graph_objects.Scatter(
        x=[short(100 * b.confidence) for b in bins],
        y=[short(100 * b.accuracy.mean) for b in bins],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [short(100 * max(0.0, b.accuracy.high - b.accuracy.mean)) for b in bins],
            "arrayminus": [short(100 * max(0.0, b.accuracy.mean - b.accuracy.low)) for b in bins],
            "thickness": 1,
            "width": 2,
        },
        meta=analysis.network.label,
        mode="lines+markers",
        line={"color": series.colour, "dash": series.dash, "width": 1.5},
        marker={"symbol": series.symbol, "size": 6},
        hovertext=[_words(analysis, b) for b in bins],
        hoverinfo="text",
    )


def _words(analysis: NetworkAnalysis, b: Bin) -> str:
    return lines(
        analysis.network.label,
        f"{b.images:,.0f} images, mean confidence {percent(b.confidence, 1)}",
        f"accuracy {percent(b.accuracy.mean, 1)} "
        f"({confidence(b.accuracy.low, b.accuracy.high, partial(percentage, decimals=1))})",
    )


def _table(analyses: Sequence[NetworkAnalysis]) -> Table:
    rows = tuple(
        (
            analysis.network.label,
            percentage(b.confidence, 1),
            *(percentage(share, 1) for share in (b.accuracy.mean, b.accuracy.low, b.accuracy.high)),
            f"{b.images:,.0f}",
        )
        for analysis in analyses
        for b in analysis.calibration.bins
    )
    headings = ("network", "confidence %", "accuracy %", "lower end", "upper end", "images")
    return data_table("Bins of equal confidence", headings, rows)
