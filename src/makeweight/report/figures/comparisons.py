"""The verdict matrix: every network against every other."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from makeweight.report.analysis import Analysis
from makeweight.report.figures.style import ink_on
from makeweight.wording import points, span

SATURATION = 3.0  # points from which a cell has its full colour, so that small differences can be seen as well


def verdict_matrix(analysis: Analysis) -> Figure:
    """Draw the paired difference of each pair in points with its interval; those that are not shown stay plain."""
    networks = analysis.summary.networks
    count = len(networks)
    shades, texts = np.full((count, count), np.nan), {}
    for i, row in enumerate(networks):
        for j, column in enumerate(networks):
            if i == j:
                continue
            pair = analysis.comparison(row, column)
            d = pair.difference
            shades[i, j] = 100 * d.mean if pair.shown else 0.0
            sign = points(d.mean, signed=True)
            texts[i, j] = (sign if pair.shown else f"({sign})", span(d.low, d.high, points))
    figure = Figure(figsize=(1.6 + 0.92 * count, 1.3 + 0.56 * count), layout="constrained")
    axes = figure.subplots()
    picture = axes.imshow(shades, cmap="PuOr_r", vmin=-SATURATION, vmax=SATURATION, aspect="auto")
    for (i, j), (mean, interval) in texts.items():
        ink = ink_on(picture.to_rgba(shades[i, j]))
        axes.text(j, i - 0.14, mean, ha="center", va="center", color=ink, fontsize=9.5, weight="bold")
        axes.text(j, i + 0.22, interval, ha="center", va="center", color=ink, fontsize=6.8)
    labels = [network.label for network in networks]
    axes.set_xticks(range(count), labels, fontsize=8.5)
    axes.set_yticks(range(count), labels, fontsize=8.5)
    axes.xaxis.tick_top()
    axes.tick_params(length=0)
    axes.grid(visible=False)
    for spine in axes.spines.values():
        spine.set_visible(False)
    axes.set_xlabel(
        "Accuracy of the row minus that of the column, in points, with its 95 % interval.\n"
        "In brackets and uncoloured: no difference shown at 5 % over all pairs (Holm 1979).",
        fontsize=8,
    )
    return figure


def describe(analysis: Analysis) -> str:
    """Say how many pairs differ; the verdict names them."""
    shown = sum(pair.shown for pair in analysis.comparisons)
    return (
        f"Paired differences of accuracy between all {len(analysis.summary.networks)} networks: {shown} of "
        f"{len(analysis.comparisons)} pairs differ at the 5 % level, corrected for all of them."
    )
