"""How weight budgets are written and read: 100K, 0.1M, 100_000 or 100000."""

from __future__ import annotations

import re
from fractions import Fraction

from makeweight.errors import InvalidValue

_MULTIPLIERS = {"": 1, "K": 1_000, "M": 1_000_000}
_PATTERN = re.compile(r"(?P<number>[0-9]+(?:_[0-9]+)*(?:\.[0-9]+)?)\s*(?P<unit>[KM]?)", re.IGNORECASE)
_LONGEST = 32  # characters; Python refuses to read thousands of digits
MAX_BUDGET = 1_000_000_000  # far above any image classifier of this size; the search needs room in int64 and memory


def parse_budget(text: str | int) -> int:
    """Read a weight budget.

    Parameters
    ----------
    text : str or int
        ``100K``, ``0.1M``, ``100_000`` or ``100000``; K is 1,000 and M 1,000,000 weights.

    Returns
    -------
    int
        The budget in weights.

    Raises
    ------
    InvalidValue
        If the text is none of these forms, or not a whole positive number of weights.
    """
    written = str(text).strip()
    match = _PATTERN.fullmatch(written) if len(written) <= _LONGEST else None
    if match is None:
        raise InvalidValue(
            f"budget {written[:_LONGEST]!r} is not a number of weights. Write it as 100K, 0.1M, 100_000 or 100000."
        )
    number = Fraction(match["number"].replace("_", "")) * _MULTIPLIERS[match["unit"].upper()]
    if number.denominator != 1 or number <= 0:
        raise InvalidValue(
            f"budget {written!r} is {float(number):g} weights, and must be a whole number above 0. "
            "Write it as 100K, 0.1M, 100_000 or 100000."
        )
    return check_budget(int(number))


def check_budget(budget: int) -> int:
    """Check that a budget is from 1 weight to a billion.

    Raises
    ------
    InvalidValue
        If it is not.
    """
    if not 1 <= budget <= MAX_BUDGET:
        raise InvalidValue(f"a budget of {budget:,} weights is not possible: give 1 to {MAX_BUDGET:,}.")
    return budget
