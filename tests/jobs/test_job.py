"""One job to one result, in this process."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import pytest

from makeweight.data.dataset import LabelledImages, PreparedDataset
from makeweight.errors import DataMismatch, DataNotFound, TrainingDiverged
from makeweight.jobs.environment import describe_environment
from makeweight.jobs.job import Assignment, EpochDone, run_job
from makeweight.jobs.result import Environment, Job, Result
from makeweight.store.rows import checked_text
from makeweight.training.precision import Hardware

HARDWARE = Hardware("cpu", "fp32", 1)


@pytest.fixture
def job(make_job: Callable[..., Job]) -> Job:
    return make_job(epochs=3)


@pytest.fixture
def assignment(job: Job, digits: PreparedDataset) -> Assignment:
    return Assignment(job, digits.path, HARDWARE, checkpoint_seconds=0.0)


def test_the_test_images_are_opened_once_and_only_after_the_last_epoch(
    assignment: Assignment, monkeypatch: pytest.MonkeyPatch
) -> None:
    opened: list[int] = []
    real, steps = PreparedDataset.test_images, list[EpochDone | Result]()

    def watched(self: PreparedDataset) -> LabelledImages:
        opened.append(len(steps))
        return real(self)

    monkeypatch.setattr(PreparedDataset, "test_images", watched)
    for step in run_job(assignment):
        steps.append(step)
    assert [type(step) for step in steps] == [EpochDone, EpochDone, EpochDone, Result]
    assert opened == [3]


def test_a_stop_request_ends_the_job_after_its_epoch_with_a_checkpoint(assignment: Assignment) -> None:
    seldom = dataclasses.replace(assignment, checkpoint_seconds=1e9)
    stopping = iter([False, True]).__next__
    steps = list(run_job(seldom, stopping))
    assert [step.record.epoch for step in steps if isinstance(step, EpochDone)] == [1, 2]
    assert [step.checkpoint is None for step in steps if isinstance(step, EpochDone)] == [True, False]


def test_a_stop_request_in_the_last_epoch_comes_too_late(assignment: Assignment) -> None:
    stopping = iter([False, False, True]).__next__
    assert isinstance(list(run_job(assignment, stopping))[-1], Result)


@pytest.mark.parametrize(("epochs", "batch_size"), [(3, 64), (2, 1_000_000)])
def test_a_loss_that_is_not_finite_fails_the_job_and_is_never_recorded(
    make_job: Callable[..., Job], digits: PreparedDataset, epochs: int, batch_size: int
) -> None:
    # With one step an epoch the loss of that step is finite, and what it does to the network shows in validation.
    job = make_job(epochs=epochs, batch_size=batch_size, learning_rate=1e30)
    with pytest.raises(TrainingDiverged, match=r"became nan in epoch 1.*smaller learning rate"):
        list(run_job(Assignment(job, digits.path, HARDWARE)))


def test_other_data_than_planned_are_refused(assignment: Assignment) -> None:
    other = dataclasses.replace(assignment.job, data_digest="f" * 64)
    with pytest.raises(DataMismatch, match=r"digest .* planned for ffffffffffff"):
        next(run_job(dataclasses.replace(assignment, job=other)))


def test_data_that_are_gone_are_named(assignment: Assignment, tmp_path: Path) -> None:
    with pytest.raises(DataNotFound, match="nowhere"):
        next(run_job(dataclasses.replace(assignment, data_path=tmp_path / "nowhere")))


def test_the_key_depends_on_all_that_the_result_depends_on(job: Job, make_job: Callable[..., Job]) -> None:
    changed = [
        dataclasses.replace(job, seed=1),
        dataclasses.replace(job, split_seed=1),
        dataclasses.replace(job, data_digest="0" * 64),
        dataclasses.replace(job, budget=job.budget + 1),
        dataclasses.replace(job, recipe=dataclasses.replace(job.recipe, momentum=0.5)),
        dataclasses.replace(job, architecture=make_job(budget=3_000).architecture),
    ]
    keys = {job.key, *(other.key for other in changed)}
    assert len(keys) == len(changed) + 1
    assert dataclasses.replace(job).key == job.key
    assert dataclasses.replace(job, variant=(("kernel", 3),)).key == job.key  # that is its name alone


def test_the_environment_says_what_computed_it() -> None:
    found = describe_environment(HARDWARE)
    assert (found.device, found.precision, found.threads) == ("cpu", "fp32", 1)
    assert all((found.python, found.torch, found.makeweight, found.platform, found.processor))
    assert checked_text(Environment, found.to_json()) == found
