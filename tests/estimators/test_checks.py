"""scikit-learn's own checks of an estimator, on both families."""

from __future__ import annotations

import numpy as np
from sklearn.utils.estimator_checks import parametrize_with_checks

from makeweight.estimators.classifiers import CNNClassifier, FCNClassifier
from makeweight.estimators.rows import Standardiser


class PaddedCNN(CNNClassifier):
    """The checks' rows have 1 to 30 columns and are no images: here they lie on 8×8 pixels, and the rest is 0."""

    def _shape(self, features, seen):
        return 1, 8, 8

    def _images(self, rows):
        n, f = rows.shape
        flat = Standardiser((1, 1, f), self._standardiser.mean, self._standardiser.scale).apply(rows).reshape(n, f)
        return np.pad(flat, ((0, 0), (0, 64 - f))).reshape(n, 1, 8, 8)


@parametrize_with_checks([FCNClassifier(2_000), PaddedCNN(1_000, epochs=30)])
def test_scikit_learns_checks(estimator, check):
    check(estimator)
