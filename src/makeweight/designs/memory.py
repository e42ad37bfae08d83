"""RAM of the exported C program, from the architecture alone."""

from __future__ import annotations

from math import prod
from typing import Any

from makeweight.designs.architecture import Architecture
from makeweight.designs.layers import (
    Conv2d,
    DepthwiseConv2d,
    Dropout,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    Pool,
    Residual,
)
from makeweight.designs.layout import Step, image_step, lay_out, lower_bound
from makeweight.designs.limits import NumberType
from makeweight.designs.shapes import Shape, place

# Stack to allow for, besides RAM. The deepest chain of calls (gcc 12.2 -fcallgraph-info=su, four networks in int8)
# took 640 bytes at most on x86-64, 528 on Cortex-M0+ and M4 and 560 on RV32, all at -O0; optimised 472, 416 and 496.
STACK_BYTES = 640
VALUE_BYTES: dict[NumberType, int] = {"int8": 1, "fp32": 4}
READ_THE_IMAGE = (Conv2d, Linear)  # other layers get a 1×1 filter before them that changes nothing
FILTERS = (*READ_THE_IMAGE, DepthwiseConv2d)  # cannot write over what they read
POOLS = (Pool, GlobalPool)
VANISH = (Flatten, Dropout)  # the program has no step for them


def ram(architecture: Architecture, number: NumberType = "int8") -> int:
    """Count the bytes of static RAM of the exported program: image, values and output. The stack isn't included.

    Parameters
    ----------
    architecture : Architecture
    number : "int8" or "fp32"
        What the program computes in: 1 or 4 bytes a value.

    Returns
    -------
    int
        Exactly what the header states and the linker reserves. It equals :func:`peak` unless the values cannot be
        placed so tightly, which no built-in family has shown.

    Raises
    ------
    GeometryError
        If a layer does not fit.

    >>> from makeweight.designs.layers import Conv2d, GlobalPool, Linear
    >>> layers = (Conv2d("conv", 4, 3, padding=1), GlobalPool("pool"), Linear("logits", 10))
    >>> ram(Architecture("any", (1, 28, 28), 10, layers))  # 784 pixels, 3,136 values of the convolution, 10 floats
    3960
    """
    return lay_out(_steps(architecture, number), architecture.classes).bytes


def peak(architecture: Architecture, number: NumberType = "int8") -> Any:
    """Count the most bytes needed at once, plus the output: :func:`ram` can't be less.

    Widths may be arrays of one shape, one element for each of many networks; then the result is such an array. It never
    falls when a width grows. Parameters and errors are those of :func:`ram`.
    """
    return lower_bound(_steps(architecture, number), architecture.classes)


def _steps(architecture: Architecture, number: NumberType) -> list[Step]:
    walk = _Walk(architecture, VALUE_BYTES[number])
    walk.through(architecture.layers)
    return walk.steps


class _Walk:
    """The steps of a program, except those that only change values in place.

    Normalisation and activation are part of the step before, or a step that works in place; either way no byte moves.
    Only what a residual branch starts with may not be changed, because it is added later.
    """

    def __init__(self, architecture: Architecture, value_bytes: int) -> None:
        self.steps = [image_step(architecture.input_shape)]
        self._value_bytes = value_bytes
        self._image_shape: Shape = architecture.input_shape
        self._kept: set[int] = set()  # values that a residual branch adds
        self._placed = iter(place(architecture.layers, architecture.input_shape))

    @property
    def _value(self) -> int:
        return len(self.steps) - 1

    def through(self, layers: tuple[Layer, ...]) -> None:
        for layer in layers:
            if isinstance(layer, Residual):
                self._enter()
                kept = self._value
                self._kept.add(kept)
                self.through(layer.body)
                self._write((self._value, kept), next(self._placed).output_shape, in_place=True)
            else:
                self._take(layer, next(self._placed).output_shape)

    def _take(self, layer: Layer, shape: Shape) -> None:
        if isinstance(layer, VANISH):
            return
        if not isinstance(layer, READ_THE_IMAGE):
            self._enter()
        if isinstance(layer, FILTERS + POOLS) or self._value in self._kept:
            self._write((self._value,), shape, in_place=not isinstance(layer, FILTERS))

    def _enter(self) -> None:
        if not self._value:
            self._write((0,), self._image_shape)

    def _write(self, reads: tuple[int, ...], shape: Shape, in_place: bool = False) -> None:
        features, *sides = shape
        self.steps.append(Step(reads, features * (self._value_bytes * prod(sides)), in_place))
