"""Networks of widths asked for exactly, and the polynomial that the solver counts with."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makeweight.design.architecture import Task
from makeweight.design.cost import cost
from makeweight.design.families import FAMILIES, Family, options_from
from makeweight.design.polynomial import CostPolynomial
from makeweight.design.solver import exact, fit
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
@settings(max_examples=20, deadline=None)
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
    "lenet": st.fixed_dictionaries({"kernel": st.sampled_from([3, 5])}),
}


@pytest.mark.parametrize("family", FAMILIES.values(), ids=FAMILIES)
@given(data=st.data())
@settings(max_examples=30, deadline=None)
def test_the_polynomial_counts_exactly(family: Family, data: st.DataObject) -> None:
    options = {**data.draw(OPTIONS[family.name]), "activation": data.draw(st.sampled_from(["relu", "prelu"]))}
    skeleton = family.skeleton(Task((3, 20, 16), 7), options_from(family, options), None)
    widths = [data.draw(st.integers(1, 300)) for _ in skeleton.knobs]
    polynomial = CostPolynomial.of(skeleton)
    counted = cost(skeleton.build(tuple(widths))).weights
    assert polynomial.value(widths) == counted
    # The largest width of each knob: this budget still has room for it, and not for one more.
    budget = counted + data.draw(st.integers(0, 5_000))
    for knob, smallest in enumerate(polynomial.origin):
        rows = np.array([widths])
        (largest,) = polynomial.largest(rows, knob, budget)
        at = [*widths[:knob], int(largest), *widths[knob + 1 :]]
        above = [*widths[:knob], int(largest) + 1, *widths[knob + 1 :]]
        assert largest >= max(widths[knob], smallest - 1)
        assert polynomial.value(at) <= budget or largest < smallest
        assert polynomial.value(above) > budget


def test_options_held_fixed_are_honoured_although_they_fill_less() -> None:
    design = fit(FCN, Task((3, 64, 64), 10), 60_000, {"depth": 1})
    assert len(design.widths) == 1
    assert design.cost.weights <= 60_000
