"""What a report is made of: figures, pages and tables take everything from here."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from makeweight.inspection.records import Inspection
from makeweight.report.analysis import Analysis
from makeweight.report.tuning import TuningSummary
from makeweight.report.verdict import Verdict


@dataclass(frozen=True)
class Contents:
    """A study with its statistics, and what was found by looking into its networks."""

    analysis: Analysis
    verdict: Verdict
    inspections: tuple[Inspection, ...] = ()  # of networks that could be looked into; none while a study runs
    test_images: NDArray[np.uint8] | None = field(default=None, repr=False)  # (n, c, h, w), where the data are at hand
    tuning: TuningSummary | None = None  # of a study that was tuned
    missing: tuple[str, ...] = ()  # what had to be left out, and why
