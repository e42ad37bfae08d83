"""Scripts and styles: our own, the report's, and Plotly's from the installed package."""

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
    """A file as it is sent."""

    content: bytes = field(repr=False)
    media_type: str
    tag: str  # digest of its content: an address with it is valid for ever


@cache
def _places() -> dict[str, Traversable]:
    """List what is served, by name; nothing else can be requested."""
    own = {file.name: file for file in resources.files("makeweight.web").joinpath("static").iterdir()}
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
    """Return a file compressed: a quarter of Plotly's 4.8 MB on a slow line."""
    file = find(name)
    return b"" if file is None else gzip.compress(file.content, 6, mtime=0)


def url(name: str) -> str:
    """Return a file's address below the first page, which changes with its content."""
    file = find(name)
    assert file is not None, f"no template may name {name}, which is not served"
    return f"static/{name}?v={file.tag}"
