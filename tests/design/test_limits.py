"""Limits beside the weights hold by construction, and what cannot be had is said with what can."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from makeweight.designs.architecture import Task
from makeweight.designs.demand import demand
from makeweight.designs.families import family_named
from makeweight.designs.limits import Limits, parse_limit, parse_limits
from makeweight.designs.solver import Design, fit
from makeweight.errors import InfeasibleLimits, InvalidValue

CNN, FCN = family_named("cnn"), family_named("fcn")
TASKS = (Task((1, 28, 28), 10), Task((3, 32, 32), 100), Task((1, 40, 24), 7))
limits_drawn = st.builds(
    Limits,
    st.none() | st.integers(5_000, 20_000_000),
    st.none() | st.integers(500, 100_000),
    st.sampled_from(["int8", "fp32"]),
)


def _broken(design: Design, limits: Limits) -> tuple[str, ...]:
    return limits.broken_by(demand(design.architecture, limits))


@given(
    task=st.sampled_from(TASKS), budget=st.integers(20_000, 200_000), limits=limits_drawn,
    options=st.fixed_dictionaries({}, optional={
        "blocks": st.integers(0, 3), "stages": st.integers(2, 4), "growth": st.sampled_from([1.0, 1.5, 2.5]),
        "head": st.sampled_from(["max", "average"]), "kernel": st.sampled_from([3, 5]),
    }),
)  # fmt: skip
def test_no_limit_is_ever_broken(task: Task, budget: int, limits: Limits, options: dict[str, object]) -> None:
    try:
        design = fit(CNN, task, budget, options, limits)
    except InfeasibleLimits as error:
        # What the error names as the nearest works.
        nearest = Limits(
            error.nearest.get("macs", limits.max_macs), error.nearest.get("ram", limits.max_ram), limits.ram_type
        )
        assert _broken(fit(CNN, task, budget, options, nearest), nearest) == ()
        return
    assert design.cost.weights <= budget
    assert _broken(design, limits) == ()


def test_limits_that_do_not_bind_change_nothing() -> None:
    free = fit(CNN, TASKS[0], 50_000)
    assert fit(CNN, TASKS[0], 50_000, {}, Limits(max_macs=10**9)).architecture == free.architecture


@pytest.mark.parametrize("macs", [300_000, 1_000_000, 2_000_000, 5_000_000])
def test_what_limits_allow_is_used(macs: int) -> None:
    """Once the solver filled weights first, and left a third of the operations unused."""
    design = fit(CNN, TASKS[0], 100_000, {}, Limits(max_macs=macs))
    assert design.binding == ("macs",)
    assert design.cost.macs <= macs
    assert max(design.cost.macs / macs, design.cost.weights / 100_000) > 0.97


def test_a_larger_budget_under_a_limit_is_not_a_worse_network() -> None:
    """20K weights under 2M MACs once made a better network of CIFAR-10 than 100K: 70.7 against 65.9 %."""
    cifar, limits = Task((3, 32, 32), 10), Limits(max_macs=2_000_000)
    small, large = (fit(CNN, cifar, budget, {}, limits) for budget in (20_000, 100_000))
    assert small.merit is not None
    assert large.merit is not None
    assert large.merit > small.merit


def test_fully_connected_networks_need_as_many_operations_as_weights() -> None:
    design = fit(FCN, TASKS[0], 100_000, {}, Limits(max_macs=40_000))
    assert 0.9 * 40_000 < design.cost.macs <= 40_000
    with pytest.raises(InfeasibleLimits, match="max_macs=") as caught:
        fit(FCN, TASKS[0], 100_000, {}, Limits(max_macs=100))
    assert "ram" not in caught.value.nearest


def test_every_limit_that_binds_is_named() -> None:
    with pytest.raises(InfeasibleLimits) as caught:
        fit(CNN, TASKS[0], 50_000, {"stride": 1}, Limits(1_000, 1_000))
    assert caught.value.nearest.keys() == {"macs", "ram"}
    assert "max_ram=" in str(caught.value)
    assert "max_macs=" in str(caught.value)


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
        Limits(ram_type="int4")  # type: ignore[arg-type]
