"""Learning curves (the course report's Figures 1–7): each network, and all of them on one sheet."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from makeweight.report.figures.style import colour_of, marker_of
from makeweight.report.summary import NetworkSummary
from makeweight.training.records import EpochRecord
from makeweight.wording import confidence, percent, plural

Value = Callable[[EpochRecord], float]
FEW_EPOCHS = 20  # up to which every epoch gets a marker
COLUMNS = 2  # networks side by side on the sheet


def learning_curves(network: NetworkSummary) -> Figure:
    """Draw training loss and validation accuracy against epochs: the mean of the seeds and the band between them."""
    figure = Figure(figsize=(7.2, 2.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    _draw(left, right, network)
    right.legend(loc="lower right")
    figure.suptitle(_title(network), fontsize=10)
    return figure


def all_learning_curves(networks: Sequence[NetworkSummary]) -> Figure:
    """Draw the curves of every network on one sheet, two networks in a row."""
    rows = -(-len(networks) // COLUMNS)
    figure = Figure(figsize=(10, 0.4 + 2.1 * rows), layout="constrained")
    parts = figure.subfigures(rows, COLUMNS, squeeze=False, hspace=0.04, wspace=0.03)
    for part, network in zip(parts.flat, networks, strict=False):
        left, right = part.subplots(1, 2)
        _draw(left, right, network)
        part.suptitle(_title(network), fontsize=9.5)
    figure.axes[1].legend(loc="lower right", fontsize=8)
    return figure


def describe(network: NetworkSummary) -> str:
    """Say the curves in words."""
    first, last = [run.epochs[0] for run in network.runs], [run.epochs[-1] for run in network.runs]
    loss = [float(np.mean([record.training_loss for record in records])) for records in (first, last)]
    accuracy = [100 * float(np.mean([record.validation_accuracy for record in records])) for records in (first, last)]
    test = network.test_accuracy
    return (
        f"{network.label} over {plural(len(network.runs[0].epochs), 'epoch')}, mean of {_seeds(network)}: training "
        f"loss from {loss[0]:.2f} to {loss[1]:.2f}, validation accuracy from {accuracy[0]:.1f} to {accuracy[1]:.1f} %; "
        f"test accuracy {percent(test.mean)}, {confidence(test.low, test.high)}."
    )


def _draw(left: Axes, right: Axes, network: NetworkSummary) -> None:
    _band(left, network, lambda record: record.training_loss)
    _band(right, network, lambda record: 100 * record.validation_accuracy)
    test = network.test_accuracy
    right.axhspan(100 * test.low, 100 * test.high, color="#808080", alpha=0.3, linewidth=0)
    right.axhline(100 * test.mean, color="#808080", linewidth=1, linestyle="--", label="test, 95 % interval")
    for axes, label in ((left, "training loss"), (right, "validation accuracy (%)")):
        axes.set_xlabel("epoch")
        axes.set_ylabel(label)
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def _band(axes: Axes, network: NetworkSummary, value: Value) -> None:
    """Draw the mean over the seeds with their range behind it."""
    length = min(len(run.epochs) for run in network.runs)
    epochs = [record.epoch for record in network.runs[0].epochs[:length]]
    courses = np.array([[value(record) for record in run.epochs[:length]] for run in network.runs])
    colour, marker = colour_of(network.family), marker_of(network.family) if length <= FEW_EPOCHS else ""
    axes.fill_between(epochs, courses.min(axis=0), courses.max(axis=0), color=colour, alpha=0.25, linewidth=0)
    axes.plot(epochs, courses.mean(axis=0), color=colour, marker=marker, markersize=3.5, linewidth=1.3)


def _title(network: NetworkSummary) -> str:
    band = "mean and range of " if len(network.runs) > 1 else ""
    return f"{network.label}: {network.weights:,} weights, {band}{_seeds(network)}"


def _seeds(network: NetworkSummary) -> str:
    count = len(network.runs)
    return f"{plural(count, 'seed')}"
