"""Designs: from a family, a budget and data to the layers of a network."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from makeweight.data.catalog import DEFAULT
from makeweight.data.dataset import PreparedDataset
from makeweight.designs.architecture import Task
from makeweight.designs.budget import MAX_BUDGET, parse_budget
from makeweight.designs.families import FAMILIES, Family, family_named
from makeweight.designs.limits import Limits, NumberType, parse_limits
from makeweight.designs.solver import Contender, Design, compare, exact, fit
from makeweight.errors import InfeasibleBudget, InvalidValue
from makeweight.face.data import load_data

Budget = int | str


def design(
    family: str | None = None,
    budget: Budget | None = None,
    data: Any = DEFAULT,
    *,
    widths: int | tuple[int, ...] | None = None,
    max_macs: Budget | None = None,
    max_ram: Budget | None = None,
    ram_type: NumberType = "int8",
    chip: str | None = None,
    max_flash: Budget | None = None,
    max_ms: float | str | None = None,
    **options: Any,
) -> Design:
    """Design the network that is expected to be the most accurate within a budget of weights.

    Parameters
    ----------
    family : str, optional
        "fcn", "cnn", "mobile" …; by default the best of all.
    budget : int or str
        Trainable weights: 100_000 or "100K".
    data
        What the network is for, as :func:`makeweight.load_data` takes it, or a ``Task`` of shape and classes.
    widths : int or tuple of int, optional
        Exact widths, instead of what the budget would give.
    max_macs, max_ram : int or str, optional
        Limits besides the weights: multiply-accumulates per image, and RAM of the exported C program in bytes.
    ram_type : "int8" or "fp32"
        The program that ``max_ram`` is for.
    chip : str, optional
        Core that the int8 program is for, and its clock: "cortex-m4@80MHz".
    max_flash, max_ms : int, float or str, optional
        Limits on the chip: flash of weights and code in bytes, and milliseconds for one image. With ``max_flash`` the
        budget may be left out.
    **options
        Options of the family, such as ``kernel=5``; the solver chooses the others.

    Raises
    ------
    InvalidValue, GeometryError, InfeasibleBudget, InfeasibleLimits, BudgetExceeded
        Naming the rule, the value, and the smallest that works.

    Examples
    --------
    >>> design("fcn", "2K", "digits").cost.weights
    1992
    """
    task = data if isinstance(data, Task) else task_of(load_data(data))
    limits = parse_limits(max_macs, max_ram, ram_type, chip, max_flash, max_ms)
    weights = None if budget is None else parse_budget(budget)
    if family is None:
        if widths is not None or options:
            named = "widths" if widths is not None else next(iter(options))
            raise InvalidValue(f"{named} belongs to a family: give family, too, one of {', '.join(FAMILIES)}.")
        best = ranked(weights, task, limits)[0].design
        assert best is not None
        return best
    return solved(family, weights, widths, task, options, limits)


def ranked(budget: int | None, task: Task, limits: Limits) -> tuple[Contender, ...]:
    """Design the best network of each family, the most promising first.

    Raises
    ------
    InvalidValue
        If there is no budget, or no family has a network.
    """
    budget = limits.budget(budget)
    if budget is None:
        raise InvalidValue("no budget: give budget=100K, max_flash=64K of a chip, or a family with exact widths.")
    contenders = compare(FAMILIES.values(), task, budget, limits)
    if contenders[0].design is None:
        raise InvalidValue("no family has such a network: " + " ".join(c.problem for c in contenders))
    return contenders


def solved(
    family: str,
    budget: int | None,
    widths: int | tuple[int, ...] | None,
    task: Task,
    options: dict[str, Any],
    limits: Limits,
) -> Design:
    """Fill the budget within the limits, or take the exact widths."""
    named = family_named(family)
    if widths is not None:
        if limits.any:
            raise InvalidValue("exact widths leave nothing to choose: give widths, or a limit besides the weights.")
        made = exact(named, task, (widths,) if isinstance(widths, int) else tuple(widths), budget, options)
        return replace(made, limits=limits)
    if budget is None and limits.max_flash is not None:
        return _in_flash(named, task, options, limits)
    if budget is None:
        raise InvalidValue("neither budget nor widths: give budget=100K, max_flash=64K of a chip, or exact widths.")
    return fit(named, task, budget, options, limits)


def _in_flash(family: Family, task: Task, options: dict[str, Any], limits: Limits) -> Design:
    """Fill the flash: each weight takes a byte of it, so there are no more weights than bytes."""
    try:
        return fit(family, task, limits.budget(None) or 0, options, limits)
    except InfeasibleBudget as refused:  # nobody gave a budget: with one that is large enough, the flash is too small
        return fit(family, task, refused.smallest or MAX_BUDGET, options, limits)


def task_of(data: PreparedDataset) -> Task:
    """Return the input and output of a network for these data."""
    return Task(data.image_shape, data.classes)
