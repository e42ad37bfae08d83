"""The networks that an address names, from one or several studies, and those that can be added."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request

from makeweight.report.side_by_side import side_by_side
from makeweight.report.summary import NetworkSummary, summarise_runs
from makeweight.web import dashboard
from makeweight.web.answers import at
from makeweight.web.network import MAX_SHOWN, find_network, finished
from makeweight.web.progress import NetworkProgress, Progress, read_progress
from makeweight.web.shelf import Shelf

MIN_NETWORKS, MAX_NETWORKS = 2, 8
MAX_STUDIES = 20  # whose networks are offered: those that changed last
MAX_OFFERED = 50  # networks of a study: the most accurate


@dataclass(frozen=True)
class Chosen:
    """A network that an address names."""

    study: Progress
    network: NetworkProgress
    summary: NetworkSummary  # with a label that is unique in the comparison

    @property
    def name(self) -> str:
        """Its name in the address."""
        return self.study.name_of(self.network)

    @property
    def href(self) -> str:
        """The path of its own page."""
        return at("studies", self.study.name, "networks", self.network.slug)


def find_chosen(request: Request, least: int = MIN_NETWORKS) -> tuple[Chosen, ...]:
    """Find the networks that an address names, in that order.

    Raises
    ------
    HTTPException
        400 if there are too few or too many, 404 if one is not there or has no result.
    InvalidValue, DataMismatch
        If they cannot be paired image by image.
    """
    names = list(dict.fromkeys(request.query_params.getlist("network")))
    if not least <= len(names) <= MAX_NETWORKS:
        count = f"{len(names)} network{'' if len(names) == 1 else 's'}"
        raise HTTPException(
            400, f"{count} cannot be compared: tick {MIN_NETWORKS} to {MAX_NETWORKS} in a study's table."
        )
    pairs = _named(dashboard.of(request).studies, names)
    runs = [summarise_runs(study.folder, finished(study.folder, network)) for study, network in pairs]
    return tuple(Chosen(*pair, summary) for pair, summary in zip(pairs, side_by_side(runs), strict=True))


def _named(studies: Shelf, names: Iterable[str]) -> list[tuple[Progress, NetworkProgress]]:
    pairs, known = [], dict[str, Progress]()
    for name in names:
        study, slash, slug = name.partition("/")
        if not slash:
            raise HTTPException(
                400, f"network {name[:MAX_SHOWN]!r} is not possible: write STUDY/NETWORK, as in fashion/cnn-10k."
            )
        if study not in known:
            known[study] = read_progress(studies.folder(study))
        pairs.append((known[study], find_network(known[study], slug)))
    return pairs


def offers(studies: Shelf, chosen: tuple[Chosen, ...]) -> list[tuple[Progress, NetworkProgress]]:
    """List what can be added: finished networks of recently changed studies, tested on the same images."""
    if len(chosen) == MAX_NETWORKS:
        return []
    newest = map(studies.progress, studies.listed()[:MAX_STUDIES])
    near = {network.study.name: network.study for network in chosen}
    near |= {study.name: study for study in newest if isinstance(study, Progress)}
    trained = {
        run.key for network in chosen for run in network.summary.runs
    }  # the same may be in another study as well
    digest = chosen[0].summary.data_digest
    return [
        (study, network)
        for study in near.values()
        if study.data_digest == digest
        for network in _most_accurate(study, trained)
    ]


def _most_accurate(study: Progress, without: set[str]) -> list[NetworkProgress]:
    taken = {job.network_id for job in study.jobs if job.key in without}
    free = [network for network in study.networks if network.done and network.network_id not in taken]
    return sorted(free, key=lambda network: -network.accuracy)[:MAX_OFFERED]


def address(names: Iterable[str], pair: str = "") -> str:
    """Return the path of a comparison."""
    query = [*(("network", name) for name in names), *((("pair", pair),) if pair else ())]
    return f"{at('compare')}?" + urlencode(query, safe="/~", errors="surrogateescape")
