"""The one-cycle learning rate."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from makeweight.training.recipe import FIRST, one_cycle

progress = st.floats(0, 1)
warmups = st.floats(0, 0.99)
finals = st.floats(0, 1)


@given(warmup=st.floats(0.01, 0.99), final=finals)
def test_it_starts_low_peaks_after_the_warmup_and_ends_at_the_final_share(warmup: float, final: float) -> None:
    assert one_cycle(0, warmup, final) == FIRST
    assert one_cycle(warmup, warmup, final) == pytest.approx(1)
    assert one_cycle(warmup * (1 - 1e-9), warmup, final) == pytest.approx(1)
    assert one_cycle(warmup / 2, warmup, final) == pytest.approx(0.5)
    assert one_cycle((1 + warmup) / 2, warmup, final) == pytest.approx((1 + final) / 2)
    assert one_cycle(1, warmup, final) == pytest.approx(final)


@given(final=finals)
def test_without_a_warmup_it_starts_at_the_peak(final: float) -> None:
    assert one_cycle(0, 0, final) == 1


@given(progress, warmups, finals)
def test_it_stays_between_zero_and_the_peak(done: float, warmup: float, final: float) -> None:
    assert 0 <= one_cycle(done, warmup, final) <= 1 + 1e-12


@given(progress, progress, warmups, finals)
def test_it_rises_and_then_falls(one: float, other: float, warmup: float, final: float) -> None:
    early, late = sorted((one, other))
    if late < warmup:
        assert one_cycle(early, warmup, final) <= one_cycle(late, warmup, final)
    if early >= warmup:
        assert one_cycle(early, warmup, final) >= one_cycle(late, warmup, final) - 1e-12


@given(progress, st.floats(0.01, 0.99), finals)
def test_it_has_no_jumps(done: float, warmup: float, final: float) -> None:
    step = 1e-7
    steepest = max(1 / warmup, 1 / (1 - warmup))
    here, there = (one_cycle(min(1.0, p), warmup, final) for p in (done, done + step))
    assert abs(here - there) <= 1.01 * steepest * step + 1e-12
