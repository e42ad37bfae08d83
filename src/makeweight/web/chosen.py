"""The networks that an address names, of one study or several, and those that can be compared with them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlencode

from starlette.exceptions import HTTPException
from starlette.requests import Request

from makeweight.report.side_by_side import side_by_side
from makeweight.report.summary import NetworkSummary, summarise_runs
from makeweight.web import dashboard
from makeweight.web.network import MOST_SHOWN, find_network, finished
from makeweight.web.progress import NetworkProgress, Progress, read_progress
from makeweight.web.store import Studies
from makeweight.web.templates import at

LEAST, MOST = 2, 8
MOST_STUDIES = 20  # that changed last, whose networks are offered
MOST_OFFERED = 50  # of each, the most accurate


@dataclass(frozen=True)
class Chosen:
    """A network that an address names."""

    study: Progress
    network: NetworkProgress
    summary: NetworkSummary  # its label tells it from the others

    @property
    def name(self) -> str:
        """Its name in the address."""
        return self.study.name_of(self.network)

    @property
    def href(self) -> str:
        """The path of its own page."""
        return at("studies", self.study.name, "networks", self.network.slug)


@dataclass(frozen=True)
class Offer:
    """A network that can be compared with those that are chosen."""

    study: Progress
    network: NetworkProgress

    @property
    def name(self) -> str:
        """Its name in the address."""
        return self.study.name_of(self.network)


def find_chosen(request: Request, least: int = LEAST) -> tuple[Chosen, ...]:
    """Find the networks that an address names, in its order.

    Raises
    ------
    HTTPException
        400 if there are too few or too many, 404 if one is not there or has no result.
    InvalidValue, DataMismatch
        If they cannot be paired image by image.
    """
    names = list(dict.fromkeys(request.query_params.getlist("network")))
    if not least <= len(names) <= MOST:
        count = f"{len(names)} network{'' if len(names) == 1 else 's'}"
        raise HTTPException(400, f"{count} cannot be compared: tick {LEAST} to {MOST} in a study's table.")
    found = _found(dashboard.of(request).studies, names)
    summaries = side_by_side([summarise_runs(study.folder, finished(study.folder, each)) for study, each in found])
    return tuple(Chosen(*each, summary) for each, summary in zip(found, summaries, strict=True))


def _found(studies: Studies, names: Iterable[str]) -> list[tuple[Progress, NetworkProgress]]:
    found, known = [], dict[str, Progress]()
    for name in names:
        study, slash, slug = name.partition("/")
        if not slash:
            raise HTTPException(
                400, f"network {name[:MOST_SHOWN]!r} is not possible: write STUDY/NETWORK, as in report/cnn-10k."
            )
        if study not in known:
            known[study] = read_progress(studies.folder(study))
        found.append((known[study], find_network(known[study], slug)))
    return found


def offers(studies: Studies, chosen: tuple[Chosen, ...]) -> list[Offer]:
    """List what can be added: networks with a result, of the studies that changed last, on the same test images."""
    if len(chosen) == MOST:
        return []
    newest = (studies.progress(each) for each in studies.listed()[:MOST_STUDIES])
    near = {each.study.name: each.study for each in chosen}
    near |= {study.name: study for study in newest if isinstance(study, Progress)}
    trained = {run.key for each in chosen for run in each.summary.runs}  # the same may be in another study as well
    digest = chosen[0].summary.data_digest
    return [
        Offer(study, network)
        for study in near.values()
        if study.data_digest == digest
        for network in _most_accurate(study, trained)
    ]


def _most_accurate(study: Progress, without: set[str]) -> list[NetworkProgress]:
    taken = {(job.family, job.budget) for job in study.jobs if job.key in without}
    free = [each for each in study.networks if each.done and (each.family, each.budget) not in taken]
    return sorted(free, key=lambda network: -(network.test_accuracy or 0))[:MOST_OFFERED]


def address(names: Iterable[str], pair: str = "") -> str:
    """Return the path of a comparison."""
    query = [*(("network", name) for name in names), *((("pair", pair),) if pair else ())]
    return "/compare?" + urlencode(query, safe="/~")
