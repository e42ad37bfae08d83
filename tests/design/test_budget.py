"""How budgets are written and read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from makeweight.designs.budget import MAX_BUDGET, parse_budget
from makeweight.errors import InvalidValue
from makeweight.wording import abbreviate


@pytest.mark.parametrize(
    ("text", "weights"),
    [
        ("100K", 100_000),
        ("100k", 100_000),
        ("0.1M", 100_000),
        ("0.1m", 100_000),
        ("100_000", 100_000),
        ("100000", 100_000),
        (" 100 K ", 100_000),
        (100_000, 100_000),
        ("2.5K", 2_500),
        ("1", 1),
        ("1_000_000", 1_000_000),
        ("0.000001M", 1),
        ("0.3M", 300_000),  # not 299,999 by way of a float
        ("1000M", 1_000_000_000),
    ],
)
def test_every_form_is_read_exactly(text: str | int, weights: int) -> None:
    assert parse_budget(text) == weights


@pytest.mark.parametrize(
    "text",
    [
        *("12Q", "0", "0K", "-5K", "-5", "1.5", "0.0005K", "", " ", "1__0", "100_", "_100", "nan", "inf", "1e5", "1.K"),
        *(".5K", "0x10", "١٠٠", "1,000", "100KK", "K", "100 000", "None", "10\n0", "1001M", "9" * 20, "9" * 5_000),
        *("9" * 30 + ".5", "1" + "0" * 30 + "M", 0, -1),
    ],
)
def test_anything_else_is_refused_with_the_value_and_a_remedy(text: str | int) -> None:
    with pytest.raises(InvalidValue, match=r"Write it as 100K|give 1 to") as refused:
        parse_budget(text)
    message = str(refused.value)
    assert len(message) < 250
    assert str(text).strip()[:20] in message.replace(",", "") or "1e+3" in message or "," in message


@given(st.integers(1, MAX_BUDGET))
def test_what_is_written_reads_the_same(weights: int) -> None:
    assert parse_budget(abbreviate(weights).replace(",", "_")) == weights
    assert parse_budget(weights) == parse_budget(str(weights)) == parse_budget(f"{weights:_}") == weights


@given(st.integers(1, 10_000))
def test_units_are_thousands_and_millions(number: int) -> None:
    assert parse_budget(f"{number}K") == 1_000 * number
    assert parse_budget(f"{number / 10:.1f}K") == 100 * number
    if number <= 1_000:
        assert parse_budget(f"{number}M") == 1_000_000 * number
