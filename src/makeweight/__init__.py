"""makeweight finds the best image classifier that fits your weight budget, and proves it.

>>> import makeweight as mw
>>> mw.design("fcn", "2K", "digits").cost.weights
1992
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from makeweight.data.dataset import PreparedDataset as Dataset
    from makeweight.designs.solver import Design
    from makeweight.diagnosis.diagnose import diagnose
    from makeweight.diagnosis.findings import Diagnosis, Finding
    from makeweight.diagnosis.watch import Watch
    from makeweight.estimators.classifiers import classifier
    from makeweight.face.data import load_data
    from makeweight.face.designs import design
    from makeweight.face.runs import Network, Run
    from makeweight.face.studies import Study, compare, study, train
    from makeweight.face.studies import open_study as open  # noqa: F401
    from makeweight.face.tunings import Tuning, tune
    from makeweight.face.zoo import zoo

__version__ = "0.1.0"
__all__ = [  # without open, which would hide Python's own from whoever imports *
    "Dataset", "Design", "Diagnosis", "Finding", "Network", "Run", "Study", "Tuning", "Watch", "classifier", "compare",
    "design", "diagnose", "load_data", "study", "train", "tune", "zoo",
]  # fmt: skip

_PLACES = {
    "Dataset": "data.dataset:PreparedDataset",
    "Design": "designs.solver:Design",
    "Diagnosis": "diagnosis.findings:Diagnosis",
    "Finding": "diagnosis.findings:Finding",
    "Network": "face.runs:Network",
    "Run": "face.runs:Run",
    "Study": "face.studies:Study",
    "Tuning": "face.tunings:Tuning",
    "Watch": "diagnosis.watch:Watch",
    "classifier": "estimators.classifiers:classifier",
    "compare": "face.studies:compare",
    "design": "face.designs:design",
    "diagnose": "diagnosis.diagnose:diagnose",
    "load_data": "face.data:load_data",
    "open": "face.studies:open_study",
    "study": "face.studies:study",
    "train": "face.studies:train",
    "tune": "face.tunings:tune",
    "zoo": "face.zoo:zoo",
}


def __getattr__(name: str) -> Any:
    """Import what is offered only when it is asked for: torch takes seconds.

    Besides, every registered family has a classifier here: ``CNNClassifier`` is ``classifier("cnn")``.
    """
    if name.endswith("Classifier"):
        return getattr(importlib.import_module("makeweight.estimators.classifiers"), name)
    if name not in _PLACES:
        raise AttributeError(f"module 'makeweight' has no attribute {name!r}. It has: {', '.join(_PLACES)}.")
    place, _, attribute = _PLACES[name].partition(":")
    return getattr(importlib.import_module(f"makeweight.{place}"), attribute)


def __dir__() -> list[str]:
    return [*_PLACES, "__version__"]
