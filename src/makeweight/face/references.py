"""How a command names a network or a run of a study: ``cnn-10k``, ``fashion/cnn-10k#1``, ``36fdac1f1a82``."""

from __future__ import annotations

import re
import shlex
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from makeweight.errors import InvalidValue, StoreError
from makeweight.face.console import remark
from makeweight.face.folders import find_study, studies
from makeweight.jobs.network import NetworkId, slug

if TYPE_CHECKING:
    from makeweight.face.runs import Network
    from makeweight.store.glance import JobGlance
    from makeweight.store.rows import JobRow

GRAMMAR = (
    "STUDY/NETWORK#SEED, where seed and, if only one study has the network, study may be left out, as in "
    "cnn-10k; or a run's key, as in 36fdac1f1a82"
)
MAX_LISTED = 10  # commands or names in an answer
_KEY = re.compile(r"[0-9a-f]{6,32}")


@dataclass(frozen=True)
class _Trained:
    """A network of some study with its finished runs, as the search sees it."""

    folder: Path
    dataset: str
    network: NetworkId
    runs: tuple[JobGlance, ...]

    def only(self, wanted: Callable[[JobGlance], bool]) -> _Trained:
        return replace(self, runs=tuple(filter(wanted, self.runs)))


def find_network(store: Path, text: str) -> Network:
    """Find the network that a text names, in one study or in all, and print which study it is of.

    Raises
    ------
    InvalidValue
        If there is no such study, network or finished run, or the text may mean several: these are printed, each as a
        command.
    """
    name, _, seed = text.partition("#")
    study, _, wanted = name.rpartition("/")
    folders = [find_study(store, study)] if study else studies(store)
    if not folders:
        raise InvalidValue(f"there is no study in {store}. Run one with: makeweight study")
    networks = _trained(folders)
    hits = _named(networks, wanted, store)
    if not hits:
        raise InvalidValue(f"there is no network {wanted!r} with a result in {study or store}. {_known(networks)}")
    of_seed = [hit for hit in (hit.only(lambda run: not seed or str(run.seed) == seed) for hit in hits) if hit.runs]
    if not of_seed:
        seeds = ", ".join(dict.fromkeys(str(run.seed) for hit in hits for run in hit.runs))
        raise InvalidValue(f"{text!r}: {hits[0].network.label} has no finished run of seed {seed}. It has: {seeds}.")
    if len(of_seed) > 1:
        _refuse_several(text, of_seed)
    [hit] = of_seed
    remark(f"{hit.network.label} of the study {hit.folder.name}, data set {hit.dataset}")
    from makeweight.face.runs import Network  # imports what reports need

    return Network(hit.folder, hit.network.label, _rows(hit))


def _named(networks: list[_Trained], name: str, store: Path) -> list[_Trained]:
    """Return what a name may mean: a network, a run's key, a network without its variant, or a study's networks."""
    if hits := [network for network in networks if network.network.slug == slug(name)]:
        return hits
    if _KEY.fullmatch(name):  # the same training in two studies is the same network
        by_key = (network.only(lambda run: run.key.startswith(name)) for network in networks)
        if hit := next((network for network in by_key if network.runs), None):
            return [hit]
    if hits := [network for network in networks if network.network.slug.startswith(f"{slug(name)}-")]:
        return hits
    return [network for network in networks if network.folder == store / name]


def _trained(folders: list[Path]) -> list[_Trained]:
    """List the networks with finished runs; of several studies, unreadable ones are named and skipped."""
    from makeweight.store.glance import Glance

    networks, unread = list[_Trained](), list[str]()
    for folder in folders:
        try:
            with Glance(folder) as glance:
                study, jobs = glance.study(), glance.jobs()
        except StoreError:
            if len(folders) == 1:
                raise
            unread.append(folder.name)
            continue
        runs: dict[NetworkId, list[JobGlance]] = {}
        for job in jobs:
            if job.state == "done":
                runs.setdefault(job.network_id, []).append(job)
        dataset = study.dataset if study else ""
        ordered = sorted(runs, key=lambda network: network.order)
        networks += [_Trained(folder, dataset, network, tuple(runs[network])) for network in ordered]
    if unread:
        remark(f"skipped, as they can't be read: {', '.join(unread)}")
    return networks


def _rows(hit: _Trained) -> tuple[JobRow, ...]:
    from makeweight.store.store import Store

    with Store.open(hit.folder) as store:
        return store.finished(hit.network, {run.key for run in hit.runs})


def _known(networks: list[_Trained]) -> str:
    names = list(dict.fromkeys(network.network.slug for network in networks))
    known = ", ".join(names[:MAX_LISTED]) or "none yet"
    more = f" and {len(names) - MAX_LISTED} more" if len(names) > MAX_LISTED else ""
    return f"There are: {known}{more}. Write {GRAMMAR}."


def _refuse_several(text: str, hits: list[_Trained]) -> NoReturn:
    """List what a text may mean, each as a command."""
    _, number, seed = text.partition("#")
    for hit in hits[:MAX_LISTED]:
        full = f"{hit.folder.name}/{hit.network.slug}{number}{seed}"
        command = shlex.join(["makeweight", *(full if argument == text else argument for argument in sys.argv[1:])])
        remark(f"  {command}   ({hit.dataset})")
    if len(hits) > MAX_LISTED:
        remark(f"  and {len(hits) - MAX_LISTED} more")
    raise InvalidValue(f"{text!r} may mean {len(hits)} networks. Run one of the commands above.")
