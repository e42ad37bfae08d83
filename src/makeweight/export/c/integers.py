"""The steps of a program as parts of a C file that computes in int8."""

from __future__ import annotations

import numpy as np

from makeweight.export.c import parts, text
from makeweight.export.c.parts import Array, Content, Fields, Named, Part
from makeweight.export.c.plan import Plan
from makeweight.export.c.quantise import Coded, Ending, Quantised
from makeweight.export.c.steps import Add, Adjust, Average, Filter, Largest, Pixels, Program, Step


def int8_parts(program: Program, plan: Plan, quantised: Quantised) -> list[Part]:
    """Return one part a step, and one for the logits where the last step gives int8."""
    apart = quantised.scores_apart
    places = parts.places(program, plan, parts.LOGITS if apart else None)
    found = [_part(program, number, coded, places) for number, coded in enumerate(quantised.steps)]
    return found if apart else [*found, _decoded(quantised.steps[-1], places[-1])]


def _part(program: Program, number: int, coded: Coded, places: list[str]) -> Part:
    step = program.steps[number]
    if isinstance(step, Largest):
        return parts.maximum(program, step, places[step.source], places[number])
    if coded.scores is not None:
        return _scores(program, number, coded, places)
    return parts.assemble(program, number, places, _content(program, step, coded))


def _content(program: Program, step: Step, coded: Coded) -> Content:
    zero = ("zero", str(coded.source.zero))
    arrays = _arrays(step, coded)
    fields: Fields = ()
    match step:
        case Pixels():
            fields = parts.geometry(program, step)
        case Filter():
            fields = (*parts.geometry(program, step), zero)
        case Average():
            fields = (*parts.windows(program, step), zero)
        case Adjust():
            fields = (("step", parts.stride_of(dict(arrays)["factor"])), zero, *parts.grid(step))
        case Add():
            fields = (*_addition(coded), zero, *parts.grid(step))
    return _ended(step, arrays, fields, coded.ending)


def _arrays(step: Step, coded: Coded) -> Named:
    if coded.factor is not None and coded.shift is not None:
        factor, shift = parts.listed(step, coded.factor, coded.shift)
        return [("factor", factor), ("shift", shift)]
    weights = None if coded.weights is None else parts.ordered(coded.weights, pixels=isinstance(step, Pixels))
    named = (("weights", weights), ("bias", coded.bias), ("mean", coded.mean))
    return [(name, values) for name, values in named if values is not None]


def _addition(coded: Coded) -> Fields:
    factor, kept_factor = coded.factors
    kept_zero = 0 if coded.kept is None else coded.kept.zero
    return (("factor", str(factor)), ("kept_factor", str(kept_factor)), ("kept_zero", str(kept_zero)))


def _ended(step: Step, arrays: Named, fields: Fields, ending: Ending | None) -> Content:
    if ending is None:
        raise TypeError(f"a {type(step).__name__} needs an ending")
    multipliers = {"": ending.above} if ending.below is None else {"": ending.above, "below_": ending.below}
    listed = parts.listed(step, *(numbers for each in multipliers.values() for numbers in (each.m, each.shift)))
    names = [f"{which}{what}" for which in multipliers for what in ("multiplier", "shift")]
    end: Named = list(zip(names, listed, strict=True))
    uses = {"below"} if ending.below else set()
    if ending.table is not None:
        end.append(("table", ending.table))
        uses |= {"gelu"}
    return Content(
        arrays, fields, end, (("step", parts.stride_of(listed[0])), ("zero", str(ending.zero))), frozenset(uses)
    )


def _scores(program: Program, number: int, coded: Coded, places: list[str]) -> Part:
    step = program.steps[number]
    prefix = text.identifier(number, step.name)
    scale = np.asarray(coded.scores)
    arrays = tuple(Array(f"{prefix}_{name}", values) for name, values in (*_arrays(step, coded), ("scale", scale)))
    length = arrays[0].length // scale.size
    names = ", ".join(array.name for array in arrays)
    call = f"filter_scores({names}, {coded.source.zero}, {length}, {places[step.source]}, {places[number]});"
    comment = parts.describe(program, step, sum(array.length for array in arrays))
    return Part(comment, arrays, None, call, frozenset({"scores"}))


def _decoded(coded: Coded, source: str) -> Part:
    call = f"decode({text.floating(coded.result.scale)}, {coded.result.zero}, {source}, {parts.LOGITS});"
    return Part("logits: from int8 to float", (), None, call, frozenset({"decode"}))
