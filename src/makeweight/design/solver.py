"""Family and budget to the architecture that fills the budget.

Weights are a polynomial of degree two in a skeleton's widths, so the solver reads the polynomial off a few exact
counts, searches whole grids of widths with it, and counts the chosen architecture exactly once more.
A network that is too large is never proposed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NoReturn

from makeweight.design.architecture import Architecture, Task
from makeweight.design.budget import check_budget, format_budget
from makeweight.design.cost import Cost, cost
from makeweight.design.families import Family, Skeleton, options_from
from makeweight.design.limits import NO_LIMITS, Limits
from makeweight.design.polynomial import CostPolynomial
from makeweight.design.search import Candidate, SearchRange, best_widths, best_widths_within, next_weights
from makeweight.errors import BudgetExceeded, GeometryError, InfeasibleBudget, InfeasibleLimits, InvalidValue

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
    binding: tuple[str, ...] = ()  # limits besides the weights that kept it from filling the budget its usual way

    @property
    def budget_used(self) -> float | None:
        """Share of the budget that is used, 0 to 1."""
        return None if self.budget is None else self.cost.weights / self.budget


def fit(
    family: Family,
    task: Task,
    budget: int,
    options: Mapping[str, Any] | None = None,
    limits: Limits = NO_LIMITS,
    least: float = FULL,
) -> Design:
    """Design the network of a family that fills a budget of weights.

    Parameters
    ----------
    family, task
        What kind of network, and the images and classes it is for.
    budget : int
        Trainable weights, never exceeded.
    options : mapping, optional
        Hyperparameters of the family to hold fixed, by name.
    limits : Limits, optional
        Limits beside the weights. Where one binds, widths move to where they cost less of it; if that is not enough,
        the network has the most weights, nearly, that the limits allow, and may be less full.
    least : float, optional
        Share of the budget that must be used, 0 to 1; 0 takes the fullest network that keeps to the budget.

    Returns
    -------
    Design
        At least 99 % full, or ``least``. Less only where the step of a width is too coarse: where a first-layer neuron
        of a fully connected network weighs more than 5 % of the budget, or where ``options`` leave no finer step.

    Raises
    ------
    InfeasibleBudget
        If nothing fits, with the smallest budget from this one upwards that works.
    InfeasibleLimits
        If the smallest widths break a limit, with the smallest limits that work.
    InvalidValue, GeometryError
        If an option breaks a rule or a layer does not fit the images.
    """
    check_budget(budget)
    design = _fit(family, task, budget, dict(options or {}), least)
    broken = limits.broken_by(design.cost)
    return _fit_within(family, task, budget, dict(options or {}), limits, broken) if broken else design


def _fit(family: Family, task: Task, budget: int, fixed: dict[str, Any], least: float) -> Design:
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
    if candidate.weights < least * budget and not (fixed or _first_neuron_is_heavy(skeleton, candidate, budget)):
        _refuse(family, task, budget, variants[0])
    return _checked(skeleton.build(candidate.widths), candidate.widths, budget)


def _fit_within(
    family: Family, task: Task, budget: int, fixed: dict[str, Any], limits: Limits, binding: tuple[str, ...]
) -> Design:
    found: list[tuple[Skeleton, Candidate]] = []
    variants = [fixed, *({**extra, **fixed} for extra in family.cheaper if not extra.keys() & fixed.keys())]
    for variant in variants:
        skeleton = _skeleton_that_fits(family, task, variant, budget)
        if skeleton is None:
            continue
        candidate = best_widths_within(skeleton, CostPolynomial.of(skeleton), budget, limits)
        if candidate is not None:
            found.append((skeleton, candidate))
            if candidate.weights >= FULL * budget:
                break
    if not found:
        _refuse_limits(family, task, budget, variants, limits)
    skeleton, candidate = max(found, key=lambda pair: pair[1].weights)
    design = _checked(skeleton.build(candidate.widths), candidate.widths, budget)
    assert not limits.broken_by(design.cost), "MACs or activations are no polynomial of the widths"
    return replace(design, binding=binding)


def _skeleton_that_fits(family: Family, task: Task, options: dict[str, Any], budget: int) -> Skeleton | None:
    skeleton = family.skeleton(task, options_from(family, options), budget)
    try:
        cost(skeleton.build(tuple(knob.minimum for knob in skeleton.knobs)))
    except GeometryError:  # images too small for the larger stride
        return None
    return skeleton


def _refuse_limits(
    family: Family, task: Task, budget: int, variants: Sequence[dict[str, Any]], limits: Limits
) -> NoReturn:
    smallest = []
    for variant in variants:
        skeleton = _skeleton_that_fits(family, task, variant, budget)
        if skeleton is not None:
            smallest.append(cost(skeleton.build(tuple(knob.minimum for knob in skeleton.knobs))))
    # The variant that lacks least, by ratio.
    nearest = min(smallest, key=lambda c: _excess(limits, c))
    needed = {"macs": nearest.macs, "activation_bytes": limits.activation_bytes(nearest)}
    binding = limits.broken_by(nearest)
    c, h, w = task.input_shape
    allowed = {"macs": limits.max_macs, "activation_bytes": limits.max_activation_bytes}
    said = " and ".join(
        f"{needed[name]:,} {_UNITS[name].format(limits.activation_type)} (the limit is {allowed[name]:,})"
        for name in binding
    )
    remedy = " and ".join(f"--max-{name.replace('_', '-')} {needed[name]}" for name in binding)
    raise InfeasibleLimits(
        f"a {family.name} for {c}x{h}x{w} images and {task.classes} classes needs at least {said}, with its smallest "
        f"widths. Use {remedy} or more.",
        {name: needed[name] for name in binding},
    )


_UNITS = {"macs": "MACs", "activation_bytes": "bytes of {} activations"}


def _excess(limits: Limits, counted: Cost) -> float:
    macs = counted.macs / limits.max_macs if limits.max_macs else 0.0
    size = limits.activation_bytes(counted) / limits.max_activation_bytes if limits.max_activation_bytes else 0.0
    return max(macs, size)


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
    polynomial = CostPolynomial.of(skeleton)
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
    polynomial = CostPolynomial.of(skeleton)
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
    polynomial = CostPolynomial.of(skeleton)
    low, high = 0, 1_000_000
    while high - low > 1:
        middle = (low + high) // 2
        fits = polynomial.value([middle] * len(skeleton.knobs)) <= budget
        low, high = (middle, high) if fits else (low, middle)
    if low == 0:
        return "Use a larger budget."
    return f"The largest equal width that fits is {low}; {format_budget(budget)} can also be filled without a width."
