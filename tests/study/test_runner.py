"""The runner, told by a script what its executor does; real processes are in ``test_resume.py``."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest

from makeweight.data.dataset import PreparedDataset
from makeweight.errors import DataMismatch
from makeweight.jobs.executors.base import EpochDone, Event, Failed, Finished, Lost, Stopped
from makeweight.jobs.job import Assignment
from makeweight.jobs.result import Environment, Job, Result
from makeweight.store.rows import StudyRow
from makeweight.store.store import Store
from makeweight.studies.runner import MAX_ATTEMPTS, JobDone, JobFailed, JobRetried, JobStarted, Runner, Stopping
from makeweight.studies.session import Machine, StudyPlan, run_study
from makeweight.training.precision import Hardware
from makeweight.training.records import EpochRecord

HARDWARE = Hardware("cpu", "fp32", 1)


def record(epoch: int) -> EpochRecord:
    return EpochRecord(epoch, 1.0 / epoch, 1.0, 0.5, 0.1, 100, 1.0, 0.1)


def result(epochs: int = 2) -> Result:
    environment = Environment("3", "2", "1", "", "here", "this one", 2, "cpu", "fp32", 1)
    logits = np.eye(10, dtype=np.float32)
    return Result(tuple(map(record, range(1, epochs + 1))), {"w": logits}, logits, np.arange(10), {}, environment)


Step = Callable[[str], Event]


def epoch(number: int, checkpoint: bytes | None = None) -> Step:
    return lambda key: EpochDone(key, record(number), checkpoint)


def finish(key: str) -> Event:
    return Finished(key, result())


def lose(key: str) -> Event:
    return Lost(key, "the worker process died")


def fail(key: str) -> Event:
    return Failed(key, "the loss became NaN")


class Scripted:
    """An executor that answers each assignment with the next script of its job, one event a call."""

    slots = 1

    def __init__(self, scripts: dict[str, list[list[Step]]]) -> None:
        self._scripts = {key: deque(of_job) for key, of_job in scripts.items()}
        self.assignments: list[Assignment] = []
        self._coming: deque[Event] = deque()
        self.stopped = False

    def submit(self, assignment: Assignment) -> None:
        self.assignments.append(assignment)
        key = assignment.job.key
        self._coming.extend(step(key) for step in self._scripts[key].popleft())

    def events(self, timeout: float) -> list[Event]:
        return [self._coming.popleft()]

    def stop(self) -> None:
        self.stopped = True
        key = self.assignments[-1].job.key
        self._coming = deque([epoch(2, b"at the stop")(key), Stopped(key)])

    def close(self) -> None:
        """Nothing to end."""


@pytest.fixture
def jobs(make_job: Callable[..., Job]) -> list[Job]:
    return [make_job(seed=seed, epochs=4) for seed in range(3)]


@pytest.fixture
def store(tmp_path: Path, jobs: list[Job]) -> Iterator[Store]:
    with Store.create(tmp_path / "study") as created:
        created.plan(StudyRow("study", "{}", "digits", jobs[0].data_digest), jobs)
        yield created


def run(store: Store, executor: Scripted, **options: object) -> list[object]:
    return list(Runner(store, executor, Path("data"), HARDWARE).run(**options))


def kinds(events: list[object], of: Job) -> list[str]:
    return [type(event).__name__ for event in events if not isinstance(event, Stopping) and event.job == of]


def test_jobs_run_in_the_order_of_the_plan_and_nothing_runs_twice(store: Store, jobs: list[Job]) -> None:
    executor = Scripted({job.key: [[epoch(1), epoch(2), finish]] for job in jobs})
    events = run(store, executor)
    assert [a.job for a in executor.assignments] == jobs
    assert kinds(events, jobs[0]) == ["JobStarted", "JobEpoch", "JobEpoch", "JobDone"]
    assert [row.state for row in store.jobs()] == ["done"] * 3
    assert run(store, executor) == []
    assert len(executor.assignments) == 3


def test_a_job_that_fails_is_recorded_and_the_others_go_on(store: Store, jobs: list[Job]) -> None:
    executor = Scripted({jobs[0].key: [[epoch(1), fail]], **{job.key: [[finish]] for job in jobs[1:]}})
    events = run(store, executor)
    assert [e.reason for e in events if isinstance(e, JobFailed)] == ["the loss became NaN"]
    assert [(row.state, row.reason) for row in store.jobs()] == [
        ("failed", "the loss became NaN"), ("done", None), ("done", None)
    ]  # fmt: skip


def test_a_failed_job_is_tried_again_by_the_next_runner(store: Store, jobs: list[Job]) -> None:
    executor = Scripted({jobs[0].key: [[fail], [finish]], **{job.key: [[finish]] for job in jobs[1:]}})
    run(store, executor)
    events = run(store, executor)
    assert [type(event) for event in events] == [JobStarted, JobDone]
    assert [row.state for row in store.jobs()] == ["done"] * 3


def test_a_lost_job_goes_on_from_its_checkpoint(store: Store, jobs: list[Job]) -> None:
    first = [epoch(1), epoch(2, b"after two"), epoch(3), lose]
    executor = Scripted({jobs[0].key: [first, [finish]], **{job.key: [[finish]] for job in jobs[1:]}})
    events = run(store, executor)
    assert kinds(events, jobs[0])[-3:] == ["JobRetried", "JobStarted", "JobDone"]
    again = executor.assignments[1]
    assert again.job == jobs[0]
    assert again.checkpoint == b"after two"
    assert again.epochs_before == (record(1), record(2))
    assert [e.epoch for e in events if isinstance(e, JobStarted)] == [0, 2, 0, 0]


def test_a_job_whose_worker_dies_again_and_again_is_given_up(store: Store, jobs: list[Job]) -> None:
    executor = Scripted({jobs[0].key: [[epoch(1), lose]] * MAX_ATTEMPTS, **{job.key: [[finish]] for job in jobs[1:]}})
    events = run(store, executor)
    assert MAX_ATTEMPTS == 3
    assert sum(isinstance(event, JobRetried) for event in events) == 2
    row = store.jobs()[0]
    assert (row.state, row.attempts) == ("failed", 3)
    assert row.reason == "the worker process died; given up after 3 attempts"
    assert [other.state for other in store.jobs()[1:]] == ["done", "done"]


def test_a_stop_saves_what_runs_and_starts_nothing_more(store: Store, jobs: list[Job]) -> None:
    executor = Scripted({jobs[0].key: [[epoch(1)] * 9]})
    asked = iter([False, True, True, True]).__next__
    events = run(store, executor, stop_requested=asked)
    assert [type(e).__name__ for e in events] == ["JobStarted", "JobEpoch", "Stopping", "JobEpoch"]
    assert executor.stopped
    assert [row.state for row in store.jobs()] == ["pending"] * 3
    assert store.progress(jobs[0].key).checkpoint == b"at the stop"

    executor = Scripted({job.key: [[finish]] for job in jobs})
    run(store, executor)
    assert [len(a.epochs_before) for a in executor.assignments] == [2, 0, 0]


def test_time_at_work_is_recorded(store: Store, jobs: list[Job]) -> None:
    run(store, Scripted({job.key: [[finish]] for job in jobs}))
    assert store.wall_seconds() > 0


@pytest.fixture
def study_plan(tmp_path: Path, digits: PreparedDataset, jobs: list[Job]) -> StudyPlan:
    return StudyPlan(tmp_path / "planned", "planned", "{}", digits, jobs)


def test_results_on_other_data_are_not_mixed(study_plan: StudyPlan, jobs: list[Job]) -> None:
    with Store.create(study_plan.folder) as store:
        store.plan(StudyRow("planned", "{}", "digits", "0" * 64), [])
    with pytest.raises(DataMismatch, match=r"digest 000000000000, and these data have .*same data"):
        next(run_study(study_plan, Machine(1)))
    with Store.open(study_plan.folder) as store:
        assert store.jobs() == []


def test_a_study_that_is_done_starts_no_worker(study_plan: StudyPlan, jobs: list[Job]) -> None:
    with Store.create(study_plan.folder) as store:
        store.plan(StudyRow("planned", "{}", "digits", jobs[0].data_digest), jobs)
        for job in jobs:
            store.finish(job.key, result())
    assert list(run_study(study_plan, Machine(device="cuda"))) == []  # not even the device is looked at
