"""Accuracy against a cost that the reader chooses."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Any

from plotly import graph_objects

from makeweight.design.budget import format_budget
from makeweight.report.analysis import Analysis
from makeweight.report.costs import COSTS, CostAxis, known
from makeweight.report.figures import costs as cost_figures
from makeweight.report.figures.style import QUIET, colour_of
from makeweight.report.page.charts import Chart, Control, Series, data_table, figure, lines, short, symbol_of
from makeweight.report.summary import NetworkSummary, StudySummary
from makeweight.report.tables import Table
from makeweight.report.verdict import points

FRONTIER, REPORT = "not beaten by any", "the original report (over weights)"
FAR = 1.0  # points below the lowest interval from which the report's networks would flatten all others

Points = list[tuple[NetworkSummary, float]]


def cost_chart(analysis: Analysis) -> Chart:
    """Make the chart of test accuracy against each known cost."""
    axes = [axis for axis in COSTS if known(analysis.summary, axis)]
    return Chart(
        name="costs",
        title="Accuracy for its cost",
        description=" ".join(cost_figures.describe(analysis, axis) for axis in axes[:1]),
        figures={axis.name: _figure(analysis, axis) for axis in axes},
        table=_table(analysis.summary, axes),
        statics=tuple(f"accuracy-against-{axis.name}" for axis in axes),
        controls=(Control("Cost", tuple((axis.name, axis.title) for axis in axes)),),
        series=tuple(_series(analysis)),
        log_axis="xaxis",
        log_first=True,
    )


def _series(analysis: Analysis) -> Iterator[Series]:
    networks = analysis.summary.networks
    for network in networks:
        yield Series(network.label, colour_of(network.family), symbol_of(network.family), "")
    if analysis.frontiers and len(networks) > 1:
        yield Series(FRONTIER, QUIET, "", "solid")
    theirs = [100 * network.reference.test_accuracy for network in networks if network.reference]
    if theirs:
        floor = min(100 * network.test_accuracy.low for network in networks) - FAR
        yield Series(REPORT, QUIET, "x", "", shown=min(theirs) >= floor)


def _figure(analysis: Analysis, axis: CostAxis) -> graph_objects.Figure:
    found = known(analysis.summary, axis)
    traces = [*_frontier(analysis, axis, found), *(_reference(found) if axis.name == "weights" else ())]
    for family in dict.fromkeys(network.family for network, _ in found):
        of_family = sorted((point for point in found if point[0].family == family), key=lambda point: point[1])
        traces.append(_family(of_family))
    return figure(traces, axis.title, "test accuracy (%)", xaxis=_ticks([cost for _, cost in found]))


def _family(found: Points) -> graph_objects.Scatter:
    """Draw one family; the page leaves out the points whose network is switched off."""
    family, networks = found[0][0].family, [network for network, _ in found]
    intervals = [network.test_accuracy for network in networks]
    return graph_objects.Scatter(
        x=[short(cost) for _, cost in found],
        y=[short(100 * interval.mean) for interval in intervals],
        error_y={
            "type": "data",
            "symmetric": False,
            "array": [short(100 * (interval.high - interval.mean)) for interval in intervals],
            "arrayminus": [short(100 * (interval.mean - interval.low)) for interval in intervals],
            "thickness": 1.5,
            "width": 5,
        },
        ids=[network.label for network in networks],
        text=[format_budget(network.budget) for network in networks],
        textposition="bottom right",
        hovertext=[_words(network) for network in networks],
        hoverinfo="text",
        mode="lines+markers+text",
        cliponaxis=False,  # or the last name is cut off
        line={"color": colour_of(family), "width": 1.5},
        marker={"symbol": symbol_of(family), "size": 10},
    )


def _words(network: NetworkSummary) -> str:
    """Return all that is known of a network, as it stands beside its point."""
    accuracy = network.test_accuracy
    costs = ((axis, axis.of(network)) for axis in COSTS)
    return lines(
        network.label,
        f"test accuracy {100 * accuracy.mean:.2f} % (95 % {100 * accuracy.low:.2f} to {100 * accuracy.high:.2f})",
        f"validation accuracy {100 * network.validation_accuracy:.2f} %",
        *(f"{axis.short} {_number(cost)}{_unit(axis)}" for axis, cost in costs if cost is not None),
    )


def _unit(axis: CostAxis) -> str:
    """Return what stands in brackets at the end of an axis' title; counts have no unit."""
    _, bracket, unit = axis.title.removesuffix(")").rpartition("(")
    return f" {unit}" if bracket and unit != axis.short else ""


def _frontier(analysis: Analysis, axis: CostAxis, found: Points) -> Iterator[graph_objects.Scatter]:
    places = analysis.frontiers.get(axis.name, {})
    on = sorted((c, 100 * n.test_accuracy.mean) for n, c in found if n.label in places and places[n.label].on_frontier)
    if len(found) > 1 and on:
        on.append((1.25 * max(cost for _, cost in found), on[-1][1]))
        yield graph_objects.Scatter(
            x=[short(cost) for cost, _ in on],
            y=[short(accuracy) for _, accuracy in on],
            meta=FRONTIER,
            mode="lines",
            line={"shape": "hv", "color": QUIET, "width": 6},
            opacity=0.35,
            hoverinfo="skip",
        )


def _reference(found: Points) -> Iterator[graph_objects.Scatter]:
    """Mark the report's networks at our weights: its budgets are the same, and it gives no other cost."""
    theirs = [(network, cost, network.reference) for network, cost in found if network.reference]
    if theirs:
        yield graph_objects.Scatter(
            x=[short(cost) for _, cost, _ in theirs],
            y=[short(100 * reference.test_accuracy) for *_, reference in theirs],
            meta=REPORT,
            mode="markers",
            marker={"symbol": "x-thin-open", "color": QUIET, "size": 10, "line": {"width": 2.5}},
            hovertext=[_reference_words(network) for network, *_ in theirs],
            hoverinfo="text",
        )


def _reference_words(network: NetworkSummary) -> str:
    theirs = network.reference
    if theirs is None:
        raise ValueError(f"the report has no {network.label}")
    gain = network.test_accuracy.mean - theirs.test_accuracy
    return lines(
        f"{network.label} in the original report",
        f"test accuracy {100 * theirs.test_accuracy:.2f} %, trained in {theirs.time}",
        f"this study: {points(gain, signed=True)} points",
    )


def _ticks(costs: list[float]) -> dict[str, Any]:
    """Return ticks at 1, 2 and 5: Plotly's own on a short logarithmic axis are single digits."""
    decades = range(math.floor(math.log10(min(costs))) - 1, math.ceil(math.log10(max(costs))) + 2)
    values = [short(digit * 10.0**power) for power, digit in product(decades, (1, 2, 5))]
    return {"tickvals": values, "ticktext": [_short(value) for value in values]}


def _short(value: float) -> str:
    for unit, size in (("G", 1e9), ("M", 1e6), ("K", 1e3)):
        if value >= size:
            return f"{value / size:g}{unit}"
    return f"{value:g}"


def _number(cost: float) -> str:
    return f"{cost:,.0f}" if cost >= 1_000 else f"{cost:.3g}"


def _table(summary: StudySummary, axes: list[CostAxis]) -> Table:
    head = ("network", "test accuracy %", "lower end", "upper end", *(axis.title for axis in axes))
    return data_table("Accuracy and costs", head, (_row(network, axes) for network in summary.networks))


def _row(network: NetworkSummary, axes: list[CostAxis]) -> tuple[str, ...]:
    interval = network.test_accuracy
    accuracies = (f"{100 * share:.2f}" for share in (interval.mean, interval.low, interval.high))
    costs = (axis.of(network) for axis in axes)
    return network.label, *accuracies, *("–" if cost is None else _number(cost) for cost in costs)
