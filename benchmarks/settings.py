"""How a run of the benchmark was asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent  # of the checkout; ``python -m benchmarks`` works from there
RESULTS = Path(__file__).resolve().parent / "results"


@dataclass(frozen=True, slots=True)
class Settings:
    """What ``python -m benchmarks`` was told."""

    rounds: int = 5  # measurements of everything that is measured several times
    quick: bool = False  # everything tiny: tests the benchmark, measures nothing
    results: Path = RESULTS  # where the JSON files and figures go
    seconds: int = 240  # of CPU, for one search of part ``tuning``
    parallel: int = 1  # its searches side by side
    arms: tuple[str, ...] = ()  # its arms; none: all
