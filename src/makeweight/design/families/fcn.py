"""Fully connected networks: flatten, hidden layers, logits."""

from __future__ import annotations

from dataclasses import dataclass

from makeweight.design.architecture import Architecture, Task
from makeweight.design.families.base import (
    Family,
    Knob,
    Normalisation,
    Options,
    Skeleton,
    require,
    require_normalisation,
)
from makeweight.design.layers import BatchNorm, Dropout, Flatten, Layer, Linear


@dataclass(frozen=True, slots=True)
class FCNOptions(Options):
    """Hyperparameters of a fully connected network, its widths apart."""

    depth: int = 2  # hidden layers
    norm: Normalisation = "batch"
    dropout: float = 0.0

    def __post_init__(self) -> None:
        # A slotted dataclass is a new class, so super() without arguments does not find it.
        Options.__post_init__(self)
        require(1 <= self.depth <= 20, "depth", self.depth, "give 1 to 20 hidden layers")
        require(0 <= self.dropout < 1, "dropout", self.dropout, "give a rate from 0 to below 1")
        require_normalisation(self.norm)


def _skeleton(task: Task, options: FCNOptions, budget: int | None) -> Skeleton:
    def build(widths: tuple[int, ...]) -> Architecture:
        layers: list[Layer] = [Flatten("flatten")]
        for i, width in enumerate(widths, 1):
            layers += _hidden(i, width, options)
        layers.append(Linear("logits", task.classes))
        return Architecture("fcn", task.input_shape, task.classes, tuple(layers))

    knobs = tuple(Knob(f"hidden{i}", 1.0, 2, i - 2 if i > 1 else None) for i in range(1, options.depth + 1))
    return Skeleton(knobs, build, first_layer_dominates=True)


def _hidden(i: int, width: int, options: FCNOptions) -> list[Layer]:
    normed = options.norm == "batch"
    layers: list[Layer] = [Linear(f"hidden{i}", width, bias=not normed)]
    if normed:
        layers.append(BatchNorm(f"norm{i}"))
    layers.append(options.activate(f"activation{i}"))
    if options.dropout:
        layers.append(Dropout(f"dropout{i}", options.dropout))
    return layers


FCN = Family(
    name="fcn",
    summary="fully connected: equal hidden layers, batch normalisation at no weights",
    options=FCNOptions,
    skeleton=_skeleton,
    # A third hidden layer has a finer step where the first and the last are heavy (many pixels, many classes).
    alternatives=({"depth": 3}, {"depth": 4}),
)
