"""How a study stands: counts, networks, and the time that is left."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from makeweight.jobs.network import NetworkId
from makeweight.store.glance import Glance, JobGlance, Spent
from makeweight.store.trials import has_trials
from makeweight.studies.lock import runner_of
from makeweight.web.runs import last_run
from makeweight.web.work import Record

State = Literal["running", "stopped", "complete", "failed", "empty"]
# As studies.plan.expected_cost ranks jobs, but from columns that can be read without the architecture.
OVERHEAD_MACS = 100_000


@dataclass(frozen=True, slots=True)
class NetworkProgress:
    """One network over its seeds."""

    network_id: NetworkId
    weights: int
    macs: int
    seeds: int
    done: int
    failed: int
    running: int
    test_accuracy: float | None  # mean over finished seeds, 0 to 1
    lowest: float | None
    highest: float | None
    validation_accuracy: float | None
    train_seconds: float | None  # mean

    @property
    def label(self) -> str:
        """Its name, for example CNN 10K."""
        return self.network_id.label

    @property
    def family(self) -> str:
        """Name of its family."""
        return self.network_id.family

    @property
    def budget(self) -> int:
        """How many weights it may have."""
        return self.network_id.budget

    @property
    def accuracy(self) -> float:
        """What networks are ranked by: the test accuracy, 0 without one."""
        return self.test_accuracy or 0.0

    @property
    def slug(self) -> str:
        """Its name in addresses: cnn-10k."""
        return self.network_id.slug


@dataclass(frozen=True)
class Progress:
    """A study as it stands."""

    folder: Path
    name: str  # of the folder, as in addresses and commands
    dataset: str
    data_digest: str  # studies with the same digest have the same test images
    created: str  # UTC, ISO 8601
    state: State
    total: int
    done: int
    failed: int
    jobs: tuple[JobGlance, ...]  # in the order of running
    networks: tuple[NetworkProgress, ...]  # in the order of the report's tables
    seconds_left: float | None  # None while the speed is unknown
    is_tuning: bool
    run: Record | None  # the last one that was started here, if no other came after it

    @property
    def running(self) -> tuple[JobGlance, ...]:
        """Jobs that a worker has now."""
        return tuple(job for job in self.jobs if job.state == "running") if self.state == "running" else ()

    @property
    def best(self) -> tuple[NetworkProgress, ...]:
        """The most accurate network of each budget that has a result, by budget."""
        best: dict[int, NetworkProgress] = {}
        for network in self.networks:
            if network.done and network.accuracy > (best[network.budget].accuracy if network.budget in best else -1):
                best[network.budget] = network
        return tuple(best[budget] for budget in sorted(best))

    def name_of(self, network: NetworkProgress) -> str:
        """Return a network's name in addresses across studies: fashion/cnn-10k."""
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
    runs, run = runner_of(folder) is not None, last_run(folder)
    done, failed = (sum(job.state == state for job in jobs) for state in ("done", "failed"))
    return Progress(
        folder=folder,
        name=folder.name,
        dataset=study.dataset if study else "",
        data_digest=study.data_digest if study else "",
        created=study.created if study else "",
        state=_state(runs, run, len(jobs), done, failed),
        total=len(jobs),
        done=done,
        failed=failed,
        jobs=tuple(jobs),
        networks=networks_of(jobs),
        seconds_left=seconds_left(jobs, glance.spent) if runs else None,
        is_tuning=has_trials(folder),
        run=run,
    )


def _state(runs: bool, run: Record | None, total: int, done: int, failed: int) -> State:
    if runs:
        return "running"
    if total == 0:
        return "empty"
    if done == total:
        return "complete"
    return "failed" if done + failed == total or (run and run.state == "failed") else "stopped"


def networks_of(jobs: Sequence[JobGlance]) -> tuple[NetworkProgress, ...]:
    """Bring jobs together by network."""
    groups: dict[NetworkId, list[JobGlance]] = {}
    for job in jobs:
        groups.setdefault(job.network_id, []).append(job)
    return tuple(_network(groups[network]) for network in sorted(groups, key=lambda network: network.order))


def _network(jobs: list[JobGlance]) -> NetworkProgress:
    first = jobs[0]
    tests = [job.test_accuracy for job in jobs if job.test_accuracy is not None]
    return NetworkProgress(
        network_id=first.network_id,
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
    """Estimate how long the remaining epochs will take from those that are done, with as many workers as now.

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
