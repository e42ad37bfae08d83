"""The steps of the exported C program, from the architecture alone: what `export/c/lower.py` makes of a network.

Widths may be arrays, one element for each of many networks; then so are the sizes here.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import Any, Literal

from makeweight.designs.architecture import Architecture
from makeweight.designs.layers import (
    Activation,
    BatchNorm,
    Conv2d,
    DepthwiseConv2d,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    Pool,
    Residual,
)
from makeweight.designs.shapes import Shape, place

Kind = Literal["image", "filter", "depthwise", "largest", "average", "adjust", "add"]
Rule = Literal["none", "clamped", "slope", "slopes", "table"]
CONVOLUTIONS: tuple[Kind, ...] = ("filter", "depthwise")
_RULES: dict[str, Rule] = {"relu": "clamped", "leaky_relu": "slope", "prelu": "slopes", "gelu": "table"}


@dataclass(slots=True)
class Operation:
    """A step: it reads values of earlier steps and gives one of its own; step 0 is the image."""

    kind: Kind
    reads: tuple[int, ...]
    source: Shape  # (c, h, w) of what it reads
    shape: Shape  # (c, h, w) of its own value; a vector of features is (features, 1, 1)
    rows: int = 1  # of its window
    columns: int = 1
    stride: int = 1
    padding: int = 0
    rule: Rule = "none"
    uniform: bool = False  # of an element-wise step: whether all channels are treated alike

    @property
    def values(self) -> Any:
        """How many numbers it gives."""
        features, *sides = self.shape
        return features * prod(sides)


def operations(architecture: Architecture) -> list[Operation]:
    """List the steps of a network's program in the order of computation, the image first.

    Normalisation is folded into the convolution before it where nothing else reads that one's value, and an activation
    into the step before it; dropout and flattening vanish.

    Raises
    ------
    GeometryError
        If a layer does not fit.

    >>> layers = (Conv2d("conv", 4, 3, padding=1), Activation("act"), GlobalPool("pool"), Linear("logits", 10))
    >>> [step.kind for step in operations(Architecture("any", (1, 28, 28), 10, layers))]
    ['image', 'filter', 'largest', 'filter']
    """
    walk = _Walk(architecture)
    walk.through(architecture.layers)
    return walk.steps


class _Walk:
    """The steps so far, and what the next layer finds."""

    def __init__(self, architecture: Architecture) -> None:
        image = architecture.input_shape
        self.steps = [Operation("image", (), image, image)]
        self._kept: set[int] = set()  # values that a residual branch adds, so nothing is folded into them
        self._flat = False
        self._placed = iter(place(architecture.layers, image))

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
                next(self._placed)
                self._append("add", (self._value, kept), self.steps[-1].shape)
            else:
                self._take(layer, next(self._placed).output_shape)

    def _take(self, layer: Layer, shape: Shape) -> None:
        match layer:
            case Conv2d(kernel=f, stride=s, padding=p):
                self._append("filter", (self._value,), shape, f, f, s, p)
            case Linear(out_features=features):
                self._append("filter", (self._value,), (features, 1, 1), *self.steps[-1].shape[1:])
                self._flat = False
            case DepthwiseConv2d(kernel=f, stride=s, padding=p):
                self._enter()
                self._append("depthwise", (self._value,), shape, f, f, s, p)
            case Pool(kind="average", kernel=f) if not self._value and f < self.steps[0].shape[1]:
                self._append("filter", (0,), shape, f, f, f)  # that reads the image without a copy of it
            case Pool(kind=kind, kernel=f):
                self._pool(kind, shape, f, f)
            case GlobalPool(kind=kind):
                self._pool(kind, (shape[0], 1, 1), *self.steps[-1].shape[1:])
            case BatchNorm():
                if not (self.steps[-1].kind in CONVOLUTIONS and self._open(self._value)):
                    self._adjust()
            case Activation(function=function):
                self._activate(_RULES[function])
            case Flatten():
                self._flat = True

    def _enter(self) -> None:
        """Let the first step be a filter: layers that can't read the image get a 1×1 filter that changes nothing."""
        if not self._value:
            self._append("filter", (0,), self.steps[0].shape)

    def _append(self, kind: Kind, reads: tuple[int, ...], shape: Shape, *window: int) -> None:
        self.steps.append(Operation(kind, reads, self.steps[reads[0]].shape, shape, *window))  # type: ignore[arg-type]

    def _pool(self, kind: str, shape: Shape, rows: int, columns: int) -> None:
        self._enter()
        self._append("largest" if kind == "max" else "average", (self._value,), shape, rows, columns)

    def _adjust(self, rule: Rule = "none") -> None:
        self._enter()
        self._append("adjust", (self._value,), self.steps[-1].shape)
        self.steps[-1].rule, self.steps[-1].uniform = rule, rule not in ("none", "slopes")

    def _activate(self, rule: Rule) -> None:
        target = self._value
        before = self.steps[target]
        if before.kind == "largest" and rule != "table" and not self._flat and target not in self._kept:
            target = before.reads[0]
        if self._open(target):
            self.steps[target].rule = rule
        else:
            self._adjust(rule)

    def _open(self, number: int) -> bool:
        step = self.steps[number]
        whole = self._flat and self.steps[-1].shape[1:] != (1, 1)  # then a layer has a number for every feature
        ruled = step.rule == "none" and step.kind not in ("image", "largest")
        return ruled and number not in self._kept and not whole
