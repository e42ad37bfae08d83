"""Networks of widths asked for exactly, and how the solver counts many at once."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from makeweight.designs.architecture import Task
from makeweight.designs.cost import cost
from makeweight.designs.families import FAMILIES, Family, options_from
from makeweight.designs.limits import Limits
from makeweight.designs.memory import peak
from makeweight.designs.search import Space, largest
from makeweight.designs.solver import exact, fit
from makeweight.designs.structures import architectures
from makeweight.errors import BudgetExceeded, GeometryError, InvalidValue

FASHION = Task((1, 28, 28), 10)
FCN = FAMILIES["fcn"]


def test_the_weights_of_223_223_by_hand() -> None:
    design = exact(FCN, FASHION, (223, 223), None)
    assert design.cost.weights == (784 + 1) * 223 + (223 + 1) * 223 + (223 + 1) * 10 == 227_247
    assert design.budget is None
    assert design.budget_used is None


def test_a_plain_network_weighs_the_same() -> None:
    assert exact(FCN, FASHION, (223, 223), None, {"norm": "none"}).cost.weights == 227_247


def test_one_width_is_for_all_layers() -> None:
    assert exact(FCN, FASHION, (40,), None).architecture == exact(FCN, FASHION, (40, 40), None).architecture


def test_too_many_weights_are_refused_with_both_numbers_and_the_widest_that_fits() -> None:
    with pytest.raises(BudgetExceeded) as refused:
        exact(FCN, FASHION, (223, 223), 100_000)
    message = str(refused.value)
    assert "227,247" in message
    assert "100,000" in message
    assert "largest equal width that fits is 110;" in message
    assert exact(FCN, FASHION, (110,), 100_000).cost.weights <= 100_000
    with pytest.raises(BudgetExceeded):
        exact(FCN, FASHION, (111,), 100_000)


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
@given(budget=st.integers(20_000, 250_000))
def test_the_widest_equal_width_named_is_the_widest(family: Family, budget: int) -> None:
    with pytest.raises(BudgetExceeded) as refused:
        exact(family, FASHION, (900,), budget)
    named = re.search(r"largest equal width that fits is (\d+);", str(refused.value))
    assert named is not None
    width = int(named[1])
    assert exact(family, FASHION, (width,), budget).cost.weights <= budget
    with pytest.raises(BudgetExceeded):
        exact(family, FASHION, (width + 1,), budget)


def test_a_budget_that_fits_is_kept() -> None:
    design = exact(FCN, FASHION, (110, 110), 100_000)
    assert design.budget_used == design.cost.weights / 100_000
    assert exact(FCN, FASHION, (110, 110), design.cost.weights).budget_used == 1


def test_a_budget_below_every_width_only_asks_for_more() -> None:
    with pytest.raises(BudgetExceeded, match=r"Use a larger budget\.$"):
        exact(FCN, FASHION, (1,), 700)


@pytest.mark.parametrize("widths", [(), (0,), (-3,), (10, 0), (10, 20, 30)])
def test_bad_widths_are_refused_with_the_layers_named(widths: tuple[int, ...]) -> None:
    with pytest.raises(InvalidValue, match=r"takes one width of at least 1 .* 2 of them \(hidden1, hidden2\)"):
        exact(FCN, FASHION, widths, None)


def test_a_filter_that_does_not_fit_the_images_is_refused() -> None:
    with pytest.raises(GeometryError, match="a 15×15 filter does not fit"):
        exact(FAMILIES["cnn"], Task((1, 8, 8), 10), (8,), None, {"kernel": 15, "padding": 0})


OPTIONS = {
    "fcn": st.fixed_dictionaries({"depth": st.integers(1, 5)}),
    "cnn": st.fixed_dictionaries({"blocks": st.integers(0, 3), "norm": st.sampled_from(["batch", "none"])}),
    "mobile": st.fixed_dictionaries({"expand": st.integers(1, 3), "blocks": st.integers(1, 2)}),
    "lenet": st.fixed_dictionaries({"kernel": st.sampled_from([3, 5])}),
}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
@given(data=st.data())
def test_many_networks_are_counted_exactly_at_once(family: Family, data: st.DataObject) -> None:
    options = {**data.draw(OPTIONS[family.name]), "activation": data.draw(st.sampled_from(["relu", "prelu"]))}
    skeleton = family.skeleton(Task((3, 20, 16), 7), options_from(family, options), None)
    rows = np.array([[data.draw(st.integers(4, 300)) for _ in skeleton.knobs] for _ in range(3)])
    one_by_one = [cost(skeleton.build(tuple(row))) for row in rows.tolist()]
    counted = Space(skeleton, 1).count(rows)
    assert counted.tolist() == [[c.weights for c in one_by_one], [c.macs for c in one_by_one]]
    for number in ("int8", "fp32"):
        peaks = np.broadcast_to(peak(architectures(skeleton, rows), number), len(rows))
        assert peaks.tolist() == [peak(skeleton.build(tuple(row)), number) for row in rows.tolist()]
    # The largest width of each knob: budget and MACs still have room for it, and not for one more.
    limits = Limits(max_macs=int(counted[1][0]) + data.draw(st.integers(0, 500_000)))
    space = Space(skeleton, int(counted[0][0]) + data.draw(st.integers(0, 5_000)), limits)
    for knob, smallest in enumerate(space.minima):
        at, above = rows[:1].copy(), rows[:1].copy()
        at[:, knob] = largest(space, rows[:1].copy(), knob)
        above[:, knob] = at[:, knob] + 1
        assert at[0, knob] >= max(rows[0, knob], smallest - 1)
        assert at[0, knob] < smallest or space.used(at).max() <= 1
        assert space.used(above).max() > 1


def test_options_held_fixed_are_honoured_although_they_fill_less() -> None:
    design = fit(FCN, Task((3, 64, 64), 10), 60_000, {"depth": 1})
    assert len(design.widths) == 1
    assert design.cost.weights <= 60_000
