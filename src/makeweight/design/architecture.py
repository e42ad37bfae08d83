"""Architecture: input shape, classes and layers, as a frozen record with a canonical JSON and a digest."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

from makeweight.design.layers import KINDS, Layer, Residual, kind_of
from makeweight.errors import InvalidValue

SIDES = (8, 224)
FEATURES = (1, 1_000_000)
CLASSES = (2, 1_000)


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
            record = json.loads(text)
            c, h, w = record["input_shape"]
            layers = tuple(_from_record(layer) for layer in record["layers"])
            return Architecture(record["family"], (c, h, w), record["classes"], layers)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise InvalidValue(f"not an architecture: {error!r}. Write it with Architecture.to_json().") from error

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON, in hexadecimal."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()


def _to_record(layer: Layer) -> dict[str, Any]:
    record: dict[str, Any] = {field.name: getattr(layer, field.name) for field in fields(layer)}
    if isinstance(layer, Residual):
        record["body"] = [_to_record(inner) for inner in layer.body]
    return {"layer": kind_of(layer), **record}  # not "kind": that is what sort of pool it is


def _from_record(record: dict[str, Any]) -> Layer:
    values = dict(record)
    kind = KINDS[values.pop("layer")]
    if kind is Residual:
        values["body"] = tuple(_from_record(inner) for inner in values["body"])
    return kind(**values)
