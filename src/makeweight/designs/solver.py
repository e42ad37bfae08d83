"""Family, budget and limits to the architecture of greatest expected accuracy.

The solver compares a family's structures by merit (:mod:`makeweight.designs.structures`), takes the best whose every
weight is live and whose every pixel is read, and finds its whole widths (:mod:`makeweight.designs.search`). The chosen
architecture is counted exactly once more. A network that is too large is never proposed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from math import ceil, inf
from typing import Any, NoReturn

from makeweight.designs.architecture import Architecture, Task
from makeweight.designs.budget import check_budget
from makeweight.designs.cost import Cost, cost
from makeweight.designs.demand import demand, on_device, sentences
from makeweight.designs.families import Family, Skeleton, options_from
from makeweight.designs.limits import NO_LIMITS, Limits
from makeweight.designs.memory import ram
from makeweight.designs.merit import merit
from makeweight.designs.search import DEVICE_STEP, FULL, Space, best_widths, next_weights
from makeweight.designs.shapes import place
from makeweight.designs.structures import Structure, structures
from makeweight.designs.table import layers_table
from makeweight.errors import BudgetExceeded, GeometryError, InfeasibleBudget, InfeasibleLimits, InvalidValue
from makeweight.wording import abbreviate, dimensions, percent

# Where one neuron of a fully connected first layer weighs more than this share, its step is too coarse to fill.
HEAVY_NEURON = 0.05


@dataclass(frozen=True, slots=True, repr=False)
class Design:
    """A chosen architecture with its cost."""

    architecture: Architecture
    widths: tuple[int, ...]  # in the order of the skeleton's knobs
    cost: Cost
    budget: int | None  # None: asked for exactly, without a limit
    options: Mapping[str, Any] = field(
        default_factory=dict
    )  # of the family: given or chosen; the rest are its defaults
    merit: float | None = None  # halvings of the error rate, of the structure at these limits; None where not compared
    limits: Limits = NO_LIMITS
    binding: tuple[str, ...] = ()  # limits besides the weights that the best network for the weights alone breaks

    @property
    def budget_used(self) -> float | None:
        """Share of the budget that is used, 0 to 1."""
        return None if self.budget is None else self.cost.weights / self.budget

    @property
    def ram(self) -> int:
        """Bytes of static RAM of the exported program, of the type that the limits are for."""
        return ram(self.architecture, self.limits.ram_type)

    def __repr__(self) -> str:
        return f"{self._heading()}\n{layers_table(self.cost, self.budget)}"

    def _repr_html_(self) -> str:
        return layers_table(self.cost, self.budget, self._heading())._repr_html_()

    def _heading(self) -> str:
        whole = "" if self.budget is None else f" of a budget of {abbreviate(self.budget)}"
        return (
            f"{self.architecture.family.upper()}: {self.cost.weights:,} weights{whole}, {self.cost.macs:,} MACs, "
            + "; ".join(sentences(on_device(self.architecture, self.limits), self.limits))
        )


def fit(
    family: Family,
    task: Task,
    budget: int,
    options: Mapping[str, Any] | None = None,
    limits: Limits = NO_LIMITS,
    least: float = FULL,
) -> Design:
    """Design the network of a family that is expected to be the most accurate within budget and limits.

    Parameters
    ----------
    family, task
        What kind of network, and the images and classes it is for.
    budget : int
        Trainable weights, never exceeded.
    options : mapping, optional
        Hyperparameters of the family to hold fixed, by name.
    limits : Limits, optional
        Limits besides the weights. If one binds, weights may stay unused. With one of RAM, flash or milliseconds,
        widths are multiples of 4.
    least : float, optional
        Share of the budget that must be used where nothing else limits it, 0 to 1; 0 takes the fullest network that
        keeps to the budget.

    Returns
    -------
    Design
        With the weights alone limited at least 99.5 % full, or ``least``. Less only where the step of a width is too
        coarse: where a first-layer neuron of a fully connected network weighs more than 5 % of the budget, or where
        ``options`` leave no finer step.

    Raises
    ------
    InfeasibleBudget
        If nothing fits, with the smallest budget from this one upwards that works.
    InfeasibleLimits
        If the smallest widths break a limit, with the smallest limits that work.
    InvalidValue, GeometryError
        If an option breaks a rule or no structure fits the images.
    """
    check_budget(budget)
    chosen = dict(options or {})
    free = _ranked(family, task, budget, chosen, NO_LIMITS)
    if not free:
        _refuse_budget(family, task, budget, chosen)
    binding = _broken(*free[0], limits)
    if binding:
        return _within(family, task, budget, chosen, limits, binding)
    return _filled(family, task, budget, chosen, limits, least)


def _ranked(
    family: Family, task: Task, budget: int, options: Mapping[str, Any], limits: Limits
) -> list[tuple[Structure, float]]:
    """Structures that fit, with where on their profile the limits leave them, the best first."""
    points = [(s, s.point(budget, limits)) for s in structures(family, task, options)]
    return sorted((p for p in points if p[1] >= 0), key=lambda p: -p[0].merit_at(p[1]))


def _filled(family: Family, task: Task, budget: int, options: dict[str, Any], limits: Limits, least: float) -> Design:
    """Take the best structure that fills the budget, or the fullest network where none can."""
    designs: list[Design] = []
    for structure, point in _ranked(family, task, budget, options, limits):
        design = _realised(family, task, structure, point, budget, limits)
        if design is None:
            continue
        designs.append(design)
        if design.cost.weights >= FULL * budget or limits.on_device:
            return design
    if not designs:
        _refuse_budget(family, task, budget, options)
    fullest = max(designs, key=lambda d: d.cost.weights)
    if fullest.cost.weights < least * budget and not (options or _first_neuron_is_heavy(family, fullest)):
        _refuse_budget(family, task, budget, options)
    return fullest


def _within(
    family: Family, task: Task, budget: int, options: dict[str, Any], limits: Limits, binding: tuple[str, ...]
) -> Design:
    for structure, point in _ranked(family, task, budget, options, limits):
        design = _realised(family, task, structure, point, budget, limits, binding)
        if design is not None:
            return design
    raise _no_network(family, task, budget, options, limits)


def _realised(
    family: Family,
    task: Task,
    structure: Structure,
    point: float,
    budget: int,
    limits: Limits,
    binding: tuple[str, ...] = (),
) -> Design | None:
    """Give a structure whole widths near its profile."""
    skeleton = family.skeleton(task, options_from(family, structure.options), budget)

    def kept(widths: tuple[int, ...]) -> bool:
        return not limits.broken_by(demand(skeleton.build(widths), limits))

    widths = best_widths(Space(skeleton, budget, limits), structure.profile(point), kept)
    if widths is None:
        return None
    architecture = skeleton.build(widths)
    counted = cost(architecture)
    if counted.weights > budget or limits.broken_by(demand(architecture, limits)):  # not of degree two in the widths
        raise BudgetExceeded(
            f"{family.name} came out at {counted.weights:,} weights and {counted.macs:,} MACs for a budget of "
            f"{budget:,}: its weights and MACs must be polynomials of degree two in its widths."
        )
    return Design(architecture, widths, counted, budget, structure.options, structure.merit_at(point), limits, binding)


def _broken(structure: Structure, point: float, limits: Limits) -> tuple[str, ...]:
    """Limits that the best structure for the weights alone breaks."""
    return tuple(name for name in limits.most() if structure.point(10**12, limits.alone(name)) < point)


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
    chosen = dict(options or {})
    skeleton = family.skeleton(task, options_from(family, chosen), budget)
    names = [knob.name for knob in skeleton.knobs]
    if len(widths) == 1:
        widths *= len(names)
    if len(widths) != len(names) or min(widths) < 1:
        raise InvalidValue(
            f"widths {','.join(map(str, widths))} are not possible: family {family.name!r} takes one width of at least "
            f"1 for all layers, or {len(names)} of them ({', '.join(names)})."
        )
    architecture = skeleton.build(widths)
    counted = cost(architecture)
    if budget is not None and counted.weights > budget:
        raise BudgetExceeded(
            f"{family.name} with widths {', '.join(map(str, widths))} has {counted.weights:,} weights, "
            f"{counted.weights - budget:,} more than the budget of {budget:,}. {_widest_equal(skeleton, budget)}"
        )
    expected = float(merit(place(architecture.layers, architecture.input_shape)))
    return Design(architecture, widths, counted, budget, chosen, expected)


def _first_neuron_is_heavy(family: Family, design: Design) -> bool:
    assert design.budget is not None
    skeleton = family.skeleton(_task(design), options_from(family, design.options), design.budget)
    if not skeleton.first_layer_dominates:
        return False
    more = (design.widths[0] + 1, *design.widths[1:])
    return cost(skeleton.build(more)).weights - design.cost.weights > HEAVY_NEURON * design.budget


def _task(design: Design) -> Task:
    return Task(design.architecture.input_shape, design.architecture.classes)


def _smallest(family: Family, task: Task, options: Mapping[str, Any]) -> list[tuple[Structure, Architecture]]:
    """Each structure's smallest network."""
    return [(s, s.skeleton.build(s.minimum)) for s in structures(family, task, options)]


def _refuse_budget(family: Family, task: Task, budget: int, options: Mapping[str, Any]) -> NoReturn:
    weights = [(s, cost(smallest).weights) for s, smallest in _smallest(family, task, options)]
    smallest = min(n for _, n in weights)
    what = f"for {dimensions(task.input_shape)} images and {task.classes} classes"
    if budget < smallest:
        raise InfeasibleBudget(
            f"{family.name} {what} needs at least {smallest:,} weights, and the budget is {budget:,}. "
            f"Use a budget of {smallest:,} or more.",
            smallest,
        )
    above = [n for _, n in weights if n > budget]
    for structure, least in weights:
        if least <= budget:
            profile = structure.profile(structure.point(budget, NO_LIMITS))
            above.append(next_weights(Space(structure.skeleton, budget), profile) or least)
    works = min(n for n in above if n > budget)
    try:  # the widths looked at move with the budget, so those that have exactly this many may be out of sight there
        _filled(family, task, works, dict(options), NO_LIMITS, FULL)
    except InfeasibleBudget as refusal:
        works = refusal.smallest or works
    raise InfeasibleBudget(
        f"no {family.name} {what} uses {percent(FULL, 1)} of {budget:,} weights: its layers only come in coarser "
        f"steps. Use a budget of {works:,}, the next one that works.",
        works,
    )


def _no_network(
    family: Family, task: Task, budget: int, options: Mapping[str, Any], limits: Limits
) -> InfeasibleBudget | InfeasibleLimits:
    smallest = [
        s.skeleton.build(tuple(Space(s.skeleton, budget, limits).minima.tolist()))
        for s in structures(family, task, options)
    ]
    weights = min(cost(architecture).weights for architecture in smallest)
    if weights > budget:  # for a device the smallest widths are multiples of 4
        return InfeasibleBudget(
            f"{family.name} with widths that are multiples of {DEVICE_STEP} needs at least {weights:,} weights, and "
            f"the budget is {budget:,}. Use a budget of {weights:,} or more.",
            weights,
        )
    allowed = limits.most()
    needs = [demand(architecture, limits) for architecture in smallest if cost(architecture).weights <= budget]
    # The structure that lacks least, by ratio.
    needed = min(needs, key=lambda need: max(need[name] / most for name, most in allowed.items()))
    needed = {name: ceil(100 * used) / 100 if name == "ms" else int(used) for name, used in needed.items()}
    broken = limits.broken_by(needed)
    said = " and ".join(f"{needed[name]:,} {limits.unit(name)} (the limit is {allowed[name]:,})" for name in broken)
    remedy = " and ".join(f"max_{name}={needed[name]}" for name in broken)
    return InfeasibleLimits(
        f"{family.name} for {dimensions(task.input_shape)} images and {task.classes} classes needs at least {said}, "
        f"with its smallest widths. Use {remedy} or more.",
        {name: needed[name] for name in broken},
    )


def _widest_equal(skeleton: Skeleton, budget: int) -> str:
    low, high = 0, 1_000_000
    while high - low > 1:
        middle = (low + high) // 2
        fits = cost(skeleton.build((middle,) * len(skeleton.knobs))).weights <= budget
        low, high = (middle, high) if fits else (low, middle)
    if low == 0:
        return "Use a larger budget."
    return f"The largest equal width that fits is {low}; {abbreviate(budget)} can also be filled without a width."


@dataclass(frozen=True, slots=True)
class Contender:
    """What a family offers for a task."""

    family: Family
    design: Design | None
    problem: str = ""  # why there is none


def compare(families: Iterable[Family], task: Task, budget: int, limits: Limits = NO_LIMITS) -> tuple[Contender, ...]:
    """Design the best network of each family, the most promising first; families that have none come last."""
    return tuple(sorted((_contender(f, task, budget, limits) for f in families), key=_rank))


def _contender(family: Family, task: Task, budget: int, limits: Limits) -> Contender:
    try:
        return Contender(family, fit(family, task, budget, {}, limits))
    except (GeometryError, InfeasibleBudget, InfeasibleLimits) as error:
        return Contender(family, None, str(error))


def _rank(contender: Contender) -> float:
    return inf if contender.design is None or contender.design.merit is None else -contender.design.merit
