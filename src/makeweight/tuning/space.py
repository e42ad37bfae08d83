"""What is searched: the options that a family declares for it, and the recipe's fields, with a reason for each range.

A point is a value for every dimension. Widths aren't searched: the solver finds them, so every point fills its budget
and none is rejected for its size.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.trial import Trial

from makeweight.designs.architecture import Task
from makeweight.designs.cost import cost
from makeweight.designs.families import FAMILIES, Family, options_from
from makeweight.designs.families.base import Search
from makeweight.designs.limits import NO_LIMITS, Limits
from makeweight.designs.memory import ram
from makeweight.designs.solver import Design, fit
from makeweight.errors import GeometryError, InfeasibleBudget, InfeasibleLimits, InvalidValue
from makeweight.store.trials import FAMILY
from makeweight.training.recipe import Recipe, default_recipe
from makeweight.tuning.lengths import epochs_at

Point = dict[str, Any]


@dataclass(frozen=True)
class Dimension:
    """One hyperparameter."""

    name: str  # of a field of the family's options, or of the recipe
    part: Literal["network", "training"]
    values: BaseDistribution
    reason: str  # for the range


@dataclass(frozen=True)
class SearchSpace:
    """Dimensions by family; with several, a point has its ``family``, and names like ``cnn.kernel``."""

    families: tuple[Family, ...]
    dimensions: Mapping[str, tuple[Dimension, ...]]

    @classmethod
    def of(cls, families: tuple[Family, ...], images: int, fixed: Mapping[str, Any]) -> SearchSpace:
        """Return the space of families; what is fixed applies to each family that has it.

        Raises
        ------
        InvalidValue
            If a family has no option to search.
        """
        return cls(families, {f.name: space(f, images, held(f, families, fixed)) for f in families})

    def suggest(self, trial: Trial) -> None:
        """Let a trial choose a value in every dimension."""
        names, family = [f.name for f in self.families], self.families[0].name
        if len(names) > 1:
            family = trial.suggest_categorical(FAMILY, names)
        for dimension in self.dimensions[family]:
            _suggest(trial, self._name(family, dimension.name), dimension.values)

    def join(self, family: Family, point: Point) -> Point:
        """Make a point of the space from a family's."""
        named = {self._name(family.name, name): value for name, value in point.items()}
        return named if len(self.families) == 1 else {FAMILY: family.name, **named}

    def split(self, point: Mapping[str, Any]) -> tuple[Family, Point]:
        """Take a point apart: its family, and the family's values."""
        if len(self.families) == 1:
            return self.families[0], dict(point)
        family = next(f for f in self.families if f.name == point[FAMILY])
        return family, {name.partition(".")[2]: value for name, value in point.items() if name != FAMILY}

    def for_longer(self, family: Family, point: Point) -> tuple[Point, ...]:
        """Return what a longer schedule is tried with: a point as it is, and with the family's recipe for long ones."""
        names = {d.name for d in self.dimensions[family.name]}
        return point, {**point, **{name: value for name, value in family.long_recipe.items() if name in names}}

    def _name(self, family: str, name: str) -> str:
        return name if len(self.families) == 1 else f"{family}.{name}"


def held(family: Family, families: tuple[Family, ...], fixed: Mapping[str, Any]) -> dict[str, Any]:
    """Return what is fixed and concerns a family: fields of the recipe, and its own options.

    An unknown name is left in, for the recipe to refuse.
    """
    own = {info.name for info in family.infos}
    others = {info.name for other in families for info in other.infos} - own
    return {name: value for name, value in fixed.items() if name not in others}


def _suggest(trial: Trial, name: str, values: BaseDistribution) -> None:
    match values:
        case CategoricalDistribution(choices=choices):
            trial.suggest_categorical(name, choices)
        case IntDistribution(low=low, high=high, step=step, log=log):
            trial.suggest_int(name, low, high, step=step, log=log)
        case FloatDistribution(low=low, high=high, step=step, log=log):
            trial.suggest_float(name, low, high, step=step, log=log)


def space(family: Family, images: int, fixed: Mapping[str, Any] | None = None) -> tuple[Dimension, ...]:
    """Return the dimensions of a family's search.

    Parameters
    ----------
    images : int
        Number of training images; sensible epochs and batch sizes follow the default recipe for so many.
    fixed : mapping, optional
        Options and recipe fields that aren't searched, with their values.

    Raises
    ------
    InvalidValue
        If the family has no option to search.
    """
    if not family.tunable:
        others = ", ".join(f.name for f in FAMILIES.values() if f.tunable)
        raise InvalidValue(
            f"family {family.name!r} cannot be tuned: it has no option to search. Choose from: {others}."
        )
    network = [_dimension(info.name, "network", info.kind, info.search) for info in family.infos if info.search]
    training = _training(family, default_recipe(family.name, images))
    return tuple(d for d in (*network, *training) if d.name not in (fixed or {}))


def _dimension(name: str, part: Literal["network", "training"], kind: type, search: Search) -> Dimension:
    values: BaseDistribution
    if search.choices:
        values = CategoricalDistribution(search.choices)
    elif kind is int:
        values = IntDistribution(int(search.low), int(search.high), step=int(search.step or 1))
    else:
        values = FloatDistribution(search.low, search.high, step=search.step)
    return Dimension(name, part, values, search.reason)


def _training(family: Family, default: Recipe) -> tuple[Dimension, ...]:
    smallest, largest = max(8, default.batch_size // 4), default.batch_size * 2
    dimensions = (
        Dimension(
            "learning_rate", "training", FloatDistribution(0.003, 0.06, log=True),
            "a factor of about four around the default's peak; above it batches diverge without normalisation",
        ),
        Dimension(
            "batch_size", "training", IntDistribution(smallest, largest, log=True),
            "a quarter to twice the default: smaller is slow, larger has too few steps per epoch",
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
        Dimension("crop", "training", IntDistribution(0, 2), "pixels; small images lose their edges"),
        Dimension("flip", "training", CategoricalDistribution([False, True]), "clothes look alike mirrored"),
    )  # fmt: skip
    # Skipping easy images was never tried on small sets, which train in seconds anyway.
    skipping = Dimension("skip_easy", "training", CategoricalDistribution([0.0, 0.5]), "half the seconds an epoch")
    own = {
        name: _dimension(name, "training", type(getattr(default, name)), search)
        for name, search in family.recipe_search.items()
    }
    usual = {d.name: d for d in ((*dimensions, skipping) if default.skip_easy else dimensions)}
    return tuple({**usual, **own}.values())


def default_point(dimensions: tuple[Dimension, ...], design: Design, family: Family, recipe: Recipe) -> Point:
    """Return the family's defaults as a point, the first that a search tries.

    Parameters
    ----------
    design : Design
        The family's default network for the budget; options chosen for it are read from it.
    """
    return {
        d.name: _inside(d.values, getattr(recipe, d.name)) if d.part == "training" else _option(d, design, family)
        for d in dimensions
    }


def _option(dimension: Dimension, design: Design, family: Family) -> Any:
    """Find an option's value in a network that was designed without it."""
    chosen = dict(getattr(design, "options", {}))
    value = chosen.get(dimension.name, getattr(options_from(family, {}), dimension.name))
    if value is not None:
        return _inside(dimension.values, value)
    # The option follows budget or images: find the value that gives the same network.
    values = _grid(dimension.values)
    same = (value for value in values if _gives(design, family, {**chosen, dimension.name: value}))
    return next(same, values[0])


def _gives(design: Design, family: Family, options: Mapping[str, Any]) -> bool:
    """Whether options give the same network."""
    network, widths = design.architecture, design.widths
    skeleton = family.skeleton(Task(network.input_shape, network.classes), options_from(family, options), design.budget)
    return len(skeleton.knobs) == len(widths) and skeleton.build(widths) == network


def _grid(values: BaseDistribution) -> tuple[Any, ...]:
    """All values of a dimension with steps."""
    if isinstance(values, FloatDistribution | IntDistribution):
        step = values.step or (values.high - values.low)
        return tuple(round(values.low + i * step, 10) for i in range(round((values.high - values.low) / step) + 1))
    assert isinstance(values, CategoricalDistribution)
    return values.choices


def _inside(values: BaseDistribution, value: Any) -> Any:
    if isinstance(values, FloatDistribution | IntDistribution):
        return min(max(value, values.low), values.high)
    assert isinstance(values, CategoricalDistribution)
    return value if value in values.choices else values.choices[0]


def realise(
    point: Mapping[str, Any],
    family: Family,
    task: Task,
    budget: int,
    images: int,
    limits: Limits = NO_LIMITS,
    fixed: Mapping[str, Any] | None = None,
    length: float = 1.0,
) -> tuple[Design, Recipe, tuple[str, ...]]:
    """Design the network and make the recipe of a point.

    Parameters
    ----------
    length : float
        Of the schedule, as a multiple of the family's default; ``fixed`` epochs take precedence.

    Returns
    -------
    design, recipe
        Within budget and limits.
    dropped : tuple of str
        Options that no network within budget and limits has, dropped one by one in favour of the family's choice. So
        every point has a network, if the family has any within budget and limits.

    Raises
    ------
    InfeasibleBudget, InfeasibleLimits
        If the family has none.
    """
    epochs = epochs_at(length, default_recipe(family.name, images).epochs)
    values = {"epochs": epochs, **point, **(fixed or {})}
    names = {info.name for info in family.infos}
    options = {name: value for name, value in values.items() if name in names}
    changes = {name: value for name, value in values.items() if name not in names}
    recipe = default_recipe(family.name, images, changes)
    dropped: list[str] = []
    removable = _removable(family, task, {name: value for name, value in point.items() if name in options})
    while True:
        try:
            return fit(family, task, budget, options, limits), recipe, tuple(dropped)
        except (InfeasibleBudget, InfeasibleLimits, GeometryError, InvalidValue):
            if not removable:
                raise
            dropped.append(removable.pop(0))
            del options[dropped[-1]]


def _removable(family: Family, task: Task, searched: Mapping[str, Any]) -> list[str]:
    """Order searched options by which to drop first.

    First those that change the size, last declared first, so a point stays intact as long as possible.
    """
    usual = _size(family, task, {})
    names = [info.name for info in reversed(family.infos) if info.name in searched]
    return sorted(names, key=lambda name: _size(family, task, {name: searched[name]}) == usual)


def _size(family: Family, task: Task, options: Mapping[str, Any]) -> tuple[int, ...] | None:
    """Weights, MACs and RAM of a family's smallest network; None if there is none."""
    try:
        skeleton = family.skeleton(task, options_from(family, options), None)
        network = skeleton.build(tuple(knob.minimum for knob in skeleton.knobs))
        counted = cost(network)
    except (InvalidValue, GeometryError):
        return None
    return counted.weights, counted.macs, ram(network)
