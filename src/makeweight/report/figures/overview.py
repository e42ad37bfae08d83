"""The way of one image through a network, from its pixels to the probabilities."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from matplotlib.figure import Figure

from makeweight.inspection.records import Inspection, LayerMaps, Sample
from makeweight.report.figures.canvas import HEADING, MARGIN, WIDTH, Canvas, ColourScale
from makeweight.report.figures.features import GAP, short
from makeweight.report.figures.style import ACCENT, MAP, QUIET
from makeweight.wording import article, percent

COLUMNS = 12
MAX_CLASSES = 10  # bars
LEFT = 1.75  # inches for the names of the layers
BAR = ACCENT
TALLEST = 0.46  # inches of a row of maps


def overview(inspection: Inspection, number: int) -> Figure:
    """Draw one sample at each layer: its strongest maps, each layer with a scale of its own, and the answer."""
    sample, step = inspection.samples[number], TALLEST + 0.12
    classes = min(len(sample.probabilities), MAX_CLASSES)
    answer = HEADING + 1.1 + step * len(inspection.layers)
    truth = "" if sample.truth is None else f", {inspection.class_names[sample.truth]}"
    title = f"{inspection.network}, seed {inspection.seed}: {short(sample.name + truth, 60)}, layer by layer"
    detail = (
        f"up to {COLUMNS} filters with the largest mean in this image; each layer with a scale of its own, as labelled"
    )
    canvas = Canvas(answer + 0.165 * classes + 0.1, title, detail)
    _image(canvas, sample)
    for row, layer in enumerate(inspection.layers):
        _layer(canvas, layer, number, HEADING + 1.1 + row * step)
    _answer(canvas, inspection, sample, answer, classes)
    return canvas.figure


def describe_overview(inspection: Inspection, number: int) -> str:
    """Say what the network predicts for a sample."""
    sample = inspection.samples[number]
    sure = 100 * sample.probabilities[sample.predicted]
    truth = "" if sample.truth is None else f", {article(inspection.class_names[sample.truth])},"
    return (
        f"{inspection.network} layer by layer: {sample.name}{truth} is predicted as "
        f"{inspection.class_names[sample.predicted]} with {sure:.0f} %."
    )


def _image(canvas: Canvas, sample: Sample) -> None:
    c, h, w = sample.pixels.shape
    width, height = min(1, w / h), min(1, h / w)
    canvas.words(MARGIN, HEADING + 0.5, f"image\n{c} × {h} × {w}", size=7.5)
    canvas.image(sample.pixels, LEFT, HEADING + (1 - height) / 2, width, height)


def _layer(canvas: Canvas, layer: LayerMaps, number: int, top: float) -> None:
    filters, h, w = layer.shape
    maps = layer.maps[number]
    of_sample = replace(layer, maps=maps[None])
    scale = ColourScale(of_sample.scale, maps, MAP)
    shape = f"{filters} features" if layer.is_vector else f"{filters} × {h} × {w}"
    low, high = scale.ticks[of_sample.scale[0]], scale.ticks[of_sample.scale[1]]
    words = f"{short(layer.layer, 26)}\n{shape}\n{low} to {high}"
    canvas.words(MARGIN, top + TALLEST / 2, words, size=7)
    room = WIDTH - MARGIN - LEFT
    if layer.is_vector:
        canvas.map(maps[:, 0, 0][None], LEFT, top, room, TALLEST, scale)
        return
    means = maps.mean(axis=(1, 2), dtype=np.float64)
    shown = sorted(np.argsort(-means, kind="stable")[:COLUMNS].tolist())
    width = room / COLUMNS - GAP
    height = min(TALLEST, width * h / w)
    width = min(width, height * w / h)
    for column, chosen in enumerate(shown):
        left = LEFT + column * room / COLUMNS
        canvas.map(maps[chosen], left, top + (TALLEST - height) / 2, width, height, scale)


def _answer(canvas: Canvas, inspection: Inspection, sample: Sample, top: float, classes: int) -> None:
    """Draw the largest probabilities as bars, in the order of the labels."""
    chosen = sorted(np.argsort(-sample.probabilities, kind="stable")[:classes].tolist())
    canvas.words(MARGIN, top + 0.165 * classes / 2, "probabilities\n(softmax of the logits)", size=7.5)
    names = LEFT + 1.2
    for row, label in enumerate(chosen):
        middle, share = top + 0.165 * (row + 0.5), float(sample.probabilities[label])
        canvas.words(names - 0.08, middle, short(inspection.class_names[label], 18), align="right")
        colour = BAR if label == sample.predicted else QUIET
        canvas.bar(names, middle - 0.055, max(3.2 * share, 0.01), 0.11, colour)
        true = ", the true class" if label == sample.truth else ""
        canvas.words(names + 3.2 * share + 0.07, middle, f"{percent(share, 1)}{true}", size=6.5)
