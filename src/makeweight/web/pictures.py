"""Images of a data set as pictures in a page, and figures as markup."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from makeweight.inspection.records import InputImage
from makeweight.report.figures.style import Drawing, Theme, drawing, to_svg
from makeweight.report.page import sprites, svg
from makeweight.report.page.parts import Drawn
from makeweight.web.answers import render

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DRAWING = threading.Lock()  # Matplotlib has one set of settings for all threads


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """Return an image (c, h, w) as a data URL."""
    return "data:image/png;base64," + base64.b64encode(sprites.sample_png(InputImage("", pixels, None))).decode()


def drawn(draw: Callable[[], Figure], theme: Theme) -> str:
    """Draw one figure as SVG."""
    with _DRAWING, drawing(theme):
        return to_svg(draw())


def figures(drawings: Iterable[Drawing]) -> str:
    """Draw figures, and return them as markup with captions and glyphs."""
    with _DRAWING:
        elements = [Drawn(figure, figure.name, svg.element(figure, figure.name)) for figure in drawings]
    return render("figures.html", drawn=elements, letters=svg.letters_of([figure.element for figure in elements]))


def rows_of(matrix: NDArray[np.float64], names: Sequence[str]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return a matrix as rows of (name, cells of (text, shade)): orange below 0, blue above, still readable."""
    full = 0.55 / (float(np.abs(matrix).max()) or 1.0)

    def shade(value: float) -> str:
        return f"rgb({'213 94 0' if value < 0 else '0 114 178'} / {full * abs(value):.3f})"

    return [
        (name, [("" if abs(v) < 0.05 else f"{v:+.1f}".replace("-", "−"), shade(v)) for v in row])
        for name, row in zip(names, matrix.tolist(), strict=True)
    ]
