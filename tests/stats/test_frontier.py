"""The frontier: dominance by hand, probabilities against the normal distribution."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from makeweight.stats.crossed import spread_of_difference
from makeweight.stats.frontier import frontier, optimism, pareto


@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 5)), min_size=1, max_size=8))
def test_a_point_is_on_the_frontier_unless_another_is_at_least_as_good_in_both(points: list[tuple[int, int]]) -> None:
    found = pareto(np.array([c for c, _ in points], float), np.array([a for _, a in points], float))
    for (cost, accuracy), on in zip(points, found, strict=True):
        beaten = any(c <= cost and a >= accuracy and (c, a) != (cost, accuracy) for c, a in points)
        assert on == (not beaten)


def _hits(rng: np.random.Generator, accuracy: float, seeds: int = 3, images: int = 2_000) -> np.ndarray:
    return rng.random((seeds, images)) < accuracy


def test_clear_cases_are_sure() -> None:
    rng = np.random.default_rng(0)
    places = frontier([[1], [2], [3]], [_hits(rng, 0.8), _hits(rng, 0.6), _hits(rng, 0.9)])
    assert [place.on_frontier for place in places] == [True, False, True]
    assert [place.probability for place in places] == [1.0, 0.0, 1.0]


def test_the_cheapest_is_always_on_it_and_the_dearer_one_as_often_as_it_is_better() -> None:
    rng = np.random.default_rng(1)
    cheap, dear = _hits(rng, 0.9), _hits(rng, 0.905)
    places = frontier([[1], [2]], [cheap, dear])
    spread, mean = spread_of_difference(dear, cheap), dear.mean() - cheap.mean()
    assert places[0].probability == 1.0
    assert places[1].probability == pytest.approx(ndtr(mean / spread.variance**0.5), abs=0.02)


def test_the_same_study_gives_the_same_probabilities() -> None:
    costs, tables = [[1], [2, 3], [3]], [_hits(np.random.default_rng(i), 0.9) for i in range(3)]
    assert frontier(costs, tables) == frontier(costs, tables)


def test_a_single_network_is_the_frontier() -> None:
    [place] = frontier([[7]], [_hits(np.random.default_rng(0), 0.5, seeds=1)])
    assert (place.on_frontier, place.probability) == (True, 1.0)


def test_a_network_whose_seconds_overlap_anothers_is_not_surely_the_fastest() -> None:
    rng = np.random.default_rng(2)
    worse, better = _hits(rng, 0.88), _hits(rng, 0.92)
    apart = frontier([[8.0, 8.1, 8.2], [9.0, 9.1, 9.3]], [worse, better])
    overlapping = frontier([[8.0, 9.0, 12.0], [8.5, 10.0, 11.5]], [worse, better])
    assert apart[0].probability == 1.0
    # The worse one is beaten unless it is the faster.
    draws = np.random.default_rng(3).choice([8.0, 9.0, 12.0], (20_000, 3)).mean(axis=1)
    others = np.random.default_rng(4).choice([8.5, 10.0, 11.5], (20_000, 3)).mean(axis=1)
    assert overlapping[0].probability == pytest.approx((draws < others).mean(), abs=0.02)
    assert overlapping[1].probability == 1.0


def test_the_best_of_equal_networks_is_too_good_by_its_optimism(draw_tables) -> None:
    rng = np.random.default_rng(5)
    studies = [draw_tables(rng, [0.9] * 5, 3, 1_000, 0.002) for _ in range(300)]
    excess = np.mean([max(table.mean() for table in tables) - 0.9 for tables in studies])
    assert np.mean([optimism(tables) for tables in studies[:10]]) == pytest.approx(excess, rel=0.2)
    assert optimism(studies[0][:1]) == pytest.approx(0, abs=2e-4)
