"""The contract of executors (``makeweight/jobs/executors/base.py``), run over every one of them."""

from __future__ import annotations

import dataclasses
import multiprocessing
import os
import signal
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from makeweight.data.dataset import PreparedDataset
from makeweight.jobs.executors.base import EpochDone, Event, Executor, Failed, Finished, Lost, Stopped
from makeweight.jobs.executors.local import LocalExecutor
from makeweight.jobs.job import Assignment
from makeweight.jobs.result import Job, Result, Trained
from makeweight.training.precision import Hardware

ENDLESS = 100_000  # epochs: the job runs until it is stopped
HARDWARE = Hardware("cpu", "fp32", 1)
SILENCE = 4.0  # seconds; the local executor allows no less


@dataclass(frozen=True)
class Kind:
    """How the suite makes an executor, and finds the process that runs a job."""

    start: Callable[..., Any]
    pid: Callable[[Any, str], int]


def start_ray(slots: int, **changes: Any) -> Any:
    """Workers on a Ray that all tests of this process share: several executors may be at work on a cluster."""
    pytest.importorskip("ray", reason="Ray is an extra, and not installed")
    from makeweight.jobs.executors.ray import RayExecutor, connect

    connect(None, slots=8)
    return RayExecutor(slots, **changes)


def worker_pid(executor: Any, key: str) -> int:
    """Process id of the worker that runs a job; a job may have to wait for its worker to come up."""
    deadline = time.monotonic() + 60
    while key not in executor.worker_pids() and time.monotonic() < deadline:
        executor.events(0.1)
    return executor.worker_pids()[key]


KINDS = {"local": Kind(LocalExecutor, worker_pid), "ray": Kind(start_ray, worker_pid)}


@pytest.fixture(scope="module", params=KINDS)
def kind(request: pytest.FixtureRequest) -> Kind:
    return KINDS[request.param]


@pytest.fixture(scope="module")
def pool(kind: Kind) -> Iterator[Any]:
    """Two slots that the tests share: an executor must serve job after job."""
    executor = kind.start(2)
    yield executor
    executor.close()


@pytest.fixture(scope="module")
def assign(digits: PreparedDataset) -> Callable[..., Assignment]:
    def make(job: Job, **changes: Any) -> Assignment:
        return Assignment(job, digits.path, HARDWARE, **{"checkpoint_seconds": 1e9, **changes})

    return make


@pytest.fixture(scope="module")
def reference_job(make_job: Callable[..., Job]) -> Job:
    """A job whose state is more than its weights: momenta, an average, and a generator drawn from for each image."""
    return make_job("cnn", ema=0.9, crop=1, flip=True, epochs=8, batch_size=32)


@pytest.fixture(scope="module")
def reference(pool: Executor, assign: Callable[..., Assignment], reference_job: Job) -> list[Event]:
    """The events of an undisturbed run, with a checkpoint after each epoch but the last."""
    pool.submit(assign(reference_job, checkpoint_seconds=0.0))
    return gather(pool, {reference_job.key})


def gather(executor: Executor, keys: set[str], seconds: float = 90) -> list[Event]:
    """Listen until each of these jobs has ended."""
    return listen(executor, lambda events: keys <= {e.key for e in events if not isinstance(e, EpochDone)}, seconds)


def listen(executor: Executor, enough: Callable[[list[Event]], bool], seconds: float = 90) -> list[Event]:
    events: list[Event] = []
    deadline = time.monotonic() + seconds
    while not enough(events):
        assert time.monotonic() < deadline, f"nothing more after {[(type(e).__name__, e.key[:6]) for e in events]}"
        events += executor.events(0.2)
    return events


def of(key: str, events: list[Event]) -> list[Event]:
    return [event for event in events if event.key == key]


def epochs(key: str, events: list[Event]) -> list[int]:
    return [event.record.epoch for event in of(key, events) if isinstance(event, EpochDone)]


def only_result(key: str, events: list[Event]) -> Result:
    [event] = [event for event in of(key, events) if not isinstance(event, EpochDone)]
    assert isinstance(event, Finished), event
    assert isinstance(event.result, Result)
    return event.result


def assert_same_bits(one: Result, other: Result) -> None:
    assert one.weights.keys() == other.weights.keys()
    for name in one.weights:
        assert one.weights[name].tobytes() == other.weights[name].tobytes(), name
    assert one.test_logits.tobytes() == other.test_logits.tobytes()
    for before, after in zip(one.epochs, other.epochs, strict=True):
        timeless = {"train_seconds": 0.0, "validation_seconds": 0.0}
        assert dataclasses.replace(before, **timeless) == dataclasses.replace(after, **timeless)


def test_every_job_ends_once_and_a_failure_costs_only_its_own_job(
    pool: Executor, assign: Callable[..., Assignment], make_job: Callable[..., Job]
) -> None:
    good = [make_job(seed=seed, epochs=3) for seed in range(3)]
    diverging = make_job(epochs=3, learning_rate=1e30)
    mistaken = dataclasses.replace(make_job(epochs=3), data_digest="0" * 64)
    jobs = [good[0], diverging, mistaken, *good[1:]]
    for job in jobs:
        pool.submit(assign(job))

    events = gather(pool, {job.key for job in jobs})

    assert Counter(e.key for e in events if not isinstance(e, EpochDone)) == Counter(job.key for job in jobs)
    for job in good:
        result = only_result(job.key, events)
        assert epochs(job.key, events) == [1, 2, 3]
        assert isinstance(of(job.key, events)[-1], Finished)
        assert [record.epoch for record in result.epochs] == [1, 2, 3]
    reasons = {e.key: e.reason for e in events if isinstance(e, Failed)}
    assert reasons.keys() == {diverging.key, mistaken.key}
    assert "learning rate" in reasons[diverging.key]
    assert "0" * 12 in reasons[mistaken.key]
    assert "digest" in reasons[mistaken.key]
    assert pool.events(0.1) == []


def test_a_result_scores_the_test_images_with_the_kept_weights(
    reference: list[Event], reference_job: Job, digits: PreparedDataset
) -> None:
    result = only_result(reference_job.key, reference)
    assert result.test_logits.shape == (len(digits.test_images().labels), digits.classes)
    np.testing.assert_array_equal(result.test_labels, digits.test_images().labels)
    assert 0.3 < result.test_accuracy <= 1
    assert result.environment.threads == HARDWARE.threads


def test_the_same_job_gives_the_same_bits(
    pool: Executor, assign: Callable[..., Assignment], reference: list[Event], reference_job: Job
) -> None:
    pool.submit(assign(reference_job))
    again = gather(pool, {reference_job.key})
    assert_same_bits(only_result(reference_job.key, reference), only_result(reference_job.key, again))


@pytest.mark.parametrize("epoch", [1, 5])
def test_a_job_resumed_from_a_checkpoint_gives_the_same_bits(
    pool: Executor, assign: Callable[..., Assignment], reference: list[Event], reference_job: Job, epoch: int
) -> None:
    progress = [event for event in reference if isinstance(event, EpochDone)]
    assert [p.checkpoint is not None for p in progress] == [True] * 7 + [False]
    before = tuple(p.record for p in progress[:epoch])
    pool.submit(assign(reference_job, checkpoint=progress[epoch - 1].checkpoint, epochs_before=before))

    events = gather(pool, {reference_job.key})

    assert epochs(reference_job.key, events) == list(range(epoch + 1, 9))
    assert_same_bits(only_result(reference_job.key, reference), only_result(reference_job.key, events))


def test_jobs_run_side_by_side_and_stop_after_their_epoch_with_a_checkpoint(
    pool: Executor, assign: Callable[..., Assignment], make_job: Callable[..., Job]
) -> None:
    running = [make_job(seed=seed, epochs=ENDLESS) for seed in range(2)]
    waiting = make_job(seed=2, epochs=ENDLESS)
    for job in (*running, waiting):
        pool.submit(assign(job))
    events = listen(pool, lambda found: {job.key for job in running} <= {e.key for e in found})
    pool.stop()
    events += gather(pool, {job.key for job in (*running, waiting)})

    assert pool.slots == 2
    assert [type(event) for event in of(waiting.key, events)] == [Lost]
    for job in running:
        *told, end = of(job.key, events)
        assert isinstance(end, Stopped)
        assert epochs(job.key, events) == list(range(1, len(told) + 1))
        checkpoints = [event.checkpoint for event in told if isinstance(event, EpochDone)]
        assert checkpoints[-1] is not None
        assert not any(checkpoints[:-1])


def test_a_cancelled_job_stops_and_its_neighbour_goes_on(
    pool: Executor, assign: Callable[..., Assignment], make_job: Callable[..., Job]
) -> None:
    cancelled, neighbour = (make_job(seed=seed, epochs=ENDLESS) for seed in range(2))
    waiting, short = make_job(seed=2, epochs=ENDLESS), make_job(seed=3, epochs=2)
    for job in (cancelled, neighbour, waiting, short):
        pool.submit(assign(job))
    listen(pool, lambda found: {cancelled.key, neighbour.key} <= {e.key for e in found})
    for job in (cancelled, waiting):
        pool.cancel(job.key)
    events = gather(pool, {cancelled.key, waiting.key, short.key})

    assert isinstance(of(cancelled.key, events)[-1], Stopped)
    assert [type(event) for event in of(waiting.key, events)] == [Lost]
    assert len(only_result(short.key, events).epochs) == 2
    pool.cancel(short.key)  # has ended: nothing happens
    assert epochs(neighbour.key, listen(pool, lambda found: len(found) > 2))
    pool.cancel(neighbour.key)
    assert isinstance(gather(pool, {neighbour.key})[-1], Stopped)


def test_a_job_without_testing_is_tested_later_with_the_same_bits(
    pool: Executor, assign: Callable[..., Assignment], reference: list[Event], reference_job: Job
) -> None:
    pool.submit(assign(reference_job, testing=False))
    events = gather(pool, {reference_job.key})
    *told, end = of(reference_job.key, events)
    assert isinstance(end, Finished)
    assert isinstance(end.result, Trained)
    [last] = [e.checkpoint for e in told if isinstance(e, EpochDone) and e.checkpoint is not None]

    pool.submit(assign(reference_job, checkpoint=last, epochs_before=end.result.epochs))
    later = gather(pool, {reference_job.key})

    assert epochs(reference_job.key, later) == []
    assert_same_bits(only_result(reference_job.key, reference), only_result(reference_job.key, later))


def test_a_stopped_executor_takes_the_next_job(
    pool: Executor, assign: Callable[..., Assignment], make_job: Callable[..., Job]
) -> None:
    job = make_job(epochs=2, seed=7)
    pool.stop()
    pool.submit(assign(job))
    assert len(only_result(job.key, gather(pool, {job.key})).epochs) == 2


def test_a_killed_worker_costs_its_own_job_which_can_run_again(
    kind: Kind, pool: Any, assign: Callable[..., Assignment], reference: list[Event], reference_job: Job,
    make_job: Callable[..., Job],
) -> None:  # fmt: skip
    neighbour = make_job(seed=3, epochs=ENDLESS)
    victim = dataclasses.replace(reference_job, recipe=dataclasses.replace(reference_job.recipe, epochs=ENDLESS))
    for job in (neighbour, victim):
        pool.submit(assign(job))
    events = listen(pool, lambda found: {neighbour.key, victim.key} <= {e.key for e in found})

    os.kill(kind.pid(pool, victim.key), signal.SIGKILL)
    events += gather(pool, {victim.key})
    assert isinstance(of(victim.key, events)[-1], Lost)

    pool.submit(assign(reference_job))  # the slot is filled again, and the neighbour goes on meanwhile
    again = gather(pool, {reference_job.key})
    assert_same_bits(only_result(reference_job.key, reference), only_result(reference_job.key, again))
    assert epochs(neighbour.key, again)
    pool.stop()
    last = gather(pool, {neighbour.key})
    told = epochs(neighbour.key, events + again + last)
    assert told == list(range(1, len(told) + 1))
    assert isinstance(of(neighbour.key, last)[-1], Stopped)


@pytest.mark.parametrize("kind", ["local", pytest.param("ray", marks=pytest.mark.slow)], indirect=True)
def test_a_hung_worker_is_noticed_and_a_pause_of_everything_is_not_taken_for_one(
    kind: Kind, assign: Callable[..., Assignment], make_job: Callable[..., Job], all_end: Callable[..., bool]
) -> None:
    executor, job = kind.start(1, silence_seconds=SILENCE), make_job(epochs=ENDLESS)
    try:
        executor.submit(assign(job))
        listen(executor, bool)
        pid = kind.pid(executor, job.key)
        os.kill(pid, signal.SIGSTOP)
        while executor.events(0.3):
            pass
        time.sleep(SILENCE + 1)  # as after Ctrl-Z, which stops the workers with the runner
        assert executor.events(0) == []
        os.kill(pid, signal.SIGCONT)
        assert {type(event) for event in listen(executor, bool)} == {EpochDone}

        os.kill(pid, signal.SIGSTOP)
        events = gather(executor, {job.key}, seconds=SILENCE + 15)
        assert isinstance(events[-1], Lost)
        assert "no sign of life" in events[-1].reason
        assert all_end([pid])
    finally:
        executor.close()


def test_nothing_is_left_after_close(
    kind: Kind, assign: Callable[..., Assignment], make_job: Callable[..., Job], all_end: Callable[..., bool]
) -> None:
    before = set(multiprocessing.active_children())
    executor, jobs = kind.start(2), [make_job(seed=seed, epochs=ENDLESS) for seed in range(3)]
    for job in jobs:
        executor.submit(assign(job))
    pids = [kind.pid(executor, job.key) for job in jobs[:2]]
    executor.close()
    assert all_end(pids, seconds=5)
    assert set(multiprocessing.active_children()) <= before
    executor.close()  # closing twice is no error
