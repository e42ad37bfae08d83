"""Tests between networks: against published values and SciPy, and by simulation that they keep their level."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest, false_discovery_control

from makeweight.stats.compare import beyond_published, compare, compare_trained, holm, independent_difference, levels
from makeweight.stats.intervals import wilson


def _pair(both: int, only_a: int, only_b: int, neither: int) -> tuple[np.ndarray, np.ndarray]:
    a = np.repeat([True, True, False, False], [both, only_a, only_b, neither])
    b = np.repeat([True, False, True, False], [both, only_a, only_b, neither])
    return a[None], b[None]


def test_mcnemar_on_agrestis_approval_ratings() -> None:
    # Agresti 1990, "Categorical Data Analysis", p. 350: 794 and 570 agree, 150 and 86 do not; difference 0.04.
    a, b = _pair(794, 150, 86, 570)
    found = compare_trained(a[0], b[0])
    assert found.mean == pytest.approx(0.04)
    assert found.p_value == pytest.approx(binomtest(86, 236).pvalue)
    assert found.p_value < 1e-4
    # Its large-sample interval is 0.021 to 0.059; Bonett and Price's adjustment is small for 1,600 pairs.
    assert (found.low, found.high) == (pytest.approx(0.021, abs=1e-3), pytest.approx(0.059, abs=1e-3))
    # Of two networks trained once each the seeds' luck may be that difference.
    assert compare(a, b).high - compare(a, b).low > found.high - found.low


def test_networks_that_agree_on_every_image_do_not_differ() -> None:
    for seeds in (1, 3):
        table = np.tile(np.arange(50) < 40, (seeds, 1))
        found = compare(table, table)
        assert (found.mean, found.p_value) == (0.0, 1.0)
        assert found.low <= 0 <= found.high


def test_different_numbers_of_images_cannot_be_paired() -> None:
    with pytest.raises(ValueError, match="same test images, not on 10 and 11"):
        compare(np.ones((1, 10), bool), np.ones((1, 11), bool))


def test_it_says_what_one_seed_leaves_open() -> None:
    rng = np.random.default_rng(0)
    one, three = rng.random((1, 200)) < 0.8, rng.random((3, 200)) < 0.8
    assert "assumed for the network with fewer than 3" in compare(one, three).covers
    assert compare(one, one[:, ::-1]).covers == "test images, and an assumed spread of the training seeds"
    assert compare(three, three[:, ::-1]).covers == "training seeds and test images"


@given(seed=st.integers(0, 10_000), seeds=st.tuples(st.integers(1, 4), st.integers(1, 4)), images=st.integers(2, 60))
def test_the_interval_holds_the_difference_and_turns_with_it(seed: int, seeds: tuple[int, int], images: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = (rng.random((count, images)) < rng.random() for count in seeds)
    there, back = compare(a, b), compare(b, a)
    assert -1 <= there.low <= there.mean <= there.high <= 1
    assert 0 <= there.p_value <= 1
    assert there.detectable(0.05) >= 0
    assert back.mean == pytest.approx(-there.mean)
    assert (back.low, back.high) == (pytest.approx(-there.high), pytest.approx(-there.low))
    assert back.p_value == pytest.approx(there.p_value)


def _rejections(draw_tables, repetitions: int, accuracies: list[float], seeds: int, seed_sd: float) -> float:
    rng = np.random.default_rng(11)
    tables = (draw_tables(rng, accuracies, seeds, 2_000, seed_sd) for _ in range(repetitions))
    return float(np.mean([compare(*pair).p_value < 0.05 for pair in tables]))


@pytest.mark.parametrize(("seeds", "seed_sd"), [(1, 0.0), (1, 0.003), (3, 0.0), (3, 0.002), (5, 0.005)])
def test_equal_networks_are_rarely_told_apart(draw_tables, seeds: int, seed_sd: float) -> None:
    # Of 500 tests at their level of 5 %, more than 8 % reject about once in a thousand times.
    assert _rejections(draw_tables, 500, [0.9, 0.9], seeds, seed_sd) < 0.08


@pytest.mark.slow
@pytest.mark.parametrize(("seeds", "seed_sd"), [(1, 0.003), (2, 0.002), (3, 0.0), (3, 0.002), (3, 0.005), (5, 0.005)])
def test_the_tests_keep_their_level(draw_tables, seeds: int, seed_sd: float) -> None:
    # The cautious side of an unknown spread of seeds is below it by its nature.
    assert 0.015 < _rejections(draw_tables, 6_000, [0.9, 0.9], seeds, seed_sd) < 0.06


@pytest.mark.parametrize(("seeds", "seed_sd"), [(1, 0.003), (3, 0.002)])
def test_the_detectable_difference_is_shown_four_times_of_five(draw_tables, seeds: int, seed_sd: float) -> None:
    rng = np.random.default_rng(2)
    equal = (compare(*draw_tables(rng, [0.9, 0.9], seeds, 2_000, seed_sd)) for _ in range(50))
    smallest = np.mean([difference.detectable(0.05) for difference in equal])
    power = _rejections(draw_tables, 400, [0.9 + smallest / 2, 0.9 - smallest / 2], seeds, seed_sd)
    assert power == pytest.approx(0.8, abs=0.08)


def test_each_pair_is_tested_at_what_holm_leaves_it() -> None:
    p_values = [0.001, 0.012, 0.2, 0.9]
    assert levels(p_values) == pytest.approx([0.05 / 3, 0.05 / 3, 0.05 / 2, 0.05 / 2])
    assert levels([]) == []
    for number, level in enumerate(levels(p_values)):
        for p, shown in ((0.99 * level, True), (1.01 * level, False)):
            moved = [p if i == number else other for i, other in enumerate(p_values)]
            assert (holm(moved)[number] < 0.05) == shown


def test_holm_on_a_worked_example() -> None:
    # Sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1, and never below the one before.
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([]) == []


@given(st.lists(st.floats(0, 1), min_size=1, max_size=12))
def test_holm_lies_between_no_correction_and_bonferroni(p_values: list[float]) -> None:
    corrected = holm(p_values)
    for p, q in zip(p_values, corrected, strict=True):
        assert p <= q <= min(1.0, len(p_values) * p) + 1e-12
    order = np.argsort(p_values, kind="stable")
    assert list(np.array(corrected)[order]) == sorted(corrected)
    # Controlling the chance of any error is never easier than controlling the share of errors.
    assert np.all(np.array(corrected) >= false_discovery_control(p_values) - 1e-12)


@pytest.mark.slow
def test_holm_keeps_the_level_of_a_family(draw_tables) -> None:
    rng, errors = np.random.default_rng(3), 0
    for _ in range(600):
        tables = draw_tables(rng, [0.9] * 4, 3, 1_000, 0.002)
        p_values = [compare(a, b).p_value for i, a in enumerate(tables) for b in tables[:i]]
        errors += min(holm(p_values)) < 0.05
    assert errors / 600 < 0.07


def test_independent_shares_on_newcombes_example() -> None:
    # Newcombe 1998, "Interval estimation for the difference …", table II: 56/70 against 48/80, method 10.
    found = independent_difference(wilson(56 / 70, 70), wilson(48 / 80, 80))
    assert found.mean == pytest.approx(0.2)
    assert (found.low, found.high) == (pytest.approx(0.0524, abs=5e-5), pytest.approx(0.3339, abs=5e-5))


def test_a_published_number_may_be_the_luck_of_its_seed() -> None:
    own = wilson(0.92, 10_000)
    found, of_images = beyond_published(own, 0.9, 10_000), independent_difference(own, wilson(0.9, 10_000))
    assert found.mean == of_images.mean
    assert found.low < of_images.low
    assert found.high > of_images.high
