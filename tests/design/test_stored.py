"""Hostile architectures in a store: refused in one clear line, at once, and before anything is allocated."""

from __future__ import annotations

import json
import resource
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from makeweight.designs.architecture import Architecture, Task
from makeweight.designs.budget import MAX_BUDGET
from makeweight.designs.families import FAMILIES, family_named
from makeweight.designs.layers import Conv2d, Flatten, Layer, Linear, Pool
from makeweight.designs.solver import fit
from makeweight.designs.stored import MAX_ACTIVATION_BYTES, MAX_MACS, read_architecture
from makeweight.errors import MakeweightError

REAL = [
    fit(family_named(name), Task((3, 32, 32), 10), budget).architecture.to_json()
    for name in FAMILIES
    for budget in (20_000, 100_000)
]
numbers = st.one_of(
    st.integers(-3, 300), st.sampled_from([0, -1, 2**31, 2**63, 10**9, 10**400]), st.floats(), st.booleans(), st.none()
)
texts = st.one_of(st.text(max_size=5), st.sampled_from(["conv", "residual", "body", "kernel", "relu", "name", "\0"]))
hostile = st.recursive(
    st.one_of(numbers, texts), lambda inner: st.lists(inner, max_size=4) | st.dictionaries(texts, inner), max_leaves=8
)


def places(value: Any) -> list[tuple[Any, Any]]:
    """Every container in a record, with each of its keys."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    return [(value, key) for key in keys] + [place for key in keys for place in places(value[key])]


@st.composite
def damaged(draw: st.DrawFn) -> str:
    """A real architecture in which up to three values were replaced, doubled or removed."""
    record = json.loads(draw(st.sampled_from(REAL)))
    for _ in range(draw(st.integers(1, 3))):
        all_places = places(record)
        container, key = all_places[draw(st.integers(0, len(all_places) - 1))]
        match draw(st.sampled_from(["replace", "remove", "double", "swap"])):
            case "replace":
                container[key] = draw(hostile)
            case "remove":
                del container[key]
            case "double" if isinstance(container, list):
                container.insert(key, container[key])
            case "swap":
                other, place = all_places[draw(st.integers(0, len(all_places) - 1))]
                container[key] = json.loads(json.dumps(other[place]))
    return json.dumps(record)


def read(text: str) -> None:
    """Read an architecture; if it is taken, it must be one that can be built."""
    try:
        architecture, cost = read_architecture(text)
    except MakeweightError as error:
        message = str(error)
    else:
        message = ""
        assert 1 <= cost.weights <= MAX_BUDGET
        assert cost.activation_bytes <= MAX_ACTIVATION_BYTES
        assert cost.macs <= MAX_MACS
        assert Architecture.from_json(architecture.to_json()) == architecture
    assert "\n" not in message
    assert len(message) < 500


@given(damaged())
def test_a_damaged_architecture_is_refused_or_can_be_built(text: str) -> None:
    read(text)


@given(hostile.map(json.dumps) | st.text())
def test_any_text_is_refused_clearly(text: str) -> None:
    read(text)


@pytest.mark.parametrize("text", REAL)
def test_a_real_architecture_is_read(text: str) -> None:
    assert read_architecture(text)[0].to_json() == text


HUGE: list[tuple[Layer, ...]] = [
    (Flatten("f"), Linear("a", 1_000_000), Linear("b", 1_000_000), Linear("k", 10)),
    (Conv2d("a", 1_000_000, 1, 1, 1_000), Pool("p", 1_000), Flatten("f"), Linear("k", 10)),
    (Conv2d("a", 100, 1, 1, 1_000), Conv2d("b", 100, 1, 1, 1_000), Pool("p", 1_000), Flatten("f"), Linear("k", 10)),
]


@pytest.mark.parametrize("layers", [(), (Flatten("f"),), (Flatten("f"), Linear("k", 9)), *HUGE])
def test_a_network_beyond_the_bounds_is_refused_before_anything_is_allocated(layers: tuple[Layer, ...]) -> None:
    before, start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss, time.process_time()
    with pytest.raises(MakeweightError, match="not an architecture"):
        read_architecture(Architecture("fcn", (1, 28, 28), 10, layers).to_json())
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 100_000  # KiB
    assert time.process_time() - start < 5
