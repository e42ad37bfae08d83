"""Percentiles of real calls: orders and bounds, and no time on the clock."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable

import pytest

from makeweight.designs import layers
from makeweight.measuring.forward import ForwardPass
from makeweight.measuring.latency import ROUND, Effort, interleaved, latency, warm_up


class Counted:
    """A call that counts how often it is made, and sleeps for the next of some seconds."""

    def __init__(self, *seconds: float) -> None:
        self.calls = 0
        self._seconds = itertools.chain(seconds, itertools.repeat(seconds[-1]))

    def __call__(self) -> None:
        self.calls += 1
        time.sleep(next(self._seconds))


def test_a_fast_call_is_repeated_up_to_the_most_and_no_longer() -> None:
    call = Counted(0.0)
    timing = latency(call, Effort(30.0, 10, 50))
    assert timing.repeats == 50
    assert call.calls > 50  # the warm-up is not among them


def test_a_slow_call_is_repeated_as_often_as_the_least_however_long_that_takes() -> None:
    timing = latency(Counted(0.002), Effort(0.001, 12, 50))
    assert timing.repeats == 12
    assert 2.0 <= timing.p50_ms <= timing.p95_ms


def test_in_between_the_seconds_decide() -> None:
    start = time.perf_counter()
    timing = latency(Counted(0.002), Effort(0.1, 5, 100_000))
    assert time.perf_counter() - start >= 0.1
    assert 5 <= timing.repeats <= 50  # 0.1 s hold no more than 50 calls of 2 ms


def test_p50_and_p95_interpolate_between_the_nearest_calls() -> None:
    warm = 5  # one group, as there is no time for a second
    # 18 calls of 1 ms and 2 of 50 ms: p95 lies at 0.95 · 19 = 18.05 from 0, between the two longest.
    timing = latency(Counted(*[0.001] * (warm + 18), 0.05, 0.05), Effort(0.0, 20, 20))
    assert timing.p50_ms < 50 <= timing.p95_ms


@pytest.mark.slow
def test_the_warm_up_goes_on_while_calls_get_faster() -> None:
    assert warm_up(Counted(*[0.016] * 5, *[0.008] * 5, *[0.004] * 5, 0.002), Effort(60.0, 20, 200)) >= 20


def test_the_warm_up_ends_where_calls_never_become_steady() -> None:
    faster = (0.02 * 0.9**n for n in range(1_000))
    assert warm_up(Counted(*faster), Effort(0.1, 20, 200)) <= 15


@pytest.mark.slow
def test_the_warm_up_of_steady_calls_is_short() -> None:
    call = Counted(0.001)
    assert 10 <= warm_up(call, Effort(4.0, 20, 200)) <= 200  # of some 2,000 that half of the seconds would hold
    assert warm_up(call, Effort(0.0, 200, 2_000)) == 20  # one group at least


@pytest.mark.slow
def test_a_batch_takes_longer_than_an_image_and_less_for_each(forward: Callable[..., ForwardPass]) -> None:
    body = (layers.Conv2d("one", 16, 3), layers.Activation("relu", "relu"), layers.Conv2d("two", 16, 3))
    effort = Effort(0.05, 10, 50)
    one, many = latency(forward(*body), effort), latency(forward(*body, images=256), effort)
    assert one.p50_ms <= one.p95_ms
    assert many.p50_ms <= many.p95_ms
    assert one.p50_ms < many.p50_ms < 256 * one.p50_ms


def test_calls_side_by_side_take_turns_in_rounds() -> None:
    order: list[str] = []
    timings = interleaved([lambda: order.append("a"), lambda: order.append("b")], Effort(0.0, 2 * ROUND, 10_000))
    assert [timing.repeats for timing in timings] == [2 * ROUND] * 2
    assert order[-4 * ROUND :] == (["a"] * ROUND + ["b"] * ROUND) * 2


@pytest.mark.slow
def test_what_slows_the_machine_slows_calls_side_by_side_alike() -> None:
    """Half of the time everything takes four times as long: the same call has the same median twice."""
    start = time.perf_counter()

    def call() -> None:
        time.sleep(0.004 if time.perf_counter() - start > 0.5 else 0.001)

    first, second = interleaved([call, call], Effort(0.5, 20, 10_000))
    assert 0.5 < first.p50_ms / second.p50_ms < 2
