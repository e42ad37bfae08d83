"""The formula of expected accuracy: that of its data, and as good at ranking as it says."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from makeweight.designs.architecture import Task
from makeweight.designs.families import FAMILIES, Family, options_from
from makeweight.designs.layers import GlobalPool, Linear
from makeweight.designs.merit import COEFFICIENTS, RESIDUAL, error_ratio, merit, probability
from makeweight.designs.shapes import place
from makeweight.designs.solver import fit

sys.path.insert(0, str(Path(__file__).parents[2]))
from scripts import fit_merit


@pytest.fixture(scope="module")
def measured() -> fit_merit.Measured:
    return fit_merit.read()


def test_it_is_fitted_to_200_designs_of_three_data_sets_or_more(measured: fit_merit.Measured) -> None:
    assert len(measured.halvings) >= 200
    assert len(np.unique(measured.data)) >= 3
    assert min((measured.data == name).sum() for name in np.unique(measured.data)) >= 30


def test_the_coefficients_are_those_of_the_measurements(measured: fit_merit.Measured) -> None:
    assert fit_merit.fit(measured) == pytest.approx(COEFFICIENTS, abs=1e-3)


def test_it_ranks_the_designs_of_data_that_it_never_saw(measured: fit_merit.Measured) -> None:
    """Each data set held out in turn."""
    held_out = fit_merit.cross_validated(measured)
    assert all(row.rank_correlation >= 0.8 for row in held_out), held_out
    # No data set shows the formula less precise than it says, but for rounding.
    assert max(row.residual for row in held_out) <= RESIDUAL + 0.005


@pytest.mark.parametrize("family", [f for f in FAMILIES.values() if not f.takes_vectors], ids=lambda f: f.name)
@given(data=st.data())
def test_a_wider_layer_never_lowers_it(family: Family, data: st.DataObject) -> None:
    skeleton = family.skeleton(Task((3, 32, 40), 10), options_from(family, {}), None)
    widths = [data.draw(st.integers(4, 200)) for _ in skeleton.knobs]
    wider = [w + data.draw(st.integers(0, 40)) for w in widths]
    before, after = (merit(place(skeleton.build(tuple(w)).layers, (3, 32, 40))) for w in (widths, wider))
    assert after >= before - 1e-9


@pytest.mark.parametrize(
    ("budget", "side"), [(5_000, 2), (10_000, 2), (20_000, 2), (50_000, 1), (100_000, 1), (200_000, 1)]
)
def test_a_fully_connected_network_reads_a_shrunk_image_where_that_was_better(budget: int, side: int) -> None:
    """The choices that two trainings each made on FashionMNIST, docs/design.md."""
    design = fit(FAMILIES["fcn"], Task((1, 28, 28), 10), budget)
    assert design.options["shrink"] == side
    assert fit(FAMILIES["fcn"], Task((1, 8, 8), 10), budget).options["shrink"] == 1  # of 64 pixels none is too many


def test_a_network_that_flattens_nothing_has_one() -> None:
    """As a family of one's own may be."""
    placed = place((GlobalPool("mean", "average"), Linear("hidden", 9), Linear("logits", 3)), (2, 8, 8))
    assert np.isfinite(merit(placed))


def test_a_merit_of_one_more_is_half_the_errors() -> None:
    assert error_ratio(4.0, 3.0) == 0.5
    assert probability(3.0, 3.0) == 0.5
    assert probability(4.0, 3.0) > 0.99
    assert probability(3.0, 4.0) == pytest.approx(1 - probability(4.0, 3.0))
