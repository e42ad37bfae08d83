"""Maps as small pictures for a page: one PNG for each layer and sample, all filters side by side."""

from __future__ import annotations

import io
from dataclasses import dataclass
from math import ceil, sqrt

import numpy as np
from matplotlib import colormaps
from numpy.typing import NDArray

from makeweight.inspection.records import InputImage, LayerMaps
from makeweight.report.figures.style import MAP

GAP = 1  # pixels between tiles
LEVELS = 64


@dataclass(frozen=True, slots=True)
class Grid:
    """Where the filters of a layer stand in its picture; lengths in pixels, a value a pixel."""

    filters: int
    columns: int
    rows: int
    tile: tuple[int, int]  # width and height of a map

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the picture."""
        (width, height), columns, rows = self.tile, self.columns, self.rows
        return columns * (width + GAP) - GAP, rows * (height + GAP) - GAP

    def corner(self, number: int) -> tuple[int, int]:
        """Return left and top of a filter's map."""
        row, column = divmod(number, self.columns)
        return column * (self.tile[0] + GAP), row * (self.tile[1] + GAP)


def grid_of(layer: LayerMaps) -> Grid:
    """Lay out the filters of a layer in a rectangle that is about as wide as high, in the order of their numbers."""
    filters, h, w = layer.shape
    columns = min(filters, ceil(sqrt(filters * (h + GAP) / (w + GAP))))
    return Grid(filters, columns, ceil(filters / columns), (w, h))


def sprite(layer: LayerMaps, sample: int) -> bytes:
    """Return all maps of one sample as a PNG with a palette of 64 colours of cividis; gaps are transparent.

    Colours go from one end of the layer's scale to the other in equal steps, for all samples alike. 64 steps of
    cividis look like 256, and the ten samples of the default study's seven networks take 0.7 MB in all.
    """
    grid = grid_of(layer)
    width, height = grid.size
    indices = np.full((height, width), LEVELS, dtype=np.uint8)
    for number, levels in enumerate(_levels(layer, sample)):
        left, top = grid.corner(number)
        indices[top : top + grid.tile[1], left : left + grid.tile[0]] = levels
    return _png(indices)


def sample_png(sample: InputImage) -> bytes:
    """Return the pixels of a sample as a PNG."""
    from PIL import Image

    pixels = sample.pixels[0] if len(sample.pixels) == 1 else sample.pixels[:3].transpose(1, 2, 0)
    stream = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(stream, format="PNG", optimize=True)
    return stream.getvalue()


def palette() -> NDArray[np.uint8]:
    """(64, 3) colours from low to high."""
    colours = colormaps[MAP](np.linspace(0, 1, LEVELS))[:, :3]
    return np.asarray(np.round(255 * colours), dtype=np.uint8)


def _levels(layer: LayerMaps, sample: int) -> NDArray[np.uint8]:
    """Return (filters, h, w) from 0 to LEVELS − 1."""
    low, high = layer.scale
    shares = (layer.maps[sample] - low) / (high - low)
    return np.asarray(np.clip(shares * LEVELS, 0, LEVELS - 1), dtype=np.uint8)


def _png(indices: NDArray[np.uint8]) -> bytes:
    from PIL import Image

    height, width = indices.shape
    image = Image.frombytes("P", (width, height), indices.tobytes())
    image.putpalette([*palette().reshape(-1).tolist(), 0, 0, 0])
    stream = io.BytesIO()
    image.save(stream, format="PNG", optimize=True, transparency=LEVELS)
    return stream.getvalue()
