"""What the store returns, and the one place where rows are checked: SQLite reads a damaged value like a whole one."""

from __future__ import annotations

import json
import reprlib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import numpy as np
from numpy.typing import NDArray

from makeweight.errors import InvalidValue
from makeweight.jobs.network import Variant
from makeweight.jobs.result import Environment, Job
from makeweight.training.records import EpochRecord

Record = TypeVar("Record")
JobState = Literal["pending", "running", "done", "failed"]

MAX_FLOAT = float(np.finfo(np.float32).max)  # losses are computed in float32; sums and axes are float64 and hold many
MAX_INT = 2**63 - 1  # SQLite's
_RANGES: dict[str, tuple[float, float]] = dict.fromkeys(("accuracy", "validation_accuracy", "test_accuracy"), (0, 1))
_RANGES |= {"epoch": (1, 100_000), "test_images": (1, MAX_INT), "percent": (0, 100)}


@dataclass(frozen=True)
class StudyRow:
    """The study itself."""

    name: str
    spec: str  # JSON, as planned
    dataset: str
    data_digest: str  # SHA-256 of the prepared data
    class_names: tuple[str, ...] | None = ()  # by label; empty in studies older than this field, None if damaged
    data_path: str = ""  # of the prepared data on the machine that planned last
    created: str = ""  # UTC, ISO 8601; set by the store

    def names(self, classes: int) -> tuple[str, ...]:
        """Return the classes' names, or their numbers."""
        return self.class_names if self.class_names and not self.damage(classes) else tuple(map(str, range(classes)))

    def damage(self, classes: int) -> tuple[str, ...]:
        """Say whether the class names are damaged."""
        if self.class_names == () or (self.class_names is not None and len(self.class_names) == classes):
            return ()
        return (
            "the stored class names are damaged, so classes have numbers. To store them again, run the study again.",
        )

    @property
    def settings(self) -> dict[str, Any]:
        """The spec as a mapping.

        Raises
        ------
        InvalidValue
            If it is damaged.
        """
        return read_object(self.spec)


@dataclass(frozen=True)
class ResultRow:
    """A finished job's result, without its arrays."""

    validation_accuracy: float  # 0 to 1
    test_accuracy: float  # 0 to 1
    test_images: int
    train_seconds: float
    images_per_second: float
    environment: Environment
    weights_sha256: str
    test_sha256: str
    finished: str  # UTC, ISO 8601


@dataclass(frozen=True)
class JobRow:
    """A job with its state."""

    job: Job
    weights: int
    macs: int
    activation_bytes: int
    state: JobState
    attempts: int
    reason: str | None
    result: ResultRow | None  # of a job that is done


@dataclass(frozen=True)
class Saved:
    """Where an interrupted job can resume."""

    epochs: tuple[EpochRecord, ...]
    checkpoint: bytes | None


@dataclass(frozen=True)
class TestPredictions:
    """A network's predictions on the test images."""

    __test__ = False  # not a test case, whatever pytest thinks of the name

    logits: NDArray[np.float32]  # (n, k)
    labels: NDArray[np.int64]  # (n,)

    @property
    def correct(self) -> NDArray[np.bool_]:
        """(n,) whether the largest logit is the label's."""
        return np.asarray(self.logits.argmax(axis=1) == self.labels)


def checked(kind: type[Record], values: Mapping[str, object]) -> Record:
    """Make a record of stored values, if each is of its field's type and within its range.

    Raises
    ------
    InvalidValue
        If one isn't; it is named.
    """
    check(kind, values)
    try:
        return kind(**values)
    except TypeError as error:  # a field is missing
        raise InvalidValue(str(error)) from error


def check(kind: type, values: Mapping[str, object]) -> None:
    """Check some values of a record, as :func:`checked` does."""
    rules = _rules(kind)
    for name, value in values.items():
        if name not in rules or not rules[name].holds(value):
            raise InvalidValue(f"{name[:40]} is {reprlib.repr(value)}")


def checked_text(kind: type[Record], text: object) -> Record:
    """Make a record of stored JSON, as :func:`checked` does."""
    return checked(kind, read_object(text))


def read_object(text: object) -> dict[str, Any]:
    """Read a JSON object.

    Raises
    ------
    InvalidValue
        If the text is none.
    """
    value = read_json(text)
    if not isinstance(value, dict):
        raise InvalidValue(f"{reprlib.repr(text)} isn't a JSON object")
    return value


def read_json(text: object) -> Any:
    """Read JSON.

    Raises
    ------
    InvalidValue
        If the text is none.
    """
    try:
        return json.loads(text)  # type: ignore[arg-type]
    except (ValueError, TypeError, RecursionError) as error:
        raise InvalidValue(f"{reprlib.repr(text)} isn't JSON") from error


@lru_cache(1_024)
def read_variant(text: str) -> Variant:
    """Read the settings that are part of a network's name.

    Raises
    ------
    InvalidValue
        If they are damaged.
    """
    settings = read_object(text)
    if not all(isinstance(value, bool | int | float | str) for value in settings.values()):
        raise InvalidValue(f"variant is {reprlib.repr(text)}")
    return tuple(settings.items())


def read_predictions(tensors: Mapping[str, NDArray[Any]], images: int, classes: int) -> TestPredictions:
    """Check the stored logits and labels.

    Raises
    ------
    InvalidValue
        If they aren't (n, k) finite numbers and (n,) labels.
    """
    logits, labels = tensors.get("logits"), tensors.get("labels")
    if logits is None or labels is None or (logits.shape, labels.shape) != ((images, classes), (images,)):
        raise InvalidValue(f"they aren't {images} labels and {images}×{classes} logits")
    if not np.isfinite(logits).all() or labels.min() < 0 or labels.max() >= classes:
        raise InvalidValue(f"a logit isn't a number, or a label isn't 0 to {classes - 1}")
    return TestPredictions(logits.astype(np.float32), labels.astype(np.int64))


def read_names(text: object) -> tuple[str, ...] | None:
    """Read class names; None if they are damaged."""
    try:
        names = read_json(text)
    except InvalidValue:
        return None
    return tuple(names) if isinstance(names, list) and all(isinstance(name, str) for name in names) else None


@dataclass(frozen=True, slots=True)
class _Rule:
    kinds: tuple[type, ...]
    choices: tuple[object, ...]
    low: float
    high: float

    def holds(self, value: object) -> bool:
        if self.choices:
            return value in self.choices
        if type(value) not in self.kinds:  # exactly: True is an int
            return False
        return not isinstance(value, int | float) or self.low <= value <= self.high


@lru_cache
def _rules(kind: type) -> dict[str, _Rule]:
    return {name: _rule(name, hint) for name, hint in get_type_hints(kind).items()}


def _rule(name: str, hint: Any) -> _Rule:
    if get_origin(hint) is Literal:
        return _Rule((), get_args(hint), 0, 0)
    origin = get_origin(hint)
    kinds = (origin,) if origin in (tuple, dict) else get_args(hint) or (hint,)
    is_float = float in kinds
    low, high = _RANGES.get(name, (0, MAX_FLOAT if is_float else MAX_INT))
    return _Rule((*kinds, int) if is_float else kinds, (), low, high)
