"""The data sets: which there are, what is in them, and how they look."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from starlette.requests import Request
from starlette.responses import Response

from makeweight.data.contact_sheet import draw_contact_sheet, training_part
from makeweight.data.dataset import PreparedDataset, open_prepared
from makeweight.web.answers import not_found, page
from makeweight.web.sets import all_sets, set_named


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
    counts = _counts(known.found) if known.found else ()
    return page("dataset.html", known=known, counts=counts, most=max((c.training for c in counts), default=1))


def sheet(request: Request) -> Response:
    """Answer with the contact sheet; it shows training images only."""
    known = set_named(request.path_params["dataset"])
    if known.found is None:
        raise not_found(f"{known.key} is not prepared on this machine.")
    return Response(_sheet(known.found.path, known.found.digest), media_type="image/png")


@lru_cache(maxsize=4)
def _sheet(path: Path, digest: str) -> bytes:
    with tempfile.TemporaryDirectory(prefix="makeweight-") as folder:
        return draw_contact_sheet(training_part(open_prepared(path)), Path(folder) / "sheet.png").read_bytes()


def _counts(found: PreparedDataset) -> tuple[Count, ...]:
    """Count as `makeweight data show` does, with the split of seed 0."""
    labels, test = found.training_images().labels, found.test_images().labels
    split = found.split()
    parts = (labels[split.train], labels[split.validation], test)
    counted = zip(*(np.bincount(part, minlength=found.classes).tolist() for part in parts), strict=True)
    return tuple(Count(name, *each) for name, each in zip(found.class_names, counted, strict=True))
