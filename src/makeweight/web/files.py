"""Scripts and styles: our own, the report's, and Plotly's as it lies in the installed package."""

from __future__ import annotations

import gzip
import hashlib
from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from importlib.resources.abc import Traversable

YEAR = 365 * 24 * 3_600
TYPES = {"css": "text/css; charset=utf-8", "js": "text/javascript; charset=utf-8", "svg": "image/svg+xml"}


@dataclass(frozen=True)
class File:
    """A file as it goes out."""

    content: bytes = field(repr=False)
    media_type: str
    tag: str  # of its content: an address with it never changes what it means


@cache
def _places() -> dict[str, Traversable]:
    """List what is served, by name; nothing else can be asked for."""
    own = {each.name: each for each in resources.files("makeweight.web").joinpath("static").iterdir()}
    report = resources.files("makeweight.report.page").joinpath("templates")
    shared = {"report.css": report.joinpath("page.css"), "report-charts.js": report.joinpath("charts.js")}
    plotly = {"plotly.min.js": resources.files("plotly").joinpath("package_data", "plotly.min.js")}
    return {**own, **shared, **plotly}


@cache
def find(name: str) -> File | None:
    """Return a file by name; None where there is none."""
    place = _places().get(name)
    kind = TYPES.get(name.rpartition(".")[2])
    if place is None or kind is None:
        return None
    content = place.read_bytes()
    return File(content, kind, hashlib.sha256(content).hexdigest()[:12])


@cache
def packed(name: str) -> bytes:
    """Return a file's content for browsers that can unpack it: a quarter of Plotly's 4.8 MB on a slow line."""
    found = find(name)
    if found is None:
        raise ValueError(f"there is no file {name}")
    return gzip.compress(found.content, 6, mtime=0)


def url(name: str) -> str:
    """Return a file's address, which changes with its content."""
    found = find(name)
    if found is None:
        raise ValueError(f"there is no file {name}")
    return f"/static/{name}?v={found.tag}"
