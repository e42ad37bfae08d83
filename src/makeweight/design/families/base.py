"""What a family is: options in, a skeleton out; the solver only turns the skeleton's knobs."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any, Literal

from makeweight.design.architecture import Architecture, Task
from makeweight.design.layers import ACTIVATIONS, Activation, ActivationName
from makeweight.errors import InvalidValue

WIDEST_STEP = 4  # no layer is wider than 4× its neighbour


@dataclass(frozen=True, slots=True)
class Knob:
    """A width that the solver may choose.

    The width follows an earlier one: it lies between ``lowest`` and ``highest`` times that width.
    Neighbours are hidden layers; input and classes belong to the task and bind nothing.
    """

    name: str
    ratio: float  # the preferred width relative to the other knobs'
    minimum: int = 1
    follows: int | None = None  # index of the earlier knob
    lowest: float = 1 / WIDEST_STEP
    highest: float = WIDEST_STEP


@dataclass(frozen=True, slots=True)
class Skeleton:
    """A network without its widths.

    ``build(widths)`` must give an architecture whose weights are a polynomial of degree two in the widths, which
    holds wherever a layer's weights are a product of its input's and its output's width.
    """

    knobs: tuple[Knob, ...]
    build: Callable[[tuple[int, ...]], Architecture]
    first_layer_dominates: bool = False  # a first-layer neuron may be too heavy to fill a budget with


@dataclass(frozen=True, slots=True)
class Options:
    """Hyperparameters that every family has; a family adds its own."""

    activation: ActivationName = "relu"
    slope: float = 0.01  # a of leaky ReLU, and where PReLU starts

    def __post_init__(self) -> None:
        if self.activation not in ACTIVATIONS:
            raise InvalidValue(f"activation {self.activation!r} is unknown. Choose from: {', '.join(ACTIVATIONS)}.")
        if not (math.isfinite(self.slope) and self.slope > 0):
            raise InvalidValue(f"slope {self.slope:g} must be above 0 (the a of max(x, a·x)). Use 0.01 or 0.25.")

    def activate(self, name: str) -> Activation:
        """Activation layer of these options."""
        return Activation(name, self.activation, self.slope)


@dataclass(frozen=True, slots=True)
class Family:
    """A named way from options and a task to a skeleton."""

    name: str
    summary: str
    options: type[Options]
    skeleton: Callable[[Task, Any, int | None], Skeleton]  # task, options, budget (None: there is no limit)
    # Options to try in turn where the default ones cannot fill a budget.
    alternatives: tuple[Mapping[str, Any], ...] = ()
    # Options to try in turn where a limit beside the weights leaves the budget unfilled.
    cheaper: tuple[Mapping[str, Any], ...] = ()


def options_from(family: Family, values: Mapping[str, Any]) -> Options:
    """Check options given by name against the family's, and make its record.

    Raises
    ------
    InvalidValue
        If the family has no such option, or the value breaks its rule.
    """
    known = [field.name for field in fields(family.options)]
    for name in values:
        if name not in known:
            raise InvalidValue(f"family {family.name!r} has no option {name!r}. It has: {', '.join(known)}.")
    return family.options(**values)


def require(condition: bool, name: str, value: object, rule: str) -> None:
    """Raise InvalidValue naming the option, its value and the rule, unless the condition holds."""
    if not condition:
        raise InvalidValue(f"{name} {value} is not possible: {rule}.")


Normalisation = Literal["batch", "none"]


def require_normalisation(value: str) -> None:
    """Refuse a normalisation that is not known."""
    require(value in ("batch", "none"), "norm", repr(value), "choose batch or none")
