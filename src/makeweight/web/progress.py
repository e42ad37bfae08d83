"""How a study stands: counts, networks, and the time that is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from makeweight.report.summary import network_label, network_order
from makeweight.store.glance import Glance, JobGlance, Spent
from makeweight.study.lock import runner_of

State = Literal["running", "stopped", "complete", "failed", "empty"]
# As study.plan.expected_cost ranks jobs, from columns that need no architecture to be read.
OVERHEAD_MACS = 100_000


@dataclass(frozen=True, slots=True)
class NetworkProgress:
    """One network over its seeds."""

    label: str
    family: str
    budget: int
    weights: int
    macs: int
    seeds: int
    done: int
    failed: int
    running: int
    test_accuracy: float | None  # mean over the finished seeds, 0 to 1
    lowest: float | None
    highest: float | None
    validation_accuracy: float | None
    train_seconds: float | None  # mean

    @property
    def slug(self) -> str:
        """Its name in addresses: cnn-10k."""
        return self.label.lower().replace(" ", "-")


@dataclass(frozen=True)
class Progress:
    """A study as it stands."""

    folder: Path
    name: str  # of the folder: it is what addresses and commands call the study
    dataset: str
    data_digest: str  # of studies with the same one the test images are the same
    created: str  # UTC, ISO 8601
    state: State
    total: int
    done: int
    failed: int
    jobs: tuple[JobGlance, ...]  # in the order of running
    networks: tuple[NetworkProgress, ...]  # in the order of the report's tables
    seconds_left: float | None  # None while nothing tells how fast it is
    is_tuning: bool

    @property
    def running(self) -> tuple[JobGlance, ...]:
        """Jobs that a worker has now."""
        return tuple(job for job in self.jobs if job.state == "running") if self.state == "running" else ()

    @property
    def best(self) -> tuple[NetworkProgress, ...]:
        """The most accurate network of each budget that has a result, by budget."""
        found: dict[int, NetworkProgress] = {}
        for network in self.networks:
            known = found.get(network.budget)
            if network.test_accuracy is not None and (known is None or network.test_accuracy > _accuracy(known)):
                found[network.budget] = network
        return tuple(found[budget] for budget in sorted(found))

    def name_of(self, network: NetworkProgress) -> str:
        """Return a network's name in addresses that may name several studies: report/cnn-10k."""
        return f"{self.name}/{network.slug}"


def read_progress(folder: Path) -> Progress:
    """Look at a study once.

    Raises
    ------
    StoreError
        If its store cannot be read.
    """
    with Glance(folder) as glance:
        return progress_of(folder, glance)


def progress_of(folder: Path, glance: Glance) -> Progress:
    """Look at a study that is open."""
    study, jobs = glance.study(), glance.jobs()
    runs = runner_of(folder) is not None
    done, failed = (sum(job.state == state for job in jobs) for state in ("done", "failed"))
    return Progress(
        folder=folder,
        name=folder.name,
        dataset=study.dataset if study else "",
        data_digest=study.data_digest if study else "",
        created=study.created if study else "",
        state=_state(runs, len(jobs), done, failed),
        total=len(jobs),
        done=done,
        failed=failed,
        jobs=tuple(jobs),
        networks=networks_of(jobs),
        seconds_left=seconds_left(jobs, glance.spent) if runs else None,
        is_tuning=(folder / "tuning.db").is_file(),
    )


def _state(runs: bool, total: int, done: int, failed: int) -> State:
    if runs:
        return "running"
    if total == 0:
        return "empty"
    if done == total:
        return "complete"
    return "failed" if done + failed == total else "stopped"


def networks_of(jobs: Sequence[JobGlance]) -> tuple[NetworkProgress, ...]:
    """Bring jobs together by network."""
    groups: dict[tuple[str, int], list[JobGlance]] = {}
    for job in jobs:
        groups.setdefault((job.family, job.budget), []).append(job)
    ordered = sorted(groups.items(), key=lambda item: network_order(*item[0]))
    return tuple(_network(group) for _, group in ordered)


def _network(jobs: list[JobGlance]) -> NetworkProgress:
    first = jobs[0]
    tests = [job.test_accuracy for job in jobs if job.test_accuracy is not None]
    return NetworkProgress(
        label=network_label(first.family, first.budget),
        family=first.family,
        budget=first.budget,
        weights=first.weights,
        macs=first.macs,
        seeds=len(jobs),
        done=sum(job.state == "done" for job in jobs),
        failed=sum(job.state == "failed" for job in jobs),
        running=sum(job.state == "running" for job in jobs),
        test_accuracy=_mean(tests),
        lowest=min(tests, default=None),
        highest=max(tests, default=None),
        validation_accuracy=_mean([j.validation_accuracy for j in jobs if j.validation_accuracy is not None]),
        train_seconds=_mean([job.train_seconds for job in jobs if job.train_seconds is not None]),
    )


def seconds_left(jobs: Sequence[JobGlance], spent_of: Callable[[str], Spent]) -> float | None:
    """Estimate from the time that finished epochs took how long those to come will take, with as many workers as now.

    Parameters
    ----------
    spent_of
        How far a running job has come, by its key.
    """
    work, seconds, left, workers = 0.0, 0.0, 0.0, 0
    for job in jobs:
        an_epoch = float(job.macs + OVERHEAD_MACS)
        if job.state == "done" and job.train_seconds is not None:
            work, seconds = work + job.epochs * an_epoch, seconds + job.train_seconds
        elif job.state == "running":
            spent = spent_of(job.key)
            work, seconds = work + spent.epochs * an_epoch, seconds + spent.seconds
            left, workers = left + (job.epochs - spent.epochs) * an_epoch, workers + 1
        elif job.state == "pending":
            left += job.epochs * an_epoch
    return left * seconds / work / workers if work and workers else None


def _mean(values: list[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _accuracy(network: NetworkProgress) -> float:
    return network.test_accuracy or 0.0
