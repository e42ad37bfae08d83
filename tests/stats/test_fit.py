"""Overfitting and underfitting: networks that do either by construction."""

from __future__ import annotations

import numpy as np
import pytest

from makeweight.stats.compare import independent_difference
from makeweight.stats.fit import Fit, SplitScores, judge
from makeweight.stats.intervals import wilson


def _split(accuracy: float, loss: float = 0.3, images: int = 6_000, seeds: int = 3) -> SplitScores:
    return SplitScores(images, (accuracy,) * seeds, (loss,) * seeds, 0.6)


def _judge(training: float, validation: float, test: float, course: list[float]) -> Fit:
    return judge(_split(training), _split(validation), _split(test, images=10_000), [course] * 3)


FALLING = [0.9, 0.5, 0.4, 0.38]


def test_most_errors_made_on_new_images_only_is_overfitting() -> None:
    assert _judge(0.97, 0.91, 0.90, FALLING).verdict == "overfits"


def test_a_validation_loss_that_rose_is_overfitting() -> None:
    fit = _judge(0.93, 0.91, 0.90, [0.9, 0.4, 0.5])
    assert fit.rise == pytest.approx(0.1)
    assert fit.rise > fit.noise
    assert fit.verdict == "overfits"


def test_a_rise_within_the_noise_is_none() -> None:
    fit = _judge(0.93, 0.91, 0.90, [0.9, 0.400, 0.405])
    assert 0 < fit.rise < fit.noise
    assert fit.verdict == "neither shown"


def test_errors_made_on_training_images_too_are_underfitting() -> None:
    assert _judge(0.80, 0.80, 0.79, FALLING).verdict == "underfits"
    assert _judge(0.92, 0.90, 0.89, FALLING).verdict == "neither shown"  # within the interval


def test_a_harder_test_set_does_not_hide_underfitting() -> None:
    assert _judge(0.90, 0.90, 0.85, FALLING).verdict == "underfits"


@pytest.mark.parametrize("seeds", [1, 3])
def test_at_the_boundary_overfitting_is_claimed_as_rarely_as_the_interval_says(seeds: int) -> None:
    rng, claimed, training, test = np.random.default_rng(6), 0, 0.95, 0.90
    for _ in range(4_000):
        shift = rng.normal(0, 0.002, seeds)
        parts = (
            SplitScores(images, tuple(rng.binomial(images, accuracy + shift) / images), (0.3,) * seeds, 0.6)
            for images, accuracy in ((6_000, training), (6_000, test), (10_000, test))
        )
        claimed += judge(*parts, []).verdict == "overfits"
    assert claimed / 4_000 < 0.04


def test_the_reports_sign_stands_beside_the_verdict() -> None:
    fit = _judge(0.93, 0.91, 0.90, FALLING)
    assert fit.sign.mean == pytest.approx(0.01)
    assert fit.sign.low < 0.01 < fit.sign.high
    # Newcombe's interval of a difference between independent shares; equal seeds add nothing to it.
    wanted = independent_difference(wilson(0.91, 6_000), wilson(0.90, 10_000))
    assert (fit.sign.low, fit.sign.high) == (pytest.approx(wanted.low), pytest.approx(wanted.high))


def test_seeds_that_disagree_widen_the_gap() -> None:
    course = [FALLING] * 3
    steady = judge(_split(0.95), _split(0.91), _split(0.90), course)
    shaky = judge(SplitScores(6_000, (0.92, 0.95, 0.98), (0.3,) * 3, 0.6), _split(0.91), _split(0.90), course)
    assert shaky.gap.mean == pytest.approx(steady.gap.mean)
    assert shaky.gap.high - shaky.gap.low > steady.gap.high - steady.gap.low
