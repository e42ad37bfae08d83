"""What an exported file says of itself: enough to use it without the study that it comes from."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from makeweight.errors import DataFormatError

Precision = Literal["float32", "int8"]
Shape = tuple[int, int, int]  # (c, h, w)
Pixels = NDArray[np.uint8]  # (n, c, h, w)
Probabilities = NDArray[np.float32]  # (n, k)
Answer = Callable[[Pixels], Probabilities]
INPUT, OUTPUT = "image", "probabilities"


@dataclass(frozen=True)
class Facts:
    """What stands in a file's metadata, each under its own name."""

    makeweight: str  # version that wrote the file
    network: str  # CNN 10K
    run: str  # the first 12 digits of the run's key
    seed: int
    dataset: str
    data_digest: str  # SHA-256 of the prepared data
    image_shape: Shape
    class_names: tuple[str, ...]  # by label
    border: float  # mean brightness of the outermost pixels of training images, 0 to 255
    budget: int
    weights: int
    precision: Precision = "float32"

    @property
    def classes(self) -> int:
        """k, the length of the probabilities."""
        return len(self.class_names)

    def as_int8(self) -> Facts:
        """Return the same facts of the quantised file."""
        return replace(self, precision="int8")

    def to_metadata(self) -> dict[str, str]:
        """Text as it stands in the file: strings as they are, everything else as JSON."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value if isinstance(value, str) else json.dumps(value) for name, value in values.items()}

    @staticmethod
    def from_metadata(metadata: Mapping[str, str]) -> Facts:
        """Read what :meth:`to_metadata` wrote.

        Raises
        ------
        DataFormatError
            If something is missing or is not what it should be; says what.
        """
        try:
            return _checked(
                Facts(
                    makeweight=metadata["makeweight"],
                    network=metadata["network"],
                    run=metadata["run"],
                    seed=int(metadata["seed"]),
                    dataset=metadata["dataset"],
                    data_digest=metadata["data_digest"],
                    image_shape=_shape(json.loads(metadata["image_shape"])),
                    class_names=_names(json.loads(metadata["class_names"])),
                    border=float(metadata["border"]),
                    budget=int(metadata["budget"]),
                    weights=int(metadata["weights"]),
                    precision=_precision(metadata["precision"]),
                )
            )
        except KeyError as error:
            raise DataFormatError(f"its metadata lack {error}") from error
        except (ValueError, TypeError, RecursionError) as error:
            raise DataFormatError(f"its metadata are damaged ({str(error)[:80]})") from error


def _shape(value: object) -> Shape:
    match value:
        case [int(c), int(h), int(w)] if min(c, h, w) > 0:
            return c, h, w
    raise ValueError("image_shape is not three sizes")


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in value):
        raise ValueError("class_names is no list of texts")
    return tuple(value)


def _precision(value: str) -> Precision:
    if value == "float32":
        return "float32"
    if value == "int8":
        return "int8"
    raise ValueError("precision is neither float32 nor int8")


def _checked(facts: Facts) -> Facts:
    if not 0 <= facts.border <= 255:  # also refuses NaN
        raise ValueError("border is no brightness from 0 to 255")
    return facts
