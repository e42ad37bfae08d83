"""Fully connected networks: the image, shrunk where that pays, hidden layers, logits."""

from __future__ import annotations

from dataclasses import dataclass

from makeweight.designs.architecture import Architecture, Task
from makeweight.designs.families.base import (
    NORMALISATIONS,
    Family,
    Knob,
    Normalisation,
    Options,
    Reported,
    Search,
    Skeleton,
    option,
)
from makeweight.designs.layers import ACTIVATIONS, ActivationName, BatchNorm, Dropout, Flatten, Layer, Linear, Pool


@dataclass(frozen=True, slots=True)
class FCNOptions(Options):
    """Hyperparameters of a fully connected network, its widths apart."""

    activation: ActivationName = option(
        "gelu", "Activation", "Function between layers.", choices=ACTIVATIONS,
        search=Search("the course report's and ours", ("relu", "leaky_relu", "gelu")),
    )  # fmt: skip
    depth: int = option(
        2, "Hidden layers", "Hidden layers.", low=1, high=20,
        search=Search("more layers leave too few neurons for each at 10K to 200K", low=1, high=4),
        # A third hidden layer has a finer step where the first and the last are heavy (many pixels, many classes).
        tries=(2, 3, 4),
    )  # fmt: skip
    shrink: int = option(
        1, "Image shrunk by", "Average squares of this many pixels a side before the first layer; 1 for no averaging.",
        low=1, high=8,
        search=Search("2 makes the first layer up to four times as wide; 4 leaves 7 pixels a side of 28", (1, 2, 4)),
        # A pixel costs a weight for each neuron of the first layer: small budgets buy more with wider layers.
        tries=(1, 2, 4),
    )  # fmt: skip
    taper: float = option(
        1.0, "Width from layer to layer", "Width of a hidden layer, relative to the one before.", low=0.25, high=2,
        search=Search("each layer half to one and a half of the last", low=0.5, high=1.5, step=0.125), ratios_only=True,
    )  # fmt: skip
    norm: Normalisation = option(
        "batch", "Normalisation", "Normalisation of hidden layers.", choices=NORMALISATIONS,
        search=Search("the course report compared both", NORMALISATIONS),
    )  # fmt: skip
    dropout: float | None = option(
        None, "Dropout", "Rate after each hidden layer.", high=1, includes_high=False, kind=float,
        unset="0 below 75K weights, 0.1 below 150K, then 0.3",
        search=Search("above 0.4 small networks underfit", low=0.0, high=0.4, step=0.05),
    )  # fmt: skip
    input_dropout: float = option(
        0.1, "Dropout of pixels", "Rate for the pixels.", high=1, includes_high=False,
        search=Search("as for hidden layers, up to 0.3", low=0.0, high=0.3, step=0.05),
    )  # fmt: skip


# Larger networks need more of it; tried on FashionMNIST, docs/recipes.md.
_DROPOUT_BY_WEIGHTS = ((75_000, 0.0), (150_000, 0.1))
_MAX_DROPOUT = 0.3


def _skeleton(task: Task, options: FCNOptions, budget: int | None) -> Skeleton:
    dropout = _dropout(budget) if options.dropout is None else options.dropout

    def build(widths: tuple[int, ...]) -> Architecture:
        layers: list[Layer] = [Pool("shrunk", options.shrink, "average")] if options.shrink > 1 else []
        layers.append(Flatten("flatten"))
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
    return next((rate for below, rate in _DROPOUT_BY_WEIGHTS if (budget or 0) < below), _MAX_DROPOUT)


def _hidden(i: int, width: int, options: FCNOptions, dropout: float) -> list[Layer]:
    normed = options.norm == "batch"
    layers: list[Layer] = [Linear(f"hidden{i}", width, bias=not normed)]
    if normed:
        layers.append(BatchNorm(f"norm{i}"))
    layers.append(options.activate(f"activation{i}"))
    if dropout:
        layers.append(Dropout(f"dropout{i}", dropout))
    return layers


FAMILY = Family(
    name="fcn",
    kind="a fully connected network",
    summary="fully connected: equal hidden layers, batch normalisation at no weights",
    options=FCNOptions,
    skeleton=_skeleton,
    colour="#0072B2",
    marker="circle",
    rank=0,
    budgets=(50_000, 100_000, 200_000),
    in_default_study=True,
    takes_vectors=True,
    # Chosen on FashionMNIST by validation accuracy; what was tried is in docs/recipes.md.
    recipe={"epochs": 40, "batch_size": 1_024, "learning_rate": 0.03},
    longest=1.5,  # 100K weights: 90.48 % of the test images after 40 epochs, 90.25 % after 200 (docs/tuning.md)
    recipe_search={"crop": Search("pixels; two cost two points of accuracy, six of six random points", low=0, high=1)},
    reported={
        50_000: Reported(0.8944, 0.020, "9–10 min"),
        100_000: Reported(0.8998, 0.0197, "9.1 min"),
        200_000: Reported(0.8972, 0.018, "9–10 min"),
    },
)
