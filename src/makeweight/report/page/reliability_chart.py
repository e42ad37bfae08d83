"""Accuracy against confidence: whether networks are right as often as they are sure."""

from __future__ import annotations

from collections.abc import Sequence

from plotly import graph_objects

from makeweight.report.analysis import NetworkAnalysis
from makeweight.report.figures import classes as class_figures
from makeweight.report.figures.style import QUIET
from makeweight.report.page.charts import Chart, Series, data_table, figure, lines, lines_of, short
from makeweight.report.tables import Table
from makeweight.stats.calibration import Bin


def reliability_chart(analyses: Sequence[NetworkAnalysis]) -> Chart:
    """Make the reliability diagram of all networks."""
    series = lines_of([analysis.network for analysis in analyses])
    traces = [_diagonal(), *(_trace(a, s) for a, s in zip(analyses, series, strict=True))]
    square = {"range": [0, 102], "dtick": 20}
    return Chart(
        name="reliability",
        title="How sure, and how often right",
        description=class_figures.describe_reliability(analyses)
        + " Above the diagonal a network is right more often than it is sure, below it less often.",
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
        f"{b.images:,.0f} images, sure by {100 * b.confidence:.1f} %",
        f"right in {100 * b.accuracy.mean:.1f} % (95 % {100 * b.accuracy.low:.1f} to {100 * b.accuracy.high:.1f})",
    )


def _table(analyses: Sequence[NetworkAnalysis]) -> Table:
    rows = tuple(
        (
            analysis.network.label,
            f"{100 * b.confidence:.1f}",
            *(f"{100 * share:.1f}" for share in (b.accuracy.mean, b.accuracy.low, b.accuracy.high)),
            f"{b.images:,.0f}",
        )
        for analysis in analyses
        for b in analysis.calibration.bins
    )
    headings = ("network", "confidence %", "accuracy %", "lower end", "upper end", "images")
    return data_table("Bins of equal confidence", headings, rows)
