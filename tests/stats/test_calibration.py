"""Calibration: by hand, and for networks that are calibrated or not by construction."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import log_loss

from makeweight.stats.calibration import calibration, cross_entropy, softmax


def _logits(confidence: np.ndarray) -> np.ndarray:
    """(n, 2) logits that give label 0 this probability."""
    return np.stack([np.log(confidence), np.log(1 - confidence)], axis=-1)


def test_two_bins_by_hand() -> None:
    # Four images of confidence 0.6 of which three are right, six of 0.9 of which three are.
    confidence = np.repeat([0.6, 0.9], [4, 6])
    labels = np.array([0, 0, 0, 1, 0, 0, 0, 1, 1, 1])
    found = calibration(_logits(confidence)[None], labels)
    assert found.error == pytest.approx(0.4 * 0.15 + 0.6 * 0.4)
    assert found.overconfidence == pytest.approx((4 * 0.6 + 6 * 0.9) / 10 - 0.6)
    assert [(b.confidence, b.accuracy.mean, b.images) for b in found.bins] == [
        (pytest.approx(0.6), 0.75, 4),
        (pytest.approx(0.9), 0.5, 6),
    ]


def test_a_calibrated_network_shows_the_error_of_chance_and_an_overconfident_one_more() -> None:
    rng = np.random.default_rng(0)
    confidence = rng.uniform(0.5, 0.99, 5_000)
    labels = (rng.random(5_000) > confidence).astype(int)
    found = calibration(_logits(confidence)[None], labels)
    assert found.error == pytest.approx(found.by_chance, abs=0.006)
    assert abs(found.overconfidence) < 0.015
    sharp = calibration(3 * _logits(confidence)[None], labels)
    assert sharp.error > 5 * sharp.by_chance
    assert sharp.overconfidence == pytest.approx(sharp.error, abs=0.01)


@given(seed=st.integers(0, 10_000), seeds=st.integers(1, 3), scale=st.floats(0.01, 300))
def test_bins_hold_every_image_and_the_error_is_a_share(seed: int, seeds: int, scale: float) -> None:
    rng = np.random.default_rng(seed)
    logits, labels = scale * rng.normal(size=(seeds, 50, 4)), rng.integers(4, size=50)
    found = calibration(logits, labels)
    assert sum(b.images for b in found.bins) == pytest.approx(50)
    assert 0 <= found.error <= 1
    assert 0 <= found.by_chance <= 1
    confidences = [b.confidence for b in found.bins]
    assert confidences == sorted(confidences)
    assert all(b.accuracy.low <= b.accuracy.mean <= b.accuracy.high for b in found.bins)


@given(seed=st.integers(0, 10_000))
def test_probabilities_and_losses_are_scikit_learns(seed: int) -> None:
    rng = np.random.default_rng(seed)
    logits, labels = rng.normal(0, 5, (30, 3)).astype(np.float32), rng.integers(3, size=30)
    probabilities = softmax(logits)
    assert probabilities.sum(axis=1) == pytest.approx(np.ones(30))
    assert cross_entropy(logits, labels).mean() == pytest.approx(log_loss(labels, probabilities, labels=[0, 1, 2]))


def test_logits_of_any_size_give_numbers() -> None:
    logits = np.array([[[1e4, -1e4]], [[-1e4, 1e4]]])
    assert softmax(logits).tolist() == [[[1, 0]], [[0, 1]]]
    assert cross_entropy(logits, np.array([0])).tolist() == [[0.0], [2e4]]
