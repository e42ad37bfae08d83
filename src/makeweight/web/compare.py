"""Two to eight networks side by side: curves, paired verdict, difference of confusion, and where they disagree."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from makeweight.data.dataset import PreparedDataset
from makeweight.errors import MakeweightError
from makeweight.inspection.data import study_data
from makeweight.report.analysis import Comparison, compare_all
from makeweight.report.page.curve_chart import curve_chart
from makeweight.report.statistics_tables import comparisons_table
from makeweight.report.summary import NetworkSummary, StudySummary, summarise
from makeweight.report.verdict import in_words
from makeweight.stats.classes import confusion
from makeweight.store.store import Store
from makeweight.study.looks import record_look
from makeweight.web import dashboard, pictures
from makeweight.web.answers import answer, page
from makeweight.web.network import find_network
from makeweight.web.progress import Progress, read_progress

LEAST, MOST = 2, 8
MOST_IMAGES = 12  # of each kind of disagreement
PURPOSE = "images on which networks disagree"


@dataclass(frozen=True)
class Seen:
    """A test image that one network gets right and another wrong."""

    number: int
    truth: str
    given: str  # by the network that is wrong, in most of its trainings
    picture: str


@dataclass(frozen=True)
class Pair:
    """Two of the networks, more closely."""

    a: NetworkSummary
    b: NetworkSummary
    difference: list[tuple[str, list[tuple[str, str]]]]  # rows of the confusion of a less that of b
    better_a: tuple[Seen, ...]  # images that only a gets right
    better_b: tuple[Seen, ...]
    counts: tuple[int, int]  # of all such images
    without: str  # why there are no images


def show(request: Request) -> Response:
    """Show the comparison of the networks that the address names."""
    progress, summary = _found(request)
    comparisons = compare_all(summary.networks)
    a, b = _pair(request.query_params.get("pair", ""), summary)
    return page(
        "compare.html",
        study=progress,
        summary=summary,
        slugs={network.label: network.label.lower().replace(" ", "-") for network in summary.networks},
        sentences=[in_words(comparison) for comparison in _first(comparisons, a, b)],
        table=comparisons_table(comparisons),
        chart=curve_chart(summary.networks),
        query=request.url.query,
        pair=_closely(progress.folder, summary, a, b),
    )


def curves(request: Request) -> Response:
    """Answer with the figures of the networks' learning curves."""
    return answer(curve_chart(_found(request)[1].networks).to_record())


def _found(request: Request) -> tuple[Progress, StudySummary]:
    progress = read_progress(dashboard.of(request).studies.folder(request.path_params["study"]))
    slugs = dict.fromkeys(request.query_params.getlist("network"))
    if not LEAST <= len(slugs) <= MOST:
        raise HTTPException(
            400, f"{len(slugs)} networks cannot be compared: tick {LEAST} to {MOST} in the study's table."
        )
    networks = [find_network(progress, slug) for slug in slugs]
    return progress, summarise(progress.folder, [(network.family, network.budget) for network in networks])


def _pair(text: str, summary: StudySummary) -> tuple[NetworkSummary, NetworkSummary]:
    """Take the pair that the address names, or the two first."""
    known = {network.label.lower().replace(" ", "-"): network for network in summary.networks}
    a, _, b = text.partition("~")
    if a in known and b in known and a != b:
        return known[a], known[b]
    if len(known) < LEAST:
        raise HTTPException(400, "the answers of these networks cannot be read, so they cannot be compared.")
    first, second = list(known.values())[:2]
    return first, second


def _first(comparisons: tuple[Comparison, ...], a: NetworkSummary, b: NetworkSummary) -> list[Comparison]:
    """Put the pair that is looked at first."""
    labels = {a.label, b.label}
    return sorted(comparisons, key=lambda each: {each.a.label, each.b.label} != labels)


def _closely(folder: Path, summary: StudySummary, a: NetworkSummary, b: NetworkSummary) -> Pair:
    names, classes = summary.class_names, a.architecture.classes
    matrix = confusion(a.predicted, a.labels, classes) - confusion(b.predicted, b.labels, classes)
    only_a, only_b = _only(a, b), _only(b, a)
    images, without = _images(folder, [a.runs[0].key, b.runs[0].key])
    return Pair(
        a=a,
        b=b,
        difference=pictures.rows_of(matrix, names),
        better_a=() if images is None else _seen(images, only_a, b, names),
        better_b=() if images is None else _seen(images, only_b, a, names),
        counts=(len(only_a), len(only_b)),
        without=without,
    )


def _only(right: NetworkSummary, wrong: NetworkSummary) -> NDArray[np.int64]:
    """Return the images that most trainings of one get right and most of the other wrong, the clearest first."""
    lead = right.correct.mean(axis=0) - wrong.correct.mean(axis=0)
    both = (right.correct.mean(axis=0) > 0.5) & (wrong.correct.mean(axis=0) < 0.5)
    found = np.flatnonzero(both)
    return np.asarray(found[np.argsort(-lead[found], kind="stable")], dtype=np.int64)


def _images(folder: Path, keys: list[str]) -> tuple[PreparedDataset | None, str]:
    with Store.open(folder) as store:
        study = store.study()
    try:
        if study is None:
            return None, "the study has not been planned."
        found = study_data(study)
    except MakeweightError as error:
        return None, str(error)
    record_look(folder, keys, dashboard.log.info, PURPOSE)
    return found, ""


def _seen(
    data: PreparedDataset, numbers: NDArray[np.int64], wrong: NetworkSummary, names: tuple[str, ...]
) -> tuple[Seen, ...]:
    images, predicted = data.test_images().images, wrong.predicted
    return tuple(
        Seen(
            number=int(n),
            truth=names[int(wrong.labels[n])],
            given=names[int(np.bincount(predicted[:, n]).argmax())],
            picture=pictures.data_uri(np.array(images[n])),
        )
        for n in numbers[:MOST_IMAGES]
    )
