"""The numbers of the report that makeweight started from (FashionMNIST, one run each, a hosted accelerator)."""

from __future__ import annotations

from dataclasses import dataclass

DATASET = "fashion-mnist"


@dataclass(frozen=True, slots=True)
class Reference:
    """One network of the report."""

    test_accuracy: float  # 0 to 1
    batch_sd: float  # the report's "±"
    time: str  # as the report gives it


REPORT = {
    ("fcn", 50_000): Reference(0.8944, 0.020, "9–10 min"),
    ("fcn", 100_000): Reference(0.8998, 0.0197, "9.1 min"),
    ("fcn", 200_000): Reference(0.8972, 0.018, "9–10 min"),
    ("cnn", 10_000): Reference(0.7096, 0.0386, "9–14 min"),
    ("cnn", 20_000): Reference(0.7139, 0.0258, "9–14 min"),
    ("cnn", 50_000): Reference(0.7655, 0.0368, "9–14 min"),
    ("cnn", 100_000): Reference(0.7555, 0.033, "9–14 min"),
}


def reference_for(dataset: str, family: str, budget: int) -> Reference | None:
    """Return the report's network of this family and budget, where it has one."""
    return REPORT.get((family, budget)) if dataset == DATASET else None
