"""Figures of a study, with matplotlib.

Colours are those of Okabe and Ito 2008, "Color Universal Design", which stay apart for colour-blind readers;
markers differ as well, so that the figures can be read in gray.
"""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from makeweight.design.budget import format_budget
from makeweight.report.summary import NetworkSummary, StudySummary

COLOURS = {"fcn": "#0072B2", "cnn": "#D55E00", "lenet": "#009E73"}
MARKERS = {"fcn": "o", "cnn": "s", "lenet": "^"}
OTHER_COLOUR, OTHER_MARKER = "#CC79A7", "D"
REPORT_COLOUR = "#767676"
STYLE: Any = {  # matplotlib types each key as a literal
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "svg.fonttype": "path",  # the same letters wherever the file is opened
    "svg.hashsalt": "makeweight",  # the same bytes for the same figure
}


def learning_curves(network: NetworkSummary) -> Figure:
    """Draw training loss and validation accuracy against epochs, a line for each seed (the report's Figures 1–7)."""
    with rc_context(STYLE):
        figure = Figure(figsize=(7.2, 2.7), layout="constrained")
        left, right = figure.subplots(1, 2)
    for run in network.runs:
        epochs = [record.epoch for record in run.epochs]
        colour, alpha = _colour(network), 0.45 + 0.55 / len(network.runs)
        marker = _marker(network) if len(epochs) < 20 else ""
        style = {"color": colour, "alpha": alpha, "marker": marker, "markersize": 3, "linewidth": 1.2}
        left.plot(epochs, [record.training_loss for record in run.epochs], **style)
        right.plot(epochs, [100 * record.validation_accuracy for record in run.epochs], **style)
    test = network.test_accuracy
    right.axhspan(100 * test.low, 100 * test.high, color="black", alpha=0.12, linewidth=0)
    right.axhline(100 * test.mean, color="black", linewidth=0.8, linestyle="--", label="test, 95 % interval")
    right.legend(loc="lower right", frameon=False)
    _label(left, "epoch", "training loss", whole=True)
    _label(right, "epoch", "validation accuracy (%)", whole=True)
    seeds = len(network.runs)
    figure.suptitle(f"{network.label}: {network.weights:,} weights, {seeds} seed{'s' * (seeds > 1)}", fontsize=10)
    return figure


def accuracy_against_weights(summary: StudySummary) -> Figure:
    """Draw test accuracy with its interval against the number of weights, and the report's figures."""
    figure = _accuracy_figure(summary, lambda network: network.weights, "trainable weights")
    axes = figure.axes[0]
    budgets = sorted({network.budget for network in summary.networks})
    axes.set_xticks(budgets, [format_budget(budget) for budget in budgets])
    axes.minorticks_off()
    _draw_reference(axes, summary)
    figure.legend(loc="outside upper center", ncols=4, frameon=False)
    return figure


def _draw_reference(axes: Axes, summary: StudySummary) -> None:
    """Mark the report's figures; those far below would flatten everything else, and stand in words."""
    reference = [(n, 100 * n.reference.test_accuracy) for n in summary.networks if n.reference]
    floor = min((100 * n.test_accuracy.low for n in summary.networks), default=0.0) - 1
    inside = [(n.budget, accuracy) for n, accuracy in reference if accuracy >= floor]
    if inside:
        axes.plot(*zip(*inside, strict=True), "x", color=REPORT_COLOUR, label="the report")
    below = ", ".join(f"{n.label} {accuracy:.2f} %" for n, accuracy in reference if accuracy < floor)
    if below:
        note = f"The report's networks below this figure: {below}"
        axes.set_xlabel(f"{axes.get_xlabel()}\n{note}", fontsize=8)


def accuracy_against_time(summary: StudySummary) -> Figure:
    """Draw test accuracy with its interval against the seconds of one training."""
    figure = _accuracy_figure(summary, lambda network: network.train_seconds, "training time (s)")
    axes = figure.axes[0]
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    figure.legend(loc="outside upper center", ncols=4, frameon=False)
    return figure


def all_figures(summary: StudySummary) -> dict[str, Figure]:
    """Draw everything, by file name."""
    if not summary.networks:
        return {}
    return {
        "accuracy-against-weights": accuracy_against_weights(summary),
        "accuracy-against-time": accuracy_against_time(summary),
        **{curves_name(network): learning_curves(network) for network in summary.networks},
    }


def curves_name(network: NetworkSummary) -> str:
    """File name of a network's learning curves."""
    return f"curves-{network.family}-{format_budget(network.budget)}"


def _accuracy_figure(summary: StudySummary, x: Callable[[NetworkSummary], float], label: str) -> Figure:
    with rc_context(STYLE):
        figure = Figure(figsize=(7.2, 3.6), layout="constrained")
        axes = figure.subplots()
        axes.set_xscale("log")
        axes.set_xlim(_range_around([x(network) for network in summary.networks]))
        for family in dict.fromkeys(network.family for network in summary.networks):
            networks = sorted((n for n in summary.networks if n.family == family), key=x)
            _draw_family(axes, networks, x)
        _label(axes, label, "test accuracy (%)")
    return figure


def _range_around(values: list[float]) -> tuple[float, float]:
    """Limits of a logarithmic axis; a single value has no range that matplotlib could widen."""
    low, high = min(values), max(values)
    margin = 1.25 if high > 2 * low else 2.0
    return low / margin, high * margin


def _draw_family(axes: Axes, networks: list[NetworkSummary], x: Callable[[NetworkSummary], float]) -> None:
    first = networks[0]
    intervals = [network.test_accuracy for network in networks]
    means = [100 * i.mean for i in intervals]
    errors = [[100 * (i.mean - i.low) for i in intervals], [100 * (i.high - i.mean) for i in intervals]]
    axes.errorbar(
        [x(network) for network in networks],
        means,
        errors,
        color=_colour(first),
        marker=_marker(first),
        capsize=3,
        linewidth=1.2,
        label=f"{first.family.upper()}, 95 % interval",
    )
    for network, mean in zip(networks, means, strict=True):
        axes.annotate(format_budget(network.budget), (x(network), mean), (5, 5), textcoords="offset points", fontsize=8)


def _colour(network: NetworkSummary) -> str:
    return COLOURS.get(network.family, OTHER_COLOUR)


def _marker(network: NetworkSummary) -> str:
    return MARKERS.get(network.family, OTHER_MARKER)


def _label(axes: Axes, x: str, y: str, whole: bool = False) -> None:
    axes.set_xlabel(x)
    axes.set_ylabel(y)
    if whole:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def to_svg(figure: Figure) -> str:
    """Return the figure as an SVG element, to stand in an HTML page."""
    text = io.StringIO()
    with rc_context(STYLE):
        # No date: the same study gives the same bytes.
        figure.savefig(text, format="svg", metadata={"Date": None})
    svg = text.getvalue()
    return svg[svg.index("<svg") :]


def save(figure: Figure, path: Path) -> None:
    """Write the figure in the format of the path's ending: svg, png or pdf."""
    with rc_context(STYLE):
        dated = {".svg": "Date", ".pdf": "CreationDate"}.get(path.suffix)
        figure.savefig(path, dpi=160, metadata=None if dated is None else {dated: None})
