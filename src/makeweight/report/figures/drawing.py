"""A figure that can be drawn: its name, its words, and how."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from matplotlib.figure import Figure

Group = Literal["costs", "curves", "comparisons", "classes", "networks", "features", "tuning"]


@dataclass(frozen=True)
class Drawing:
    """One figure of a report; it is drawn inside :func:`makeweight.report.style.drawing`."""

    name: str  # of the file, "curves-cnn-10k"
    title: str  # "CNN 10K: learning curves"
    description: str  # what it shows, with its numbers, for those who do not see it
    group: Group
    draw: Callable[[], Figure]
    network: str | None = None  # label of the network that it is about, if it is about one
