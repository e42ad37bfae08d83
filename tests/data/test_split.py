"""The split is disjoint, complete, deterministic, proportional and exact; what cannot be split is refused."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makeweight.data.split import split_indices
from makeweight.errors import InvalidValue

class_counts = st.lists(st.integers(2, 60), min_size=2, max_size=8)


@contextmanager
def _gaps_allowed() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message="the (training|validation) part has no image")
        yield


def _labels(counts: list[int], seed: int = 0) -> np.ndarray:
    labels = np.repeat(np.arange(len(counts)), counts)
    return np.random.default_rng(seed).permutation(labels)


@given(counts=class_counts, seed=st.integers(0, 2**64), share=st.floats(0.05, 0.95), order=st.integers(0, 9))
@settings(max_examples=150, deadline=None)
def test_split_properties(counts: list[int], seed: int, share: float, order: int) -> None:
    labels = _labels(counts, order)
    total = int(np.floor(share * labels.size + 0.5))
    if not 1 <= total < labels.size:
        return
    with _gaps_allowed():
        split = split_indices(labels, share, seed)
        again = split_indices(labels, share, seed)
    both = np.concatenate([split.train, split.validation])
    assert np.array_equal(np.sort(both), np.arange(labels.size))  # disjoint and complete
    assert split.validation.size == total
    assert np.all(np.diff(split.train) > 0)
    assert np.all(np.diff(split.validation) > 0)
    assert split.train.dtype == split.validation.dtype == np.int64
    taken = np.bincount(labels[split.validation], minlength=len(counts))
    assert np.all(np.abs(taken - np.array(counts) * total / labels.size) < 1)  # the quota rule
    assert np.array_equal(split.train, again.train)


@given(counts=class_counts, data=st.data())
@settings(max_examples=60, deadline=None)
def test_a_count_is_met_exactly(counts: list[int], data: st.DataObject) -> None:
    labels = _labels(counts)
    wanted = data.draw(st.integers(1, labels.size - 1))
    with _gaps_allowed():
        assert split_indices(labels, wanted, 3).validation.size == wanted


def test_fashion_mnist_gives_600_a_class() -> None:
    labels = _labels([6000] * 10)
    split = split_indices(labels)
    assert (split.train.size, split.validation.size) == (54_000, 6_000)
    assert np.bincount(labels[split.validation]).tolist() == [600] * 10


def test_the_same_seed_means_the_same_rows_for_ever() -> None:
    # Recorded once: results in stores name only the seed, so the rows behind it must never change.
    split = split_indices(np.arange(1000) % 7, 0.1, seed=42)
    digest = hashlib.sha256(split.validation.astype("<i8").tobytes()).hexdigest()
    assert split.validation[:5].tolist() == [4, 17, 27, 51, 68]
    assert digest == "366d4b569218f76d2e05cf1c4eeaebb44f37c54e156739559b59e726c332e160"


def test_other_seeds_give_other_rows() -> None:
    labels = _labels([50, 50])
    assert not np.array_equal(split_indices(labels, 0.5, 1).train, split_indices(labels, 0.5, 2).train)


def test_the_random_state_of_the_caller_is_left_alone() -> None:
    before = np.random.get_state()[1].copy()
    split_indices(_labels([10, 10]), 0.2, 0)
    assert np.array_equal(before, np.random.get_state()[1])


def test_one_class_is_refused() -> None:  # fault 26
    with pytest.raises(InvalidValue, match=r"all labels are 4: .* 2 classes"):
        split_indices(np.full(100, 4))


def test_a_class_of_one_image_is_refused() -> None:  # fault 27
    with pytest.raises(InvalidValue, match="class 2 has 1 image, but 2 is the smallest count"):
        split_indices(np.array([0] * 10 + [1] * 10 + [2]))


def test_a_class_without_validation_images_is_said() -> None:  # fault 25
    with pytest.warns(UserWarning, match="validation part has no image of class 1"):
        split = split_indices(np.array([0] * 98 + [1] * 2), 0.1)
    assert split.validation.size == 10


def test_a_class_without_training_images_is_said() -> None:  # fault 25
    with pytest.warns(UserWarning, match="training part has no image of class 1"):
        split_indices(np.array([0] * 98 + [1] * 2), 0.9)


def test_a_gap_in_the_class_numbers_is_said() -> None:  # fault 25
    with pytest.warns(UserWarning, match="no image of class 1"):
        split_indices(np.array([0, 2] * 10), 0.5)


@pytest.mark.parametrize(
    ("labels", "match"),
    [
        (np.array([0.0, 1.0, np.nan, 1.0]), "integers, got float64"),
        (np.array(["a", "b"]), "integers"),
        (np.array([0, 1, -1, 1]), "got -1 in row 2"),
        (np.array([0, 1, 10**12, 1]), "got 1000000000000 in row 2"),
        (np.zeros((2, 2), dtype=int), r"the shape \(2, 2\)"),
        (np.array([], dtype=int), r"the shape \(0,\)"),
    ],
)
def test_labels_that_are_no_classes_are_refused(labels: np.ndarray, match: str) -> None:  # fault 24
    with pytest.raises(InvalidValue, match=match):
        split_indices(labels)


@pytest.mark.parametrize("validation", [0, -1, 20, 21, 0.0, 1.0, 1.5, -0.1, 0.001, float("nan"), True, "0.1", None])
def test_impossible_validation_parts_are_refused(validation: object) -> None:
    with pytest.raises(InvalidValue, match="validation"):
        split_indices(_labels([10, 10]), validation)  # type: ignore[arg-type]


@pytest.mark.parametrize("seed", [-1, 1.0, "1", None, True])
def test_bad_seed_is_refused(seed: object) -> None:
    with pytest.raises(InvalidValue, match="seed"):
        split_indices(_labels([10, 10]), 0.2, seed)  # type: ignore[arg-type]
