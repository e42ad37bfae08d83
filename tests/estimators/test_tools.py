"""scikit-learn's tools work with the classifiers: pipelines, searches, copies and files."""

from __future__ import annotations

import copy
import pickle

import joblib
import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, RandomizedSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import MinMaxScaler

from makeweight.designs.cost import cost

from .conftest import small_fcn


def test_a_pipeline_and_cross_validation(make, digits):
    scores = cross_val_score(make_pipeline(MinMaxScaler(), make()), *digits, cv=2)
    assert scores.min() > 0.7  # chance is 0.1


def test_a_grid_is_searched_in_two_processes(digits):
    search = GridSearchCV(
        small_fcn(), {"budget": [1_000, "3K"], "epochs": [2, 10]}, cv=2, n_jobs=2, error_score="raise"
    )
    search.fit(*digits)
    assert search.best_params_["epochs"] == 10
    assert search.best_score_ > 0.7


def test_numbers_of_numpy_are_taken(make, digits):
    drawn = {"budget": np.array([2_000]), "epochs": np.array([1]), "batch_size": np.array([32]), "ema": np.array([0.9])}
    search = RandomizedSearchCV(make(), drawn, n_iter=1, cv=2, error_score="raise")
    search.fit(*digits)
    assert len(search.best_estimator_.history_) == 1


def test_a_clone_has_the_arguments_and_is_not_fitted(make, digits):
    fitted = make(class_weight={0: 2.0}).fit(*digits)
    cloned = clone(fitted)
    assert cloned.get_params() == fitted.get_params()
    assert not hasattr(cloned, "network_")


@pytest.mark.parametrize("way", ["pickle", "joblib", "deepcopy"])
def test_a_copy_predicts_the_same_bits(way, make, digits, tmp_path):
    fitted = make().fit(*digits)
    if way == "joblib":
        joblib.dump(fitted, tmp_path / "classifier")
        copied = joblib.load(tmp_path / "classifier")
    else:
        copied = pickle.loads(pickle.dumps(fitted)) if way == "pickle" else copy.deepcopy(fitted)
    np.testing.assert_array_equal(copied.predict_proba(digits[0]), fitted.predict_proba(digits[0]))
    assert [record.training_loss for record in copied.history_] == [r.training_loss for r in fitted.history_]
    assert copied.architecture_ == fitted.architecture_


def test_the_state_of_a_pickle_is_safetensors_and_no_torch(make, digits):
    state = make().fit(*digits).__getstate__()
    assert isinstance(state["network_"], bytes)
    assert b"torch" not in pickle.dumps(state)


def test_the_same_random_state_gives_the_same_bits_and_another_does_not(make, digits):
    one, other, another = (make(random_state=seed).fit(*digits).predict_proba(digits[0]) for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, other)
    assert not np.array_equal(one, another)


def test_torchs_random_numbers_and_threads_are_left_alone(make, digits):
    before = torch.get_rng_state(), torch.get_num_threads()
    make().fit(*digits).predict(digits[0])
    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.get_num_threads() == before[1]


def test_a_notebook_shows_layers_and_learning_curve_of_a_fitted_one_only(make, digits):
    fitted = make(validation=0.2).fit(*digits)
    html = fitted._repr_html_()
    assert f"{cost(fitted.architecture_).weights:,}" in html
    assert "<svg" in html
    assert "validation loss" in html
    assert fitted._repr_mimebundle_()["text/html"].count("<polyline") == 2
    assert "<polyline" not in make()._repr_html_()
