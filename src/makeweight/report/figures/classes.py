"""How networks do on each class: confusion, scores, most confident mistakes, and calibration."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from makeweight.report.analysis import NetworkAnalysis
from makeweight.report.figures.style import MAP, QUIET, colour_of, ink_on, marker_of
from makeweight.stats.calibration import softmax
from makeweight.wording import article, percent, plural, points

MISTAKES = 24
MISTAKE_COLUMNS = 6
NUMBERED: Any = {"facecolor": "#0009", "edgecolor": "none", "pad": 1}
NARROW = 12  # classes up to which a confusion matrix has its counts written in


def confusion_matrix(analysis: NetworkAnalysis, class_names: Sequence[str]) -> Figure:
    """Draw the share of each class's test images given each label, mean over seeds; counts are written in."""
    counts = analysis.confusion
    classes = len(counts)
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    size = min(11.0, 2.0 + 0.5 * classes)
    figure = Figure(figsize=(size + 0.8, size), layout="constrained")
    axes = figure.subplots()
    # The root: mistakes are a few percent, and the diagonal must not hide them.
    picture = axes.imshow(shares**0.5, cmap=MAP, vmin=0, vmax=1)
    if classes <= NARROW:
        for i, j in np.ndindex(classes, classes):
            if counts[i, j] > 0:
                ink = ink_on(picture.to_rgba(shares[i, j] ** 0.5))
                axes.text(j, i, _count(float(counts[i, j])), ha="center", va="center", color=ink, fontsize=8)
        axes.set_xticks(range(classes), class_names, rotation=40, ha="right", rotation_mode="anchor")
        axes.set_yticks(range(classes), class_names)
    axes.grid(visible=False)
    axes.tick_params(length=0)
    axes.set_xlabel("predicted class")
    axes.set_ylabel("true class")
    bar = figure.colorbar(picture, ax=axes, shrink=0.8, pad=0.02)
    ticks = [0, 1, 5, 20, 50, 100]
    bar.set_ticks([(tick / 100) ** 0.5 for tick in ticks], labels=[str(tick) for tick in ticks])
    bar.set_label("% of the class (square-root scale)")
    figure.suptitle(f"{analysis.network.label}: images, mean over seeds", fontsize=10)
    return figure


def describe_confusion(analysis: NetworkAnalysis, class_names: Sequence[str]) -> str:
    """Name the most frequent confusions."""
    wrong = analysis.confusion.copy()
    np.fill_diagonal(wrong, 0)
    order = np.argsort(wrong, axis=None, kind="stable")[::-1][:3]
    named = [
        f"{class_names[i]} predicted as {class_names[j]} ({_images(float(wrong[i, j]))})"
        for i, j in zip(*np.unravel_index(order, wrong.shape), strict=True)
        if wrong[i, j] > 0
    ]
    return f"Confusion matrix of {analysis.network.label}. Most frequent: {', '.join(named) or 'no mistake'}."


def _images(mean: float) -> str:
    return plural(1, "image") if mean == 1 else f"{_count(mean)} images"


def _count(mean: float) -> str:
    """Write a mean over seeds: one image in three trainings is not none."""
    return f"{mean:.0f}" if mean >= 9.95 or mean == round(mean) else f"{mean:.1f}"


def class_scores(analyses: Sequence[NetworkAnalysis], class_names: Sequence[str]) -> Figure:
    """Draw F1 of each class with its interval, for every network."""
    classes = len(class_names)
    figure = Figure(figsize=(7.2, 1.2 + 0.36 * classes), layout="constrained")
    axes = figure.subplots()
    step = 0.8 / len(analyses)
    for place, analysis in enumerate(analyses):
        f1 = [scores.f1 for scores in analysis.classes]
        rows = np.arange(classes) - 0.4 + step * (place + 0.5)
        means = np.array([100 * i.mean for i in f1])
        errors = [means - [100 * i.low for i in f1], [100 * i.high for i in f1] - means]
        family = analysis.network.family
        shade = 0.5 + 0.5 * (place + 1) / len(analyses)
        style: Any = {"color": colour_of(family), "marker": marker_of(family), "alpha": shade, "linestyle": ""}
        axes.errorbar(means, rows, xerr=errors, markersize=3.5, linewidth=1, label=analysis.network.label, **style)
    for row in range(classes - 1):
        axes.axhline(row + 0.5, color=QUIET, linewidth=0.4, alpha=0.5)
    axes.set_yticks(range(classes), class_names)
    axes.set_ylim(classes - 0.5, -0.5)
    axes.grid(visible=False, axis="y")
    axes.set_xlabel("F1 per class (%) with its 95 % CI; networks in the order of the legend")
    figure.legend(loc="outside upper center", ncols=min(len(analyses), 7), handletextpad=0.2, columnspacing=1)
    return figure


def describe_classes(analyses: Sequence[NetworkAnalysis], class_names: Sequence[str]) -> str:
    """Name each network's hardest class."""
    words = []
    for analysis in analyses:
        hardest = min(analysis.classes, key=lambda scores: -1.0 if np.isnan(scores.f1.mean) else scores.f1.mean)
        words.append(f"{analysis.network.label} {class_names[hardest.label]} ({percent(hardest.f1.mean, 1)})")
    return f"F1 by class and network. Hardest class of each: {', '.join(words)}."


def reliability(analyses: Sequence[NetworkAnalysis]) -> Figure:
    """Draw accuracy against confidence in 15 bins; on the diagonal a network is right as often as it is sure."""
    columns = min(4, len(analyses))
    rows = -(-len(analyses) // columns)
    figure = Figure(figsize=(2.1 * columns + 0.6, 2.25 * rows + 0.3), layout="constrained")
    grid = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    for axes, analysis in zip(grid.flat, analyses, strict=False):
        calibration, family = analysis.calibration, analysis.network.family
        axes.plot([0, 100], [0, 100], color=QUIET, linewidth=0.8, linestyle="--")
        x = np.array([100 * b.confidence for b in calibration.bins])
        y = np.array([100 * b.accuracy.mean for b in calibration.bins])
        errors = [
            y - [100 * b.accuracy.low for b in calibration.bins],
            [100 * b.accuracy.high for b in calibration.bins] - y,
        ]
        style: Any = {"color": colour_of(family), "marker": marker_of(family), "markersize": 3}
        axes.errorbar(x, y, np.maximum(errors, 0), capsize=1.5, linewidth=1, **style)
        axes.set_title(f"{analysis.network.label}\nerror {points(calibration.error)} points", fontsize=8.5)
        axes.set_xlim(0, 102)
        axes.set_ylim(0, 102)
        axes.set_aspect("equal")
    for axes in list(grid.flat)[len(analyses) :]:
        axes.set_visible(False)
    figure.supxlabel("confidence (%)", fontsize=9)
    figure.supylabel("accuracy (%), 95 % interval", fontsize=9)
    return figure


def describe_reliability(analyses: Sequence[NetworkAnalysis]) -> str:
    """Say the expected calibration errors."""
    errors = ", ".join(f"{a.network.label} {points(a.calibration.error)}" for a in analyses)
    return f"Accuracy against confidence. Expected calibration error in points: {errors}."


def mistakes(analysis: NetworkAnalysis, images: NDArray[np.uint8], class_names: Sequence[str]) -> Figure:
    """Draw the test images about which the network is most sure and wrong, by the mean probability over the seeds."""
    probabilities = softmax(analysis.network.logits).mean(axis=0)
    chosen = most_confident_mistakes(probabilities, analysis.network.labels)
    rows = max(1, -(-len(chosen) // MISTAKE_COLUMNS))
    figure = Figure(figsize=(1.25 * MISTAKE_COLUMNS, 1.62 * rows + 0.3), layout="constrained")
    axes = figure.subplots()  # one for all images: one for each takes ten times as long
    axes.axis("off")
    for place, index in enumerate(chosen):
        row, column = divmod(place, MISTAKE_COLUMNS)
        predicted = int(probabilities[index].argmax())
        _draw_image(axes, images[index], column, row)
        answer = f"{class_names[predicted]} {percent(probabilities[index, predicted], 0)}"
        words = f"{answer}\nis {_true(analysis, index, class_names)}"
        axes.text(column + 0.46, row - 0.02, words, ha="center", va="bottom", fontsize=7.2)
        axes.text(column + 0.03, row + 0.73, f"#{index}", fontsize=5.5, color="white", bbox=NUMBERED)
    axes.set_xlim(0, MISTAKE_COLUMNS - 0.08)
    axes.set_ylim(rows - 0.22, -0.22)
    figure.suptitle(f"{analysis.network.label}: most confident mistakes (mean over seeds)", fontsize=10)
    return figure


def _draw_image(axes: Axes, image: NDArray[np.uint8], left: float, top: float) -> None:
    """Draw a (c, h, w) image as large as its cell of 1 × 1 allows."""
    _, h, w = image.shape
    width, height = 0.92 * w / max(h, w), 0.76 * h / max(h, w)
    pixels = image[0] if len(image) == 1 else image[:3].transpose(1, 2, 0)
    axes.imshow(pixels, cmap="gray", extent=(left, left + width, top + height, top), aspect="auto", vmin=0, vmax=255)


def most_confident_mistakes(
    probabilities: NDArray[np.floating], labels: NDArray[np.integer], most: int = MISTAKES
) -> NDArray[np.int64]:
    """Return the indices of the wrongly classified images, the most confident first, from (n, k) probabilities."""
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    order = np.argsort(-probabilities[wrong].max(axis=1), kind="stable")
    return np.asarray(wrong[order][:most], dtype=np.int64)


def describe_mistakes(analysis: NetworkAnalysis, class_names: Sequence[str]) -> str:
    """Say the three most confident mistakes."""
    probabilities = softmax(analysis.network.logits).mean(axis=0)
    words = [
        f"test image {index}, {article(_true(analysis, index, class_names))}, predicted as "
        f"{class_names[int(probabilities[index].argmax())]} with {percent(probabilities[index].max(), 0)}"
        for index in most_confident_mistakes(probabilities, analysis.network.labels, 3)
    ]
    return f"Most confident mistakes of {analysis.network.label}: {'; '.join(words) or 'none'}."


def _true(analysis: NetworkAnalysis, index: int, class_names: Sequence[str]) -> str:
    return class_names[int(analysis.network.labels[index])]
