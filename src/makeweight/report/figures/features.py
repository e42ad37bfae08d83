"""What a network sees, drawn: maps of a layer, first filters, what filters respond to, and one image's way through."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from makeweight.inspection.records import BEYOND, Filters, Inspection, LayerMaps, Responses, Sample
from makeweight.report.figures.canvas import HEADING, MARGIN, WIDTH, Canvas, ColourScale
from makeweight.report.figures.style import ACCENT, MAP
from makeweight.wording import percent, plural

COLUMNS = 16  # filters of a row
MAX_KERNELS = 64
KERNEL_COLUMNS = 16
DIVERGING = "RdBu_r"  # of ColorBrewer; colour-blind readers can tell its ends apart
BOX = ACCENT
GAP = 0.035  # inches between pictures
IMAGE = 0.4  # inches, the longer side of a sample
LABELS = 1.62  # inches for a sample and its words
FOOT = 0.5  # inches for the scale


def feature_maps(inspection: Inspection, layer: LayerMaps) -> Figure:
    """Draw what a layer makes of each sample: a row a sample, a column a filter, one scale of colours."""
    filters, h, w = layer.shape
    shown = strongest(layer, COLUMNS)
    scale = ColourScale(layer.scale, layer.maps, MAP)
    columns = filters if layer.is_vector else len(shown)
    room = WIDTH - MARGIN - LABELS
    tile_w = min(room / columns, 0.75 * max(w / h, 1)) - (0 if layer.is_vector else GAP)
    tile_h = IMAGE if layer.is_vector else min(tile_w * h / w, 2.0)
    step = max(tile_h, IMAGE) + 0.06
    top = HEADING + 0.16
    canvas = Canvas(top + step * len(inspection.samples) + FOOT, _title(inspection, layer), _detail(layer, len(shown)))
    for row, sample in enumerate(inspection.samples):
        y = top + row * step
        _sample(canvas, sample, inspection.class_names, y + (step - 0.06) / 2)
        if layer.is_vector:
            canvas.map(layer.maps[row, :, 0, 0][None], LABELS, y, room, tile_h, scale)
            continue
        for column, number in enumerate(shown):
            canvas.map(layer.maps[row, number], LABELS + column * (tile_w + GAP), y, tile_w, tile_h, scale)
    if layer.is_vector:
        _ruler(canvas, filters, room, HEADING + 0.08)
    else:
        for column, number in enumerate(shown):
            canvas.words(LABELS + column * (tile_w + GAP) + tile_w / 2, HEADING + 0.08, str(number), align="center")
    canvas.words(LABELS - 0.08, HEADING + 0.08, "feature" if layer.is_vector else "filter", align="right", quiet=True)
    words = "one scale for all samples and " + ("features" if layer.is_vector else "filters") + " of this layer"
    canvas.colour_bar(LABELS, canvas.height - FOOT + 0.12, 2.0, scale, words)
    return canvas.figure


def describe_maps(inspection: Inspection, layer: LayerMaps) -> str:
    """Say what the maps of a layer are, with their range."""
    filters, h, w = layer.shape
    return (
        f"Output of layer {layer.layer} of {inspection.network} for {plural(len(inspection.samples), 'image')}: "
        f"{plural(filters, 'map')} of {h} × {w}, values from {layer.low:.3g} to {layer.high:.3g}, mean "
        f"{layer.mean:.3g}, {percent(layer.zeros, 0)} of them 0."
    )


def strongest(layer: LayerMaps, most: int) -> list[int]:
    """Return the filters with the largest mean over all samples, in the order of their numbers."""
    means = layer.maps.mean(axis=(0, 2, 3), dtype=np.float64)
    return sorted(int(number) for number in np.argsort(-means, kind="stable")[:most])


def first_filters(inspection: Inspection, filters: Filters) -> Figure:
    """Draw the weights of the first layer: red for positive, blue for negative, white for none."""
    count, channels, h, w = filters.kernels.shape
    shown = _largest(filters.kernels, MAX_KERNELS)
    columns = min(KERNEL_COLUMNS, len(shown))
    bands = -(-len(shown) // columns)
    side = min((WIDTH - 2 * MARGIN) / columns, 0.8) - 0.06
    tile_h = side * h / w
    step = channels * (tile_h + GAP) + 0.2
    end = float(np.quantile(np.abs(filters.kernels), 1 - BEYOND, method="higher")) or 1.0
    scale = ColourScale((-end, end), filters.kernels, DIVERGING)
    title = (
        f"{inspection.network}, seed {inspection.seed}: weights of {filters.layer}, {count} × {channels} × {h} × {w}"
    )
    capped = f"the {len(shown)} of {count} filters with the largest norm; " if len(shown) < count else ""
    below = "; red, green and blue below each other" if channels == 3 else ""
    detail = f"{capped}positive weights answer to pixels that are brighter than the mean{below}"
    canvas = Canvas(HEADING + bands * step + FOOT, title, detail)
    for place, number in enumerate(shown):
        x = MARGIN + place % columns * (side + 0.06)
        y = HEADING + place // columns * step
        canvas.words(x + side / 2, y + 0.06, str(number), size=6.5, align="center")
        for channel in range(channels):
            canvas.map(filters.kernels[number, channel], x, y + 0.14 + channel * (tile_h + GAP), side, tile_h, scale)
    words = "weight, symmetric around 0, the same scale for all filters"
    canvas.colour_bar(MARGIN + 0.2, canvas.height - FOOT + 0.14, 2.0, scale, words)
    return canvas.figure


def describe_filters(inspection: Inspection, filters: Filters) -> str:
    """Say what the first filters are, with their range."""
    count, channels, h, w = filters.kernels.shape
    low, high = filters.kernels.min(), filters.kernels.max()
    return (
        f"Weights of layer {filters.layer} of {inspection.network}: {count} filters of {channels} × {h} × {w}, "
        f"from {low:.3g} to {high:.3g}."
    )


def responses(inspection: Inspection, strongest: Responses) -> Figure:
    """Draw the test images that filters respond to most, with what the strongest place sees in a frame."""
    rows, top, _, h, w = strongest.pixels.shape
    left = 0.85
    side = min((WIDTH - MARGIN - left) / top, 0.8) - 0.06
    tile_h = min(side * h / w, 2 * side)
    step = tile_h + 0.2
    title = f"{inspection.network}, seed {inspection.seed}: test images that {strongest.layer} responds to most"
    whole = bool((strongest.boxes == (0, 0, w, h)).all())  # a frame around everything says nothing
    seen = "each sees the whole image" if whole else "framed: what that place sees"
    detail = f"one row per filter; below each image, its number and the map's maximum; {seen}"
    canvas = Canvas(HEADING + rows * step + 0.06, title, detail)
    for row, number in enumerate(strongest.filters):
        y = HEADING + row * step
        canvas.words(MARGIN, y + tile_h / 2, f"filter {number}", size=8)
        for column in range(top):
            x = left + column * (side + 0.06)
            canvas.image(strongest.pixels[row, column], x, y, side, tile_h)
            if not whole:
                _box(canvas, strongest.boxes[row, column], x, y, side / w, tile_h / h)
            words = f"#{strongest.indices[row, column]}  {strongest.strengths[row, column]:#.3g}".replace("-", "−")
            canvas.words(x + side / 2, y + tile_h + 0.07, words, size=6, align="center", quiet=True)
    return canvas.figure


def describe_responses(inspection: Inspection, strongest: Responses) -> str:
    """Name the test image that each filter responds to most."""
    named = [
        f"filter {number} to test image {indices[0]} ({strengths[0]:.3g})"
        for number, indices, strengths in zip(strongest.filters, strongest.indices, strongest.strengths, strict=True)
    ]
    return f"Strongest responses in layer {strongest.layer} of {inspection.network}: {', '.join(named)}."


def _box(canvas: Canvas, box: NDArray[np.int64], x: float, y: float, pixel_w: float, pixel_h: float) -> None:
    left, top, right, bottom = (float(edge) for edge in box)
    if right > left and bottom > top:  # what only sees padding sees nothing
        canvas.frame(x + left * pixel_w, y + top * pixel_h, (right - left) * pixel_w, (bottom - top) * pixel_h, BOX)


def _largest(kernels: NDArray[np.float32], most: int) -> list[int]:
    norms = np.square(kernels, dtype=np.float64).sum(axis=(1, 2, 3))
    return sorted(int(number) for number in np.argsort(-norms, kind="stable")[:most])


def _sample(canvas: Canvas, sample: Sample, class_names: Sequence[str], middle: float) -> None:
    _, h, w = sample.pixels.shape
    width, height = IMAGE * min(1, w / h), IMAGE * min(1, h / w)
    canvas.image(sample.pixels, MARGIN + (IMAGE - width) / 2, middle - height / 2, width, height)
    canvas.words(MARGIN + IMAGE + 0.07, middle, "\n".join(_words(sample, class_names)), size=6.5)


def _words(sample: Sample, class_names: Sequence[str]) -> tuple[str, str]:
    """Say what the sample is, and what the network predicts."""
    sure = percent(sample.probabilities[sample.predicted], 0)
    truth = sample.name if sample.truth is None else class_names[sample.truth]
    if sample.truth == sample.predicted:
        return short(truth, 18), f"✓ {sure}"
    mark = "" if sample.truth is None else "✗ "
    return short(truth, 18), f"{mark}{short(class_names[sample.predicted], 11)} {sure}"


def short(text: str, most: int) -> str:
    """Cut a name that is too long for its place; signs without a shape of their own become a mark."""
    seen = "".join(sign if sign.isprintable() else "\N{REPLACEMENT CHARACTER}" for sign in text)
    return seen if len(seen) <= most else seen[: most - 1] + "…"


def _title(inspection: Inspection, layer: LayerMaps) -> str:
    filters, h, w = layer.shape
    shape = f"{filters} features" if layer.is_vector else f"{filters} × {h} × {w}"
    return f"{inspection.network}, seed {inspection.seed}: {layer.layer}, {shape}"


def _detail(layer: LayerMaps, shown: int) -> str:
    filters = layer.shape[0]
    after = f"after {layer.shown}" if layer.shown != layer.layer else "as the layer gives it"
    sees = f"each value sees {layer.sees[0]} × {layer.sees[1]} pixels"
    if layer.is_vector:
        return f"{after}; {sees}"
    return f"{after}; {sees}" + (f"; the {shown} of {filters} filters with the largest mean" if shown < filters else "")


def _ruler(canvas: Canvas, features: int, room: float, middle: float) -> None:
    """Write numbers over some of the columns."""
    step = next(s for s in (1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 10_000, 10**9) if features <= 16 * s)
    for number in range(0, features, step):
        canvas.words(LABELS + room * (number + 0.5) / features, middle, str(number), align="center", size=6.5)
