"""Two to eight networks side by side: curves, paired verdict, difference of confusion, and where they disagree."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import permutations

import numpy as np
from numpy.typing import NDArray
from starlette.requests import Request
from starlette.responses import Response

from makeweight.data.dataset import PreparedDataset
from makeweight.errors import MakeweightError
from makeweight.inspection.data import study_data
from makeweight.report.analysis import compare_all
from makeweight.report.page.curve_chart import curve_chart
from makeweight.report.side_by_side import in_one_line
from makeweight.report.statistics_tables import comparisons_table
from makeweight.report.summary import NetworkSummary
from makeweight.report.verdict import in_words
from makeweight.stats.classes import confusion
from makeweight.store.rows import StudyRow
from makeweight.store.store import Store
from makeweight.studies.looks import record_look
from makeweight.web import dashboard, pictures
from makeweight.web.answers import answer, page
from makeweight.web.chosen import MAX_NETWORKS, MIN_NETWORKS, Chosen, address, find_chosen, offers

MAX_IMAGES = 12  # on which one network is right and the other wrong
PURPOSE = "images on which networks disagree"


@dataclass(frozen=True)
class Seen:
    """A test image that one network gets right and another wrong."""

    number: int
    truth: str
    answer: str  # of the network that is wrong, in most of its trainings
    picture: str


@dataclass(frozen=True)
class Pair:
    """Two of the networks in detail."""

    a: Chosen
    b: Chosen
    difference: list[tuple[str, list[tuple[str, str]]]]  # rows of the confusion of a minus that of b
    better_a: tuple[Seen, ...]  # images that only a gets right
    better_b: tuple[Seen, ...]
    counts: tuple[int, int]  # of all such images, better_a and better_b may be fewer
    problem: str  # why there are no images


def show(request: Request) -> Response:
    """Show the comparison of the networks that the address names; for a single one, offer others."""
    chosen, studies = find_chosen(request, least=1), dashboard.of(request).studies
    names, offered = [network.name for network in chosen], offers(studies, chosen)
    if len(chosen) < MIN_NETWORKS:
        return page("compare_one.html", chosen=chosen, offers=offered, least=MIN_NETWORKS, most=MAX_NETWORKS)
    comparisons = compare_all(tuple(network.summary for network in chosen))
    a, b = _pair(request.query_params.get("pair", ""), chosen)
    shown = {a.summary.label, b.summary.label}  # in detail, and first in the sentences
    return page(
        "compare.html",
        chosen=chosen,
        offers=offered,
        without={name: _without(name, names, (a, b)) for name in names},
        sentences=[
            in_words(pair) for pair in sorted(comparisons, key=lambda pair: {pair.a.label, pair.b.label} != shown)
        ],
        differing=in_one_line(*(network.summary for network in chosen)),
        table=comparisons_table(comparisons),
        chart=curve_chart([network.summary for network in chosen]),
        query=request.url.query,
        pair=_closely(a, b),
    )


def differing(request: Request) -> Response:
    """Say what the networks differ in."""
    return answer({"words": in_one_line(*(network.summary for network in find_chosen(request)))})


def curves(request: Request) -> Response:
    """Answer with the figures of the networks' learning curves."""
    return answer(curve_chart([network.summary for network in find_chosen(request)]).to_record())


def _pair(text: str, chosen: tuple[Chosen, ...]) -> tuple[Chosen, Chosen]:
    """Take the pair that the address names, or the first two."""
    pairs = {_name((a, b)): (a, b) for a, b in permutations(chosen, 2)}
    return pairs.get(text, (chosen[0], chosen[1]))


def _name(pair: tuple[Chosen, Chosen]) -> str:
    return "~".join(network.name for network in pair)


def _without(name: str, names: list[str], pair: tuple[Chosen, Chosen]) -> str:
    """Return the address without one network; the pair stays if it can."""
    kept = "" if name in [network.name for network in pair] else _name(pair)
    return address([other for other in names if other != name], kept)


def _closely(a: Chosen, b: Chosen) -> Pair:
    with Store.open(a.study.folder) as store:
        study = store.study()
    assert study is not None  # it has a network with a result
    classes = a.summary.architecture.classes
    names = study.names(classes)
    matrix = confusion(a.summary.predicted, a.summary.labels, classes)
    matrix -= confusion(b.summary.predicted, b.summary.labels, classes)
    only_a, only_b = _only(a.summary, b.summary), _only(b.summary, a.summary)
    images, problem = _images(study, (a, b))
    return Pair(
        a=a,
        b=b,
        difference=pictures.rows_of(matrix, names),
        better_a=() if images is None else _seen(images, only_a, b.summary, names),
        better_b=() if images is None else _seen(images, only_b, a.summary, names),
        counts=(len(only_a), len(only_b)),
        problem=problem,
    )


def _only(right: NetworkSummary, wrong: NetworkSummary) -> NDArray[np.int64]:
    """Return the images that most trainings of one network get right and of the other wrong, clearest first."""
    lead = right.correct.mean(axis=0) - wrong.correct.mean(axis=0)
    both = (right.correct.mean(axis=0) > 0.5) & (wrong.correct.mean(axis=0) < 0.5)
    images = np.flatnonzero(both)
    return np.asarray(images[np.argsort(-lead[images], kind="stable")], dtype=np.int64)


def _images(study: StudyRow, pair: tuple[Chosen, Chosen]) -> tuple[PreparedDataset | None, str]:
    """Open the test images, which both studies record; or say why there are none."""
    try:
        data = study_data(study)
    except MakeweightError as error:
        return None, str(error)
    for network in pair:
        record_look(network.study.folder, [network.summary.runs[0].key], dashboard.log.info, PURPOSE)
    return data, ""


def _seen(
    data: PreparedDataset, numbers: NDArray[np.int64], wrong: NetworkSummary, names: tuple[str, ...]
) -> tuple[Seen, ...]:
    images, predicted = data.test_images().images, wrong.predicted
    return tuple(
        Seen(
            number=int(n),
            truth=names[int(wrong.labels[n])],
            answer=names[int(np.bincount(predicted[:, n]).argmax())],
            picture=pictures.data_uri(np.array(images[n])),
        )
        for n in numbers[:MAX_IMAGES]
    )
