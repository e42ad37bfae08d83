"""What is searched: the hyperparameters of each family, each declared once, with the reason for its range.

A point is a value for every dimension. Widths are no dimension: the solver finds them, so that every point fills its
budget and none is ever rejected for its size.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)

from makeweight.design.architecture import Task
from makeweight.design.families import Family, options_from
from makeweight.design.limits import NO_LIMITS, Limits
from makeweight.design.solver import Design, fit
from makeweight.errors import GeometryError, InfeasibleBudget, InfeasibleLimits, InvalidValue
from makeweight.training.recipe import Recipe, default_recipe

Point = dict[str, Any]


@dataclass(frozen=True)
class Dimension:
    """One hyperparameter."""

    name: str  # of a field of the family's options, or of the recipe
    part: Literal["network", "training"]
    values: BaseDistribution
    reason: str  # for the range


_FCN = (
    Dimension("depth", "network", IntDistribution(1, 4), "more layers leave too few neurons for each at 10K to 200K"),
    Dimension(
        "taper", "network", FloatDistribution(0.5, 1.5, step=0.125), "each layer half to one and a half of the last"
    ),
    Dimension(
        "activation", "network", CategoricalDistribution(["relu", "leaky_relu", "gelu"]), "the report's and ours"
    ),
    Dimension("norm", "network", CategoricalDistribution(["batch", "none"]), "the report compared both"),
    Dimension("dropout", "network", FloatDistribution(0.0, 0.4, step=0.05), "above 0.4 small networks underfit"),
    Dimension("input_dropout", "network", FloatDistribution(0.0, 0.3, step=0.05), "the same, for the pixels"),
)
_CNN = (
    Dimension("stages", "network", IntDistribution(2, 4), "28 pixels halve three times, to 3"),
    Dimension("blocks", "network", IntDistribution(0, 3), "more leave each with too few filters at 10K to 200K"),
    Dimension(
        "growth", "network", FloatDistribution(1.25, 2.5, step=0.25), "doubling is the habit; less saves weights late"
    ),
    Dimension("kernel", "network", CategoricalDistribution([3, 5]), "7 spends the budget on few filters"),
    Dimension("pool", "network", CategoricalDistribution(["max", "average"]), "both are in use"),
    Dimension("head", "network", CategoricalDistribution(["max", "average"]), "a dense head costs a third of 10K"),
    Dimension("dropout", "network", FloatDistribution(0.0, 0.4, step=0.05), "before the logits, one layer only"),
)


def space(family: str, images: int, fixed: Mapping[str, Any] | None = None) -> tuple[Dimension, ...]:
    """Return the dimensions of a family's search.

    Parameters
    ----------
    family : str
        Its name.
    images : int
        For training: how many epochs and how large batches make sense follows the default recipe for so many.
    fixed : mapping, optional
        Fields of options or recipe that are not searched, with the value they have.

    Raises
    ------
    InvalidValue
        If the family has no space.
    """
    network = {"fcn": _FCN, "cnn": _CNN}.get(family)
    if network is None:
        raise InvalidValue(f"family {family!r} cannot be tuned: it is kept as it was published. Choose fcn or cnn.")
    return tuple(
        d for d in (*network, *_training(family, default_recipe(family, images))) if d.name not in (fixed or {})
    )


def _training(family: str, default: Recipe) -> tuple[Dimension, ...]:
    fewest, most = max(2, default.epochs // 2), max(4, round(default.epochs * 2.5))
    smallest, largest = max(8, default.batch_size // 4), default.batch_size * 2
    dimensions = (
        Dimension(
            "learning_rate", "training", FloatDistribution(0.003, 0.06, log=True),
            "a factor of about four around the default's peak; above it batches diverge without normalisation",
        ),
        Dimension(
            "batch_size", "training", IntDistribution(smallest, largest, log=True),
            "a quarter to twice the default: smaller is slow, larger has too few steps; sets the batches an epoch",
        ),
        Dimension(
            "epochs", "training", IntDistribution(fewest, most, log=True),
            "half to two and a half times the default: gains end there, seconds do not",
        ),
        Dimension(
            "weight_decay", "training", FloatDistribution(0.01, 0.3, log=True), "a factor of five around the default"
        ),
        Dimension(
            "label_smoothing", "training", FloatDistribution(0.0, 0.2, step=0.05), "0.1 is usual; 0.2 costs accuracy"
        ),
        Dimension(
            "ema", "training", CategoricalDistribution([0.0, 0.98, 0.995]), "none, or the last 50 or 200 steps"
        ),
        Dimension(
            "crop", "training", IntDistribution(0, 1 if family == "fcn" else 2),
            "pixels; fully connected networks lost two points of accuracy at 2, six of six random points",
        ),
        Dimension("flip", "training", CategoricalDistribution([False, True]), "clothes look alike from both sides"),
    )  # fmt: skip
    # Leaving easy images out was never tried on small sets, which are trained in seconds anyway.
    skipping = Dimension("skip_easy", "training", CategoricalDistribution([0.0, 0.5]), "half the seconds an epoch")
    return (*dimensions, skipping) if default.skip_easy else dimensions


def first_points(
    dimensions: tuple[Dimension, ...], design: Design, family: Family, recipe: Recipe
) -> tuple[Point, ...]:
    """Return the points that a search tries first: the family's defaults, and for FCNs a longer training of them.

    FCNs of 100K weights gain 0.12 points of validation accuracy from the longest schedule with half the batch and two
    thirds of the learning rate (mean of four seeds, 90.86 to 90.98 %), for three times the seconds. For CNNs that is
    too long to be a first guess.
    """
    default = default_point(dimensions, design, family, recipe)
    longest = {
        d.name: d.values.high for d in dimensions if d.name == "epochs" and isinstance(d.values, IntDistribution)
    }
    if family.name != "fcn" or not longest:
        return (default,)
    smaller = {"batch_size": recipe.batch_size // 2, "learning_rate": 2 / 3 * recipe.learning_rate}
    changes = {d.name: _inside(d.values, smaller[d.name]) for d in dimensions if d.name in smaller}
    return default, {**default, **longest, **changes}


def default_point(dimensions: tuple[Dimension, ...], design: Design, family: Family, recipe: Recipe) -> Point:
    """Return the family's defaults as a point, the first that a search tries.

    Parameters
    ----------
    design : Design
        The family's default network for the budget, from which options that follow the budget are read.
    """
    options = dataclasses.asdict(options_from(family, {}))
    return {
        d.name: _inside(d.values, getattr(recipe, d.name) if d.part == "training" else _option(options, d, design))
        for d in dimensions
    }


def _option(options: dict[str, Any], dimension: Dimension, design: Design) -> Any:
    value = options[dimension.name]
    if value is not None:
        return value
    # These three follow the budget or the image where they are not given.
    layers = design.architecture.layers
    if dimension.name == "dropout":
        return next((getattr(layer, "rate", 0.0) for layer in layers if layer.name == "dropout1"), 0.0)
    return 1  # residual blocks


def _inside(values: BaseDistribution, value: Any) -> Any:
    if isinstance(values, FloatDistribution | IntDistribution):
        return min(max(value, values.low), values.high)
    return value


def realise(
    point: Mapping[str, Any],
    family: Family,
    task: Task,
    budget: int,
    images: int,
    limits: Limits = NO_LIMITS,
    fixed: Mapping[str, Any] | None = None,
) -> tuple[Design, Recipe, tuple[str, ...]]:
    """Make the network and the recipe of a point.

    Returns
    -------
    design, recipe
        Within budget and limits.
    dropped : tuple of str
        Options that no network within budget and limits has, and that went back to the family's own choice for it, one
        after the other. So no point is without a network, as long as the family has one for budget and limits at all.

    Raises
    ------
    InfeasibleBudget, InfeasibleLimits
        If the family has none.
    """
    values = {**point, **(fixed or {})}
    names = {field.name for field in dataclasses.fields(family.options)}
    options = {name: value for name, value in values.items() if name in names}
    changes = {name: value for name, value in values.items() if name not in names}
    recipe = default_recipe(family.name, images, changes)
    dropped: list[str] = []
    # Those that decide most about size come last, so that a point stays what it is for as long as it can.
    removable = [n for n in ("pool", "growth", "taper", "kernel", "blocks", "head", "stages", "depth") if n in options]
    while True:
        try:
            return fit(family, task, budget, options, limits), recipe, tuple(dropped)
        except (InfeasibleBudget, InfeasibleLimits, GeometryError):
            if not removable:
                raise
            dropped.append(removable.pop(0))
            del options[dropped[-1]]
