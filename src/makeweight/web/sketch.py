"""A drawing of a network: one box for each layer with filters, as high as its maps and as wide as they are many."""

from __future__ import annotations

from dataclasses import dataclass
from math import log2

from makeweight.designs.cost import Cost
from makeweight.designs.table import steps_of
from makeweight.wording import dimensions

HIGHEST, WIDEST, LEAST = 4.6, 2.4, 0.45  # rem


@dataclass(frozen=True, slots=True)
class Box:
    """A layer as it is drawn, or the image."""

    name: str
    words: str
    shape: str
    high: float  # rem
    wide: float
    adds: bool = False  # whether its input is added to its output, as in a residual block


def sketch(cost: Cost, input_shape: tuple[int, int, int]) -> tuple[Box, ...]:
    """Lay out a network from the image to the classes."""
    steps = steps_of(cost.layers)
    shapes = [input_shape, *(step.output_shape for step in steps)]
    side, most = max(max(shape[1:], default=1) for shape in shapes), max(shape[0] for shape in shapes)

    def box(name: str, words: str, shape: tuple[int, ...], adds: bool = False) -> Box:
        many = log2(1 + shape[0]) / log2(1 + most)
        if len(shape) == 1:  # features stand in a column
            return Box(name, words, dimensions(shape), max(LEAST, HIGHEST * many), LEAST)
        high = max(LEAST, HIGHEST * max(shape[1:]) / side)
        return Box(name, words, dimensions(shape), high, max(LEAST, WIDEST * many), adds)

    layers = (box(step.name, step.words, step.output_shape, "residual" in step.kinds) for step in steps)
    return (box("image", "", input_shape), *layers)
