"""makeweight finds the best image classifier that fits your weight budget, and proves it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from makeweight.data.own.offer import prepare_data
    from makeweight.diagnosis.diagnose import diagnose
    from makeweight.diagnosis.findings import Diagnosis, Finding
    from makeweight.diagnosis.watch import Watch
    from makeweight.estimators.classifiers import CNNClassifier, FCNClassifier

__version__ = "0.1.0"
__all__ = ["CNNClassifier", "Diagnosis", "FCNClassifier", "Finding", "Watch", "diagnose", "prepare_data"]

_PLACES = {
    "diagnose": "makeweight.diagnosis.diagnose",
    "Watch": "makeweight.diagnosis.watch",
    "Diagnosis": "makeweight.diagnosis.findings",
    "Finding": "makeweight.diagnosis.findings",
    "FCNClassifier": "makeweight.estimators.classifiers",
    "CNNClassifier": "makeweight.estimators.classifiers",
    "prepare_data": "makeweight.data.own.offer",
}


def __getattr__(name: str) -> Any:
    """Import what is offered only when it is asked for: torch takes seconds."""
    if name not in _PLACES:
        raise AttributeError(f"module 'makeweight' has no attribute {name!r}")
    import importlib

    return getattr(importlib.import_module(_PLACES[name]), name)
