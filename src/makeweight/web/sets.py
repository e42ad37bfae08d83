"""The data sets that pages may show: those of the catalogue, and the user's own that are prepared on this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from makeweight.data.catalog import CATALOG, CatalogEntry
from makeweight.data.dataset import PreparedDataset, cache_root, open_prepared, own_prepared
from makeweight.errors import DataMismatch, DataNotFound
from makeweight.web.answers import not_found


@dataclass(frozen=True, slots=True)
class Known:
    """A data set by the name that it has in addresses: the catalogue's, or the folder's in the cache."""

    key: str
    title: str
    image_shape: tuple[int, int, int]  # (c, h, w)
    classes: int
    remark: str  # licence, or what was done to own images
    found: PreparedDataset | None  # where it is prepared; nothing is fetched for a page

    @property
    def arguments(self) -> tuple[str, str]:
        """Return option and value by which a command takes it."""
        if self.key in CATALOG or self.found is None:
            return "--dataset", self.key
        return "--data", str(self.found.path)


def all_sets() -> list[Known]:
    """List all, the user's own first."""
    return [*_own(), *map(_of_catalogue, CATALOG.values())]


def set_named(key: str) -> Known:
    """Find one.

    Raises
    ------
    starlette.exceptions.HTTPException
        404, if there is none.
    """
    if key in CATALOG:
        return _of_catalogue(CATALOG[key])
    found = next((known for known in _own() if known.key == key), None)
    if found is None:
        raise not_found(f"there is no data set {key[:60]!r}.")
    return found


def _own() -> Iterator[Known]:
    for found in own_prepared():
        shape, remark = found.image_shape, "; ".join(found.notes)
        yield Known(found.path.name, f"{found.name}, your own", shape, found.classes, remark, found)


def _of_catalogue(entry: CatalogEntry) -> Known:
    try:
        found = open_prepared(cache_root() / entry.name)
    except (DataNotFound, DataMismatch):
        found = None
    return Known(entry.name, entry.title, entry.image_shape, entry.classes, entry.licence, found)
