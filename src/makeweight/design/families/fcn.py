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
from makeweight.design.layers import ActivationName, BatchNorm, Dropout, Flatten, Layer, Linear


@dataclass(frozen=True, slots=True)
class FCNOptions(Options):
    """Hyperparameters of a fully connected network, its widths apart."""

    activation: ActivationName = "gelu"
    depth: int = 2  # hidden layers
    taper: float = 1.0  # preferred width of a hidden layer, relative to the one before
    norm: Normalisation = "batch"
    dropout: float | None = None  # after each hidden layer; None: 0 below 75K weights, 0.1 below 150K, then 0.3
    input_dropout: float = 0.1  # of the pixels

    def __post_init__(self) -> None:
        # A slotted dataclass is a new class, so super() without arguments does not find it.
        Options.__post_init__(self)
        require(1 <= self.depth <= 20, "depth", self.depth, "give 1 to 20 hidden layers")
        require(0.25 <= self.taper <= 2, "taper", self.taper, "give 0.25 to 2, a width relative to the one before")
        for name, rate in (("dropout", self.dropout), ("input_dropout", self.input_dropout)):
            require(rate is None or 0 <= rate < 1, name, rate, "give a rate from 0 to below 1")
        require_normalisation(self.norm)


# Larger networks need more of it; tried on FashionMNIST, docs/recipes.md.
_DROPOUT_BY_WEIGHTS = ((75_000, 0.0), (150_000, 0.1))
_MOST_DROPOUT = 0.3


def _skeleton(task: Task, options: FCNOptions, budget: int | None) -> Skeleton:
    dropout = _dropout(budget) if options.dropout is None else options.dropout

    def build(widths: tuple[int, ...]) -> Architecture:
        layers: list[Layer] = [Flatten("flatten")]
        if options.input_dropout:
            layers.append(Dropout("input_dropout", options.input_dropout))
        for i, width in enumerate(widths, 1):
            layers += _hidden(i, width, options, dropout)
        layers.append(Linear("logits", task.classes))
        return Architecture("fcn", task.input_shape, task.classes, tuple(layers))

    knobs = tuple(
        Knob(f"hidden{i}", options.taper ** (i - 1), 2, i - 2 if i > 1 else None) for i in range(1, options.depth + 1)
    )
    return Skeleton(knobs, build, first_layer_dominates=True)


def _dropout(budget: int | None) -> float:
    return next((rate for below, rate in _DROPOUT_BY_WEIGHTS if (budget or 0) < below), _MOST_DROPOUT)


def _hidden(i: int, width: int, options: FCNOptions, dropout: float) -> list[Layer]:
    normed = options.norm == "batch"
    layers: list[Layer] = [Linear(f"hidden{i}", width, bias=not normed)]
    if normed:
        layers.append(BatchNorm(f"norm{i}"))
    layers.append(options.activate(f"activation{i}"))
    if dropout:
        layers.append(Dropout(f"dropout{i}", dropout))
    return layers


FCN = Family(
    name="fcn",
    summary="fully connected: equal hidden layers, batch normalisation at no weights",
    options=FCNOptions,
    skeleton=_skeleton,
    # A third hidden layer has a finer step where the first and the last are heavy (many pixels, many classes).
    alternatives=({"depth": 3}, {"depth": 4}),
)
