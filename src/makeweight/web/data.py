"""The data sets that pages show: those of the catalogue, and the user's own that are prepared on this machine."""

from __future__ import annotations

import re
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Annotated, Any, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field
from starlette.concurrency import run_in_threadpool
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from makeweight.data.cache import cache_root
from makeweight.data.catalog import CATALOG, CatalogEntry
from makeweight.data.contact_sheet import draw_contact_sheet, training_part
from makeweight.data.dataset import PreparedDataset, open_prepared, own_prepared
from makeweight.errors import DataMismatch, DataNotFound, RunFailed
from makeweight.files import writing_to
from makeweight.web import dashboard, work
from makeweight.web.answers import answer, at, not_found, page, strict_json
from makeweight.web.checks import checked

WORKPLACE = ".work"  # in the store
FILE_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._ -]{0,99}")
SECONDS = 1_800.0  # to wait for a preparation
_PREPARING = threading.Lock()


Said = Annotated[str, Field(max_length=200)]


class Own(BaseModel):
    """What a user says of own images, as :func:`makeweight.load_data` takes it; empty: nothing is said."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)

    image_size: Said = ""
    channels: Literal["", "1", "3"] = ""
    scale: Said = ""
    layout: Said = ""
    label: Said = ""
    skip_unreadable: Literal["", "yes"] = ""

    def options(self) -> dict[str, Any]:
        """Return keyword arguments of :func:`makeweight.load_data`."""
        said: dict[str, Any] = self.model_dump(include=set(Own.model_fields), exclude_defaults=True)
        converted = {"channels": int, "skip_unreadable": bool}
        return {name: converted.get(name, str)(value) for name, value in said.items()}


class Wanted(Own):
    """Images to prepare: a name of the catalogue, or a path."""

    name: Annotated[str, Field(max_length=60)] = ""
    path: Annotated[str, Field(max_length=4_096)] = ""


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
    return page("datasets.html", datasets=all_sets(), paths=not dashboard.of(request).door.remote)


async def prepare(request: Request) -> Response:
    """Prepare a data set of the catalogue, or images that are at a path of this machine."""
    asked = checked(Wanted, await strict_json(request))
    if asked.name not in CATALOG and not asked.path:
        raise not_found(f"there is no data set {asked.name[:60]!r}.")
    if asked.path and dashboard.of(request).door.remote:
        raise HTTPException(403, "other machines are let in here, so no path of this one is taken. Upload the images.")
    place = Path(asked.path.strip()).expanduser()
    if asked.path and not place.is_absolute():
        raise HTTPException(400, f"path {asked.path[:80]!r} is not possible: give a whole one, from / on.")
    data = str(place) if asked.path else asked.name
    return await run_in_threadpool(_prepare, request, work.Preparation(data, asked.options()))


async def upload(request: Request) -> Response:
    """Take one file of images (an archive or a table), and prepare it; the file isn't kept."""
    said = dict(request.query_params)
    name, own = said.pop("name", ""), checked(Own, said)
    if not FILE_NAME.fullmatch(name):
        raise HTTPException(400, f"file name {name[:80]!r} is not possible: use letters, digits, '.', '_' and '-'.")
    folder = dashboard.of(request).studies.store / WORKPLACE
    with writing_to(folder):
        folder.mkdir(parents=True, exist_ok=True)
        place = Path(tempfile.mkdtemp(dir=folder)) / name
        try:
            with place.open("wb") as file:
                async for part in request.stream():
                    file.write(part)
        except BaseException:
            _remove(place)
            raise
    return await run_in_threadpool(_prepare, request, work.Preparation(str(place), own.options(), uploaded=True))


def _prepare(request: Request, task: work.Preparation) -> Response:
    """Start the preparation, one at a time, and wait for its end."""
    folder = dashboard.of(request).studies.store / WORKPLACE
    path = folder / "preparation.json"
    with _PREPARING:
        if work.is_at_work(path):
            if task.uploaded:
                _remove(Path(task.data))
            raise RunFailed("other images are being prepared. Try again when that is done.")
        work.begin(task, path)
    record = work.wait_for(path, lambda _: False, SECONDS)
    if record is None or record.state != "done":
        going_on = "it takes longer; it goes on, and the data set will be listed here."
        raise RunFailed(record.message if record and record.has_ended else going_on)
    return answer({"href": at("data", record.prepared)})


def _remove(place: Path) -> None:
    place.unlink(missing_ok=True)
    place.parent.rmdir()


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
