"""The spaces: every point has a network that fills its budget."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from makeweight.designs.architecture import Task
from makeweight.designs.families import FAMILIES as EVERY_FAMILY
from makeweight.designs.families import family_named
from makeweight.designs.limits import Limits
from makeweight.designs.memory import ram
from makeweight.designs.solver import fit
from makeweight.errors import InvalidValue
from makeweight.training.recipe import Recipe, default_recipe
from makeweight.tuning.lengths import epochs_at
from makeweight.tuning.space import Dimension, SearchSpace, default_point, realise, space

FASHION = Task((1, 28, 28), 10)
IMAGES = 54_000
FAMILIES = [name for name, family in EVERY_FAMILY.items() if family.tunable]
FCN = EVERY_FAMILY["fcn"]


def points(family: str) -> st.SearchStrategy[dict[str, Any]]:
    return st.fixed_dictionaries({d.name: _values(d) for d in space(family_named(family), IMAGES)})


def _values(dimension: Dimension) -> st.SearchStrategy[Any]:
    match dimension.values:
        case CategoricalDistribution(choices=choices):
            return st.sampled_from(choices)
        case IntDistribution(low=low, high=high):
            return st.integers(low, high)
        case FloatDistribution(low=low, high=high, step=None):
            return st.floats(low, high)
        case FloatDistribution(low=low, high=high, step=step):
            return st.integers(0, round((high - low) / step)).map(lambda n: low + n * step)
    raise AssertionError(dimension.values)


@pytest.mark.parametrize("family", FAMILIES)
@given(data=st.data(), budget=st.integers(10_000, 200_000))
def test_every_point_has_a_network_within_the_budget(family: str, data: st.DataObject, budget: int) -> None:
    point = data.draw(points(family))
    design, recipe, dropped = realise(point, family_named(family), FASHION, budget, IMAGES)
    assert 0.9 * budget < design.cost.weights <= budget
    for name in dataclasses.asdict(recipe).keys() & point.keys():
        assert getattr(recipe, name) == point[name] or isinstance(point[name], float)
    assert set(dropped) <= point.keys()


@given(data=st.data(), macs=st.integers(1_500_000, 8_000_000), kib=st.integers(20, 64))
def test_every_point_has_a_network_within_all_limits(data: st.DataObject, macs: int, kib: int) -> None:
    limits = Limits(max_macs=macs, max_ram=kib * 1_024)
    design, _, _ = realise(data.draw(points("cnn")), family_named("cnn"), FASHION, 50_000, IMAGES, limits)
    assert design.cost.weights <= 50_000
    assert design.cost.macs <= macs
    assert ram(design.architecture) <= kib * 1_024


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("budget", [10_000, 50_000, 100_000, 200_000])
def test_the_defaults_are_a_point_and_make_the_default_network(family: str, budget: int) -> None:
    kind, recipe = family_named(family), default_recipe(family, IMAGES)
    design, dimensions = fit(kind, FASHION, budget), space(kind, IMAGES)
    point = default_point(dimensions, design, kind, recipe)
    assert point.keys() == {d.name for d in dimensions}
    for dimension in dimensions:
        assert dimension.values._contains(dimension.values.to_internal_repr(point[dimension.name])), dimension
    again, its_recipe, dropped = realise(point, kind, FASHION, budget, IMAGES)
    assert (again.architecture, its_recipe, dropped) == (design.architecture, recipe, ())


@pytest.mark.parametrize("family", FAMILIES)
def test_every_dimension_is_a_field_and_has_a_reason(family: str) -> None:
    options = {field.name for field in dataclasses.fields(family_named(family).options)}
    recipe = {field.name for field in dataclasses.fields(Recipe)}
    for dimension in space(family_named(family), IMAGES):
        assert dimension.name in (options if dimension.part == "network" else recipe)
        assert dimension.reason


def test_what_is_held_is_not_searched() -> None:
    free, held = ({d.name for d in space(FCN, IMAGES, fixed)} for fixed in ({}, {"flip": True}))
    assert free - held == {"flip"}


def test_a_family_that_is_kept_as_published_is_refused() -> None:
    with pytest.raises(InvalidValue, match=r"has no option to search\. Choose from: fcn, cnn, mobile\."):
        space(family_named("lenet"), IMAGES)


def test_small_data_sets_have_spaces_of_their_own() -> None:
    by_name = {d.name: d.values for d in space(FCN, 1_000)}
    assert by_name["batch_size"].high <= 200
    assert "skip_easy" not in by_name


@pytest.mark.parametrize("family", FAMILIES)
def test_with_several_families_a_point_says_whose_it_is(family: str) -> None:
    kinds = tuple(family_named(name) for name in FAMILIES)
    many, kind = SearchSpace.of(kinds, IMAGES, {"flip": True, "kernel": 3}), family_named(family)
    dimensions = many.dimensions[family]
    assert not {"flip", "kernel"} & {d.name for d in dimensions}
    design, recipe = fit(kind, FASHION, 20_000), default_recipe(family, IMAGES)
    point = default_point(dimensions, design, kind, recipe)
    named = many.join(kind, point)
    assert named["family"] == family
    assert all(name.startswith(f"{family}.") for name in named if name != "family")
    assert many.split(named) == (kind, point)


@given(data=st.data())
@pytest.mark.parametrize("family", FAMILIES)
def test_what_a_longer_schedule_is_tried_with_lies_in_the_space(family: str, data: st.DataObject) -> None:
    kind = family_named(family)
    one = SearchSpace.of((kind,), IMAGES, {})
    drawn = data.draw(points(family))
    for point in one.for_longer(kind, drawn):
        assert point.keys() == drawn.keys()
        for d in one.dimensions[family]:
            value = point[d.name]
            assert value == drawn[d.name] or d.values._contains(d.values.to_internal_repr(value)), d


@given(st.floats(0.01, 50), st.integers(1, 150))
def test_a_longer_schedule_has_no_fewer_epochs(length: float, default: int) -> None:
    epochs = epochs_at(length, default)
    assert 2 <= epochs <= 200
    assert epochs <= epochs_at(2 * length, default)
    assert length < 1 or epochs >= min(default, 2)
