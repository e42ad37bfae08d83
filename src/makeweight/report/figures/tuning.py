"""How a tuning went: its history, what mattered, all points at once, and the trials' frontier."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.axes import Axes
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from makeweight.report.figures.style import MAP, QUIET, colour_of, marker_of, paper_of
from makeweight.report.tuning import BEST_SHARE, MIN_TRIALS, TuningSummary, importances
from makeweight.store.trials import FAMILY, FIRST_RUNG, TrialRow
from makeweight.wording import percent, value_text

WINNER = "#CC79A7"  # the fourth colour of the house's palette: no family has it


@dataclass(frozen=True)
class TuningFigure:
    """One kind of figure."""

    name: str
    title: str
    describe: Callable[[TuningSummary], str]  # "" where there is nothing to draw
    draw: Callable[[TuningSummary], Figure]


def history(summary: TuningSummary) -> Figure:
    """Draw each trial's last validation accuracy against its number and the time it ended, and the best so far."""
    figure = Figure(figsize=(7.2, 3.2), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    _history(left, summary, lambda trial: trial.number)
    _history(right, summary, lambda trial: trial.ended)
    left.set_xlabel("trial")
    left.xaxis.set_major_locator(MaxNLocator(integer=True))
    right.set_xlabel("seconds since the first trial started")
    left.set_ylabel("validation accuracy (%)")
    handles, labels = right.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=4, fontsize=7.5)
    return figure


def _history(axes: Axes, summary: TuningSummary, place: Callable[[TrialRow], float | None]) -> None:
    colour = colour_of(summary.family)
    for state, marker, label in (("pruned", "x", "ended early"), ("complete", marker_of(summary.family), "complete")):
        points = [(place(t), t.validation_accuracy) for t in summary.trials if t.state == state]
        known = [(x, 100 * y) for x, y in points if x is not None and y is not None]
        axes.scatter(
            [x for x, _ in known], [y for _, y in known], s=22, marker=marker,
            color=QUIET if state == "pruned" else colour, linewidths=1, label=label,
        )  # fmt: skip
    xs, best = _best_so_far(summary, place)
    axes.plot(xs, best, drawstyle="steps-post", color=colour, linewidth=1.3, label="best complete so far")
    winner = next((t for t in summary.trials if t.number == summary.tuning.winner), None)
    at = place(winner) if winner is not None else None
    if winner is not None and at is not None and winner.validation_accuracy is not None:
        axes.scatter(
            [at], [100 * winner.validation_accuracy], s=110, facecolors="none", edgecolors=WINNER, label="winner"
        )
    low = np.percentile([100 * t.validation_accuracy for t in summary.trials if t.validation_accuracy], 10)
    top = max(100 * t.validation_accuracy for t in summary.trials if t.validation_accuracy)
    axes.set_ylim(bottom=max(0.0, min(low, top - 1) - 0.5))  # a few that were far below would press the rest together


def _best_so_far(summary: TuningSummary, place: Callable[[TrialRow], float | None]) -> tuple[list[float], list[float]]:
    complete = [(place(t), t.validation_accuracy) for t in summary.trials if t.state == "complete"]
    known = sorted((x, 100 * y) for x, y in complete if x is not None and y is not None)
    return [x for x, _ in known], [float(y) for y in np.maximum.accumulate([y for _, y in known])] if known else []


def describe_history(summary: TuningSummary) -> str:
    """Say the history in words."""
    complete = [t for t in summary.trials if t.state == "complete" and t.validation_accuracy is not None]
    if not complete:
        return ""
    best = max(complete, key=lambda t: t.validation_accuracy or 0.0)
    return (
        f"{len(complete)} complete trials and {summary.counts.get('pruned', 0)} that were ended early; the best score, "
        f"{percent(best.validation_accuracy or 0)}, was trial {best.number}'s, one of many noisy scores. Trials "
        "far below the others are off the scale."
    )


def importance(summary: TuningSummary) -> Figure:
    """Draw the share of each hyperparameter in what sets the best trials apart."""
    shares = importances(summary)
    figure = Figure(figsize=(7.2, 0.9 + 0.24 * len(shares)), layout="constrained")
    axes = figure.subplots()
    names, values = list(shares), [100 * share for share in shares.values()]
    bars = axes.barh(names, values, color=colour_of(summary.family), height=0.65)
    axes.bar_label(bars, [f"{value:.0f}" for value in values], padding=3, fontsize=8)
    axes.invert_yaxis()
    axes.grid(visible=False, axis="y")
    axes.set_xlabel(f"share in what sets the best {percent(BEST_SHARE, 0)} of the trials apart (%)")
    return figure


def describe_importance(summary: TuningSummary) -> str:
    """Say which hyperparameters mattered."""
    shares = importances(summary)
    if not shares:
        return ""
    count = len(summary.compared)
    listed = ", ".join(f"{name} {percent(share, 0)}" for name, share in list(shares.items())[:5])
    return (
        f"PED-ANOVA (Watanabe et al. 2023) over {count} trials at {FIRST_RUNG} % of their schedules: {listed}. With "
        "so few trials the order of the small ones means little."
    )


def coordinates(summary: TuningSummary) -> Figure:
    """Draw every trial as a line through its hyperparameters, coloured by its accuracy at the first rung."""
    trials = sorted(_of_one_family(summary), key=lambda t: t.early_accuracy or 0.0)
    ranges = {name: values for name, values in trials[-1].ranges.items() if name != FAMILY}
    names = list(ranges)
    figure = Figure(figsize=(7.2, 4.0), layout="constrained")
    axes = figure.subplots()
    accuracies = np.array([100 * (t.early_accuracy or 0.0) for t in trials])
    norm = Normalize(float(np.percentile(accuracies, 20)), float(accuracies.max()))
    places = range(len(names))
    for trial, accuracy in zip(trials, accuracies, strict=True):
        heights = [_height(ranges[name], trial.point[name]) for name in names]
        chosen = trial.number == summary.tuning.winner
        colour = WINNER if chosen else colormaps[MAP](norm(accuracy))
        axes.plot(places, heights, color=colour, linewidth=2.4 if chosen else 1.0, zorder=3 if chosen else 2)
    for place, name in zip(places, names, strict=True):
        axes.axvline(place, color=QUIET, linewidth=0.8, zorder=1)
        for height, label in _ticks(ranges[name]):
            axes.text(
                place, height, label, fontsize=6.5, ha="center", va="center", zorder=4,
                bbox={"boxstyle": "round,pad=0.15", "facecolor": paper_of(figure), "edgecolor": "none"},
            )  # fmt: skip
    axes.set_xticks(
        places, [name.rpartition(".")[2].replace("_", " ") for name in names], rotation=35, ha="right", fontsize=8
    )
    axes.set_yticks([])
    axes.set_ylim(-0.08, 1.08)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    bar = figure.colorbar(ScalarMappable(norm, MAP), ax=axes, fraction=0.03, pad=0.02, extend="min")
    bar.set_label(f"validation accuracy at {FIRST_RUNG} % of the schedule (%)", fontsize=7.5)
    bar.ax.tick_params(labelsize=7)
    return figure


def _height(values: Any, value: Any) -> float:
    """Return where a value stands on its axis, 0 to 1."""
    if hasattr(values, "choices"):
        return float(values.choices.index(value) / max(1, len(values.choices) - 1))
    low, high = values.low, values.high
    if low == high:
        return 0.5
    if values.log:
        low, high, value = math.log(low), math.log(high), math.log(value)
    return float((value - low) / (high - low))


def _ticks(values: Any) -> list[tuple[float, str]]:
    if hasattr(values, "choices"):
        return [(_height(values, choice), value_text(choice)) for choice in values.choices]
    return [(_height(values, end), value_text(end)) for end in dict.fromkeys((values.low, values.high))]


def describe_coordinates(summary: TuningSummary) -> str:
    """Say what the lines are."""
    trials = _of_one_family(summary)
    if len(trials) < MIN_TRIALS:
        return ""
    family = trials[0].point.get(FAMILY)
    of = f" of the family {family}, the best one's" if family else ""
    won = ", the winner's thick and purple" if summary.tuning.winner is not None else ""
    return (
        f"{len(trials)} trials{of}, each a line through its hyperparameters; bright lines are the accurate ones{won}."
    )


def _of_one_family(summary: TuningSummary) -> list[TrialRow]:
    """Return the trials that can be compared and are of the best one's family: each has dimensions of its own."""
    best = summary.best
    family = best.point.get(FAMILY) if best else None
    return [trial for trial in summary.compared if trial.point.get(FAMILY) == family]


def frontier(summary: TuningSummary) -> Figure:
    """Draw validation accuracy against MACs for the complete trials, and those that none beats in both."""
    figure = Figure(figsize=(7.2, 3.0), layout="constrained")
    axes = figure.subplots()
    complete = _complete(summary)
    colour = colour_of(summary.family)
    axes.scatter(
        [t.macs or 0 for t in complete], [100 * (t.validation_accuracy or 0) for t in complete],
        s=26, marker=marker_of(summary.family), color=colour, label="complete trials",
    )  # fmt: skip
    points: dict[tuple[int, float], list[str]] = {}  # trials may tie: the same network, as many images right
    for trial in _on_frontier(summary):
        points.setdefault((trial.macs or 0, 100 * (trial.validation_accuracy or 0)), []).append(str(trial.number))
    xs, ys = zip(*points, strict=True)
    axes.plot(
        [*xs, max(t.macs or 0 for t in complete)], [*ys, ys[-1]], drawstyle="steps-post", color=QUIET, linewidth=4,
        alpha=0.4, label="frontier",
    )  # fmt: skip
    for place, numbers in points.items():
        axes.annotate(", ".join(numbers), place, xytext=(5, 4), textcoords="offset points", fontsize=7)
    winner = next((t for t in complete if t.number == summary.tuning.winner), None)
    if winner is not None:
        axes.scatter(
            [winner.macs or 0], [100 * (winner.validation_accuracy or 0)],
            s=120, facecolors="none", edgecolors=WINNER, label="winner",
        )  # fmt: skip
    axes.set_xlabel("MACs an image")
    axes.set_ylabel("validation accuracy (%)")
    axes.legend(loc="lower right", fontsize=7.5)
    return figure


def describe_frontier(summary: TuningSummary) -> str:
    """Say which trials are on the frontier."""
    complete = _complete(summary)
    if len(complete) < 2:
        return ""
    on = _on_frontier(summary)
    listed = "; ".join(f"trial {t.number}: {t.macs:,} MACs, {percent(t.validation_accuracy or 0)}" for t in on)
    return f"Of {len(complete)} complete trials {len(on)} are beaten by none in both accuracy and MACs: {listed}."


def _on_frontier(summary: TuningSummary) -> list[TrialRow]:
    return sorted((t for t in _complete(summary) if t.number in summary.frontier), key=lambda t: (t.macs, t.number))


def _complete(summary: TuningSummary) -> list[TrialRow]:
    return [t for t in summary.trials if t.state == "complete" and t.macs and t.validation_accuracy is not None]


FIGURES = (
    TuningFigure("history", "History of the tuning", describe_history, history),
    TuningFigure("importances", "What mattered", describe_importance, importance),
    TuningFigure("coordinates", "All trials at once", describe_coordinates, coordinates),
    TuningFigure("frontier", "Accuracy for MACs among the trials", describe_frontier, frontier),
)
