"""All figures of what a network sees, by name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial

from makeweight.inspection.records import Inspection
from makeweight.report.figures import features as feature_figures
from makeweight.report.figures import overview as overview_figure
from makeweight.report.figures.style import Drawing

MAX_OVERVIEWS = 3  # with more samples only the first has one: the figures of the layers show all of them


def feature_drawings(inspection: Inspection) -> tuple[Drawing, ...]:
    """Everything that can be drawn of an inspection, from the image to the logits, then what filters respond to."""
    return (*_overviews(inspection), *_filters(inspection), *_maps(inspection), *response_drawings(inspection))


def _overviews(inspection: Inspection) -> Iterator[Drawing]:
    samples = range(len(inspection.samples) if len(inspection.samples) <= MAX_OVERVIEWS else 1)
    for number in samples:
        name = "overview" if len(samples) == 1 else f"overview-{number + 1}"
        title = f"{inspection.network}: {inspection.samples[number].name}, layer by layer"
        words, draw = (
            overview_figure.describe_overview(inspection, number),
            partial(overview_figure.overview, inspection, number),
        )
        yield Drawing(name, title, words, "features", draw, inspection.network)


def _filters(inspection: Inspection) -> Iterator[Drawing]:
    filters = inspection.filters
    if filters is not None:
        words = feature_figures.describe_filters(inspection, filters)
        title = f"{inspection.network}: weights of {filters.layer}"
        draw = partial(feature_figures.first_filters, inspection, filters)
        yield Drawing("first-filters", title, words, "features", draw, inspection.network)


def _maps(inspection: Inspection) -> Iterator[Drawing]:
    for layer in inspection.layers:
        name, title = f"maps-{_plain(layer.layer)}", f"{inspection.network}: maps of {layer.layer}"
        draw = partial(feature_figures.feature_maps, inspection, layer)
        words = feature_figures.describe_maps(inspection, layer)
        yield Drawing(name, title, words, "features", draw, inspection.network)


def response_drawings(inspection: Inspection) -> Iterator[Drawing]:
    """Draw what filters respond to."""
    for responses in inspection.responses:
        name, title = (
            f"responses-{_plain(responses.layer)}",
            f"{inspection.network}: what {responses.layer} responds to",
        )
        draw = partial(feature_figures.responses, inspection, responses)
        words = feature_figures.describe_responses(inspection, responses)
        yield Drawing(name, title, words, "features", draw, inspection.network)


def _plain(layer: str) -> str:
    """Make a layer's name a part of a file's."""
    return re.sub(r"[^\w-]+", "-", layer).strip("-") or "layer"
