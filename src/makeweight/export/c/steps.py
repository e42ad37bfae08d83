"""A network as the few steps that one image takes through it, with its weights folded in.

Seven kinds of steps compute every layer: a fully connected layer is a convolution whose filter covers the whole map,
and global pooling is pooling over a window of that size. A step reads the value of an earlier step and gives one of its
own; values are named by the number of the step that gives them, and the image is −1.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np
from numpy.typing import NDArray

from makeweight.designs.layers import ActivationName
from makeweight.designs.layout import Layout, image_step, lay_out
from makeweight.designs.layout import Step as Placed
from makeweight.designs.limits import NumberType
from makeweight.designs.memory import VALUE_BYTES

Floats = NDArray[np.float64]
Extent = tuple[int, int, int]  # (c, h, w); a vector of features is (features, 1, 1)


@dataclass(frozen=True, eq=False)
class Rule:
    """What is done to every number that a step gives: x for x > 0 and slope · x below, or GELU."""

    function: ActivationName
    slopes: Floats  # (1, 1, 1) for all, (c, 1, 1), or (c, h, w) as in Adjust; of no meaning for GELU

    @property
    def rises(self) -> bool:
        """Whether the function never falls, so that a maximum may be taken before or after it."""
        return self.function != "gelu" and bool((self.slopes >= 0).all())


@dataclass(frozen=True, eq=False)
class Step:
    """What all steps have."""

    name: str  # of the layers that it computes
    source: int  # number of the value that it reads
    shape: Extent  # of its own value


@dataclass(frozen=True, eq=False)
class Pixels(Step):
    """A convolution of the uint8 image: Σ weight · (pixel − mean) over the pixels that there are, and the bias."""

    weights: Floats  # (o, c, rows, columns), divided by the channel's standard deviation
    bias: Floats  # (o,)
    mean: Floats  # (c,), in units of pixels
    stride: int = 1
    padding: int = 0
    rule: Rule | None = None


@dataclass(frozen=True, eq=False)
class Filter(Step):
    """A convolution of a map."""

    weights: Floats  # (o, c, rows, columns)
    bias: Floats  # (o,)
    stride: int = 1
    padding: int = 0
    rule: Rule | None = None


@dataclass(frozen=True, eq=False)
class Depthwise(Step):
    """A convolution of each channel of a map by itself."""

    weights: Floats  # (c, 1, rows, columns)
    bias: Floats  # (c,)
    stride: int = 1
    padding: int = 0
    rule: Rule | None = None


@dataclass(frozen=True, eq=False)
class Largest(Step):
    """The maximum over windows that do not overlap."""

    rows: int
    columns: int


@dataclass(frozen=True, eq=False)
class Average(Step):
    """The mean over windows that do not overlap."""

    rows: int
    columns: int
    rule: Rule | None = None


@dataclass(frozen=True, eq=False)
class Adjust(Step):
    """scale · x + shift where no convolution stands before it to fold it into; also a rule that stands alone.

    Of shape (c, 1, 1), or (c, h, w) where a flattened map has a number for every feature.
    """

    scale: Floats
    shift: Floats
    rule: Rule | None = None


@dataclass(frozen=True, eq=False)
class Add(Step):
    """The sum of a value and one that was kept."""

    kept: int  # number of the step whose value is added
    rule: Rule | None = None


Convolution = Pixels | Filter | Depthwise
Ruled = Convolution | Average | Adjust | Add  # steps that can end with a rule
IN_PLACE = Largest | Average | Adjust | Add  # steps that may write over what they read


@dataclass(frozen=True, eq=False)
class Program:
    """Steps in the order of computation; the last gives the logits as (k, 1, 1)."""

    input_shape: Extent
    classes: int
    steps: tuple[Step, ...]

    def layout(self, number: NumberType) -> Layout:
        """Lay the image and all values out in memory; value n is step n + 1 of the layout, which counts the image."""
        value_bytes = VALUE_BYTES[number]
        steps = [
            Placed(tuple(n + 1 for n in inputs(step)), value_bytes * prod(step.shape), isinstance(step, IN_PLACE))
            for step in self.steps
        ]
        return lay_out([image_step(self.input_shape), *steps], self.classes)


def inputs(step: Step) -> tuple[int, ...]:
    """Return the numbers of the values that a step reads."""
    return (step.source, step.kept) if isinstance(step, Add) else (step.source,)
