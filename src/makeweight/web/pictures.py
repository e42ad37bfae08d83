"""Images of a data set as pictures in a page, and figures as markup."""

from __future__ import annotations

import base64
import threading
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from makeweight.inspection.records import Subject
from makeweight.report.figures.drawing import Drawing
from makeweight.report.page import sprites, svg
from makeweight.report.page.parts import Drawn
from makeweight.web import templates

_DRAWING = threading.Lock()  # matplotlib's settings are one for all threads


def data_uri(pixels: NDArray[np.uint8]) -> str:
    """Return an image (c, h, w) as an address that holds it."""
    return "data:image/png;base64," + base64.b64encode(sprites.sample_png(Subject("", pixels, None))).decode()


def figures(drawings: Iterable[Drawing]) -> str:
    """Draw figures, and return them as markup with their words and letters."""
    with _DRAWING:
        drawn = [Drawn(each, each.name, svg.element(each, each.name)) for each in drawings]
    return templates.render("figures.html", drawn=drawn, letters=svg.letters_of([each.element for each in drawn]))


def shade(share: float) -> str:
    """Return the background of a cell for −1 to 1: orange below 0, blue above; the number in it stays readable."""
    colour = "213 94 0" if share < 0 else "0 114 178"
    return f"rgb({colour} / {min(0.55, 0.55 * abs(share)):.3f})"


def rows_of(matrix: NDArray[np.float64], names: Sequence[str]) -> list[tuple[str, list[tuple[str, str]]]]:
    """Return a matrix as rows of (name, cells of (text, shade)); the largest value has the full shade."""
    most = float(np.abs(matrix).max()) or 1.0
    return [
        (name, [("" if abs(v) < 0.05 else f"{v:+.1f}".replace("-", "−"), shade(v / most)) for v in row])
        for name, row in zip(names, matrix.tolist(), strict=True)
    ]
