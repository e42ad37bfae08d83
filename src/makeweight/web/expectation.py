"""The accuracy to expect of a network that isn't trained, from those that are, on the same images.

The merit of a design says how many times fewer errors it is expected to make than another one; networks that have been
trained on these images, in any study here, say how many those are.
"""

from __future__ import annotations

from functools import lru_cache, partial
from math import log2, sqrt
from pathlib import Path
from statistics import fmean

from makeweight.designs.merit import RESIDUAL, merit
from makeweight.designs.shapes import place
from makeweight.errors import MakeweightError
from makeweight.store.store import Store
from makeweight.web.progress import Progress
from makeweight.web.shelf import Shelf
from makeweight.wording import percent, percentage, plural, span

MAX_STUDIES = 20  # that changed last
LEAST_ERROR = 1e-4  # of a network without a mistake, which says nothing about its merit
SURE = 2  # standard deviations to either side


def expected_accuracy(shelf: Shelf, digest: str, expected: float) -> str:
    """Say the expected test accuracy of a design with this merit; empty if nothing was trained on its images."""
    levels: list[float] = []
    for folder in shelf.listed()[:MAX_STUDIES]:
        study = shelf.progress(folder)
        if isinstance(study, Progress) and study.data_digest == digest and study.done:
            levels += _levels(folder, study.done)
    if not levels:
        return ""
    halvings, spread = expected + fmean(levels), SURE * RESIDUAL * sqrt(1 + 1 / len(levels))
    low, middle, high = (1 - 2.0**-about for about in (halvings - spread, halvings, halvings + spread))
    between = span(low, high, partial(percentage, decimals=1))
    return f"{percent(middle, 1)} ({between}), from {plural(len(levels), 'network')} trained here"


@lru_cache(MAX_STUDIES)
def _levels(folder: Path, done: int) -> tuple[float, ...]:
    """Return of each trained network by how much −log2 of its errors exceeds its merit; `done` tells versions apart."""
    try:
        with Store.open(folder) as store:
            rows = [row for row in store.jobs() if row.result is not None]
    except MakeweightError:
        return ()
    errors: dict[str, list[float]] = {}
    merits: dict[str, float] = {}
    for row in rows:
        architecture, digest = row.job.architecture, row.job.architecture.digest
        if digest not in merits:
            merits[digest] = float(merit(place(architecture.layers, architecture.input_shape)))
        assert row.result is not None
        errors.setdefault(digest, []).append(max(LEAST_ERROR, 1 - row.result.test_accuracy))
    return tuple(-log2(fmean(errors[digest])) - merits[digest] for digest in merits)
