"""How every figure looks: colours, markers, two themes, and files that are the same for the same figure.

Families say their colours, of those of Okabe and Ito 2008, "Color Universal Design", which stay apart for colour-blind
readers; markers differ as well, so that the figures can be read in gray. Maps of numbers use cividis (Nuñez et al.
2018, doi:10.1371/journal.pone.0199239), which looks the same to colour-blind readers and keeps its order in gray.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from matplotlib import rc_context
from matplotlib.colors import to_hex
from matplotlib.figure import Figure
from numpy.typing import NDArray

from makeweight.designs.families import described
from makeweight.designs.families.base import Marker
from makeweight.files import write_whole, writing_to

Theme = Literal["light", "dark"]
THEMES: tuple[Theme, ...] = ("light", "dark")
FORMATS = ("svg", "png", "pdf")

MARKERS: dict[Marker, str] = {"circle": "o", "square": "s", "triangle": "^", "diamond": "D"}  # in Matplotlib's words
ACCENT = "#D55E00"  # of what is of no family
QUIET = "#808080"  # of what stands behind; 3:1 and more on both papers
MAP = "cividis"

INK = {"light": "#1b1b1b", "dark": "#ececec"}
PAPER = {"light": "#ffffff", "dark": "#16181b"}
PAGE_PAPER = "#fefefe"  # not white, which is also an ink on dark cells
INKED = ("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color")
PAPERED = ("figure.facecolor", "axes.facecolor", "savefig.facecolor")
STYLE: Any = {  # matplotlib types each key as a literal
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "grid.alpha": 0.25,
    "grid.color": QUIET,
    "legend.frameon": False,
    "image.cmap": MAP,
    "svg.fonttype": "path",  # the same letters wherever the file is opened
    "svg.hashsalt": "makeweight",  # the same bytes for the same figure
    "pdf.fonttype": 42,  # letters that can be searched and copied
}


@contextmanager
def drawing(theme: Theme = "light") -> Iterator[None]:
    """Draw everything in the block in the house's style; figures are made and saved inside it."""
    themed: Any = {**STYLE, **dict.fromkeys(INKED, INK[theme]), **dict.fromkeys(PAPERED, PAPER[theme])}
    with rc_context(themed):
        yield


def colour_of(family: str) -> str:
    """Return a family's colour."""
    return described(family).colour


def marker_of(family: str) -> str:
    """Return a family's marker."""
    return MARKERS[described(family).marker]


def ink_on(colour: Sequence[float] | NDArray[np.floating]) -> str:
    """Return black or white, whichever is easier to read on a colour of (red, green, blue, …) from 0 to 1.

    Relative luminance and contrast as in WCAG 2.2; both are 4.6:1 at a luminance of 0.179.
    """
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in colour[:3]]
    luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
    return "black" if luminance > 0.179 else "white"


def paper_of(figure: Figure) -> Any:
    """Return the colour of what hides lines behind words: the paper's, which in a page is the page's own."""
    paper = figure.get_facecolor()
    return PAGE_PAPER if to_hex(paper) == PAPER["light"] else paper


def to_svg(figure: Figure) -> str:
    """Return a light figure as an SVG element for a page: without paper, and with ink in the page's own colour."""
    text = io.StringIO()
    with drawing():
        # No date: the same study gives the same bytes.
        figure.savefig(text, format="svg", metadata={"Date": None}, transparent=True)
    svg = text.getvalue()
    return svg[svg.index("<svg") :].replace(INK["light"], "currentColor").replace(PAGE_PAPER, "var(--paper, #fff)")


def save(figure: Figure, path: Path, theme: Theme = "light") -> None:
    """Write the figure in the format of the path's ending: svg, png or pdf.

    Raises
    ------
    StoreError
        If it cannot be written.
    """
    content = io.BytesIO()
    with drawing(theme):
        dated = {".svg": "Date", ".pdf": "CreationDate"}.get(path.suffix)
        figure.savefig(content, format=path.suffix[1:], dpi=160, metadata=None if dated is None else {dated: None})
    write_whole(path, content.getvalue())


def save_drawing(drawn: Drawing, path: Path, theme: Theme = "light") -> None:
    """Draw a figure and write it in the format of the path's ending."""
    with drawing(theme):
        save(drawn.draw(), path, theme)


def make_folder(folder: Path) -> None:
    """Make a folder for figures, where there is none.

    Raises
    ------
    StoreError
        If it cannot be made.
    """
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)


Group = Literal["costs", "curves", "comparisons", "classes", "networks", "features", "tuning"]


@dataclass(frozen=True)
class Drawing:
    """One figure of a report; it is drawn inside :func:`makeweight.report.style.drawing`."""

    name: str  # of the file, "curves-cnn-10k"
    title: str  # "CNN 10K: learning curves"
    description: str  # what it shows, with its numbers, for those who do not see it
    group: Group
    draw: Callable[[], Figure]
    network: str | None = None  # label of the network that it is about, if it is about one
