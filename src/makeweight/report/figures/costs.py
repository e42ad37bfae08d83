"""Accuracy against each cost, with intervals and the frontier; and where the weights sit."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from makeweight.designs.cost import LayerCost, cost
from makeweight.report.analysis import Analysis
from makeweight.report.costs import CostAxis, known
from makeweight.report.figures.style import MAP, QUIET, colour_of, ink_on, marker_of
from makeweight.report.summary import NetworkSummary, StudySummary, lines
from makeweight.wording import abbreviate, compact, percent, tick

Points = list[tuple[NetworkSummary, float]]
CHARACTER = 0.85  # percent of the axis that a letter takes
LEGEND = 95  # letters across a figure's legend
LABELLED = 3.5  # percent from which a part of a bar has room for its share


def accuracy_against(analysis: Analysis, axis: CostAxis) -> Figure:
    """Draw test accuracy with its interval against a cost; those that no other beats are joined by the frontier."""
    summary = analysis.summary
    points = known(summary, axis)
    figure = Figure(figsize=(7.2, 3.8), layout="constrained")
    axes = figure.subplots()
    axes.set_xscale("log")
    axes.set_xlim(_range_around([cost for _, cost in points]))
    _draw_frontier(axes, analysis, axis, points)
    costs = {network.label: cost for network, cost in points}
    for name, networks in lines([network for network, _ in points]).items():
        _draw_line(axes, name, sorted(((n, costs[n.label]) for n in networks), key=lambda point: point[1]))
    axes.set_xlabel(axis.title)
    axes.set_ylabel("test accuracy (%)")
    if axis.name == "weights":
        budgets = sorted({network.budget for network, _ in points})
        axes.set_xticks(budgets, [abbreviate(budget) for budget in budgets])
        axes.minorticks_off()
        _draw_reference(axes, summary)
    else:
        axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: tick(value)))
        axes.xaxis.set_minor_formatter(NullFormatter())
    figure.legend(loc="outside upper center", ncols=_columns(axes.get_legend_handles_labels()[1]))
    return figure


def _columns(labels: Sequence[str]) -> int:
    """Count the labels that find room beside each other."""
    sizes = [len(label) + 7 for label in labels]  # in letters, with the sample
    return len(labels) if sum(sizes) <= LEGEND else max(1, LEGEND // max(sizes))


def describe(analysis: Analysis, axis: CostAxis) -> str:
    """Say the figure in words."""
    points = sorted(known(analysis.summary, axis), key=lambda point: point[1])
    listed = "; ".join(
        f"{network.label} {compact(cost)}: {percent(network.test_accuracy.mean)}" for network, cost in points
    )
    places = analysis.frontiers.get(axis.name, {})
    on = ", ".join(label for label, place in places.items() if place.on_frontier)
    return f"Test accuracy against {axis.title}. {listed}. Not beaten on both: {on}." if on else listed


def budget_share(networks: Sequence[NetworkSummary]) -> Figure:
    """Draw where the weights sit: a bar for each network, a part for each layer, in their order."""
    figure = Figure(figsize=(7.2, 0.8 + 0.46 * len(networks)), layout="constrained")
    axes = figure.subplots()
    for row, network in enumerate(networks):
        _draw_bar(axes, row, _shares(network))
    axes.set_yticks(range(len(networks)), [network.label for network in networks])
    axes.invert_yaxis()
    axes.set_xlim(0, 100)
    axes.grid(visible=False)
    axes.set_xlabel("share of the trainable weights (%), layer by layer from the image to the logits")
    return figure


def _draw_bar(axes: Axes, row: int, shares: list[tuple[str, float]]) -> None:
    """Draw one network, from dark at the image to light at the logits, with as many words as find room."""
    start = 0.0
    for place, (name, share) in enumerate(shares):
        tone = 0.1 + 0.85 * place / max(1, len(shares) - 1)
        colour = colormaps[MAP](tone)
        axes.barh(row, share, left=start, height=0.72, color=colour, edgecolor="white", linewidth=1)
        if share >= LABELLED:
            words = f"{name}\n{share:.0f} %"
            if max(map(len, words.split("\n"))) * CHARACTER > share:
                words = f"{share:.0f} %"
            style: Any = {"ha": "center", "va": "center", "color": ink_on(colour), "size": 7, "linespacing": 0.95}
            axes.text(start + share / 2, row, words, **style)
        start += share


def describe_shares(networks: Sequence[NetworkSummary]) -> str:
    """Say for each network where most of its weights are."""
    words = []
    for network in networks:
        name, share = max(_shares(network), key=lambda item: item[1])
        words.append(f"{network.label}: {share:.0f} % in {name}")
    return "Largest share of the weights. " + "; ".join(words) + "."


def _shares(network: NetworkSummary) -> list[tuple[str, float]]:
    """Convolutions, depthwise ones too, and linear layers with what follows them (norm, PReLU), in percent."""
    shares: list[tuple[str, float]] = []
    layers: tuple[LayerCost, ...] = cost(network.architecture).layers
    for layer in layers:
        share = 100 * layer.weights / network.weights
        if layer.kind in ("conv", "depthwise", "linear") or not shares:
            shares.append((layer.name.removesuffix(".conv"), share))
        else:
            shares[-1] = (shares[-1][0], shares[-1][1] + share)
    return [item for item in shares if item[1] > 0]


def _draw_frontier(axes: Axes, analysis: Analysis, axis: CostAxis, points: Points) -> None:
    places = analysis.frontiers.get(axis.name, {})
    on = sorted((c, 100 * n.test_accuracy.mean) for n, c in points if n.label in places and places[n.label].on_frontier)
    if len(points) > 1 and on:
        on.append((axes.get_xlim()[1], on[-1][1]))
        axes.step(*zip(*on, strict=True), where="post", color=QUIET, linewidth=5, alpha=0.3, label="frontier")


def _draw_line(axes: Axes, name: str, points: Points) -> None:
    family = points[0][0].family
    intervals = [network.test_accuracy for network, _ in points]
    means = [100 * i.mean for i in intervals]
    errors = [[100 * (i.mean - i.low) for i in intervals], [100 * (i.high - i.mean) for i in intervals]]
    axes.errorbar(
        [cost for _, cost in points],
        means,
        errors,
        color=colour_of(family),
        marker=marker_of(family),
        capsize=3,
        linewidth=1.2,
        label=f"{name}, 95 % interval",
    )
    for (network, cost_of_it), mean in zip(points, means, strict=True):
        axes.annotate(network.network_id.settings, (cost_of_it, mean), (6, -11), textcoords="offset points", fontsize=8)


def _draw_reference(axes: Axes, summary: StudySummary) -> None:
    """Mark the course report's figures; those far below would flatten everything else, and stand in words."""
    reference = [(n, 100 * n.reference.accuracy) for n in summary.networks if n.reference]
    floor = min((100 * n.test_accuracy.low for n in summary.networks), default=0.0) - 1
    inside = [(n.budget, accuracy) for n, accuracy in reference if accuracy >= floor]
    if inside:
        axes.plot(*zip(*inside, strict=True), "x", color=QUIET, label="course report")
    below = ", ".join(f"{n.label} {accuracy:.2f} %" for n, accuracy in reference if accuracy < floor)
    if below:
        axes.set_xlabel(f"{axes.get_xlabel()}\nCourse report, below this range: {below}", fontsize=8)


def _range_around(values: list[float]) -> tuple[float, float]:
    """Limits of a logarithmic axis; a single value has no range that matplotlib could widen."""
    low, high = min(values), max(values)
    margin = 1.25 if high > 2 * low else 2.0
    return low / margin, high * margin
