"""Variance of seeds crossed with images: by hand, against simulation, and where it must not depend."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_rel

from makeweight.stats.crossed import Spread, assumed_seed_spread, seeds_variance, spread_of_difference


def test_a_table_by_hand() -> None:
    table = np.array([[1.0, 0, 1, 1], [0, 0, 1, 1], [1, 0, 1, 0]])
    # Images: means 2/3, 0, 1, 2/3; grand mean 7/12. Seeds: 3/4, 1/2, 1/2.
    of_images = sum((m - 7 / 12) ** 2 for m in (2 / 3, 0, 1, 2 / 3)) / 3 / 4
    of_seeds = ((3 / 4 - 7 / 12) ** 2 + 2 * (1 / 2 - 7 / 12) ** 2) / 2 / 3
    total = sum((cell - 7 / 12) ** 2 for cell in table.ravel())
    rest = total - 3 * (of_images * 4 * 3) - 4 * (of_seeds * 3 * 2)  # sums of squares add
    interaction = rest / (2 * 3) / 12
    spread = spread_of_difference(table)
    # What is assumed of seeds, 0.01·√(p(1 − p)), counts as half a degree of freedom beside the two measured ones.
    between = (0.5 * (0.01**2 * 7 / 12 * 5 / 12 / 3 + interaction) + 2 * of_seeds) / 2.5
    expected = of_images + max(0, between - interaction)
    assert spread.variance == pytest.approx(expected)
    assert seeds_variance(table) == pytest.approx(max(0, between - interaction))
    assert spread.freedom == pytest.approx(expected**2 / (of_images**2 / 3 + between**2 / 2.5))


def test_nothing_is_assumed_of_a_table_that_holds_no_hits() -> None:
    hits = np.array([[1.0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 0, 1]])
    influence = hits - hits.mean()  # what a ratio's variance is taken of
    measured = influence.mean(axis=1).var(ddof=1) / 3
    rest = influence - influence.mean(axis=1, keepdims=True) - influence.mean(axis=0)
    interaction = (rest**2).sum() / (2 * 3) / 12
    assert seeds_variance(influence) == pytest.approx(max(0.0, measured - interaction))


def test_one_seed_adds_the_assumed_spread_of_the_seeds_to_the_t_test_over_images() -> None:
    rng = np.random.default_rng(0)
    a, b = rng.random((1, 300)) < 0.8, rng.random((1, 300)) < 0.7
    spread = spread_of_difference(a, b)
    seeds = assumed_seed_spread(float(a.mean())) ** 2 + assumed_seed_spread(float(b.mean())) ** 2
    of_images = Spread(spread.variance - seeds, len(a[0]) - 1)
    wanted = ttest_rel(a[0].astype(float), b[0].astype(float))
    assert of_images.p_value(float(a.mean() - b.mean())) == pytest.approx(wanted.pvalue)
    low, high = wanted.confidence_interval(0.95)
    assert 2 * of_images.half_width(0.95) == pytest.approx(high - low)


@pytest.mark.parametrize("freedom", [1, 2.5, 40, math.inf])
def test_the_detectable_value_is_shown_with_its_probability(freedom: float) -> None:
    spread = Spread(4.0, freedom)
    value = spread.detectable(level=0.01, power=0.8)
    rng = np.random.default_rng(0)
    scale = np.sqrt(rng.chisquare(freedom, 40_000) / freedom) if freedom < math.inf else np.ones(40_000)
    shown = np.abs((value + 2 * rng.normal(size=40_000)) / (2 * scale)) > spread.quantile(0.99)
    assert shown.mean() == pytest.approx(0.8, abs=0.01)


@given(seed=st.integers(0, 10_000), seeds=st.integers(1, 5), images=st.integers(2, 40))
def test_order_of_seeds_and_images_and_of_the_two_networks_does_not_matter(seed: int, seeds: int, images: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.random((seeds, images)) < 0.7, rng.random((seeds + 1, images)) < 0.7
    spread, order = spread_of_difference(a, b), rng.permutation(images)
    for other in (spread_of_difference(b, a), spread_of_difference(a[::-1, order], b[:, order])):
        assert other.variance == pytest.approx(spread.variance)
        assert other.freedom == pytest.approx(spread.freedom)
    assert spread.variance >= 0
    assert spread.freedom > 0


@pytest.mark.parametrize("seed_sd", [0.0, 0.002, 0.01])
def test_the_variance_is_that_of_repeated_draws(draw_tables, seed_sd: float) -> None:
    rng = np.random.default_rng(5)
    means, variances = [], []
    for _ in range(1_500):
        a, b = draw_tables(rng, [0.9, 0.88], 3, 500, seed_sd)
        means.append(a.mean() - b.mean())
        variances.append(spread_of_difference(a, b).variance)
    # Clipping the seeds' part at 0 makes it a little too large where there is none.
    assert math.sqrt(np.mean(variances) / np.var(means)) == pytest.approx(1.03, abs=0.06)
    assert np.mean(means) == pytest.approx(0.02, abs=0.002)


def test_no_variance_is_no_doubt() -> None:
    same = np.ones((3, 20), dtype=bool)
    assert spread_of_difference(same, same).p_value(0.0) == 1.0
    assert spread_of_difference(same, ~same).p_value(1.0) == 0.0
