"""How a command names a network or a run of a study: ``cnn-10k``, ``report/cnn-10k#1``, ``36fdac1f1a82``."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from makeweight.cli import options
from makeweight.errors import InvalidValue

if TYPE_CHECKING:
    from makeweight.store.rows import JobRow

GRAMMAR = "STUDY/NETWORK#SEED, where study and seed may be left out, as in cnn-10k; or a run's key, as in 36fdac1f1a82"
_KEY = re.compile(r"[0-9a-f]{6,32}")


@dataclass(frozen=True)
class NetworkReference:
    """A network of a study with its finished runs."""

    folder: Path  # of the study
    label: str  # "CNN 10K"
    rows: tuple[JobRow, ...]  # by seed, at least one

    @property
    def best(self) -> JobRow:
        """The run of the best validation accuracy; of equal ones that of the lowest seed."""
        return max(self.rows, key=lambda row: row.result.validation_accuracy if row.result else 0.0)

    @property
    def file_name(self) -> str:
        """The label as part of a file's name: cnn-10k."""
        return _plain(self.label)


def find_network(store: Path, text: str) -> NetworkReference:
    """Find what a text names; without a study it is the one changed last.

    Raises
    ------
    InvalidValue
        If there is no such study, network or finished run.
    """
    name, _, seed = text.partition("#")
    study, _, network = name.rpartition("/")
    by_key = _with_key(store, name) if not study and _KEY.fullmatch(name) else None
    found = by_key or _of_study(options.find_study(store, study or _only_network(store, name)), network)
    if not seed:
        return found
    rows = tuple(row for row in found.rows if str(row.job.seed) == seed)
    if not rows:
        seeds = ", ".join(str(row.job.seed) for row in found.rows)
        raise InvalidValue(f"{text!r}: {found.label} has no finished run of seed {seed}. It has: {seeds}.")
    return NetworkReference(found.folder, found.label, rows)


def networks_of(folder: Path) -> list[NetworkReference]:
    """List a study's networks that have a finished run, in the order of the table."""
    from makeweight.report.summary import network_label, network_order
    from makeweight.store.store import Store

    groups: dict[tuple[str, int], list[JobRow]] = {}
    with Store.open(folder) as store:
        for row in store.jobs():
            if row.result is not None:
                groups.setdefault((row.job.family, row.job.budget), []).append(row)
    ordered = sorted(groups.items(), key=lambda item: network_order(*item[0]))
    return [
        NetworkReference(folder, network_label(*key), tuple(sorted(rows, key=lambda row: row.job.seed)))
        for key, rows in ordered
    ]


def _with_key(store: Path, prefix: str) -> NetworkReference | None:
    for folder in sorted(path.parent for path in store.glob("*/study.db")):
        for network in networks_of(folder):
            rows = tuple(row for row in network.rows if row.job.key.startswith(prefix))
            if rows:
                return NetworkReference(folder, network.label, rows)
    return None


def _only_network(store: Path, name: str) -> str | None:
    """Take a study's own name for its network where it has just one, as those of ``makeweight train``."""
    return name if options.is_study(store, name) else None


def _of_study(folder: Path, name: str) -> NetworkReference:
    networks = networks_of(folder)
    wanted = _plain(name)
    for network in networks:
        if _plain(network.label) == wanted:
            return network
    if len(networks) == 1 and name == folder.name:
        return networks[0]
    known = ", ".join(_plain(network.label) for network in networks) or "none with a result yet"
    raise InvalidValue(f"there is no network {name!r} in the study {folder}. There are: {known}. Write {GRAMMAR}.")


def _plain(label: str) -> str:
    """CNN 10K, cnn-10k and CNN_10k are the same."""
    return re.sub(r"[\s_]+", "-", label.strip()).lower()
