"""Architecture: input shape, classes and layers, as a frozen record with a canonical JSON and a digest."""

from __future__ import annotations

import hashlib
import json
import reprlib
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from makeweight.designs.layers import ACTIVATIONS, KINDS, POOLS, Layer, Residual, kind_of
from makeweight.errors import InvalidValue

SIDES = (8, 224)
FEATURES = (1, 1_000_000)
CLASSES = (2, 1_000)

# What is read from text, which may come from anywhere.
MAX_TEXT = 1_000_000  # characters; MAX_LAYERS layers take a tenth of that
MAX_LAYERS = 1_000  # ten times as many as the deepest family's; torch builds them in a second
MAX_DEPTH = 8  # of residual branches inside each other; the families have 1, and Python's stack ends at about 300
MAX_NAME = 100  # characters
MAX_WHOLE = 10**12  # a number that an error may repeat; JSON may hold thousands of digits
MAX_SLOPE = 1e6  # of a leaky ReLU
_SIZES = {  # a filter, stride or padding of 1,000 pixels is more than the largest image has
    "out_features": FEATURES,
    "out_channels": FEATURES,
    "kernel": (1, 1_000),
    "stride": (1, 1_000),
    "padding": (0, 1_000),
}


@dataclass(frozen=True, slots=True)
class Task:
    """What a network must map: images (c, h, w), or vectors of c features (c, 1, 1), to scores of k classes."""

    input_shape: tuple[int, int, int]  # channels, height and width in pixels
    classes: int

    def __post_init__(self) -> None:
        c, h, w = self.input_shape
        if (h, w) == (1, 1):
            if not FEATURES[0] <= c <= FEATURES[1]:
                raise InvalidValue(
                    f"a vector of {c:,} features is not supported: give {FEATURES[0]} to {FEATURES[1]:,}."
                )
        elif c not in (1, 3) or not all(SIDES[0] <= side <= SIDES[1] for side in (h, w)):
            raise InvalidValue(
                f"input {c}x{h}x{w} is not supported: 1 or 3 channels, and sides from {SIDES[0]} to {SIDES[1]} pixels. "
                "Write it as CxHxW, for example 1x28x28."
            )
        if not CLASSES[0] <= self.classes <= CLASSES[1]:
            raise InvalidValue(f"{self.classes} classes are not supported: give {CLASSES[0]} to {CLASSES[1]}.")


@dataclass(frozen=True)
class Architecture:
    """A network's structure: enough to build it and to know its cost exactly."""

    family: str
    input_shape: tuple[int, int, int]  # (c, h, w)
    classes: int  # k, the length of the logits
    layers: tuple[Layer, ...]

    def to_json(self) -> str:
        """Canonical JSON: sorted keys, no spaces, so that equal architectures give equal text."""
        record = {
            "family": self.family,
            "input_shape": list(self.input_shape),
            "classes": self.classes,
            "layers": [_to_record(layer) for layer in self.layers],
        }
        return json.dumps(record, sort_keys=True, separators=(",", ":"))

    @staticmethod
    def from_json(text: str) -> Architecture:
        """Read what :meth:`to_json` wrote.

        Raises
        ------
        InvalidValue
            If the text is not an architecture.
        """
        try:
            return _read(text)
        except InvalidValue:
            raise
        except (KeyError, TypeError, ValueError, AttributeError, RecursionError) as error:
            raise _refused(f"{type(error).__name__}: {str(error)[:MAX_NAME]}") from error

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, in hexadecimal."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def _to_record(layer: Layer) -> dict[str, Any]:
    record: dict[str, Any] = {field.name: getattr(layer, field.name) for field in fields(layer)}
    if isinstance(layer, Residual):
        record["body"] = [_to_record(inner) for inner in layer.body]
    return {"layer": kind_of(layer), **record}  # not "kind": that is what sort of pool it is


def _read(text: str) -> Architecture:
    if len(text) > MAX_TEXT:
        raise _refused(f"{len(text):,} characters of text; at most {MAX_TEXT:,} are read")
    record = json.loads(text)
    family, shape, classes = record["family"], tuple(record["input_shape"]), record["classes"]
    if not _is_whole(*shape, classes) or not isinstance(family, str) or len(shape) != 3:
        raise _refused(f"family {_short(family)}, input {_short(shape)} and {_short(classes)} classes")
    task = Task(shape, classes)
    layers = _read_layers(record["layers"])
    if (count := count_layers(layers)) > MAX_LAYERS:
        raise _refused(f"{count:,} layers; at most {MAX_LAYERS:,} are built")
    return Architecture(family, task.input_shape, task.classes, layers)


def count_layers(layers: tuple[Layer, ...]) -> int:
    """Count layers, those inside residual branches included."""
    return sum(1 + count_layers(layer.body) if isinstance(layer, Residual) else 1 for layer in layers)


def _read_layers(records: Any, depth: int = 0) -> tuple[Layer, ...]:
    if depth > MAX_DEPTH or not isinstance(records, list):
        raise _refused(f"residual branches more than {MAX_DEPTH} deep, or layers that aren't a list")
    return tuple(_read_layer(record, depth) for record in records)


def _read_layer(record: dict[str, Any], depth: int) -> Layer:
    values = dict(record)
    kind = KINDS[values.pop("layer")]
    for name, value in values.items():
        if name != "body" and not _is_possible(name, value):
            raise _refused(f"a layer with {name}={_short(value)}")
    if kind is Residual:
        values["body"] = _read_layers(values["body"], depth + 1)
    return kind(**values)


def _is_possible(name: str, value: Any) -> bool:
    match name:
        case "name":
            return isinstance(value, str) and len(value) <= MAX_NAME
        case "bias" | "scale" | "shift":
            return isinstance(value, bool)
        case "function":
            return value in ACTIVATIONS
        case "kind":
            return value in POOLS
        case "slope":
            return _is_number(value) and abs(value) <= MAX_SLOPE
        case "rate":
            return _is_number(value) and 0 <= value < 1
        case _:
            low, high = _SIZES[name]
            return _is_whole(value) and low <= value <= high


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _is_whole(*values: Any) -> bool:
    return all(type(value) is int and abs(value) <= MAX_WHOLE for value in values)  # True is an int


def _short(value: Any) -> str:
    """Write a value that may be nested or of any length."""
    return reprlib.repr(value)[:MAX_NAME]


def _refused(reason: str) -> InvalidValue:
    return InvalidValue(f"not an architecture: {reason}. Write it with Architecture.to_json().")
