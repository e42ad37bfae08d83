"""A study's results, brought together by network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from makeweight.designs.architecture import Architecture
from makeweight.designs.families import described
from makeweight.designs.families.base import Reported
from makeweight.designs.limits import NO_LIMITS, Limits, limits_of
from makeweight.errors import InvalidValue, StoreError
from makeweight.jobs.network import NetworkId
from makeweight.jobs.result import Measurement, Score
from makeweight.stats.classes import recalls
from makeweight.stats.intervals import Interval, accuracy_interval, batch_sd
from makeweight.store.looks import Looks, read_looks
from makeweight.store.rows import JobRow, ResultRow, TestPredictions
from makeweight.store.store import REMEDY, Store
from makeweight.text import visible
from makeweight.training.recipe import Recipe
from makeweight.training.records import EpochRecord, training_seconds
from makeweight.wording import plural

IMBALANCED = 3.0  # images of the largest class for one of the smallest
REPORTED_ON = "fashion-mnist"  # the data set of the course report that makeweight started from


@dataclass(frozen=True)
class Run:
    """One finished training."""

    key: str
    seed: int
    epochs: tuple[EpochRecord, ...]
    test_accuracy: float  # 0 to 1
    scores: dict[str, Score]  # by split; empty for results older than scores
    logits: NDArray[np.float32] = field(repr=False, compare=False)  # (n, k) on the test images


@dataclass(frozen=True)
class NetworkSummary:
    """One network over its seeds."""

    label: str  # its network id's, or what else tells it from those it is compared with
    study: str  # name of its folder, as commands and addresses have it
    data_digest: str  # of the data that it was trained and tested on
    network_id: NetworkId
    weights: int
    macs: int
    runs: tuple[Run, ...]
    test_accuracy: Interval
    validation_accuracy: float  # mean over seeds, 0 to 1
    batch_sd: float  # mean over seeds; the course report's "±"
    train_seconds: float  # mean over seeds
    reference: Reported | None
    architecture: Architecture
    recipe: Recipe
    measurement: Measurement | None  # of the first seed that was measured
    labels: NDArray[np.int64] = field(repr=False, compare=False)  # (n,) of the test images

    @property
    def family(self) -> str:
        """Name of its family."""
        return self.network_id.family

    @property
    def budget(self) -> int:
        """The weights it may have."""
        return self.network_id.budget

    @property
    def logits(self) -> NDArray[np.float32]:
        """(s, n, k) on the test images."""
        return np.stack([run.logits for run in self.runs])

    @property
    def predicted(self) -> NDArray[np.int64]:
        """(s, n) labels given to the test images."""
        return np.stack([run.logits.argmax(axis=1) for run in self.runs])

    @property
    def recalls(self) -> NDArray[np.float64]:
        """(k,) share of each class's test images that are given their label, mean over seeds; NaN without images."""
        return recalls(self.predicted, self.labels)

    @property
    def balanced_accuracy(self) -> float:
        """Mean of the recalls, 0 to 1: every class counts as much as any other."""
        return float(np.nanmean(self.recalls))

    @property
    def seconds(self) -> tuple[float, ...]:
        """Training time, one a seed."""
        return tuple(training_seconds(run.epochs) for run in self.runs)

    @property
    def correct(self) -> NDArray[np.bool_]:
        """(s, n) whether they are the true ones."""
        return np.asarray(self.predicted == self.labels)


@dataclass(frozen=True)
class StudySummary:
    """A study as it stands."""

    name: str
    dataset: str
    created: str  # day of the first plan, UTC, ISO 8601
    class_names: tuple[str, ...]  # by label
    networks: tuple[NetworkSummary, ...]  # those with a result, by family and budget
    jobs_total: int
    jobs_done: int
    failures: tuple[str, ...]  # one line each
    wall_seconds: float  # of all runners
    environment: str  # one line
    problems: tuple[str, ...]  # results that cannot be read, and results that should not be mixed
    looks: Looks  # at the test images, by all studies of the store
    limits: Limits  # of every network, besides its weights

    @property
    def best(self) -> NetworkSummary | None:
        """The network of the highest test accuracy."""
        return max(self.networks, key=lambda network: network.test_accuracy.mean, default=None)

    @property
    def imbalance(self) -> float:
        """Test images of the largest class for each of the smallest that has any."""
        counts = np.bincount(self.networks[0].labels) if self.networks else np.ones(1)
        return float(counts.max() / counts[counts > 0].min())

    @property
    def is_imbalanced(self) -> bool:
        """Whether accuracy says little about the rare classes, so that balanced accuracy stands beside it."""
        return self.imbalance > IMBALANCED

    @property
    def has_reference(self) -> bool:
        """Whether the course report has one of the networks."""
        return any(network.reference for network in self.networks)


def summarise(folder: Path, only: Sequence[NetworkId] | None = None) -> StudySummary:
    """Read a study and bring its results together.

    Parameters
    ----------
    folder : pathlib.Path
    only : sequence of NetworkId, optional
        The networks to read, as if the study had no others; all by default.

    Raises
    ------
    StoreError
        If there is no study in the folder, or its store cannot be read.
    """
    with Store.open(folder) as store:
        study = store.study()
        problems = list[str]()
        read = [store.read_jobs(network) for network in ([None] if only is None else only)]
        rows, damage = [row for rows, _ in read for row in rows], [line for _, lines in read for line in lines]
        if damage and not rows:
            raise StoreError(" ".join(damage))
        problems += damage
        groups: dict[NetworkId, list[JobRow]] = {}
        for row in rows:
            groups.setdefault(row.job.network_id, []).append(row)
        networks = [_network(store, study.dataset, group, problems) for group in groups.values()]
        classes = next((row.job.architecture.classes for row in rows), 0)
        problems += study.damage(classes) if rows else ()
        try:
            limits = limits_of(study.settings)
        except InvalidValue as error:
            limits, problems = NO_LIMITS, [*problems, str(error)]
        done = [row for row in rows if row.result is not None]
        return StudySummary(
            name=study.name,
            dataset=study.dataset,
            created=study.created[:10],
            class_names=tuple(map(visible, study.names(classes))),
            networks=tuple(sorted(filter(None, networks), key=lambda network: network.network_id.order)),
            jobs_total=len(rows) + len(damage),
            jobs_done=len(done),
            failures=tuple(_failure(row) for row in rows if row.state == "failed"),
            wall_seconds=store.wall_seconds(),
            environment=_environments(done, problems),
            problems=tuple(problems),
            looks=read_looks(folder, study.data_digest),
            limits=limits,
        )


def summarise_runs(folder: Path, rows: tuple[JobRow, ...]) -> NetworkSummary:
    """Bring some runs of one network together.

    Raises
    ------
    StoreError
        If none of them can be read.
    """
    with Store.open(folder) as store:
        problems = list[str]()
        network = _network(store, store.study().dataset, list(rows), problems)
    if network is None:
        raise StoreError(" ".join(problems) or f"no run of that network in {folder} is finished.")
    return network


def _network(store: Store, dataset: str, rows: list[JobRow], problems: list[str]) -> NetworkSummary | None:
    """Bring the readable results of one network together; damage costs its own result only."""
    runs, results = list[Run](), list[ResultRow]()
    predictions, measurement = list[TestPredictions](), None
    for row in rows:
        if row.result is None:
            continue
        try:
            answers = store.predictions(row)
            runs.append(_run(store, row, row.result, answers.logits))
        except StoreError as error:
            problems.append(f"{row.job.label}: {error}")
            continue
        results.append(row.result)
        predictions.append(answers)
        try:
            measurement = measurement or store.measurement(row.job.key)
        except StoreError as error:
            problems.append(f"{row.job.label}: {error}")
    if not runs:
        return None
    first = rows[0]
    correct = np.stack([answers.correct for answers in predictions])
    return NetworkSummary(
        label=first.job.network_id.label,
        study=store.folder.name,
        data_digest=first.job.data_digest,
        network_id=first.job.network_id,
        weights=first.weights,
        macs=first.macs,
        runs=tuple(runs),
        test_accuracy=accuracy_interval(correct),
        validation_accuracy=float(np.mean([result.validation_accuracy for result in results])),
        batch_sd=float(np.mean([batch_sd(answers) for answers in correct])),
        train_seconds=float(np.mean([result.train_seconds for result in results])),
        reference=reference_for(dataset, first.job.network_id),
        architecture=first.job.architecture,
        recipe=first.job.recipe,
        measurement=measurement,
        labels=predictions[0].labels,
    )


def _run(store: Store, row: JobRow, result: ResultRow, logits: NDArray[np.float32]) -> Run:
    """Read what a finished training left.

    Raises
    ------
    StoreError
        If its epochs or scores are missing or damaged.
    """
    key, epochs = row.job.key, store.epochs(row.job.key)
    if not epochs:
        raise StoreError(f"its epochs are missing. {REMEDY}")
    return Run(key, row.job.seed, epochs, result.test_accuracy, store.scores(key), logits)


def lines(networks: Sequence[NetworkSummary]) -> dict[str, list[NetworkSummary]]:
    """Networks that differ from each other in the budget alone, by what they share: FCN, CNN kernel=5."""
    by_name: dict[str, list[NetworkSummary]] = {}
    for network in sorted(networks, key=lambda network: network.network_id.order):
        by_name.setdefault(network.network_id.line, []).append(network)
    return by_name


def reference_for(dataset: str, network: NetworkId) -> Reported | None:
    """Return the course report's network of this family and budget, where it has one."""
    return described(network.family).reported.get(network.budget) if dataset == REPORTED_ON else None


def _failure(row: JobRow) -> str:
    return f"{row.job.label}: {row.reason}"


def _environments(done: list[JobRow], problems: list[str]) -> str:
    """Describe what the results were computed with, and note where they differ."""
    described: dict[str, None] = {}
    for row in done:
        if row.result is not None:
            e = row.result.environment
            device = e.device if e.device != "cpu" else plural(e.processors, "core")
            threads = f"{plural(e.threads, 'thread')} a job"
            line = f"{e.processor}, {device}, {threads}, {e.precision}; torch {e.torch}, makeweight {e.makeweight}"
            described[line] = None
    if len(described) > 1:
        problems.append(
            "these results were computed with different software, machines or settings, so their times and last "
            f"digits are not comparable: {' | '.join(described)}. Start a study of another name to have them apart."
        )
    return next(iter(described), "")
