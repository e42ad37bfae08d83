"""How long a forward pass takes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Timing:
    """Percentiles of the wall time of one call, in milliseconds."""

    p50_ms: float
    p95_ms: float
    repeats: int


@dataclass(frozen=True, slots=True)
class Effort:
    """How long to measure: for some seconds, but for a number of calls within bounds."""

    seconds: float
    least: int
    most: int


# A percentile of 5 % needs some calls above it: ten of 200, but one of 20. Batches vary less, and take longer.
SINGLE = Effort(0.5, 200, 2_000)
BATCH = Effort(1.0, 20, 200)
ROUND = 20  # calls in a row: enough that the caches belong to one network, and few beside the machine's moods
STABLE = 0.95  # a group of calls this close to the one before it is no longer warming up


def latency(call: Callable[[], object], effort: Effort) -> Timing:
    """Time a call over and over, after a warm-up that is not counted.

    p50 and p95 are ``numpy.percentile`` with linear interpolation between the two nearest calls (definition 7 of
    Hyndman & Fan 1996, "Sample Quantiles in Statistical Packages"). The clock is ``time.perf_counter``.
    """
    warm_up(call, effort)
    times_ms: list[float] = []
    end = time.perf_counter() + effort.seconds
    while len(times_ms) < effort.least or (len(times_ms) < effort.most and time.perf_counter() < end):
        times_ms.append(_call_ms(call))
    return _timing(times_ms)


def interleaved(calls: Sequence[Callable[[], object]], effort: Effort) -> tuple[Timing, ...]:
    """Time several calls side by side, ROUND of each in turn, so that what slows the machine slows all of them.

    The effort is for each of them.
    """
    for call in calls:
        warm_up(call, effort)
    times_ms: list[list[float]] = [[] for _ in calls]
    end, done = time.perf_counter() + effort.seconds * len(calls), 0
    while done < effort.least or (done < effort.most and time.perf_counter() < end):
        for call, times in zip(calls, times_ms, strict=True):
            times += [_call_ms(call) for _ in range(ROUND)]
        done += ROUND
    return tuple(map(_timing, times_ms))


def warm_up(call: Callable[[], object], effort: Effort) -> int:
    """Call until calls no longer get faster, and return how often.

    The first calls pay for memory, for the choice of kernels and for a processor that wakes up. They come in groups of
    a tenth of the least number of calls, 5 or more; it is warm when the median of a group is at least 95 % of that of
    the group before. On a machine too busy for that it ends after half of the effort's seconds.
    """
    group = max(5, effort.least // 10)
    end = time.perf_counter() + effort.seconds / 2
    before, calls = np.inf, 0
    while True:
        median = float(np.median([_call_ms(call) for _ in range(group)]))
        calls += group
        if median >= STABLE * before or time.perf_counter() >= end:
            return calls
        before = median


def _timing(times_ms: list[float]) -> Timing:
    p50, p95 = np.percentile(times_ms, (50, 95), method="linear")
    return Timing(float(p50), float(p95), len(times_ms))


def _call_ms(call: Callable[[], object]) -> float:
    start = time.perf_counter()
    call()
    return 1_000 * (time.perf_counter() - start)
