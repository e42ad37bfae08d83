"""Limits beside the weights hold by construction, and what cannot be had is said with what can."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makeweight.design.architecture import Task
from makeweight.design.families import family_named
from makeweight.design.limits import Limits, parse_limit, parse_limits
from makeweight.design.solver import fit
from makeweight.errors import InfeasibleLimits, InvalidValue

CNN, FCN = family_named("cnn"), family_named("fcn")
TASKS = (Task((1, 28, 28), 10), Task((3, 32, 32), 100), Task((1, 40, 24), 7))
limits_drawn = st.builds(
    Limits,
    st.none() | st.integers(5_000, 20_000_000),
    st.none() | st.integers(500, 100_000),
    st.sampled_from(["int8", "fp32"]),
)


@given(
    task=st.sampled_from(TASKS), budget=st.integers(20_000, 200_000), limits=limits_drawn,
    options=st.fixed_dictionaries({}, optional={
        "blocks": st.integers(0, 3), "stages": st.integers(2, 4), "growth": st.sampled_from([1.0, 1.5, 2.5]),
        "head": st.sampled_from(["max", "average"]), "kernel": st.sampled_from([3, 5]),
    }),
)  # fmt: skip
@settings(max_examples=60, deadline=None)
def test_no_limit_is_ever_broken(task: Task, budget: int, limits: Limits, options: dict[str, object]) -> None:
    try:
        design = fit(CNN, task, budget, options, limits)
    except InfeasibleLimits as error:
        # What the error names as the nearest works.
        macs = error.nearest.get("macs", limits.max_macs)
        size = error.nearest.get("activation_bytes", limits.max_activation_bytes)
        nearest = Limits(macs, size, limits.activation_type)
        assert nearest.broken_by(fit(CNN, task, budget, options, nearest).cost) == ()
        return
    assert design.cost.weights <= budget
    assert limits.broken_by(design.cost) == ()
    free = fit(CNN, task, budget, options)
    assert design.binding == limits.broken_by(free.cost)
    if not design.binding:
        assert design == free


@given(budget=st.integers(20_000, 200_000), macs=st.integers(300_000, 10_000_000))
@settings(max_examples=25, deadline=None)
def test_twice_the_operations_give_no_smaller_network(budget: int, macs: int) -> None:
    """To 3 %, which the search gives for a network that is nearer to its usual shape."""
    once, twice = (fit(CNN, TASKS[0], budget, {"stride": 1}, Limits(n)) for n in (macs, 2 * macs))
    assert twice.cost.weights >= 0.97 * once.cost.weights


def test_a_network_that_limits_keep_small_uses_what_they_allow() -> None:
    design = fit(CNN, TASKS[0], 100_000, {"stride": 1}, Limits(max_macs=2_000_000))
    assert 0.9 * 2_000_000 < design.cost.macs <= 2_000_000
    assert design.binding == ("macs",)


def test_where_stride_is_free_a_larger_one_fills_the_budget() -> None:
    design = fit(CNN, TASKS[0], 100_000, {}, Limits(max_macs=5_000_000, max_activation_bytes=16_384))
    assert design.cost.weights > 99_000
    assert set(design.binding) == {"macs", "activation_bytes"}


def test_fully_connected_networks_need_as_many_operations_as_weights() -> None:
    design = fit(FCN, TASKS[0], 100_000, {}, Limits(max_macs=40_000))
    assert 0.9 * 40_000 < design.cost.macs <= 40_000
    with pytest.raises(InfeasibleLimits, match="--max-macs") as caught:
        fit(FCN, TASKS[0], 100_000, {}, Limits(max_macs=100))
    assert "activation_bytes" not in caught.value.nearest


def test_every_limit_that_binds_is_named() -> None:
    with pytest.raises(InfeasibleLimits) as caught:
        fit(CNN, TASKS[0], 50_000, {"stride": 1}, Limits(1_000, 1_000))
    assert caught.value.nearest.keys() == {"macs", "activation_bytes"}
    assert "--max-activation-bytes" in str(caught.value)
    assert "--max-macs" in str(caught.value)


def test_limits_are_read() -> None:
    assert parse_limit("5M", "macs") == 5_000_000
    assert parse_limit("64k", "bytes") == parse_limit("64 KiB", "bytes") == parse_limit(65_536, "bytes") == 65_536
    for text in ("", "-1", "0", "5.5", "many", "1e6", "9" * 30, "5KiB", "5iB", 0, -1):
        with pytest.raises(InvalidValue, match="limit"):
            parse_limit(text, "macs")
    with pytest.raises(InvalidValue, match=r"'iB'|'5iB'"):
        parse_limit("5iB", "bytes")
    assert parse_limits(None, "64K", "fp32") == Limits(None, 65_536, "fp32")
    assert not parse_limits().any
    with pytest.raises(InvalidValue, match="int8, fp32"):
        Limits(activation_type="int4")  # type: ignore[arg-type]
