"""The controls of the playground: of each family the options that a user may move, within the family's own rules.

A range may go beyond what fits an image, so that the reader meets the geometry's own words.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from makeweight.design.families import FAMILIES
from makeweight.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class Slider:
    """A number that is moved; left alone, the family chooses."""

    name: str  # of the option
    label: str
    low: float
    high: float
    step: float
    first: float  # where it stands before it is moved


@dataclass(frozen=True, slots=True)
class Choice:
    """One of a few words; left alone, the family chooses."""

    name: str
    label: str
    values: tuple[str, ...]


Control = Slider | Choice

ACTIVATION = Choice("activation", "Activation", ("relu", "leaky_relu", "prelu", "gelu"))
NORM = Choice("norm", "Normalisation", ("batch", "none"))
POOL = Choice("pool", "Pooling", ("max", "average"))
KERNEL = Slider("kernel", "Filter size, pixels", 1, 15, 1, 3)

CONTROLS: Mapping[str, tuple[Control, ...]] = {
    "fcn": (
        Slider("depth", "Hidden layers", 1, 8, 1, 2),
        Slider("taper", "Width from layer to layer", 0.25, 2, 0.05, 1),
        Slider("dropout", "Dropout", 0, 0.6, 0.05, 0),
        Slider("input_dropout", "Dropout of pixels", 0, 0.6, 0.05, 0.1),
        NORM,
        ACTIVATION,
    ),
    "cnn": (
        KERNEL,
        Slider("stride", "Stride of the first filter", 1, 8, 1, 1),
        Slider("padding", "Padding, pixels", 0, 7, 1, 1),
        Slider("stages", "Stages", 2, 4, 1, 3),
        Slider("growth", "Filters from stage to stage", 1, 3, 0.1, 2),
        Slider("blocks", "Residual blocks", 0, 8, 1, 1),
        Slider("dropout", "Dropout", 0, 0.6, 0.05, 0),
        Choice("head", "Head", ("max", "average", "flatten")),
        POOL,
        NORM,
        ACTIVATION,
    ),
    "lenet": (Slider("kernel", "Filter size, pixels", 1, 15, 1, 5), POOL, ACTIVATION),
}


def options_of(family: str, texts: Mapping[str, str]) -> dict[str, Any]:
    """Read a family's options from texts, as an address has them; the family itself checks their values.

    Raises
    ------
    InvalidValue
        If a text is no number where one is needed, or no option of the family.
    """
    types = {field.name: str(field.type) for field in fields(FAMILIES[family].options)}
    options: dict[str, Any] = {}
    for name, text in texts.items():
        if name not in types:
            raise InvalidValue(f"family {family!r} has no option {name!r}. It has: {', '.join(types)}.")
        options[name] = _value(name, text, types[name])
    return options


def _value(name: str, text: str, kind: str) -> int | float | str:
    try:
        if kind.startswith("int"):
            return int(text)
        return float(text) if kind.startswith("float") else text
    except ValueError:
        raise InvalidValue(f"{name} {text[:20]!r} is not possible: give a number.") from None
