"""The data sets that pages show: those of the catalogue, and the user's own that are prepared on this machine."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from makeweight.data.cache import cache_root
from makeweight.data.catalog import CATALOG, CatalogEntry
from makeweight.data.contact_sheet import draw_contact_sheet, training_part
from makeweight.data.dataset import PreparedDataset, open_prepared, own_prepared
from makeweight.errors import DataMismatch, DataNotFound
from makeweight.web.answers import not_found, page


@dataclass(frozen=True, slots=True)
class Known:
    """A data set, named in addresses as in the catalogue or by its folder in the cache."""

    key: str
    title: str
    image_shape: tuple[int, int, int]  # (c, h, w)
    classes: int
    remark: str  # licence, or what was done to own images
    prepared: PreparedDataset | None  # None unless it is prepared; no page downloads anything

    @property
    def place(self) -> str:
        """What :func:`makeweight.load_data` takes for it."""
        return self.key if self.key in CATALOG or self.prepared is None else str(self.prepared.path)


@dataclass(frozen=True, slots=True)
class Count:
    """How many images a class has in each part."""

    name: str
    training: int
    validation: int
    test: int


def index(request: Request) -> Response:
    """List the data sets of the catalogue, and the user's own."""
    return page("datasets.html", datasets=all_sets())


def show(request: Request) -> Response:
    """Show one data set: counts where it is prepared, or how to get it."""
    known = set_named(request.path_params["dataset"])
    counts = _counts(known.prepared) if known.prepared else ()
    return page("dataset.html", known=known, counts=counts, most=max((c.training for c in counts), default=1))


def sheet(request: Request) -> Response:
    """Answer with the contact sheet; it shows training images only."""
    known = set_named(request.path_params["dataset"])
    if known.prepared is None:
        raise not_found(f"{known.key} is not prepared on this machine.")
    return Response(_sheet(known.prepared.path, known.prepared.digest), media_type="image/png")


@lru_cache(maxsize=4)
def _sheet(path: Path, digest: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="makeweight-") as folder:
        return draw_contact_sheet(training_part(open_prepared(path)), Path(folder) / "sheet.png").read_bytes()


def _counts(data: PreparedDataset) -> tuple[Count, ...]:
    """Count as `makeweight data show` does, with the split of seed 0."""
    labels, test = data.training_images().labels, data.test_images().labels
    split = data.split()
    parts = (labels[split.train], labels[split.validation], test)
    counted = zip(*(np.bincount(part, minlength=data.classes).tolist() for part in parts), strict=True)
    return tuple(Count(name, *counts) for name, counts in zip(data.class_names, counted, strict=True))


def all_sets() -> list[Known]:
    """List all, the user's own first."""
    return [*_own(), *map(_of_catalogue, CATALOG.values())]


def set_named(key: str) -> Known:
    """Find a data set by its name in addresses.

    Raises
    ------
    starlette.exceptions.HTTPException
        404, if there is none.
    """
    if key in CATALOG:
        return _of_catalogue(CATALOG[key])
    own = next((known for known in _own() if known.key == key), None)
    if own is None:
        raise not_found(f"there is no data set {key[:60]!r}.")
    return own


def _own() -> Iterator[Known]:
    for data in own_prepared():
        shape, remark = data.image_shape, "; ".join(data.notes)
        yield Known(data.path.name, f"{data.name}, your own", shape, data.classes, remark, data)


def _of_catalogue(entry: CatalogEntry) -> Known:
    try:
        data = open_prepared(cache_root() / entry.name)
    except (DataNotFound, DataMismatch):
        data = None
    return Known(entry.name, entry.title, entry.image_shape, entry.classes, entry.licence, data)
