"""Small tunings on the digits."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from makeweight.data.dataset import PreparedDataset
from makeweight.designs.families import family_named
from makeweight.tuning.session import TuningPlan

SHORT = {"epochs": 4, "batch_size": 64, "precision": "fp32"}  # held, so that a trial takes a second


@pytest.fixture
def make_plan(digits: PreparedDataset, tmp_path: Path) -> Callable[..., TuningPlan]:
    def make(**changes: Any) -> TuningPlan:
        values = {
            "folder": tmp_path / "tuned", "name": "tuned", "dataset": digits, "families": (family_named("fcn"),),
            "budget": 2_000, "trials": 4, "effort": "quick", "fixed": SHORT,
        }  # fmt: skip
        return TuningPlan(**{**values, **changes})

    return make
