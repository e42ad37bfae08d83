"""Recipes: every field has a rule, and the message names the field."""

from __future__ import annotations

import dataclasses
import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from makeweight.errors import InvalidValue
from makeweight.store.rows import checked_text
from makeweight.training.recipe import Recipe, default_recipe

BAD = {
    "epochs": [0, -1, 100_001, math.nan],
    "batch_size": [0, 1, 1_000_001],
    "optimizer": ["adam", "", "AdamW"],
    "learning_rate": [0, -0.1, math.inf, math.nan],
    "warmup": [-0.1, 1.0, math.nan],
    "final": [-0.1, 1.1, math.nan],
    "momentum": [-0.1, 1.0, math.nan],
    "beta2": [-0.1, 1.0, math.nan],
    "weight_decay": [-1e-9, 101, math.inf, math.nan],
    "label_smoothing": [-0.1, 1.0, math.nan],
    "class_weight": ["", "Balanced", "equal"],
    "skip_easy": [-0.1, 1.0, math.nan],
    "ema": [-0.1, 1.0, math.nan],
    "crop": [-1, 33],
    "erase": [-0.1, 1.1, math.nan],
    "validation": [-0.1, 0.0, 1.0, math.nan],
    "precision": ["fp16", "", "BF16"],
}
FIELDS = {field.name for field in dataclasses.fields(Recipe)}

recipes = st.builds(
    Recipe,
    epochs=st.integers(1, 100_000),
    batch_size=st.integers(2, 1_000_000),
    optimizer=st.sampled_from(["adamw", "sgd"]),
    learning_rate=st.floats(1e-12, 1e6),
    warmup=st.floats(0, 0.999),
    final=st.floats(0, 1),
    momentum=st.floats(0, 0.999),
    weight_decay=st.floats(0, 100),
    skip_easy=st.floats(0, 0.999),
    ema=st.floats(0, 0.9999),
    validation=st.floats(1e-6, 0.999),
    flip=st.booleans(),
    crop=st.integers(0, 32),
    erase=st.floats(0, 1),
    precision=st.sampled_from(["auto", "fp32", "bf16"]),
)


def test_every_field_with_a_rule_is_tested() -> None:
    assert BAD.keys() == FIELDS - {"flip"}  # a truth value cannot be out of range


@pytest.mark.parametrize(("name", "value"), [(name, value) for name, values in BAD.items() for value in values])
def test_a_bad_value_is_refused_by_name(name: str, value: object) -> None:
    with pytest.raises(InvalidValue) as refused:
        Recipe(**{name: value})  # type: ignore[arg-type]
    message = str(refused.value)
    assert message.startswith(f"{name} ")
    assert repr(value) in message
    with pytest.raises(InvalidValue, match=f"^{name} "):
        default_recipe("fcn", 54_000, {name: value})


@given(recipes)
def test_json_brings_the_recipe_back(recipe: Recipe) -> None:
    text = recipe.to_json()
    assert checked_text(Recipe, text) == recipe
    assert checked_text(Recipe, text).to_json() == text
    assert json.loads(text).keys() == FIELDS


@given(recipes, recipes)
def test_the_json_tells_recipes_apart(one: Recipe, other: Recipe) -> None:
    assert (one.to_json() == other.to_json()) == (one == other)


@pytest.mark.parametrize("family", ["fcn", "cnn", "lenet"])
def test_an_unknown_field_is_refused_with_the_known_ones(family: str) -> None:
    with pytest.raises(InvalidValue, match=r"no field 'lr'. It has: .*learning_rate"):
        default_recipe(family, 54_000, {"lr": 0.1})


@pytest.mark.parametrize("family", ["fcn", "cnn", "lenet"])
@given(images=st.integers(10, 10**7), epochs=st.integers(1, 500), learning_rate=st.floats(1e-6, 1))
def test_what_is_changed_is_changed_for_any_number_of_images(
    family: str, images: int, epochs: int, learning_rate: float
) -> None:
    recipe = default_recipe(family, images, {"epochs": epochs, "learning_rate": learning_rate})
    assert recipe.epochs == epochs
    assert recipe.learning_rate == learning_rate


@pytest.mark.parametrize("family", ["fcn", "cnn", "lenet"])
@given(images=st.tuples(st.integers(20, 10**6), st.integers(20, 10**6)))
def test_fewer_images_never_get_fewer_epochs_or_larger_batches(family: str, images: tuple[int, int]) -> None:
    few, many = (default_recipe(family, n) for n in sorted(images))
    assert few.epochs >= many.epochs
    assert few.batch_size <= many.batch_size


def test_a_whole_number_for_a_real_one_gives_the_same_recipe() -> None:
    assert default_recipe("cnn", 1000, {"ema": 0}).to_json() == default_recipe("cnn", 1000, {"ema": 0.0}).to_json()


@pytest.mark.parametrize(
    ("family", "images", "epochs", "expected"),
    [
        ("fcn", 54_000, None, Recipe(epochs=40, batch_size=1_024, learning_rate=0.03, skip_easy=0.5)),
        ("cnn", 54_000, None, Recipe(epochs=6, batch_size=128, learning_rate=0.015, skip_easy=0.5)),
        ("cnn", 54_000, 20, Recipe(epochs=20, skip_easy=0.5, crop=1)),
        ("lenet", 54_000, 19, Recipe(epochs=19, skip_easy=0.5)),
        ("lenet", 54_000, 20, Recipe(epochs=20, skip_easy=0.5, crop=1)),
        ("mobile", 6_000, None, Recipe(epochs=18)),
        ("fcn", 1_203, None, Recipe(epochs=100, batch_size=60, learning_rate=0.03)),
    ],
)
def test_the_recipe_of_a_family_follows_images_and_epochs(
    family: str, images: int, epochs: int | None, expected: Recipe
) -> None:
    assert default_recipe(family, images, {} if epochs is None else {"epochs": epochs}) == expected


def test_a_recipe_cannot_be_changed() -> None:
    with pytest.raises(dataclasses.FrozenInstanceError):
        Recipe().epochs = 3  # type: ignore[misc]
