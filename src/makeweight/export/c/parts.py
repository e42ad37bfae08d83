"""What of a step stands in the C file, the same for float and int8: arrays, the record that names them, the call."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makeweight.designs.layout import Layout
from makeweight.designs.limits import NumberType
from makeweight.designs.memory import VALUE_BYTES
from makeweight.export.c import text
from makeweight.export.c.steps import (
    Add,
    Adjust,
    Average,
    Convolution,
    Depthwise,
    Extent,
    Filter,
    Floats,
    Largest,
    Pixels,
    Program,
    Step,
    inputs,
)

_TYPES = {"float32": "float", "int8": "int8_t", "uint8": "uint8_t", "int16": "int16_t", "int32": "int32_t"}
Fields = tuple[tuple[str, str], ...]  # names and initialisers
OUTPUT = "memory->output"
Places = Mapping[int, str]  # where each value lies, in C; the image is −1
# What the template writes only where a step needs it.
USES = (
    *("pixels", "filter", "direct", "gathered", "recentre", "depthwise", "largest", "average", "adjust", "add"),
    *("scores", "decode", "below", "gelu", "wide", "nibbles", "crumbs"),
)
Named = list[tuple[str, NDArray[Any]]]  # constant arrays by what they are called in their record
_FUNCTIONS: dict[type[Step], tuple[str, str, str]] = {  # what it uses of the template, its record, its function
    Pixels: ("pixels", "filter", "filter_pixels"),
    Filter: ("filter", "filter", "filter_map"),
    Depthwise: ("depthwise", "filter", "filter_channels"),
    Average: ("average", "average", "pool_average"),
    Adjust: ("adjust", "adjustment", "adjust"),
    Add: ("add", "addition", "add"),
}


@dataclass(frozen=True, eq=False)
class Array:
    """A constant array."""

    name: str
    values: NDArray[Any]

    @property
    def type(self) -> str:
        """The element's type in C."""
        return _TYPES[self.values.dtype.name]

    @property
    def length(self) -> int:
        """The number of elements."""
        return self.values.size

    @property
    def text(self) -> str:
        """The elements."""
        return text.numbers(self.values)


@dataclass(frozen=True)
class Record:
    """A constant record of a type of the template."""

    type: str
    name: str
    fields: Fields


@dataclass(frozen=True, eq=False)
class CodePart:
    """A step."""

    comment: str
    arrays: tuple[Array, ...]
    record: Record | None
    calls: tuple[str, ...]
    uses: frozenset[str]  # parts of the template that it needs


@dataclass(frozen=True, eq=False)
class Content:
    """What float and int8 have different in a step."""

    arrays: Named
    fields: Fields
    ending: Named  # arrays of what becomes of a sum
    ending_fields: Fields
    uses: frozenset[str] = frozenset()
    function: str | None = None  # where it is another than the step's own


def assemble(program: Program, number: int, places: Places, content: Content) -> CodePart:
    """Put a step together; not for a maximum, which has no record."""
    step = program.steps[number]
    prefix = text.identifier(number, step.name)
    kind, record, function = _FUNCTIONS[type(step)]
    own = [Array(f"{prefix}_{name}", values) for name, values in content.arrays]
    end = [Array(f"{prefix}_end_{name}", values) for name, values in content.ending]
    end_fields = (*_naming(content.ending, end), *content.ending_fields)
    inside = ", ".join(f".{name} = {value}" for name, value in end_fields)
    fields = (*_naming(content.arrays, own), *content.fields, *([("end", f"{{{inside}}}")] if inside else []))
    arguments = [f"&{prefix}", *(places[value] for value in inputs(step)), places[number]]
    return CodePart(
        describe(program, step, sum(array.length for array in (*own, *end))),
        (*own, *end),
        Record(record, prefix, fields),
        (f"{content.function or function}({', '.join(arguments)});",),
        content.uses if content.function else content.uses | {kind},
    )


def _naming(named: Named, arrays: Sequence[Array]) -> Fields:
    return tuple((name, array.name) for (name, _), array in zip(named, arrays, strict=True))


def places(layout: Layout, number: NumberType) -> Places:
    """Return where the image and each value lie: in the buffer, or in the output, whose floats hold int8 values too."""
    in_output = OUTPUT if number == "fp32" else f"(int8_t *){OUTPUT}"
    image, *values = (
        in_output if offset is None else f"&memory->buffer[{offset // VALUE_BYTES[number]}]"
        for offset in layout.offsets
    )
    return {-1: f"(uint8_t *){image.removeprefix('(int8_t *)')}", **dict(enumerate(values))}


def source_shape(program: Program, step: Step) -> Extent:
    """(c, h, w) of what a step reads."""
    return program.input_shape if isinstance(step, Pixels) else program.steps[step.source].shape


def describe(program: Program, step: Step, weights: int) -> str:
    """One line for a comment above a step."""
    before, after = ("x".join(map(str, shape)) for shape in (source_shape(program, step), step.shape))
    what = {
        Depthwise: "channel by channel",
        Largest: "maximum",
        Average: "mean",
        Adjust: "element by element",
        Add: "addition",
    }.get(type(step), "")
    told = [f"{before} to {after}", *([what] if what else []), *([f"{weights:,} numbers"] if weights else [])]
    return text.comment(f"{step.name}: {', '.join(told)}")


def extent(shape: Extent) -> str:
    """Return the initialiser of an ``extent``."""
    return "{" + ", ".join(map(str, shape)) + "}"


def geometry(step: Convolution, source: Extent, window: tuple[int, int] | None = None) -> Fields:
    """Return the fields of a ``filter`` that say where its windows lie, by default of the weights' size."""
    rows, columns = window or step.weights.shape[2:]
    sizes = {"rows": rows, "columns": columns, "stride": step.stride, "padding": step.padding}
    ends = (("in", extent(source)), ("out", extent(step.shape)))
    return (*ends, *((name, str(size)) for name, size in sizes.items()))


def maximum(program: Program, step: Largest, source: str, target: str) -> CodePart:
    """Return the part of a maximum, which computes alike on all numbers and has none of its own."""
    ends = ", ".join((str(step.rows), str(step.columns), source, target))
    shape = ", ".join(map(str, source_shape(program, step)))
    call = f"pool_largest({shape}, {ends});"
    return CodePart(describe(program, step, 0), (), None, (call,), frozenset({"largest"}))


def windows(program: Program, step: Average) -> Fields:
    """Return the fields of an ``average`` that say where its windows lie."""
    return (
        ("in", extent(source_shape(program, step))),
        ("rows", str(step.rows)),
        ("columns", str(step.columns)),
    )


def grid(step: Adjust | Add) -> Fields:
    """Return over how many pixels of how many channels an element-wise step goes."""
    whole = isinstance(step, Adjust) and any(numbers.shape[1:] != (1, 1) for numbers in per_number(step))
    channels = prod(step.shape) if whole else step.shape[0]
    return (("pixels", str(prod(step.shape) // channels)), ("channels", str(channels)))


def per_number(step: Adjust) -> list[Floats]:
    """Return all that a step has for each channel or feature."""
    return [step.scale, step.shift, *([step.rule.slopes] if step.rule else [])]


def ordered(step: Step, weights: NDArray[Any]) -> NDArray[Any]:
    """(o, c, rows, columns) in the order in which the step's loops go: channels last, but for the image."""
    if isinstance(step, Pixels):
        return weights
    return weights.transpose(1, 2, 3, 0) if isinstance(step, Depthwise) else weights.transpose(0, 2, 3, 1)


def listed(step: Step, *values: NDArray[Any], each: bool = False) -> list[NDArray[Any]]:
    """Lay (c, 1, 1) or (c, h, w) numbers out as a map lies in memory; one of each if all are equal, unless ``each``."""
    whole = step.shape if any(v.shape[1:] != (1, 1) for v in values) else (step.shape[0], 1, 1)
    spread = [np.broadcast_to(v, whole).transpose(1, 2, 0).reshape(-1) for v in values]
    return spread if each or any((v != v[0]).any() for v in spread) else [v[:1] for v in spread]


def stride_of(values: NDArray[Any]) -> str:
    """Return 1 where there is a number for each channel, and 0 where one is for all."""
    return str(int(values.size > 1))
