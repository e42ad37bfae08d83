"""How long the rest of a study will take, by a clock that the tests turn."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from makeweight.jobs.result import Job
from makeweight.studies.pace import Pace, whole_epochs
from makeweight.studies.plan import epoch_cost
from makeweight.training.recipe import Recipe
from makeweight.training.records import EpochRecord


class Clock:
    """Seconds that pass when told to."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


def record(epoch: int, seconds: float) -> EpochRecord:
    return EpochRecord(epoch, 1.0, 1.0, 0.5, 0.1, 1_000, seconds, 0.0)


@pytest.fixture
def jobs(make_job: Callable[..., Job]) -> list[Job]:
    return [make_job(seed=seed, epochs=10, skip_easy=0.0) for seed in range(4)]


def test_the_time_left_is_known_from_the_start_and_goes_down(jobs: list[Job]) -> None:
    clock = Clock()
    pace = Pace(jobs, workers=2, rate=3 / epoch_cost(jobs[0]), now=clock)
    assert pace.seconds_left == pytest.approx(60)  # four of 30 s, on two workers
    pace.start(jobs[0])
    pace.start(jobs[1])
    clock.seconds = 1.5
    assert pace.seconds_left == pytest.approx(58.5)
    assert pace.epochs_done(jobs[0]) == pytest.approx(0.5)
    assert pace.share == pytest.approx(1 / 40)


def test_a_measured_epoch_corrects_the_guess(jobs: list[Job]) -> None:
    clock = Clock()
    pace = Pace(jobs, workers=2, rate=3 / epoch_cost(jobs[0]), now=clock)
    pace.start(jobs[0])
    clock.seconds = 100.0
    assert pace.epochs_done(jobs[0]) < 1  # no epoch is done before it is reported
    pace.epoch(jobs[0], record(1, 6.0))
    assert pace.seconds_left == pytest.approx(120)  # 54 + 60, and two of 60 on the other
    pace.end(jobs[0])
    assert pace.share == pytest.approx(0.25)


def test_nothing_measured_is_no_time(jobs: list[Job]) -> None:
    pace = Pace(jobs, workers=2)
    pace.start(jobs[0], epoch=4)
    assert pace.seconds_left is None
    assert pace.epochs_done(jobs[0]) == 4


def test_a_training_that_runs_again_counts_again(jobs: list[Job]) -> None:
    pace = Pace(jobs, workers=1, rate=1 / epoch_cost(jobs[0]), now=Clock())
    pace.start(jobs[0], epoch=9)
    assert pace.seconds_left == pytest.approx(31)
    pace.retry(jobs[0])
    assert pace.seconds_left == pytest.approx(40)


def test_the_end_is_that_of_the_last_worker(jobs: list[Job]) -> None:
    pace = Pace(jobs[:3], workers=2, rate=1 / epoch_cost(jobs[0]), now=Clock())
    assert pace.seconds_left == pytest.approx(20)
    pace.end(jobs[0])


@pytest.mark.parametrize(
    ("epochs", "after", "whole"),
    [(1, 0, 1.0), (1, 0.5, 0.5), (2, 0, 2.0), (4, 0, 2 + 2 * 0.615), (4, 3.5, 0.5), (4, 4, 0)],
)
def test_epochs_between_the_first_and_the_last_are_shorter(epochs: int, after: float, whole: float) -> None:
    assert whole_epochs(Recipe(epochs=epochs, skip_easy=0.5), after) == pytest.approx(whole)
