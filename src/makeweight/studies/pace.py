"""Progress of running trainings, also within an epoch, and the time left."""

from __future__ import annotations

import heapq
import time
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from makeweight.jobs.result import Job
from makeweight.studies.plan import epoch_cost
from makeweight.training.recipe import Recipe
from makeweight.training.records import EpochRecord

EASY = 0.77  # share of FashionMNIST's images whose loss is below the mean: 0.76 for CNNs, 0.79 for FCNs
MAX_GUESS = 0.95  # of an epoch in progress


def whole_epochs(recipe: Recipe, after: float = 0) -> float:
    """Count the epochs left in units of full ones: the first and the last are full, the others skip easy images."""
    left = recipe.epochs - after
    whole = min(left, max(0, 1 - after) + min(1, left))
    return whole + (left - whole) * (1 - EASY * recipe.skip_easy)


@dataclass(frozen=True, slots=True)
class _Network:
    """What jobs that differ only in their seed share."""

    cost: float  # of an epoch with all images, in units of expected cost
    digest: str


@dataclass(frozen=True, slots=True)
class _Running:
    job: Job
    epochs: int  # done
    since: float  # when the last one ended, or the training started


class Pace:
    """Times a study's unfinished trainings. One thread may report while another asks.

    Parameters
    ----------
    jobs : iterable of Job
        Unfinished jobs, in the order in which they will run.
    workers : int
        How many run at a time.
    rate : float, optional
        Seconds for each unit of expected cost; used until the first epoch is measured.
    now : callable
        The clock, in seconds.
    """

    def __init__(
        self,
        jobs: Iterable[Job],
        workers: int,
        rate: float | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._waiting = {job.key: job for job in jobs}
        self._workers, self._rate, self._now = workers, rate, now
        self._running: dict[str, _Running] = {}
        self._networks: dict[str, _Network] = {}  # by the key of a job
        self._seconds: defaultdict[_Network, float] = defaultdict(float)  # measured
        self._epochs: defaultdict[_Network, float] = defaultdict(float)  # whole ones, in that time
        self._total = sum(self._cost(job) for job in self._waiting.values())
        self._ended = 0.0

    def start(self, job: Job, epoch: int = 0) -> None:
        """Note that a training starts, or resumes after an epoch."""
        self._waiting.pop(job.key, None)
        self._running[job.key] = _Running(job, epoch, self._now())

    def epoch(self, job: Job, record: EpochRecord) -> None:
        """Note that an epoch ended, and learn from its time."""
        network = self._network(job)
        self._seconds[network] += record.train_seconds + record.validation_seconds
        self._epochs[network] += whole_epochs(job.recipe, record.epoch - 1) - whole_epochs(job.recipe, record.epoch)
        self._rate = sum(self._seconds.values()) / sum(n.cost * epochs for n, epochs in self._epochs.items())
        self._running[job.key] = _Running(job, record.epoch, self._now())

    def end(self, job: Job) -> None:
        """Note that a training is finished or given up."""
        self._running.pop(job.key, None)
        self._ended += self._cost(job)

    def retry(self, job: Job) -> None:
        """Note that a training will start again later."""
        self._running.pop(job.key, None)
        self._waiting = {job.key: job, **self._waiting}

    def epochs_done(self, job: Job) -> float:
        """Epochs of a running training, including the share of the current one."""
        running = self._running.get(job.key)
        return 0.0 if running is None else self._epochs_of(running)

    @property
    def share(self) -> float:
        """Share of everything that is done, 0 to 1."""
        done = self._ended
        for running in list(self._running.values()):
            left = whole_epochs(running.job.recipe, self._epochs_of(running)) * self._network(running.job).cost
            done += self._cost(running.job) - left
        return done / self._total if self._total else 1.0

    @property
    def seconds_left(self) -> float | None:
        """Seconds until the last training ends; waiting ones go, in order, to the first free worker.

        None before anything is measured.
        """
        running = [self._seconds_left(r.job, self._epochs_of(r)) for r in list(self._running.values())]
        waiting = [self._seconds_left(job, 0) for job in list(self._waiting.values())]
        if None in running or None in waiting:
            return None
        free = sorted([*filter(None, running), *[0.0] * self._workers], reverse=True)[
            : max(self._workers, len(running))
        ]
        heapq.heapify(free)
        for seconds in filter(None, waiting):
            heapq.heapreplace(free, free[0] + seconds)
        return max(free)

    def _epochs_of(self, running: _Running) -> float:
        recipe, done = running.job.recipe, running.epochs
        seconds = self._epoch_seconds(running.job)
        if seconds is None or done == recipe.epochs:
            return done
        this = seconds * (whole_epochs(recipe, done) - whole_epochs(recipe, done + 1))
        return done + min((self._now() - running.since) / this, MAX_GUESS)

    def _seconds_left(self, job: Job, done: float) -> float | None:
        seconds = self._epoch_seconds(job)
        return None if seconds is None else seconds * whole_epochs(job.recipe, done)

    def _epoch_seconds(self, job: Job) -> float | None:
        """Seconds of a full epoch: measured for this network, else from the others' rate."""
        network = self._network(job)
        if network in self._epochs:
            return self._seconds[network] / self._epochs[network]
        return None if self._rate is None else self._rate * network.cost

    def _cost(self, job: Job) -> float:
        return whole_epochs(job.recipe) * self._network(job).cost

    def _network(self, job: Job) -> _Network:
        """Look up a job's network; recounting its cost for each frame of a progress bar would be slow."""
        if job.key not in self._networks:
            self._networks[job.key] = _Network(epoch_cost(job), job.architecture.digest + job.recipe.to_json())
        return self._networks[job.key]
