"""Architectures as text and back, and the limits of a task."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from makeweight.designs.architecture import Architecture, Task
from makeweight.designs.layers import (
    ACTIVATIONS,
    KINDS,
    Activation,
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    GlobalPool,
    Linear,
    Pool,
    Residual,
    kind_of,
)
from makeweight.errors import InvalidValue

names = st.text(max_size=8)
small = st.integers(1, 300)
pools = st.sampled_from(["max", "average"])
rates = st.floats(0, 1, exclude_max=True)
plain = st.one_of(
    st.builds(Flatten, names),
    st.builds(Linear, names, small, st.booleans()),
    st.builds(Conv2d, names, small, small, small, st.integers(0, 300), st.booleans()),
    st.builds(BatchNorm, names, st.booleans(), st.booleans()),
    st.builds(Activation, names, st.sampled_from(ACTIVATIONS), st.floats(1e-6, 1e6)),
    st.builds(Pool, names, small, pools),
    st.builds(GlobalPool, names, pools),
    st.builds(Dropout, names, rates),
)
layers = st.recursive(
    plain, lambda inner: st.builds(Residual, names, st.lists(inner, max_size=3).map(tuple)), max_leaves=4
)
architectures = st.builds(
    Architecture,
    names,
    st.tuples(st.sampled_from([1, 3]), st.integers(8, 224), st.integers(8, 224)),
    st.integers(2, 1_000),
    st.lists(layers, max_size=6).map(tuple),
)


@given(architectures)
def test_json_brings_everything_back(architecture: Architecture) -> None:
    text = architecture.to_json()
    again = Architecture.from_json(text)
    assert again == architecture
    assert again.to_json() == text
    assert again.digest == architecture.digest
    json.loads(text)


@given(architectures, architectures)
def test_digests_tell_architectures_apart(one: Architecture, other: Architecture) -> None:
    assert (one.digest == other.digest) == (one == other)


def test_the_json_is_canonical() -> None:
    architecture = Architecture("any", (1, 8, 8), 2, (Pool("p", 2, "average"), Flatten("f"), Linear("k", 2)))
    assert architecture.to_json() == (
        '{"classes":2,"family":"any","input_shape":[1,8,8],"layers":['
        '{"kernel":2,"kind":"average","layer":"pool","name":"p"},'
        '{"layer":"flatten","name":"f"},'
        '{"bias":true,"layer":"linear","name":"k","out_features":2}]}'
    )


def test_every_kind_of_layer_has_its_name() -> None:
    assert len(set(KINDS.values())) == len(KINDS)
    assert kind_of(Linear("k", 2)) == "linear"


_GOOD = Architecture("any", (1, 8, 8), 2, (Flatten("f"), Linear("k", 2))).to_json()
_FLATTEN = '{"layer":"flatten","name":"f"}'
HOSTILE = ("[2]", "{}", "null", '"2"', "true", "2.0", "0", "-1", "1000000000", "1e999", "NaN", "1" + "0" * 5_000)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "nonsense",
        "[]",
        "null",
        "3",
        "{}",
        _GOOD.replace('"layers"', '"others"'),
        _GOOD.replace('"linear"', '"transformer"'),
        _GOOD.replace('"out_features"', '"width"'),
        _GOOD.replace("[1,8,8]", "[1,8]"),
        _GOOD.replace("[1,8,8]", "7"),
        _GOOD.replace('"layers":[', '"layers":[7,'),
        _GOOD[:-1],
        _GOOD.replace('"classes":2', '"classes":true'),
        _GOOD.replace('"classes":2', '"classes":"2"'),
        _GOOD.replace('"family":"any"', '"family":{}'),
        *(_GOOD.replace('"out_features":2', f'"out_features":{hostile}') for hostile in HOSTILE),
        "[" * 100_000,
        '{"a":' * 100_000,
        _GOOD.replace(_FLATTEN, '{"body":[' * 50 + _FLATTEN + '],"layer":"residual","name":"r"}' * 50),
        _GOOD + " " * 1_000_000,
        _GOOD.replace(_FLATTEN, ",".join([_FLATTEN] * 1_001)),
    ],
)
def test_text_that_is_no_architecture_is_refused(text: str) -> None:
    with pytest.raises(InvalidValue, match="not an architecture"):
        Architecture.from_json(text)


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 224, 224), (1, 8, 224), (3, 97, 13)])
@pytest.mark.parametrize("classes", [2, 1_000])
def test_a_task_within_the_limits_is_taken(shape: tuple[int, int, int], classes: int) -> None:
    assert Task(shape, classes).input_shape == shape


@pytest.mark.parametrize("features", [1, 2, 3, 784, 1_000_000])
def test_a_vector_of_features_is_a_task(features: int) -> None:
    assert Task((features, 1, 1), 10).input_shape == (features, 1, 1)


@pytest.mark.parametrize("features", [0, 1_000_001])
def test_a_number_of_features_beyond_the_limits_is_refused(features: int) -> None:
    with pytest.raises(InvalidValue, match=rf"^a vector of {features:,} features .* 1 to 1,000,000"):
        Task((features, 1, 1), 10)


@pytest.mark.parametrize("shape", [(0, 8, 8), (2, 8, 8), (4, 8, 8), (1, 7, 8), (1, 8, 7), (3, 225, 8), (3, 8, 225)])
def test_a_task_beyond_the_limits_is_refused(shape: tuple[int, int, int]) -> None:
    with pytest.raises(InvalidValue, match=rf"^input {'x'.join(map(str, shape))} .*sides from 8 to 224"):
        Task(shape, 10)


@pytest.mark.parametrize("classes", [-1, 0, 1, 1_001])
def test_a_number_of_classes_beyond_the_limits_is_refused(classes: int) -> None:
    with pytest.raises(InvalidValue, match=f"^{classes} classes .* 2 to 1000"):
        Task((1, 28, 28), classes)
