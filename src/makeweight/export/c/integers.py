"""The steps of a program as parts of a C file that computes in int8."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from makeweight.export.c import parts, text
from makeweight.export.c.kernels import FUNCTIONS, Kernel, kernel
from makeweight.export.c.parts import CodePart, Content, Fields, Named, Places
from makeweight.export.c.quantise import Coded, Ending
from makeweight.export.c.steps import Add, Adjust, Average, Convolution, Largest, Pixels, Program, Step

HIGH_WORD = 33  # a shift of this or more leaves nothing of a product's lower 32 bits; the file has what is above it


def int8_parts(program: Program, places: Places, coded: Sequence[Coded]) -> list[CodePart]:
    """Return one part a step, and one for the logits where the last step gives int8."""
    made = [_part(program, number, step, places) for number, step in enumerate(coded)]
    return made if coded[-1].scores is not None else [*made, _decoded(coded[-1], places[len(made) - 1])]


def _part(program: Program, number: int, coded: Coded, places: Places) -> CodePart:
    step = program.steps[number]
    if isinstance(step, Largest):
        return parts.maximum(program, step, places[step.source], places[number])
    if isinstance(step, Convolution):
        return _filter(program, number, step, coded, places)
    return parts.assemble(program, number, places, _content(program, step, coded))


def _filter(program: Program, number: int, step: Convolution, coded: Coded, places: Places) -> CodePart:
    chosen = kernel(program, step, coded)
    image = places[-1] if chosen.kind == "pixels" else places[-1].replace("uint8_t", "int8_t")
    part = parts.assemble(program, number, {**places, -1: image}, _kernel_content(step, coded, chosen))
    if not isinstance(step, Pixels) or chosen.kind != "direct":
        return part
    return replace(part, calls=(f"recentre({places[-1]});", *part.calls), uses=part.uses | {"recentre"})


def _kernel_content(step: Convolution, coded: Coded, chosen: Kernel) -> Content:
    named = ("weights", chosen.weights), ("bias", chosen.bias), ("fill", chosen.fill), ("mean", chosen.mean)
    arrays = [(name, values) for name, values in (*named, ("scale", coded.scores)) if values is not None]
    fields = (*parts.geometry(step, chosen.source, chosen.window), ("zero", str(chosen.zero)))
    if chosen.kind == "gathered" and isinstance(step, Pixels):
        fields = (*fields, ("flip", "0x80808080u"))
    more = {"scores": coded.scores is not None, "nibbles": coded.bits < 8, "crumbs": coded.bits == 6}
    uses = frozenset({chosen.kind, *(name for name, used in more.items() if used)})
    content = Content(arrays, fields, [], (), uses)
    if coded.ending is not None:
        content = _ended(step, arrays, fields, coded.ending, uses)
    return replace(content, function=FUNCTIONS[chosen.kind])


def _content(program: Program, step: Step, coded: Coded) -> Content:
    zero = ("zero", str(coded.source.zero))
    arrays: Named = []
    fields: Fields = ()
    match step:
        case Average():
            fields = (*parts.windows(program, step), zero)
        case Adjust():
            arrays = _factors(step, coded)
            fields = (("step", parts.stride_of(dict(arrays)["factor"])), zero, *parts.grid(step))
        case Add():
            fields = (*_addition(coded), zero, *parts.grid(step))
    if coded.ending is None:
        raise TypeError(f"a {type(step).__name__} needs an ending")
    return _ended(step, arrays, fields, coded.ending)


def _factors(step: Adjust, coded: Coded) -> Named:
    if coded.factor is None or coded.shift is None:
        raise TypeError("an Adjust needs a factor and a shift")
    return list(zip(("factor", "shift"), parts.listed(step, coded.factor, coded.shift), strict=True))


def _addition(coded: Coded) -> Fields:
    factor, kept_factor = coded.factors
    kept_zero = 0 if coded.kept is None else coded.kept.zero
    return (("factor", str(factor)), ("kept_factor", str(kept_factor)), ("kept_zero", str(kept_zero)))


def _ended(step: Step, arrays: Named, fields: Fields, ending: Ending, uses: frozenset[str] = frozenset()) -> Content:
    multipliers = {"": ending.above} if ending.below is None else {"": ending.above, "below_": ending.below}
    beyond = [(each.shift.astype(np.int64) - HIGH_WORD).astype(np.int8) for each in multipliers.values()]
    numbers = [numbers for each, shift in zip(multipliers.values(), beyond, strict=True) for numbers in (each.m, shift)]
    listed = parts.listed(step, *numbers, each=isinstance(step, Convolution))
    names = [f"{which}{what}" for which in multipliers for what in ("multiplier", "shift")]
    end: Named = list(zip(names, listed, strict=True))
    added = {"below"} if ending.below else set()
    if any(bool((shift < 0).any()) for shift in beyond):
        added |= {"wide"}
    if ending.table is not None:
        end.append(("table", ending.table))
        added |= {"gelu"}
    ends = (("step", parts.stride_of(listed[0])), ("zero", str(ending.zero)))
    return Content(arrays, fields, end, ends, uses | added)


def _decoded(coded: Coded, source: str) -> CodePart:
    call = f"decode({text.floating(coded.result.scale)}, {coded.result.zero}, {source}, {parts.OUTPUT});"
    return CodePart("logits: from int8 to float", (), None, (call,), frozenset({"decode"}))
