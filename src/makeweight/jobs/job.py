"""One job to one result: a pure function that yields steps, so that a caller can watch, save and stop it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from makeweight.data.dataset import PreparedDataset, open_prepared
from makeweight.errors import DataMismatch
from makeweight.jobs.environment import describe_environment
from makeweight.jobs.result import Job, Result, Score, Trained
from makeweight.jobs.verified import verify_once
from makeweight.training.checkpoint import capture
from makeweight.training.evaluate import logits_of
from makeweight.training.images import Images, Rows, TrainingData
from makeweight.training.precision import Hardware
from makeweight.training.records import EpochRecord
from makeweight.training.session import training
from makeweight.training.state import TrainingState


@dataclass(frozen=True)
class Assignment:
    """A job with where and how to run it."""

    job: Job
    data_path: Path  # of the prepared data set
    hardware: Hardware
    checkpoint: bytes | None = None  # to resume from
    epochs_before: tuple[EpochRecord, ...] = ()  # up to the checkpoint
    checkpoint_seconds: float = 5.0  # between two checkpoints, at least: writing them must stay cheap
    testing: bool = True  # False in tuning's search and confirmation: the test images stay closed


@dataclass(frozen=True)
class EpochDone:
    """A job has finished an epoch."""

    key: str  # of the job
    record: EpochRecord
    checkpoint: bytes | None  # where one is due


def run_job(
    assignment: Assignment, stopping: Callable[[], bool] = lambda: False
) -> Iterator[EpochDone | Result | Trained]:
    """Run a job; the last thing yielded is its result.

    The test images are opened once, after the last epoch. An assignment without ``testing`` never opens them: its last
    epoch carries a checkpoint, from which a later assignment of the same job is tested, and it ends with
    :class:`Trained`. Once ``stopping`` says so, the next epoch carries a
    checkpoint and is the last thing yielded, unless the job has just ended.

    Raises
    ------
    TrainingDiverged
        If the loss becomes NaN or infinite.
    DataMismatch
        If the prepared data are not those of the job, or are damaged.
    """
    job, dataset = assignment.job, _open(assignment)
    data, epochs = training_data(dataset, job), list(assignment.epochs_before)
    on = job.architecture, job.recipe, job.seed, assignment.hardware, data, assignment.checkpoint
    with training(*on) as (state, records):
        saved = time.monotonic()
        for record in records:
            epochs.append(record)
            more, stop = record.epoch < job.recipe.epochs, stopping()
            waited = time.monotonic() - saved >= assignment.checkpoint_seconds
            due = (stop or waited) if more else not assignment.testing
            yield EpochDone(job.key, record, capture(state) if due else None)
            if stop and more:
                return
            saved = time.monotonic() if due else saved
        if assignment.testing:
            yield _result(state, tuple(epochs), data, dataset)
        else:
            yield Trained(tuple(epochs), describe_environment(state.hardware))


def _open(assignment: Assignment) -> PreparedDataset:
    dataset = open_prepared(assignment.data_path)
    if dataset.digest != assignment.job.data_digest:
        raise DataMismatch(
            f"the data in {assignment.data_path} have digest {dataset.digest[:12]}, and the job was planned for "
            f"{assignment.job.data_digest[:12]}. Give the same data as before, or start a study of another name."
        )
    verify_once(dataset, testing=assignment.testing)
    return dataset


def training_data(dataset: PreparedDataset, job: Job) -> TrainingData:
    """Return what a job may see while it trains: its training and its validation split."""
    labelled = dataset.training_images()
    split = dataset.split(job.recipe.validation, job.split_seed)
    return TrainingData(labelled.images, labelled.labels, split.train, split.validation)


def _result(
    state: TrainingState, epochs: tuple[EpochRecord, ...], data: TrainingData, dataset: PreparedDataset
) -> Result:
    test, network, hardware = dataset.test_images(), state.result, state.hardware
    images = Images(network, test.images, test.labels, np.arange(len(test.labels)), hardware.device, hardware.dtype)
    return Result(
        epochs=epochs,
        weights={name: tensor.cpu().numpy() for name, tensor in network.state_dict().items()},
        test_logits=logits_of(network, images).cpu().numpy(),
        test_labels=np.asarray(test.labels),
        scores={
            "training": _score(state, data, _sample(data.train, len(data.validation))),
            "validation": _score(state, data, data.validation),
        },
        environment=describe_environment(hardware),
    )


def _sample(rows: Rows, count: int) -> Rows:
    """Take as many training images as there are validation images: enough to compare, and quick to score."""
    chosen = np.random.default_rng(0).permutation(len(rows))[:count]
    return rows[np.sort(chosen)]


def _score(state: TrainingState, data: TrainingData, rows: Rows) -> Score:
    network, hardware = state.result, state.hardware
    images = Images(network, data.images, data.labels, rows, hardware.device, hardware.dtype)
    logits = logits_of(network, images)
    losses = torch.nn.functional.cross_entropy(logits, images.labels, reduction="none").double()
    hits = (logits.argmax(1) == images.labels).double()
    return Score(len(rows), float(hits.mean()), float(losses.mean()), float(losses.std(correction=0)))
