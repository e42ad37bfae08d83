"""What the solver promises for every family, task, budget and limit."""

from __future__ import annotations

from dataclasses import replace
from math import ceil
from typing import Any

import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from makeweight.designs.architecture import Task
from makeweight.designs.demand import demand
from makeweight.designs.families import FAMILIES, Family
from makeweight.designs.limits import NO_LIMITS, Limits
from makeweight.designs.reach import reach
from makeweight.designs.solver import Design, compare, fit
from makeweight.errors import InfeasibleBudget, InfeasibleLimits

every_family = pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
FASHION, CIFAR = Task((1, 28, 28), 10), Task((3, 32, 32), 10)
TASKS = (FASHION, CIFAR, Task((3, 96, 96), 2), Task((1, 41, 24), 7))
tasks = st.sampled_from(TASKS) | st.builds(
    lambda c, h, w, k: Task((c, h, w), k), st.sampled_from([1, 3]), st.integers(8, 96), st.integers(8, 96),
    st.integers(2, 100),
)  # fmt: skip
budgets = st.integers(3_000, 300_000)
limits_drawn = st.builds(
    Limits,
    st.none() | st.integers(50_000, 20_000_000),
    st.none() | st.integers(4_096, 131_072),
    st.sampled_from(["int8", "fp32"]),
) | st.builds(
    Limits,
    st.none() | st.integers(50_000, 20_000_000),
    st.none() | st.integers(4_096, 131_072),
    chip=st.sampled_from(["cortex-m0plus@48MHz", "cortex-m4@80MHz", "rv32imc@160MHz"]),
    max_flash=st.none() | st.integers(8_192, 262_144),
    max_ms=st.none() | st.floats(1, 500),
)


def _fit(family: Family, task: Task, budget: int, limits: Limits) -> Design:
    try:
        return fit(family, task, budget, {}, limits)
    except (InfeasibleBudget, InfeasibleLimits):
        assume(False)
        raise


@every_family
@example(task=Task((1, 86, 87), 2), budget=3_000, limits=NO_LIMITS)  # LeNet's pooling once dropped the last columns
@given(task=tasks, budget=budgets, limits=limits_drawn)
def test_limits_are_kept_all_weights_live_and_all_pixels_read(
    family: Family, task: Task, budget: int, limits: Limits
) -> None:
    design = _fit(family, task, budget, limits)
    assert design.cost.weights <= budget
    assert limits.broken_by(demand(design.architecture, limits)) == ()
    assert reach(design.architecture).whole
    assert fit(family, task, budget, {}, limits) == design
    if limits.on_device:
        assert all(width % 4 == 0 for width in design.widths)


@every_family
@given(
    task=tasks, budget=budgets, more=st.floats(1, 4), limits=limits_drawn,
    looser=st.lists(st.none() | st.floats(1, 4), min_size=4, max_size=4),
)  # fmt: skip
def test_more_room_never_lowers_the_merit(
    family: Family, task: Task, budget: int, more: float, limits: Limits, looser: list[float | None]
) -> None:
    """A factor of None lifts the limit."""
    before = _fit(family, task, budget, limits)
    names = ("macs", "ram", "flash", "ms")
    most: dict[str, Any] = {
        f"max_{name}": None if factor is None or name not in limits.most() else ceil(limits.most()[name] * factor)
        for name, factor in zip(names, looser, strict=True)
    }
    after = _fit(family, task, round(budget * more), replace(limits, **most))
    assert before.merit is not None
    assert after.merit is not None
    assert after.merit >= before.merit - 1e-9


def test_families_are_compared_by_merit_and_what_cannot_be_built_comes_last() -> None:
    ranked = compare(tuple(FAMILIES.values()), CIFAR, 20_000, Limits(max_macs=300_000))
    merits = [r.design.merit for r in ranked if r.design is not None and r.design.merit is not None]
    assert merits == sorted(merits, reverse=True)
    assert {r.family.name for r in ranked} == set(FAMILIES)
    none = compare(tuple(FAMILIES.values()), CIFAR, 300)
    assert all(r.design is None and "at least" in r.problem for r in none)


def test_a_tighter_limit_leaves_weights_unused_rather_than_dead() -> None:
    design = fit(FAMILIES["cnn"], FASHION, 100_000, {}, Limits(max_macs=150_000))
    assert design.cost.weights < 100_000
    assert design.binding == ("macs",)
    assert reach(design.architecture).whole
    assert fit(FAMILIES["cnn"], FASHION, 100_000, {}, NO_LIMITS).binding == ()
