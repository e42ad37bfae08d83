"""The search against an executor whose events the test writes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import optuna
import pytest

from makeweight.designs.families import FAMILIES
from makeweight.errors import InvalidValue, StoreError
from makeweight.jobs.executors.base import EpochDone, Event, Failed, Finished, Lost, Stopped
from makeweight.jobs.job import Assignment
from makeweight.jobs.result import Job, Trained
from makeweight.store.trials import TUNING_DATABASE, read_tuning
from makeweight.training.precision import Hardware
from makeweight.training.records import EpochRecord
from makeweight.tuning.record import TuningRecord
from makeweight.tuning.search import BEHIND, TIME_UP, Limit, Search, TrialEnded
from makeweight.tuning.space import Dimension, SearchSpace

QUALITY = Dimension("quality", "training", optuna.distributions.FloatDistribution(0, 1), "for the test")
SPACE = SearchSpace((FAMILIES["fcn"],), {"fcn": (QUALITY,)})
EPOCHS = 6


class Scripted:
    """An executor whose jobs do what a script says, an event for each call of ``events``."""

    slots = 1

    def __init__(self, script: Callable[[Assignment, int], Iterator[Event]]) -> None:
        self._script, self._left = script, dict[str, Iterator[Event]]()
        self.cancelled: set[str] = set()
        self.submitted: list[str] = []
        self.stopped = False

    def submit(self, assignment: Assignment) -> None:
        self.submitted.append(assignment.job.key)
        key = assignment.job.key
        self._left[key] = self._script(assignment, self.submitted.count(key))

    def events(self, timeout: float) -> list[Event]:
        events = []
        for key, script in list(self._left.items()):
            event = Stopped(key) if key in self.cancelled or self.stopped else next(script)
            events.append(event)
            if not isinstance(event, EpochDone):
                del self._left[key]
        return events

    def cancel(self, key: str) -> None:
        self.cancelled.add(key)

    def stop(self) -> None:
        self.stopped = True

    def close(self) -> None:
        pass


def epoch(number: int, accuracy: float) -> EpochRecord:
    names = EpochRecord.__dataclass_fields__
    return EpochRecord(**{**dict.fromkeys(names, 0.5), "epoch": number, "validation_accuracy": accuracy})


@pytest.fixture
def record(tmp_path: Path) -> Iterator[TuningRecord]:
    record = TuningRecord(tmp_path, {"seed": 0}, SPACE)
    yield record
    record.close()


@pytest.fixture
def search(record: TuningRecord, make_job: Callable[..., Job]) -> Callable[..., Any]:
    """Run a search; a script sees the assignment and how often it was submitted."""

    def propose(point: dict[str, Any], number: int) -> Any:
        job = make_job(seed=number, epochs=EPOCHS)
        cost = SimpleNamespace(weights=2_000, macs=2_000)
        return Assignment(job, Path(), Hardware("cpu", "fp32", 1), testing=False), SimpleNamespace(cost=cost), {}

    def run(script: Any, trials: int, seconds: Any = None, stop: Any = lambda: False) -> tuple[list[Any], Scripted]:
        executor = Scripted(script)
        return list(Search(record, propose, executor, Limit(trials, seconds)).run(stop)), executor

    return run


def trains_to(accuracies: list[float]) -> Callable[[Assignment, int], Iterator[Event]]:
    """Each trial climbs to the accuracy listed for its number."""

    def script(assignment: Assignment, attempt: int) -> Iterator[Event]:
        key, best = assignment.job.key, accuracies[assignment.job.seed]
        records = tuple(epoch(n, best * n / EPOCHS) for n in range(1, EPOCHS + 1))
        for done in records:
            yield EpochDone(key, done, None)
        yield Finished(key, Trained(records, None))  # type: ignore[arg-type]

    return script


def test_a_trial_that_is_behind_is_cancelled_and_keeps_what_it_reported(search: Any, tmp_path: Path) -> None:
    events, executor = search(trains_to([0.9, 0.3, 0.95]), trials=3)
    ends = [event for event in events if isinstance(event, TrialEnded)]
    assert [end.state for end in ends] == ["complete", "pruned", "complete"]
    assert ends[1].reason == BEHIND
    assert len(executor.cancelled) == 1
    tuning = read_tuning(tmp_path)
    assert tuning is not None
    assert [trial.state for trial in tuning.trials] == ["complete", "pruned", "complete"]
    assert list(tuning.trials[1].shares) == [16, 33]
    assert tuning.trials[1].validation_accuracy == pytest.approx(0.1)
    assert tuning.trials[2].validation_accuracy == pytest.approx(0.95)
    assert all(trial.seconds > 0 for trial in tuning.trials)


def test_a_failed_trial_is_counted_and_the_search_goes_on(search: Any, tmp_path: Path) -> None:
    def script(assignment: Assignment, attempt: int) -> Iterator[Event]:
        if assignment.job.seed == 0:
            yield Failed(assignment.job.key, "the loss became NaN")
        else:
            yield from trains_to([0.0, 0.9])(assignment, attempt)

    events, _ = search(script, trials=2)
    assert [event.state for event in events if isinstance(event, TrialEnded)] == ["failed", "complete"]
    tuning = read_tuning(tmp_path)
    assert tuning is not None
    assert tuning.trials[0].reason == "the loss became NaN"


def test_a_trial_whose_worker_is_lost_runs_again_within_a_limit(search: Any) -> None:
    def script(assignment: Assignment, attempt: int) -> Iterator[Event]:
        key = assignment.job.key
        if assignment.job.seed == 0 and attempt < 3:
            yield EpochDone(key, epoch(1, 0.1), None)
            yield Lost(key, "the node died")
        elif assignment.job.seed == 1:
            yield Lost(key, "the node died")
        else:
            yield from trains_to([0.9, 0.0])(assignment, attempt)

    events, executor = search(script, trials=2)
    ends = [event for event in events if isinstance(event, TrialEnded)]
    assert [end.state for end in ends] == ["complete", "failed"]
    assert [executor.submitted.count(end.job.key) for end in ends] == [3, 3]
    assert "given up after 3 attempts" in ends[1].reason


def test_when_time_is_up_the_running_trial_is_cancelled_and_none_begins(search: Any) -> None:
    left = iter([100.0] * 12 + [-1.0] * 100)
    events, _ = search(trains_to([0.9, 0.95, 0.9]), trials=3, seconds=lambda: next(left))
    ends = [event for event in events if isinstance(event, TrialEnded)]
    assert [(end.state, end.reason) for end in ends] == [("complete", ""), ("pruned", TIME_UP)]


def test_time_does_not_end_a_search_before_a_trial_is_complete(search: Any) -> None:
    events, _ = search(trains_to([0.9, 0.9]), trials=2, seconds=lambda: -1.0)
    assert [event.state for event in events if isinstance(event, TrialEnded)] == ["complete"]


def test_an_interrupted_trial_is_tried_again_at_the_same_point(search: Any, record: TuningRecord) -> None:
    calls = iter([False, False, False, True])
    search(trains_to([0.9] * 9), trials=2, stop=lambda: next(calls, True))
    [cut] = [trial for trial in record.trials() if trial.state.is_finished()]
    search(trains_to([0.9] * 9), trials=2)
    again = record.trials()[1]
    assert again.params == cut.params
    states = [trial.state.name for trial in record.trials()]
    assert states == ["FAIL", "COMPLETE", "COMPLETE"]


def test_trials_that_a_dead_process_left_are_told_and_tried_again(record: TuningRecord, tmp_path: Path) -> None:
    left = record.ask()
    record.close()
    record = TuningRecord(tmp_path, {"seed": 0}, SPACE)
    assert record.recover() == 1
    assert record.ask().params == left.params
    tuning = read_tuning(tmp_path)
    assert tuning is not None
    assert tuning.trials[0].interrupted
    record.close()


def test_a_queued_point_whose_process_died_while_asking_is_not_lost(record: TuningRecord, tmp_path: Path) -> None:
    record.enqueue([{"quality": 0.25}])
    record._study.ask()  # begins the trial, and has chosen nothing of it yet
    record.close()
    record = TuningRecord(tmp_path, {"seed": 0}, SPACE)
    assert record.recover() == 1
    assert record.ask().params == {"quality": 0.25}
    record.close()


def test_points_whose_queueing_was_cut_off_wait_once(record: TuningRecord) -> None:
    record.enqueue([{"quality": 0.25}])
    record.enqueue([{"quality": 0.25}, {"quality": 0.5}])
    assert record.waiting() == [{"quality": 0.25}, {"quality": 0.5}]


def test_another_search_in_the_folder_is_refused(record: TuningRecord, tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="another seed: 0, and now 1"):
        TuningRecord(tmp_path, {"seed": 1}, SPACE)


def test_a_damaged_file_of_trials_is_said(tmp_path: Path) -> None:
    (tmp_path / TUNING_DATABASE).write_bytes(b"no database" * 100)
    with pytest.raises(StoreError, match=r"tuning\.db cannot be used"):
        TuningRecord(tmp_path, {"seed": 0}, SPACE)
    with pytest.raises(StoreError, match=r"tuning\.db cannot be used"):
        read_tuning(tmp_path)


def test_what_was_cut_off_competes_with_nothing(record: TuningRecord, search: Callable[..., Any]) -> None:
    """The point of a trial that was cut off late is tried again, a little worse: it must not lose against itself."""
    cut = record.ask()
    for number in range(1, EPOCHS):
        assert not record.report(cut, number, EPOCHS, 0.9)
    assert record.recover() == 1

    def script(assignment: Assignment, attempt: int) -> Iterator[Event]:
        key = assignment.job.key
        for number in range(1, EPOCHS + 1):
            yield EpochDone(key, epoch(number, 0.8), None)
        yield Finished(key, Trained((epoch(EPOCHS, 0.8),), None))  # type: ignore[arg-type]

    events, _ = search(script, 1)
    assert [e.state for e in events if isinstance(e, TrialEnded)] == ["complete"]
