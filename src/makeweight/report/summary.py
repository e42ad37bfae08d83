"""A study's results, brought together by network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from makeweight.design.architecture import Architecture
from makeweight.design.budget import format_budget
from makeweight.errors import StoreError
from makeweight.jobs.result import Measurement, Score
from makeweight.report.reference import Reference, reference_for
from makeweight.stats.intervals import Interval, accuracy_interval, batch_sd
from makeweight.store.rows import JobRow, ResultRow
from makeweight.store.store import Store
from makeweight.training.recipe import Recipe
from makeweight.training.records import EpochRecord


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

    label: str  # short name, for example FCN 100K
    study: str  # name of its folder, as commands and addresses have it
    data_digest: str  # of the data that it was trained and tested on
    family: str
    budget: int
    weights: int
    macs: int
    runs: tuple[Run, ...]
    test_accuracy: Interval
    validation_accuracy: float  # mean over seeds, 0 to 1
    batch_sd: float  # mean over seeds; the report's "±"
    train_seconds: float  # mean over seeds
    reference: Reference | None
    architecture: Architecture
    recipe: Recipe
    measurement: Measurement | None  # of the first seed that was measured
    labels: NDArray[np.int64] = field(repr=False, compare=False)  # (n,) of the test images

    @property
    def logits(self) -> NDArray[np.float32]:
        """(s, n, k) on the test images."""
        return np.stack([run.logits for run in self.runs])

    @property
    def predicted(self) -> NDArray[np.int64]:
        """(s, n) labels given to the test images."""
        return np.stack([run.logits.argmax(axis=1) for run in self.runs])

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

    @property
    def has_reference(self) -> bool:
        """Whether the original report has one of the networks."""
        return any(network.reference for network in self.networks)


def summarise(folder: Path, only: Sequence[tuple[str, int]] | None = None) -> StudySummary:
    """Read a study and bring its results together.

    Parameters
    ----------
    folder : pathlib.Path
    only : sequence of (family, budget), optional
        The networks to read, as if the study had no others; all by default.

    Raises
    ------
    StoreError
        If there is no study in the folder, or its store cannot be read.
    """
    with Store.open(folder) as store:
        study = store.study()
        if study is None:
            raise StoreError(f"the study in {folder} has not been planned. Run it with: makeweight study")
        problems = list[str]()
        rows = store.jobs() if only is None else [row for network in only for row in store.jobs(network)]
        groups: dict[tuple[str, int], list[JobRow]] = {}
        for row in rows:
            groups.setdefault((row.job.family, row.job.budget), []).append(row)
        networks = [_network(store, study.dataset, group, problems) for group in groups.values()]
        done = [row for row in rows if row.result is not None]
        return StudySummary(
            name=study.name,
            dataset=study.dataset,
            created=study.created[:10],
            class_names=class_names(study.class_names, networks),
            networks=tuple(
                sorted(filter(None, networks), key=lambda network: network_order(network.family, network.budget))
            ),
            jobs_total=len(rows),
            jobs_done=len(done),
            failures=tuple(_failure(row) for row in rows if row.state == "failed"),
            wall_seconds=store.wall_seconds(),
            environment=_environments(done, problems),
            problems=tuple(problems),
        )


def summarise_runs(folder: Path, rows: tuple[JobRow, ...]) -> NetworkSummary:
    """Bring some runs of one network together.

    Raises
    ------
    StoreError
        If none of them can be read.
    """
    with Store.open(folder) as store:
        study, problems = store.study(), list[str]()
        network = _network(store, study.dataset if study else "", list(rows), problems)
    if network is None:
        raise StoreError(" ".join(problems) or f"no run of that network in {folder} is finished.")
    return network


def _network(store: Store, dataset: str, rows: list[JobRow], problems: list[str]) -> NetworkSummary | None:
    """Bring the readable results of one network together; a damaged file costs its own result only."""
    readable, predictions = [], []
    for row in rows:
        if row.result is None:
            continue
        try:
            predictions.append(store.predictions(row))
            readable.append((row, row.result))
        except StoreError as error:
            problems.append(f"{row.job.family} {format_budget(row.job.budget)}, seed {row.job.seed}: {error}")
    if not readable:
        return None
    first = readable[0][0]
    correct = np.stack([of_one.correct for of_one in predictions])
    measurements = (store.measurement(row.job.key) for row, _ in readable)
    return NetworkSummary(
        label=network_label(first.job.family, first.job.budget),
        study=store.folder.name,
        data_digest=first.job.data_digest,
        family=first.job.family,
        budget=first.job.budget,
        weights=first.weights,
        macs=first.macs,
        runs=tuple(
            _run(store, row, result, of_one.logits) for (row, result), of_one in zip(readable, predictions, strict=True)
        ),
        test_accuracy=accuracy_interval(correct),
        validation_accuracy=float(np.mean([result.validation_accuracy for _, result in readable])),
        batch_sd=float(np.mean([batch_sd(of_one) for of_one in correct])),
        train_seconds=float(np.mean([result.train_seconds for _, result in readable])),
        reference=reference_for(dataset, first.job.family, first.job.budget),
        architecture=first.job.architecture,
        recipe=first.job.recipe,
        measurement=next(filter(None, measurements), None),
        labels=predictions[0].labels,
    )


def _run(store: Store, row: JobRow, result: ResultRow, logits: NDArray[np.float32]) -> Run:
    key = row.job.key
    return Run(key, row.job.seed, store.epochs(key), result.test_accuracy, store.scores(key), logits)


def class_names(names: tuple[str, ...], networks: Sequence[NetworkSummary | None]) -> tuple[str, ...]:
    """Call the classes of a study older than class names by their numbers."""
    classes = next((network.architecture.classes for network in networks if network), 0)
    return names or tuple(map(str, range(classes)))


def network_label(family: str, budget: int) -> str:
    """Short name of a network, for example FCN 100K."""
    return f"{family.upper()} {format_budget(budget)}"


def network_order(family: str, budget: int) -> tuple[bool, str, int]:
    """Where a network stands in tables: fully connected ones first, then by family and budget."""
    return family != "fcn", family, budget


def _failure(row: JobRow) -> str:
    return f"{row.job.family} {format_budget(row.job.budget)}, seed {row.job.seed}: {row.reason}"


def _environments(done: list[JobRow], problems: list[str]) -> str:
    """Describe what the results were computed with, and note where they differ."""
    found: dict[str, None] = {}
    for row in done:
        if row.result is not None:
            e = row.result.environment
            device = e.device if e.device != "cpu" else f"{e.processors} cores"
            threads = f"{e.threads} thread{'s' * (e.threads > 1)} a job"
            line = f"{e.processor}, {device}, {threads}, {e.precision}; torch {e.torch}, makeweight {e.makeweight}"
            found[line] = None
    if len(found) > 1:
        problems.append(
            "these results were computed with different software, machines or settings, so their times and last "
            f"digits are not comparable: {' | '.join(found)}. Start a study of another --name to have them apart."
        )
    return next(iter(found), "")
