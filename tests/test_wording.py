"""Numbers in words: rounding at the borders of units, and signs that are read as signs."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from makeweight.wording import (
    abbreviate,
    article,
    compact,
    confidence,
    duration,
    join_words,
    number,
    percent,
    percentage,
    plural,
    points,
    span,
    tick,
)

UNITS = {"K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


def _value(text: str) -> float:
    return float(text.rstrip("KMGT").replace(",", "")) * UNITS.get(text[-1], 1)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0"),
        (999, "999"),
        (999.6, "1.00K"),
        (1_000, "1.00K"),
        (999_499, "999K"),
        (999_950, "1.00M"),
        (999_950_000_000, "1.00T"),
    ],
)
def test_a_count_takes_the_unit_that_it_is_rounded_to(count: float, text: str) -> None:
    assert compact(count) == text


@given(st.integers(1, 10**14))
def test_three_digits_are_within_half_a_percent_and_never_four(count: int) -> None:
    text = compact(count)
    assert _value(text) == pytest.approx(count, rel=0.005)
    assert len(text.rstrip("KMGT").replace(".", "")) <= 3
    assert _value(tick(count)) == _value(text)


@given(st.integers(0, 10**10))
def test_an_abbreviation_loses_nothing(count: int) -> None:
    assert round(_value(abbreviate(count))) == count


@given(st.floats(-1, 1))
def test_a_difference_never_says_0_with_one_decimal_and_has_no_hyphen(share: float) -> None:
    for text in (points(share), points(share, signed=True), percentage(share)):
        assert "-" not in text
        assert not text.startswith(("−0.00", "+-", "+−"))
    assert points(share) not in {"0.0", "−0.0"}
    assert float(points(share, 2).replace("−", "-")) == pytest.approx(100 * share, abs=0.005001)


@pytest.mark.parametrize(
    ("share", "text"), [(0.021, "2.1"), (-0.021, "−2.1"), (0.0004, "0.04"), (0.0, "0.00"), (-0.0004, "−0.04")]
)
def test_points_have_as_many_decimals_as_they_need(share: float, text: str) -> None:
    assert points(share) == text


@pytest.mark.parametrize("unknown", [None, math.nan])
def test_a_share_that_is_not_known_is_a_dash(unknown: float | None) -> None:
    assert percent(unknown) == percentage(unknown) == "–"


def test_a_dash_never_stands_before_a_sign() -> None:
    assert confidence(-0.002, 0.003, points) == "95 % CI −0.2 to 0.3"
    assert confidence(-0.003, -0.002, points) == "95 % CI −0.3 to −0.2"
    assert span(0.5, 1.0) == "50.00–100.00"


@given(st.floats(0, 1e6), st.integers(0, 1))
def test_a_duration_has_no_60_seconds_or_minutes(seconds: float, decimals: int) -> None:
    words = duration(seconds, decimals).split()
    parts = dict(zip(words[1::2], map(float, words[::2]), strict=True))
    assert parts.get("s", 0) < 60
    assert parts.get("min", 0) < 60
    said = sum(count * {"s": 1, "min": 60, "h": 3_600}[unit] for unit, count in parts.items())
    assert said == pytest.approx(seconds, abs=60.5 if "h" in parts else 0.501)


def test_small_and_large_numbers_have_a_real_minus() -> None:
    assert (number(-1e-5), number(-1_234.5), number(999.6)) == ("−1e−05", "−1,234", "1,000")


def test_words_agree_with_their_number() -> None:
    assert [plural(1, "class"), plural(2, "class"), plural(21, "epoch")] == ["1 class", "2 classes", "21 epochs"]
    assert [article(name) for name in ("MLP", "8-bit file", "shirt", "T-shirt")] == [
        "an MLP", "an 8-bit file", "a shirt", "a T-shirt",
    ]  # fmt: skip
    assert join_words([]) == ""
