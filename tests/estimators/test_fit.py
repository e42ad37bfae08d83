"""What a fit does: the budget, the scale of features, weights, small data."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.datasets import load_iris

import makeweight
from makeweight.designs.cost import cost
from makeweight.designs.demand import demand
from makeweight.designs.families import FAMILIES
from makeweight.designs.limits import Limits
from makeweight.errors import InfeasibleBudget, InfeasibleLimits, InvalidValue

from .conftest import small_cnn, small_fcn


def _weights(classifier):
    return cost(classifier.architecture_).weights


def _broken(limits, classifier):
    architecture = classifier.architecture_
    return limits.broken_by(demand(architecture, limits))


@pytest.mark.parametrize("family", FAMILIES)
def test_the_package_offers_a_classifier_of_every_family(family):
    made = makeweight.classifier(family)
    assert made is getattr(makeweight, f"{family.upper()}Classifier")
    assert made().budget == 100_000
    assert set(made().get_params()) >= {info.name for info in FAMILIES[family].infos} | {"epochs", "max_ram"}
    assert all(f"\n{name} :" in made.__doc__ or f"{name}," in made.__doc__ for name in made().get_params())


def test_an_unknown_classifier_or_argument_is_refused():
    with pytest.raises(AttributeError, match=r"OWNClassifier.*FCNClassifier, CNNClassifier"):
        makeweight.OWNClassifier  # noqa: B018
    with pytest.raises(InvalidValue, match="unknown family 'own'"):
        makeweight.classifier("own")
    with pytest.raises(TypeError, match="width"):
        makeweight.FCNClassifier(width=3)


def test_every_option_of_the_family_counts(digits):
    plain, changed = (
        makeweight.CNNClassifier(2_000, epochs=1, **options).fit(*digits)
        for options in ({}, {"kernel": 5, "stride": 1})
    )
    layers = [{layer.name: layer for layer in fitted.architecture_.layers} for fitted in (plain, changed)]
    assert [each["stage1.conv"].kernel for each in layers] == [3, 5]


def test_a_network_learns_and_says_how(make, digits):
    X, y = digits
    classifier = make(validation=0.25, epochs=30).fit(X[:300], y[:300])
    assert classifier.score(X[300:], y[300:]) > 0.8
    assert classifier.n_features_in_ == 64
    assert classifier.classes_.tolist() == list(range(10))
    assert [record.epoch for record in classifier.history_] == list(range(1, 31))
    assert classifier.history_[-1].validation_accuracy > 0.8
    assert classifier.history_[-1].images == 225


def test_nothing_is_held_out_unless_asked_for(make, digits):
    classifier = make(epochs=2).fit(*digits)
    assert all(record.images == 400 and np.isnan(record.validation_loss) for record in classifier.history_)


@pytest.mark.parametrize("budget", [3_000, 100_000])
def test_a_budget_is_filled_and_not_exceeded(budget, make, digits):
    classifier = make(budget=budget, epochs=1).fit(*digits)
    assert 0.99 * budget <= _weights(classifier) <= budget


@pytest.mark.parametrize("features", [1, 2, 5, 700])
@pytest.mark.parametrize("classes", [2, 40])
def test_a_budget_that_cannot_be_filled_is_a_limit(features, classes):
    rng = np.random.default_rng(0)
    X, y = rng.normal(size=(2 * classes, features)), np.repeat(np.arange(classes), 2)
    for budget in (2 * (features + classes) + 60, 10_000):
        classifier = small_fcn(budget=budget, epochs=1, depth=2).fit(X, y)
        assert 0.5 * budget < _weights(classifier) <= budget


def test_a_budget_below_the_smallest_network_is_refused_with_the_one_that_works(make, digits):
    with pytest.raises(InfeasibleBudget, match="at least") as refused:
        make(budget=20).fit(*digits)
    assert _weights(make(budget=refused.value.smallest, epochs=1).fit(*digits)) == refused.value.smallest


@pytest.mark.parametrize("kind", ["int8", "fp32"])
def test_limits_are_kept(kind, make, digits):
    limits = {"max_macs": np.int64(8_000), "max_ram": "1K", "ram_type": kind}
    free = make(budget=20_000, epochs=1).fit(*digits)
    limited = make(budget=20_000, epochs=1, **limits).fit(*digits)
    assert _broken(Limits(8_000, 1_024, kind), free)
    assert not _broken(Limits(8_000, 1_024, kind), limited)


def test_a_limit_below_the_smallest_network_is_refused_with_the_one_that_works(make, digits):
    with pytest.raises(InfeasibleLimits, match="at least") as refused:
        make(max_macs=20).fit(*digits)
    macs = refused.value.nearest["macs"]
    assert cost(make(max_macs=macs, epochs=1).fit(*digits).architecture_).macs <= macs
    with pytest.raises(InvalidValue, match="int8, fp32"):
        make(ram_type="int4").fit(*digits)


@pytest.mark.parametrize(("scale", "offset"), [(1e-12, 0), (1, 1e9), (1e9, -1e12), (255, 0)])
def test_scale_and_offset_of_the_features_do_not_matter(scale, offset):
    X, y = load_iris(return_X_y=True)
    plain = small_fcn(budget=500).fit(X, y).predict_proba(X)
    scaled = small_fcn(budget=500).fit(scale * X + offset, y).predict_proba(scale * X + offset)
    # What float64 keeps of X beside the offset; a training multiplies it.
    np.testing.assert_allclose(scaled, plain, atol=0.02)


def test_features_that_are_constant_are_no_harm(digits):
    X, y = digits
    assert (X.std(axis=0) == 0).any()
    assert small_fcn().fit(X + 0.1, y).score(X + 0.1, y) > 0.8


def test_pixels_in_uint8_and_in_floats_are_the_same_training(make, digits):
    X, y = digits
    as_bytes = X.astype(np.uint8)
    one = make().fit(as_bytes, y).predict_proba(as_bytes)
    np.testing.assert_allclose(one, make().fit(X, y).predict_proba(X), atol=0.02)


def test_an_image_may_have_any_scale(digits):
    X, y = digits
    # Padding and erased rectangles are black in either scale.
    one, other = (small_cnn(crop=1, erase=0.3).fit(x, y).predict_proba(x) for x in (X, X / 16 - 1))
    np.testing.assert_allclose(one, other, atol=0.02)


def test_weights_count_as_repetitions_to_the_bit_and_the_order_of_rows_does_not_count(make, digits):
    X, y = digits
    rng = np.random.default_rng(0)
    weights = rng.integers(0, 4, len(y))
    order = rng.permutation(weights.sum())
    weighted = make().fit(X, y, sample_weight=weights)
    repeated = make().fit(X.repeat(weights, axis=0)[order], y.repeat(weights)[order])
    np.testing.assert_array_equal(weighted.predict_proba(X), repeated.predict_proba(X))


def test_only_the_ratios_of_weights_count(make, digits):
    X, y = digits
    weights = np.random.default_rng(0).random(len(y))
    one, other = (make().fit(X, y, sample_weight=factor * weights).predict_proba(X) for factor in (1, 1024))
    np.testing.assert_array_equal(one, other)


def _one_in_ten(digits):
    """Two classes that look alike; class 1 is rare."""
    X, y = digits
    kept = np.concatenate([np.flatnonzero(y == 3), np.flatnonzero(y == 8)[:6]])
    noise = np.random.default_rng(0).normal(0, 12, (len(kept), 64))
    return X[kept] + noise, (y[kept] == 8).astype(int)


@pytest.mark.parametrize("class_weight", ["balanced", {0: 1, 1: 10}])
def test_class_weights_raise_the_probability_of_a_class(class_weight, make, digits):
    X, y = _one_in_ten(digits)
    plain, weighted = (make(epochs=3, class_weight=w).fit(X, y).predict_proba(X)[:, 1] for w in (None, class_weight))
    assert weighted.mean() > plain.mean()


@pytest.mark.parametrize("class_weight", [{0: -1, 1: 2}, {0: 0, 1: 0}])
def test_class_weights_below_zero_or_all_zero_are_refused(class_weight, digits):
    with pytest.raises(ValueError, match=r"class_weight=.* at least 0"):
        small_fcn(class_weight=class_weight).fit(*_one_in_ten(digits))


@pytest.mark.parametrize("rows", [2, 3, 5, 17])
def test_few_rows_are_enough(rows, make, digits):
    X, y = digits
    classifier = make().fit(X[:rows], y[:rows])
    assert classifier.predict_proba(X).shape == (400, len(np.unique(y[:rows])))


def test_classes_may_be_words(make, digits):
    X, y = digits
    words = np.array([f"digit {label}" for label in y])
    classifier = make().fit(X, words)
    assert set(classifier.predict(X)) <= set(words)
    assert classifier.score(X, words) > 0.7


@pytest.mark.parametrize("count", [1, 2, 499, 501])
def test_probabilities_do_not_depend_on_the_rows_beside_them(count, make, digits):
    X, y = digits
    classifier, many = make().fit(X, y), np.tile(X, (2, 1))
    np.testing.assert_allclose(
        classifier.predict_proba(many[:count]), classifier.predict_proba(many)[:count], rtol=1e-9
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"epochs": 0}, "epochs 0"),
        ({"learning_rate": -1.0}, "learning_rate -1.0"),
        ({"budget": "much"}, "budget 'much'"),
        ({"dropout": 1.5}, "dropout=1.5"),
        ({"validation": 1.5}, "validation share"),
    ],
)
def test_an_argument_that_breaks_a_rule_is_refused_by_fit(arguments, words, make, digits):
    classifier = make(**arguments)
    with pytest.raises(InvalidValue, match=words):
        classifier.fit(*digits)


@pytest.mark.parametrize("weights", [[1.0], np.full(400, -1.0), np.full(400, np.nan), np.zeros(400)])
def test_sample_weights_that_break_a_rule_are_refused(weights, digits):
    with pytest.raises(ValueError, match="sample_weight"):
        small_fcn().fit(*digits, sample_weight=weights)


def test_one_class_is_refused(make, digits):
    with pytest.raises(ValueError, match=r"1 class, .* needs at least 2 classes"):
        make().fit(digits[0], np.zeros(400))


def test_a_training_needs_two_rows(digits):
    X, y = digits[0][:4], [0, 0, 1, 1]
    with (
        pytest.warns(UserWarning, match="no image of class"),
        pytest.raises(ValueError, match="leaves 1 of 4 different rows"),
    ):
        small_fcn(validation=0.75).fit(X, y)
