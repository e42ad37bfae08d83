"""Scores of each class: scikit-learn's for one seed, with intervals that cover."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

from makeweight.stats.classes import class_scores, confusion
from makeweight.stats.intervals import wilson


@given(seed=st.integers(0, 10_000), classes=st.integers(2, 6), images=st.integers(1, 80))
def test_one_seed_agrees_with_scikit_learn(seed: int, classes: int, images: int) -> None:
    rng = np.random.default_rng(seed)
    labels, predicted = rng.integers(classes, size=images), rng.integers(classes, size=images)
    names = list(range(classes))
    counts = confusion(predicted[None], labels, classes)
    assert np.array_equal(counts, confusion_matrix(labels, predicted, labels=names))
    wanted = precision_recall_fscore_support(labels, predicted, labels=names, zero_division=np.nan)
    for found, precision, recall, f1, count in zip(
        class_scores(predicted[None], labels, classes), *wanted, strict=True
    ):
        assert found.images == count
        for interval, value in ((found.precision, precision), (found.recall, recall), (found.f1, f1)):
            assert interval.mean == pytest.approx(value, nan_ok=True)
            if not math.isnan(value):
                assert 0 <= interval.low <= interval.mean <= interval.high <= 1


def test_several_seeds_are_pooled() -> None:
    labels = np.array([0, 0, 1, 1])
    predicted = np.array([[0, 1, 1, 1], [0, 0, 1, 0]])
    assert confusion(predicted, labels, 2).tolist() == [[1.5, 0.5], [0.5, 1.5]]
    zero = class_scores(predicted, labels, 2)[0]
    assert (zero.recall.mean, zero.precision.mean, zero.f1.mean) == (3 / 4, 3 / 4, 3 / 4)


def test_recall_of_one_seed_is_wilsons() -> None:
    labels, predicted = np.repeat([0, 1], [40, 60]), np.repeat([0, 1, 0, 1], [30, 10, 5, 55])
    zero = class_scores(predicted[None], labels, 2)[0]
    assert zero.recall == wilson(30 / 40, 40)
    assert zero.precision == wilson(30 / 35, 35)


@pytest.mark.parametrize("seeds", [1, 3])
def test_intervals_of_f1_cover_the_truth(seeds: int) -> None:
    rng, hits, repetitions = np.random.default_rng(1), 0, 600
    shares = np.array([[0.8, 0.15, 0.05], [0.1, 0.8, 0.1], [0.1, 0.2, 0.7]])  # of label [column] given class [row]
    truth = 2 * 0.8 / (1 + 0.8 + 0.1 + 0.1)  # 2 TP / (true + given), with classes equally frequent
    for _ in range(repetitions):
        labels = rng.integers(3, size=600)
        predicted = (rng.random((seeds, 600, 1)) > shares[labels].cumsum(axis=1)).sum(axis=2).clip(max=2)
        f1 = class_scores(predicted, labels, 3)[0].f1
        hits += f1.low <= truth <= f1.high
    # Three seeds that do not differ by more than chance get up to 98 %: what they might differ by is not known to be 0.
    assert 0.925 < hits / repetitions < 0.99
