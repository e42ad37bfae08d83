"""The steps of a program as parts of a C file that computes in float."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from makeweight.export.c import parts
from makeweight.export.c.parts import CodePart, Content, Places
from makeweight.export.c.steps import Add, Adjust, Average, Depthwise, Filter, Largest, Pixels, Program, Rule, Step

FOUR = 4  # filters at a time, as templates/float.c has them


def float_parts(program: Program, places: Places) -> list[CodePart]:
    """Return one part a step."""
    return [_part(program, number, places) for number in range(len(program.steps))]


def _part(program: Program, number: int, places: Places) -> CodePart:
    step = program.steps[number]
    if isinstance(step, Largest):
        return parts.maximum(program, step, places[step.source], places[number])
    return parts.assemble(program, number, places, _content(program, step))


def _content(program: Program, step: Step) -> Content:
    match step:
        case Pixels():
            arrays = _rounded(weights=_by_fours(parts.ordered(step, step.weights)), bias=step.bias, mean=step.mean)
            return _ruled(arrays, parts.geometry(step, parts.source_shape(program, step)), step, step.rule)
        case Filter() | Depthwise():
            ordered = parts.ordered(step, step.weights)
            arrays = _rounded(weights=_by_fours(ordered) if isinstance(step, Filter) else ordered, bias=step.bias)
            return _ruled(arrays, parts.geometry(step, parts.source_shape(program, step)), step, step.rule)
        case Average():
            return _ruled([], parts.windows(program, step), step, step.rule)
        case Adjust():
            factor, shift = parts.listed(step, step.scale, step.shift)
            fields = (("step", parts.stride_of(factor)), *parts.grid(step))
            return _ruled(_rounded(factor=factor, shift=shift), fields, step, step.rule)
        case Add():
            return _ruled([], parts.grid(step), step, step.rule)
        case _:
            raise TypeError(f"no C for {type(step).__name__}")


def _by_fours(weights: NDArray[Any]) -> NDArray[Any]:
    """Lay (o, …) weights of four filters side by side, tap by tap; those of the last one to three stay in a row."""
    flat = weights.reshape(len(weights), -1)
    whole = len(flat) // FOUR * FOUR
    fours = flat[:whole].reshape(-1, FOUR, flat.shape[1]).transpose(0, 2, 1)
    return np.concatenate([fours.reshape(-1), flat[whole:].reshape(-1)])


def _ruled(arrays: parts.Named, fields: parts.Fields, step: Step, rule: Rule | None) -> Content:
    if rule is None:
        return Content(arrays, fields, [], ())
    if rule.function == "gelu":
        return Content(arrays, fields, [], (("gelu", "1"),), frozenset({"gelu"}))
    (slopes,) = parts.listed(step, rule.slopes)
    return Content(arrays, fields, _rounded(slopes=slopes), (("step", parts.stride_of(slopes)),))


def _rounded(**arrays: NDArray[Any]) -> parts.Named:
    return [(name, values.astype(np.float32)) for name, values in arrays.items()]
