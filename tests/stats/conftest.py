"""Simulated networks whose truth is known."""

from __future__ import annotations

import pytest
from scripts import simulate_statistics


@pytest.fixture(scope="session")
def draw_tables():
    """Draw tables of hits of a probit model."""
    return simulate_statistics.draw_tables
