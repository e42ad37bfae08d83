"""What the exported int8 program does and holds, counted from the architecture: the terms of a chip's formulas.

:mod:`makeweight.designs.chips` multiplies them by numbers that were fitted to programs run in an emulator. Widths may
be arrays, one element for each of many networks; then so are the counts.
"""

from __future__ import annotations

from math import prod
from typing import Any

import numpy as np

from makeweight.designs.architecture import Architecture
from makeweight.designs.program import Operation, operations
from makeweight.designs.shapes import conv_output

LANES = 4  # filters that share an input once it is loaded, and taps in a block of their weights
MAX_WINDOW = 128  # taps of a window that is copied to the stack
# What becomes of a sum, beyond rounding and clamping.
_ENDINGS = {"slope": "below", "slopes": "below", "table": "table"}


def work(architecture: Architecture) -> dict[str, Any]:
    """Count how often each loop of the int8 program runs for one image.

    Raises
    ------
    GeometryError
        If a layer does not fit.
    """
    counts: dict[str, Any] = {"classes": architecture.classes, "bytes": prod(architecture.input_shape)}
    steps = operations(architecture)[1:]
    for step in steps:
        _add(counts, {"steps": 1, **_loops(step), **_endings(step)})
    # A compiler specialises a function for its only call.
    gathering = sum(np.asarray(_gathers(step), int) for step in steps if step.kind == "filter")
    for what in ("places", "groups", "singles"):
        counts[f"shared {what}"] = np.where(gathering > 1, counts.get(f"gathered {what}", 0), 0)
    return counts


def constants(architecture: Architecture) -> Any:
    """Count the bytes of the int8 program's constant arrays: weights, biases, multipliers and tables.

    An element-wise step counts as if channels that may differ do: exactly as many where they do.
    """
    steps = operations(architecture)[1:]
    return sum(_bytes(step, step is steps[-1]) for step in steps)


def parts(architecture: Architecture) -> dict[str, Any]:
    """Count what the program's text has apart from arrays: 1 for each function that it needs, and its steps by kind.

    How a sum ends stands in each function again, so a slope below 0 or a table makes each of them longer.
    """
    steps = operations(architecture)[1:]
    counts: dict[str, Any] = {"has scores" if _gives_scores(steps[-1]) else "has decode": 1}
    rules = {ending for step in steps if (ending := _ENDINGS.get(step.rule))}
    for step in steps:
        _add(counts, {f"step {step.kind}": 1})
        for function, needed in _functions(step).items():
            for name in (f"has {function}", *(f"{function} with {rule}" for rule in rules)):
                counts[name] = np.logical_or(counts.get(name, False), needed).astype(int)
    return counts


def _functions(step: Operation) -> dict[str, Any]:
    """Whether a step needs each of the functions that may compute it."""
    if step.kind != "filter":
        return {step.kind: True}
    if _covers(step):
        return {"vector filter": True}
    gathers = _gathers(step)
    return {"gathered filter": gathers, "image filter" if step.reads == (0,) else "direct filter": ~gathers}


def _add(counts: dict[str, Any], more: dict[str, Any]) -> None:
    for name, number in more.items():
        counts[name] = counts.get(name, 0) + number


def _covers(step: Operation) -> bool:
    return (step.rows, step.columns) == step.source[1:] and not step.padding


def _gives_scores(step: Operation) -> bool:
    return step.kind == "filter" and step.reads != (0,) and step.rule == "none" and _covers(step)


def _gathers(step: Operation) -> Any:
    """Whether windows are copied first, an array where widths are."""
    is_wide = step.rows * step.columns > 1 or bool(step.reads == (0,) and step.padding)
    return np.logical_and(step.source[0] * step.rows * step.columns <= MAX_WINDOW, is_wide and not _covers(step))


def _inside(size: int, window: int, step: Operation) -> tuple[int, int]:
    """Taps that lie on the map over all places along one axis, and places where some don't."""
    places = range(conv_output(size, window, step.stride, step.padding))
    spans = [
        max(min(i * step.stride - step.padding + window, size) - max(i * step.stride - step.padding, 0), 0)
        for i in places
    ]
    return sum(spans), sum(span < window for span in spans)


def _loops(step: Operation) -> dict[str, Any]:
    match step.kind:
        case "filter":
            return _filter(step)
        case "depthwise":
            return _depthwise(step)
        case kind:
            window = step.values * step.rows * step.columns
            return {f"{kind} values": step.values, **({f"{kind} taps": window} if step.rows * step.columns > 1 else {})}


def _filter(step: Operation) -> dict[str, Any]:
    c, h, w = step.source
    filters, out_h, out_w = step.shape
    places, taps = out_h * out_w, step.rows * step.columns * c
    groups, rest = filters // LANES, filters % LANES
    if _covers(step):
        blocks = taps // LANES
        return {
            "direct places": 1, "direct rows": groups, "direct groups": groups, "direct blocks": groups * blocks,
            **_odd("direct", groups, taps), "single filters": rest, "single rows": rest,
            "single blocks": rest * blocks, **_odd("single", rest, taps),
        }  # fmt: skip
    rows_inside, rows_clipped = _inside(h, step.rows, step)
    columns_inside, columns_clipped = _inside(w, step.columns, step)
    clipped = rows_clipped * out_w + columns_clipped * out_h - rows_clipped * columns_clipped
    gathers = np.asarray(_gathers(step), int)
    blocks = -(-taps // LANES)
    row_blocks = rows_inside * columns_inside * c // LANES
    gathered = {
        "gathered places": places, "gathered rows": rows_inside * out_w,
        "gathered words": (places - clipped) * step.rows * -(-step.columns * c // LANES),
        "gathered bytes": (places - clipped) * step.rows * step.columns * c,
        "clipped places": clipped, "clipped bytes": clipped * taps, "gathered groups": places * groups,
        "gathered blocks": places * groups * blocks, "gathered singles": places * rest,
        "single blocks": places * rest * blocks,
    }  # fmt: skip
    direct = {
        "direct places": places, "direct rows": groups * rows_inside * out_w, "direct groups": places * groups,
        "direct blocks": groups * row_blocks, **_odd("direct", groups * rows_inside * out_w, step.columns * c),
        "single filters": places * rest, "single rows": rest * rows_inside * out_w, "single blocks": rest * row_blocks,
        **_odd("single", rest * rows_inside * out_w, step.columns * c),
    }  # fmt: skip
    counts: dict[str, Any] = {}
    _add(counts, {name: gathers * number for name, number in gathered.items()})
    _add(counts, {name: (1 - gathers) * number for name, number in direct.items()})
    return counts


def _odd(which: str, rows: Any, taps: Any) -> dict[str, Any]:
    """Rows that end within a block, and the taps there."""
    return {f"{which} odd rows": rows * (taps % LANES > 0), f"{which} odd taps": rows * (taps % LANES)}


def _depthwise(step: Operation) -> dict[str, Any]:
    c, h, w = step.source
    _, out_h, out_w = step.shape
    rows, columns = _inside(h, step.rows, step)[0], _inside(w, step.columns, step)[0]
    groups, rest = c // LANES, c % LANES
    return {
        "depthwise places": out_h * out_w, "depthwise groups": out_h * out_w * groups,
        "depthwise rows": rows * out_w * groups, "depthwise taps": rows * columns * groups,
        "single channels": out_h * out_w * rest, "single taps": rows * columns * rest,
    }  # fmt: skip


def _endings(step: Operation) -> dict[str, Any]:
    return {f"{_ENDINGS[step.rule]} endings": step.values} if step.rule in _ENDINGS else {}


def _bytes(step: Operation, is_last: bool) -> Any:
    c = step.source[0]
    filters = step.shape[0]
    number = 10 if _ENDINGS.get(step.rule) == "below" else 5  # a multiplier of four bytes and a shift of one
    table = 256 if step.rule == "table" else 0
    ending = number * filters + table
    match step.kind:
        case "filter":
            taps = step.rows * step.columns * c
            gathers = _gathers(step)
            whole = np.where(gathers, -(-taps // LANES) * LANES, taps)
            scores = is_last and _gives_scores(step)
            total = filters * (whole + 4) + np.where(gathers, c, 0) + (4 * filters if scores else ending)
            return total if np.ndim(total) else int(total)
        case "depthwise":
            return filters * (step.rows * step.columns + 4) + ending
        case "average" | "add":
            return ending if step.rule == "slopes" else number + table
        case "adjust":
            return 6 + number + table if step.uniform else 6 * filters + ending
        case _:
            return 0
