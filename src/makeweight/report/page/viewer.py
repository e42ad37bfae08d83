"""What the feature-map viewer shows, as data for the page's script: every picture is in it."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from makeweight.inspection.records import Inspection, LayerMaps, Sample
from makeweight.report.page import sprites
from makeweight.text import visible

STEP = 9  # from one colour of the palette to the next that the scale below the maps is made of: 0, 9, … 63


def to_record(inspections: Sequence[Inspection]) -> dict[str, Any]:
    """Return all samples with their pictures, and of each network its answers and maps.

    The networks of a study look at the same samples, so their pictures are held once.
    """
    first = inspections[0]
    class_names = [visible(name) for name in first.class_names]
    return {
        "samples": [_sample(sample, class_names) for sample in first.samples],
        "classes": class_names,
        "palette": [f"rgb({r} {g} {b})" for r, g, b in sprites.palette()[::STEP]],
        "networks": {inspection.network: _network(inspection) for inspection in inspections},
    }


def _sample(sample: Sample, class_names: Sequence[str]) -> dict[str, Any]:
    truth = None if sample.truth is None else class_names[sample.truth]
    return {"name": visible(sample.name), "truth": truth, "image": _data_uri(sprites.sample_png(sample))}


def _network(inspection: Inspection) -> dict[str, Any]:
    return {
        "seed": inspection.seed,
        "probabilities": [[round(float(p), 4) for p in sample.probabilities] for sample in inspection.samples],
        "layers": [_layer(layer, len(inspection.samples)) for layer in inspection.layers],
    }


def _layer(layer: LayerMaps, samples: int) -> dict[str, Any]:
    grid = sprites.grid_of(layer)
    return {
        "name": layer.layer,
        "kind": layer.kind.replace("_", " "),
        "filters": grid.filters,
        "columns": grid.columns,
        "tile": list(grid.tile),
        "gap": sprites.GAP,
        "shown": layer.shown,
        "sees": list(layer.sees),
        "zeros": round(layer.zeros, 3),
        "scale": list(layer.scale),
        "range": [layer.low, layer.high],
        "sheets": [_data_uri(sprites.sprite(layer, sample)) for sample in range(samples)],
    }


def _data_uri(png: bytes) -> str:
    return "data:image/png;base64," + base64.b64encode(png).decode()
