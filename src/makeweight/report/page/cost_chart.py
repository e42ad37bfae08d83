"""Accuracy against a cost that the reader chooses."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import product
from typing import Any

from plotly import graph_objects

from makeweight.html import Table
from makeweight.report.analysis import Analysis
from makeweight.report.costs import COSTS, CostAxis, known
from makeweight.report.figures import costs as cost_figures
from makeweight.report.figures.style import QUIET, colour_of
from makeweight.report.page.charts import Chart, Control, Series, data_table, figure, lines, short, symbol_of
from makeweight.report.summary import NetworkSummary, StudySummary
from makeweight.report.summary import lines as networks_by_line
from makeweight.wording import confidence, number, percent, percentage, points, tick

FRONTIER, COURSE_REPORT = "not beaten by any", "the course report (over weights)"
FAR = 1.0  # points below the lowest interval from which the course report's networks would flatten all others

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
    theirs = [100 * network.reference.accuracy for network in networks if network.reference]
    if theirs:
        floor = min(100 * network.test_accuracy.low for network in networks) - FAR
        yield Series(COURSE_REPORT, QUIET, "x", "", shown=min(theirs) >= floor)


def _figure(analysis: Analysis, axis: CostAxis) -> graph_objects.Figure:
    priced = known(analysis.summary, axis)
    traces = [*_frontier(analysis, axis, priced), *(_reference(priced) if axis.name == "weights" else ())]
    costs = {network.label: cost for network, cost in priced}
    for networks in networks_by_line([network for network, _ in priced]).values():
        traces.append(_line(sorted(((n, costs[n.label]) for n in networks), key=lambda point: point[1])))
    return figure(traces, axis.title, "test accuracy (%)", xaxis=_ticks([cost for _, cost in priced]))


def _line(priced: Points) -> graph_objects.Scatter:
    """Draw networks that differ in the budget alone; the page leaves out the points whose network is switched off."""
    family, networks = priced[0][0].family, [network for network, _ in priced]
    intervals = [network.test_accuracy for network in networks]
    return graph_objects.Scatter(
        x=[short(cost) for _, cost in priced],
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
        text=[network.network_id.settings for network in networks],
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
        f"test accuracy {percent(accuracy.mean)} ({confidence(accuracy.low, accuracy.high)})",
        f"validation accuracy {percent(network.validation_accuracy)}",
        *(f"{axis.short} {number(cost)}{_unit(axis)}" for axis, cost in costs if cost is not None),
    )


def _unit(axis: CostAxis) -> str:
    """Return what stands in brackets at the end of an axis' title; counts have no unit."""
    _, bracket, unit = axis.title.removesuffix(")").rpartition("(")
    return f" {unit}" if bracket and unit != axis.short else ""


def _frontier(analysis: Analysis, axis: CostAxis, priced: Points) -> Iterator[graph_objects.Scatter]:
    places = analysis.frontiers.get(axis.name, {})
    on = sorted((c, 100 * n.test_accuracy.mean) for n, c in priced if n.label in places and places[n.label].on_frontier)
    if len(priced) > 1 and on:
        on.append((1.25 * max(cost for _, cost in priced), on[-1][1]))
        yield graph_objects.Scatter(
            x=[short(cost) for cost, _ in on],
            y=[short(accuracy) for _, accuracy in on],
            meta=FRONTIER,
            mode="lines",
            line={"shape": "hv", "color": QUIET, "width": 6},
            opacity=0.35,
            hoverinfo="skip",
        )


def _reference(priced: Points) -> Iterator[graph_objects.Scatter]:
    """Mark the course report's networks at our weights: its budgets are the same, and it gives no other cost."""
    theirs = [(network, cost, network.reference) for network, cost in priced if network.reference]
    if theirs:
        yield graph_objects.Scatter(
            x=[short(cost) for _, cost, _ in theirs],
            y=[short(100 * reference.accuracy) for *_, reference in theirs],
            meta=COURSE_REPORT,
            mode="markers",
            marker={"symbol": "x-thin-open", "color": QUIET, "size": 10, "line": {"width": 2.5}},
            hovertext=[_reference_words(network) for network, *_ in theirs],
            hoverinfo="text",
        )


def _reference_words(network: NetworkSummary) -> str:
    theirs = network.reference
    if theirs is None:
        raise ValueError(f"the course report has no {network.label}")
    gain = network.test_accuracy.mean - theirs.accuracy
    return lines(
        f"{network.label} in the course report",
        f"test accuracy {percent(theirs.accuracy)}, trained in {theirs.minutes}",
        f"this study: {points(gain, signed=True)} points",
    )


def _ticks(costs: list[float]) -> dict[str, Any]:
    """Return ticks at 1, 2 and 5: Plotly's own on a short logarithmic axis are single digits."""
    decades = range(math.floor(math.log10(min(costs))) - 1, math.ceil(math.log10(max(costs))) + 2)
    values = [short(digit * 10.0**power) for power, digit in product(decades, (1, 2, 5))]
    return {"tickvals": values, "ticktext": [tick(value) for value in values]}


def _table(summary: StudySummary, axes: list[CostAxis]) -> Table:
    head = ("network", "test accuracy %", "lower end", "upper end", *(axis.title for axis in axes))
    return data_table("Accuracy and costs", head, (_row(network, axes) for network in summary.networks))


def _row(network: NetworkSummary, axes: list[CostAxis]) -> tuple[str, ...]:
    interval = network.test_accuracy
    accuracies = (percentage(share) for share in (interval.mean, interval.low, interval.high))
    costs = (axis.of(network) for axis in axes)
    return network.label, *accuracies, *("–" if cost is None else number(cost) for cost in costs)
