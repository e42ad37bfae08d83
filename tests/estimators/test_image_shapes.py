"""Which shape the images of a CNN have, and what is said where it is not known."""

from __future__ import annotations

import numpy as np
import pytest

from .conftest import small_cnn

Y = np.arange(12) % 2


def _images(*shape):
    return np.random.default_rng(0).normal(size=(12, *shape))


@pytest.mark.parametrize(
    ("shape", "image_shape", "expected"),
    [
        ((64,), None, (1, 8, 8)),
        ((12, 9), None, (1, 12, 9)),
        ((3, 9, 8), None, (3, 9, 8)),
        ((1, 8, 8), (1, 8, 8), (1, 8, 8)),
        ((300,), (3, 10, 10), (3, 10, 10)),
        ((96,), [1, 12, 8], (1, 12, 8)),
    ],
)
def test_a_shape_is_taken_as_given_or_as_seen(shape, image_shape, expected):
    X = _images(*shape)
    classifier = small_cnn(epochs=1, image_shape=image_shape).fit(X, Y)
    assert classifier.architecture_.input_shape == expected
    assert classifier.n_features_in_ == np.prod(expected)
    # Images and flat rows are the same.
    np.testing.assert_array_equal(classifier.predict_proba(X), classifier.predict_proba(X.reshape(12, -1)))


def test_lists_of_images_are_taken():
    X = _images(8, 8)
    assert small_cnn(epochs=1).fit(X.tolist(), Y).predict(X.tolist()).shape == (12,)


@pytest.mark.parametrize(
    ("shape", "image_shape", "words"),
    [
        ((65,), None, r"n_features = 65, which is not a square .* Give image_shape="),
        ((192,), None, r"n_features = 192, which is not a square"),
        ((16,), None, r"\(1, 4, 4\) .* sides from 8 to 224 pixels.*FCNClassifier"),
        ((2, 8, 8), None, r"\(2, 8, 8\) .* 1 or 3 channels"),
        ((8, 8, 3), None, r"channels last.*transpose"),
        ((1, 1, 8, 8), None, "3 axes"),
        ((64,), (1, 8, 9), r"has 72 values, and X has n_features = 64"),
        ((1, 9, 8), (1, 8, 9), r"X has images of \(1, 9, 8\)"),
        ((64,), 8, r"image_shape=8 is not possible"),
        ((64,), (8, 8), r"image_shape=\(8, 8\) is not possible"),
    ],
)
def test_an_impossible_shape_is_refused_with_a_remedy(shape, image_shape, words):
    with pytest.raises(ValueError, match=words):
        small_cnn(epochs=1, image_shape=image_shape).fit(_images(*shape), Y)


def test_other_images_than_fitted_are_refused():
    classifier = small_cnn(epochs=1).fit(_images(8, 9), Y)
    with pytest.raises(ValueError, match=r"images of \(1, 9, 8\), but the network was fitted to \(1, 8, 9\)"):
        classifier.predict(_images(9, 8))
