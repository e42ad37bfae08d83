"""Intervals of accuracy: they agree with SciPy where it has them, and cover the truth where it is known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.special import expit, roots_hermitenorm
from scipy.stats import binomtest
from scipy.stats import t as student

from makeweight.stats.crossed import assumed_seed_spread, spread_of_difference
from makeweight.stats.intervals import accuracy_interval, batch_sd, share_interval, wilson


def _right(count: int, images: int) -> NDArray[np.bool_]:
    return np.arange(images) < count


@given(images=st.integers(1, 2_000), share=st.floats(0, 1))
def test_a_share_gets_wilsons_interval(images: int, share: float) -> None:
    count = round(share * images)
    interval = wilson(count / images, images)
    wanted = binomtest(count, images).proportion_ci(method="wilson")
    assert interval.mean == count / images
    assert interval.low == pytest.approx(wanted.low, abs=1e-9)
    assert interval.high == pytest.approx(wanted.high, abs=1e-9)


def test_one_seed_gets_wilsons_interval_with_the_assumed_spread_of_the_seeds() -> None:
    interval = accuracy_interval(_right(9_000, 10_000)[None])
    images_part, seeds_part = (0.9 * 0.1 / 10_000) ** 0.5, assumed_seed_spread(0.9)
    assert seeds_part == pytest.approx(0.003)
    assert interval.high - interval.low == pytest.approx(2 * 1.96 * math.hypot(images_part, seeds_part), rel=1e-3)


@example(seed=5, seeds=6, images=2, share=0.25)  # where rounding once made a variance of 1e-34 out of none
@example(seed=0, seeds=1, images=7, share=0.0)  # where rounding once put the lower end above the mean
@given(seed=st.integers(0, 999), seeds=st.integers(1, 6), images=st.integers(2, 60), share=st.floats(0, 1))
def test_an_interval_holds_its_mean_and_lies_between_zero_and_one(
    seed: int, seeds: int, images: int, share: float
) -> None:
    correct = np.random.default_rng(seed).random((seeds, images)) < share
    interval = accuracy_interval(correct)
    assert 0 <= interval.low <= interval.mean <= interval.high <= 1
    assert interval.mean == pytest.approx(correct.mean())
    shuffled = np.random.default_rng(seed).permutation(correct.T).T
    again = accuracy_interval(shuffled[::-1])
    assert (again.low, again.high) == (pytest.approx(interval.low), pytest.approx(interval.high))


@pytest.mark.parametrize(
    ("right", "images", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_as_published(right: int, images: int, low: float, high: float) -> None:
    # Newcombe 1998, "Two-sided confidence intervals for the single proportion", table I, method 3.
    found = wilson(right / images, images)
    assert (found.low, found.high) == (pytest.approx(low, abs=5e-5), pytest.approx(high, abs=5e-5))


def test_several_seeds_get_wilsons_interval_of_as_many_images_as_their_variance_is_worth() -> None:
    correct = np.array([_right(count, 100) for count in (75, 80, 85)])
    spread = spread_of_difference(correct)
    images, t = 0.8 * 0.2 / spread.variance, student.ppf(0.975, spread.freedom)
    interval = accuracy_interval(correct)
    # The ends are the shares p from which 0.8 is t standard errors away.
    for end in (interval.low, interval.high):
        assert abs(0.8 - end) == pytest.approx(t * (end * (1 - end) / images) ** 0.5)


def test_a_share_of_a_share_counts_only_its_own_images() -> None:
    numerator, denominator = _right(30, 100), _right(40, 100)
    assert share_interval(numerator[None], denominator[None]) == wilson(0.75, 40)
    assert math.isnan(share_interval(~denominator[None] & denominator, ~denominator[None] & denominator).mean)


@pytest.mark.parametrize("seeds", [1, 2, 5])
@pytest.mark.parametrize("right", [True, False])
def test_always_right_or_always_wrong_is_still_uncertain(seeds: int, right: bool) -> None:
    interval = accuracy_interval(np.full((seeds, 50), right))
    wanted = binomtest(50 * right, 50).proportion_ci(method="wilson")
    assert interval.mean == float(right)
    assert (interval.low, interval.high) == (pytest.approx(wanted.low, rel=0.01), pytest.approx(wanted.high, rel=0.01))
    assert interval.high - interval.low > 0.05


@given(images=st.integers(1, 10_000))
def test_none_and_all_right_have_an_exact_end(images: int) -> None:
    none, everything = (accuracy_interval(_right(count, images)[None]) for count in (0, images))
    assert none.low == none.mean == 0
    assert everything.high == everything.mean == 1


def test_more_seeds_that_disagree_narrow_the_interval_but_not_below_the_images_part() -> None:
    rng = np.random.default_rng(0)
    difficulty = rng.normal(2, 1, 2_000)
    correct = rng.random((40, 2_000)) < expit(difficulty + rng.normal(0, 0.5, (40, 1)))
    few, many = (accuracy_interval(correct[:seeds]) for seeds in (3, 40))
    assert many.high - many.low < few.high - few.low
    images_part = 2 * 1.96 * (expit(difficulty).var() / 2_000) ** 0.5
    assert many.high - many.low > images_part


def _coverage(repetitions: int, seeds: int, images: int, spread: float, rng: np.random.Generator) -> float:
    """Share of repetitions whose interval holds the true accuracy.

    An image is classified right with probability expit(2.5 + difficulty + seed effect): both are drawn anew each
    time, as another test set and other seeds would be.
    """
    difficulty_sd = 1.5
    # The expectation over the normal sum of both, by Gauss–Hermite quadrature.
    nodes, weights = roots_hermitenorm(80)
    truth = float(expit(2.5 + np.hypot(difficulty_sd, spread) * nodes) @ weights / weights.sum())
    hits = 0
    for _ in range(repetitions):
        score = 2.5 + rng.normal(0, difficulty_sd, images) + rng.normal(0, spread, (seeds, 1))
        interval = accuracy_interval(rng.random((seeds, images)) < expit(score))
        hits += interval.low <= truth <= interval.high
    return hits / repetitions


@pytest.mark.parametrize(("seeds", "spread"), [(1, 0.0), (3, 0.0), (3, 0.1), (5, 0.3)])
def test_intervals_cover_the_truth(seeds: int, spread: float) -> None:
    coverage = _coverage(400, seeds, 1_000, spread, np.random.default_rng(20_240_229))
    # With 95 % coverage, 400 repetitions come below 92.5 % once in a hundred times; this seed is one draw.
    assert coverage > 0.925


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "spread"), [(1, 0.0), (3, 0.1), (5, 0.1), (5, 0.3), (10, 0.2)])
def test_intervals_cover_the_truth_as_often_as_they_say(seeds: int, spread: float) -> None:
    coverage = _coverage(10_000, seeds, 2_000, spread, np.random.default_rng(7))
    assert coverage == pytest.approx(0.95, abs=0.02)


def test_the_spread_over_batches_by_hand() -> None:
    correct = np.array([1, 1, 0, 1, 0, 0, 1, 1, 1, 1], dtype=bool)  # 2/3, 1/3 and 1; one image is left over
    correct[:9] = [1, 1, 0, 1, 0, 0, 1, 1, 1]
    assert batch_sd(correct, batch=3) == pytest.approx(1 / 3)


@pytest.mark.parametrize("share", [0.5, 0.9, 0.93])
def test_the_spread_over_batches_measures_the_batch_size(share: float) -> None:
    correct = np.random.default_rng(0).random(256 * 2_000) < share
    assert batch_sd(correct) == pytest.approx((share * (1 - share) / 256) ** 0.5, rel=0.06)
    assert batch_sd(correct, batch=64) == pytest.approx((share * (1 - share) / 64) ** 0.5, rel=0.06)


def test_images_left_over_are_not_used() -> None:
    correct = np.random.default_rng(0).random(10_000) < 0.9
    assert batch_sd(correct) == batch_sd(correct[: 39 * 256])
    assert batch_sd(correct) != batch_sd(correct[: 38 * 256])


@pytest.mark.parametrize("images", [0, 1, 255, 256, 511])
def test_fewer_than_two_batches_have_no_spread(images: int) -> None:
    assert math.isnan(batch_sd(np.arange(images) % 2 == 0, batch=256))


def test_a_small_test_set_is_cut_into_eight() -> None:
    correct = np.random.default_rng(0).random(359) < 0.8
    assert batch_sd(correct) == batch_sd(correct, batch=44) > 0


def test_batches_that_are_all_alike_have_no_spread() -> None:
    assert batch_sd(np.ones(1_024, dtype=bool)) == 0.0
