"""A figure made of many small pictures, placed in inches from the upper left corner.

Rows of pictures need no axes of their own: one pair for the whole figure is drawn ten times as fast, and nothing moves.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from numpy.typing import NDArray

from makeweight.report.figures.style import QUIET
from makeweight.text import visible_lines
from makeweight.wording import number

WIDTH = 7.2  # inches, of a page
MARGIN = 0.12
HEADING = 0.62  # room for a title of two lines


class Canvas:
    """One figure whose coordinates are inches: x to the right, y down."""

    def __init__(self, height: float, title: str, detail: str, width: float = WIDTH) -> None:
        self.figure = Figure(figsize=(width, height))
        self._axes = self.figure.add_axes((0, 0, 1, 1))
        self._axes.set_axis_off()
        self._axes.set_xlim(0, width)
        self._axes.set_ylim(height, 0)
        self._axes.set_autoscale_on(False)
        self.width, self.height = width, height
        self.words(MARGIN, 0.2, title, size=10)
        self.words(MARGIN, 0.42, detail, size=7.5, quiet=True)

    def image(self, pixels: NDArray[np.uint8], left: float, top: float, width: float, height: float) -> None:
        """Show an image (c, h, w), gray or colours, without smoothing."""
        shown = pixels[0] if len(pixels) == 1 else pixels[:3].transpose(1, 2, 0)
        self._show(shown, left, top, width, height, cmap="gray", vmin=0, vmax=255)

    def map(
        self, values: NDArray[np.floating], left: float, top: float, width: float, height: float, scale: ColourScale
    ) -> None:
        """Show a map (h, w) in the colours of a scale."""
        self._show(values, left, top, width, height, cmap=scale.colours, norm=scale.norm)

    def _show(self, shown: NDArray[Any], left: float, top: float, width: float, height: float, **how: Any) -> None:
        extent = (left, left + width, top + height, top)
        self._axes.imshow(shown, extent=extent, aspect="auto", interpolation="nearest", **how)

    def words(
        self, left: float, middle: float, text: str, *, size: float = 7, align: str = "left", quiet: bool = False
    ) -> None:
        """Write text whose lines are centred on a height; a name is text, whatever signs it holds."""
        style: Any = {"ha": align, "va": "center", "fontsize": size, "parse_math": False, "linespacing": 1.25}
        self._axes.text(left, middle, visible_lines(text), color=QUIET if quiet else None, **style)

    def frame(self, left: float, top: float, width: float, height: float, colour: str, line: float = 1.2) -> None:
        """Draw a rectangle."""
        self._axes.add_patch(Rectangle((left, top), width, height, fill=False, edgecolor=colour, linewidth=line))

    def bar(self, left: float, top: float, width: float, height: float, colour: str) -> None:
        """Draw a filled rectangle."""
        self._axes.add_patch(Rectangle((left, top), width, height, facecolor=colour, edgecolor="none"))

    def colour_bar(self, left: float, top: float, width: float, scale: ColourScale, label: str) -> None:
        """Draw a scale with its ends, lying."""
        height = 0.09
        place = left / self.width, 1 - (top + height) / self.height, width / self.width, height / self.height
        axes = self.figure.add_axes(place)
        bar = self.figure.colorbar(ScalarMappable(scale.norm, scale.colours), cax=axes, orientation="horizontal")
        bar.set_ticks(list(scale.ticks), labels=list(scale.ticks.values()))
        bar.ax.tick_params(labelsize=7, length=2, pad=1.5)
        bar.outline.set_visible(False)
        self.words(left + width + 0.25, top + height / 2, label, size=7, quiet=True)


class ColourScale:
    """Which colour a value has; values beyond an end have the end's."""

    def __init__(self, ends: tuple[float, float], values: NDArray[np.floating], colours: str) -> None:
        low, high = ends
        self.norm, self.colours = Normalize(low, high), colormaps[colours]
        least, most = "≤ " * bool(values.min() < low), "≥ " * bool(values.max() > high)
        self.ticks = {low: f"{least}{number(low)}", high: f"{most}{number(high)}"}
        if low < 0 < high and min(-low, high) > 0.25 * (high - low):  # else it would touch an end's
            self.ticks[0.0] = "0"
