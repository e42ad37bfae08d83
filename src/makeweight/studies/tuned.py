"""The tuned recipes that ship with makeweight: what ``makeweight tune`` found, with cost and scores.

``tuned.json`` beside this file is written only by ``scripts/tuned_recipes.py``, from finished tunings.
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from makeweight.errors import InvalidValue

FILE = Path(__file__).with_name("tuned.json")


@dataclass(frozen=True)
class TunedRecipe:
    """The winner of one tuning."""

    dataset: str
    family: str
    budget: int  # weights
    options: dict[str, Any]  # of the family
    recipe: dict[str, Any]  # fields of the recipe
    command: str
    date: str  # UTC, ISO 8601
    trials: int
    search_accuracy: float  # on validation images, when it won; 0 to 1
    confirmed_accuracies: list[float]  # on validation images, with other seeds


@cache
def tuned_recipes() -> tuple[TunedRecipe, ...]:
    """All that ship."""
    return tuple(TunedRecipe(**entry) for entry in json.loads(FILE.read_text(encoding="utf-8")))


def tuned_for(dataset: str, family: str, budget: int) -> TunedRecipe:
    """Return the tuned recipe of the nearest budget, by ratio.

    Raises
    ------
    InvalidValue
        If none ships for that family on those data.
    """
    fitting = [tuned for tuned in tuned_recipes() if (tuned.dataset, tuned.family) == (dataset, family)]
    if not fitting:
        known = ", ".join(sorted({f"{tuned.family} on {tuned.dataset}" for tuned in tuned_recipes()})) or "none"
        raise InvalidValue(
            f"no tuned recipe ships for {family} on {dataset}; there are: {known}. Leave tuned=True out, or search "
            f"one: makeweight tune --family {family} --dataset {dataset} --budget {budget}"
        )
    return min(fitting, key=lambda tuned: abs(math.log(tuned.budget / budget)))
