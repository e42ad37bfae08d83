"""Family and budget to the architecture that fills the budget.

Weights are a polynomial of degree two in a skeleton's widths, so the solver reads the polynomial off a few exact
counts, searches whole grids of widths with it, and counts the chosen architecture exactly once more.
A network that is too large is never proposed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from makeweight.design.architecture import Architecture, Task
from makeweight.design.budget import check_budget, format_budget
from makeweight.design.cost import Cost, cost
from makeweight.design.families import Family, Skeleton, options_from
from makeweight.design.polynomial import WeightPolynomial
from makeweight.design.search import Candidate, SearchRange, best_widths, next_weights
from makeweight.errors import BudgetExceeded, InfeasibleBudget, InvalidValue

FULL = 0.99  # share of the budget that a network must use
# Where one neuron of a fully connected first layer weighs more than this share, its step is too coarse to fill.
HEAVY_NEURON = 0.05


@dataclass(frozen=True, slots=True)
class Design:
    """A chosen architecture with its cost."""

    architecture: Architecture
    widths: tuple[int, ...]  # in the order of the skeleton's knobs
    cost: Cost
    budget: int | None  # None: asked for exactly, without a limit

    @property
    def budget_used(self) -> float | None:
        """Share of the budget that is used, 0 to 1."""
        return None if self.budget is None else self.cost.weights / self.budget


def fit(family: Family, task: Task, budget: int, options: Mapping[str, Any] | None = None) -> Design:
    """Design the network of a family that fills a budget of weights.

    Parameters
    ----------
    family, task
        What kind of network, and the images and classes it is for.
    budget : int
        Trainable weights, never exceeded.
    options : mapping, optional
        Hyperparameters of the family to hold fixed, by name.

    Returns
    -------
    Design
        At least 99 % full. Less only where the step of a width is too coarse: where a first-layer neuron of a
        fully connected network weighs more than 5 % of the budget, or where ``options`` leave no finer step.

    Raises
    ------
    InfeasibleBudget
        If nothing fits, with the smallest budget from this one upwards that works.
    InvalidValue, GeometryError
        If an option breaks a rule or a layer does not fit the images.
    """
    check_budget(budget)
    fixed = dict(options or {})
    found: list[tuple[Skeleton, Candidate]] = []
    variants = [fixed, *({**extra, **fixed} for extra in family.alternatives if not extra.keys() & fixed.keys())]
    for variant in variants:
        skeleton = family.skeleton(task, options_from(family, variant), budget)
        candidate = _fill(skeleton, budget)
        if candidate is not None:
            found.append((skeleton, candidate))
            if candidate.weights >= FULL * budget:
                break
    if not found:
        _refuse(family, task, budget, variants[0])
    skeleton, candidate = max(found, key=lambda pair: pair[1].weights)
    if candidate.weights < FULL * budget and not (fixed or _first_neuron_is_heavy(skeleton, candidate, budget)):
        _refuse(family, task, budget, variants[0])
    return _checked(skeleton.build(candidate.widths), candidate.widths, budget)


def exact(
    family: Family, task: Task, widths: tuple[int, ...], budget: int | None, options: Mapping[str, Any] | None = None
) -> Design:
    """Design a network of exactly these widths.

    Parameters
    ----------
    widths : tuple of int
        One for each knob of the family's skeleton, or a single one for all of them.

    Raises
    ------
    BudgetExceeded
        If the network has more weights than ``budget``.
    InvalidValue, GeometryError
        If the number of widths is wrong, or a layer does not fit the images.
    """
    skeleton = family.skeleton(task, options_from(family, options or {}), budget)
    names = [knob.name for knob in skeleton.knobs]
    if len(widths) == 1:
        widths *= len(names)
    if len(widths) != len(names) or min(widths) < 1:
        raise InvalidValue(
            f"widths {','.join(map(str, widths))} are not possible: family {family.name!r} takes one width of at least "
            f"1 for all layers, or {len(names)} of them ({', '.join(names)})."
        )
    design = Design(skeleton.build(widths), widths, counted := cost(skeleton.build(widths)), budget)
    if budget is not None and counted.weights > budget:
        raise BudgetExceeded(
            f"{family.name} with widths {', '.join(map(str, widths))} has {counted.weights:,} weights, "
            f"{counted.weights - budget:,} more than the budget of {budget:,}. {_widest_equal(skeleton, budget)}"
        )
    return design


def _fill(skeleton: Skeleton, budget: int) -> Candidate | None:
    polynomial = WeightPolynomial.of(skeleton)
    best: Candidate | None = None
    for reach in SearchRange:
        candidate = best_widths(skeleton, polynomial, budget, reach)
        if candidate is not None and (best is None or candidate.weights > best.weights):
            best = candidate
        if best is not None and best.weights >= reach.good_enough * budget:
            break
    return best


def _first_neuron_is_heavy(skeleton: Skeleton, candidate: Candidate, budget: int) -> bool:
    if not skeleton.first_layer_dominates:
        return False
    more = (candidate.widths[0] + 1, *candidate.widths[1:])
    return cost(skeleton.build(more)).weights - candidate.weights > HEAVY_NEURON * budget


def _checked(architecture: Architecture, widths: tuple[int, ...], budget: int) -> Design:
    counted = cost(architecture)
    if counted.weights > budget:  # a family whose weights are not quadratic in its widths
        raise BudgetExceeded(
            f"{architecture.family} came out at {counted.weights:,} weights for a budget of {budget:,}."
        )
    return Design(architecture, widths, counted, budget)


def _refuse(family: Family, task: Task, budget: int, options: Mapping[str, Any]) -> None:
    skeleton = family.skeleton(task, options_from(family, options), budget)
    polynomial = WeightPolynomial.of(skeleton)
    smallest = int(polynomial.value([knob.minimum for knob in skeleton.knobs]))
    c, h, w = task.input_shape
    what = f"a {family.name} for {c}x{h}x{w} images and {task.classes} classes"
    if budget < smallest:
        raise InfeasibleBudget(
            f"{what} needs at least {smallest:,} weights, and the budget is {budget:,}. "
            f"Use a budget of {smallest:,} or more.",
            smallest,
        )
    above = next_weights(skeleton, polynomial, budget)
    raise InfeasibleBudget(
        f"no {what.removeprefix('a ')} uses {FULL:.0%} of {budget:,} weights: its layers only come in coarser steps. "
        f"Use a budget of {above:,}, the next one that works.",
        above,
    )


def _widest_equal(skeleton: Skeleton, budget: int) -> str:
    polynomial = WeightPolynomial.of(skeleton)
    low, high = 0, 1_000_000
    while high - low > 1:
        middle = (low + high) // 2
        fits = polynomial.value([middle] * len(skeleton.knobs)) <= budget
        low, high = (middle, high) if fits else (low, middle)
    if low == 0:
        return "Use a larger budget."
    return f"The largest equal width that fits is {low}; {format_budget(budget)} can also be filled without a width."
