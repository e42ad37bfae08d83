"""Overfitting and underfitting: networks that do either by construction."""

from __future__ import annotations

import pytest

from makeweight.stats.compare import beyond_published
from makeweight.stats.fit import Fit, Split, judge
from makeweight.stats.intervals import wilson


def _split(accuracy: float, loss: float = 0.3, images: int = 6_000, seeds: int = 3) -> Split:
    return Split(images, (accuracy,) * seeds, (loss,) * seeds, 0.6)


def _judge(training: float, validation: float, test: float, best: float, course: list[float]) -> Fit:
    return judge(_split(training), _split(validation), _split(test, images=10_000), [course] * 3, best)


FALLING = [0.9, 0.5, 0.4, 0.38]


def test_most_errors_made_on_new_images_only_is_overfitting() -> None:
    assert _judge(0.97, 0.91, 0.90, 0.93, FALLING).verdict == "overfits"


def test_a_validation_loss_that_rose_is_overfitting() -> None:
    fit = _judge(0.93, 0.91, 0.90, 0.93, [0.9, 0.4, 0.5])
    assert fit.rise == pytest.approx(0.1)
    assert fit.rise > fit.noise
    assert fit.verdict == "overfits"


def test_a_rise_within_the_noise_is_none() -> None:
    fit = _judge(0.93, 0.91, 0.90, 0.90, [0.9, 0.400, 0.405])
    assert 0 < fit.rise < fit.noise
    assert fit.verdict == "neither shown"


def test_training_images_known_worse_than_the_best_knows_test_images_is_underfitting() -> None:
    assert _judge(0.80, 0.80, 0.79, 0.93, FALLING).verdict == "underfits"
    assert _judge(0.925, 0.92, 0.91, 0.93, FALLING).verdict == "neither shown"  # within the interval


def test_the_reports_sign_stands_beside_the_verdict() -> None:
    fit = _judge(0.93, 0.91, 0.90, 0.90, FALLING)
    assert fit.sign.mean == pytest.approx(0.01)
    assert fit.sign.low < 0.01 < fit.sign.high
    # Newcombe's interval of a difference between independent shares; equal seeds add nothing to it.
    wanted = beyond_published(wilson(0.91, 6_000), 0.90, 10_000)
    assert (fit.sign.low, fit.sign.high) == (pytest.approx(wanted.low), pytest.approx(wanted.high))


def test_seeds_that_disagree_widen_the_gap() -> None:
    course = [FALLING] * 3
    steady = judge(_split(0.95), _split(0.91), _split(0.90), course, 0.9)
    shaky = judge(Split(6_000, (0.92, 0.95, 0.98), (0.3,) * 3, 0.6), _split(0.91), _split(0.90), course, 0.9)
    assert shaky.gap.mean == pytest.approx(steady.gap.mean)
    assert shaky.gap.high - shaky.gap.low > steady.gap.high - steady.gap.low
