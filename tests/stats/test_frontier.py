"""The frontier: dominance by hand, probabilities against the normal distribution."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import ndtr

from makeweight.stats.crossed import spread_of_difference
from makeweight.stats.frontier import frontier, gain_per_doubling, pareto


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
    places = frontier([1, 2, 3], [_hits(rng, 0.8), _hits(rng, 0.6), _hits(rng, 0.9)])
    assert [place.on_frontier for place in places] == [True, False, True]
    assert [place.probability for place in places] == [1.0, 0.0, 1.0]


def test_the_cheapest_is_always_on_it_and_the_dearer_one_as_often_as_it_is_better() -> None:
    rng = np.random.default_rng(1)
    cheap, dear = _hits(rng, 0.9), _hits(rng, 0.905)
    places = frontier([1, 2], [cheap, dear])
    spread, mean = spread_of_difference(dear, cheap), dear.mean() - cheap.mean()
    assert places[0].probability == 1.0
    assert places[1].probability == pytest.approx(ndtr(mean / spread.variance**0.5), abs=0.02)


def test_the_same_study_gives_the_same_probabilities() -> None:
    tables = [_hits(np.random.default_rng(i), 0.9) for i in range(3)]
    assert frontier([1, 2, 3], tables) == frontier([1, 2, 3], tables)


def test_a_single_network_is_the_frontier() -> None:
    [place] = frontier([7], [_hits(np.random.default_rng(0), 0.5, seeds=1)])
    assert (place.on_frontier, place.probability) == (True, 1.0)


def test_a_gain_is_counted_by_doublings() -> None:
    rng = np.random.default_rng(0)
    small, large = _hits(rng, 0.8), _hits(rng, 0.9)
    gain = gain_per_doubling(small, large, 10_000, 80_000)
    assert gain.doublings == 3
    assert gain.mean == pytest.approx((large.mean() - small.mean()) / 3)
    assert gain.low == pytest.approx(gain.difference.low / 3)
    with pytest.raises(ValueError, match="from fewer weights to more"):
        gain_per_doubling(large, small, 80_000, 10_000)
