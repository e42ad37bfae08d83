"""The same network with CMSIS-NN's kernels, for the count alone: a colour image has one zero point there."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makeweight.export.c.emulate import command
from makeweight.export.c.lower import lower
from makeweight.export.c.quantise import Coded, Multiplier, quantise
from makeweight.export.c.steps import Add, Average, Depthwise, Extent, Filter, Largest, Pixels, Program, Step
from makeweight.export.c.targets import Target
from makeweight.nets.build import Network

HEAD = '#include "arm_nnfunctions.h"\nstatic int8_t values[{count}][{largest}];\nstatic int16_t scratch[16384];\n'
LAST, PREDICT = "LAST", "vendor_predict"  # what the program calls its last value and itself
TAIL = """
enum {{ LAST = {last} }};
static int32_t vendor_predict(void)
{{
    int32_t k, best = 0;
    cmsis_nn_context context = {{scratch, sizeof scratch}};
{calls}
    for (k = 1; k < {classes}; k++)
        if (values[LAST][k] > values[LAST][best])
            best = k;
    return best;
}}
"""


def include(sources: Path) -> str:
    """Return the compiler's option for the headers in a copy of CMSIS-NN."""
    return f"-I{sources.absolute() / 'Include'}"


def library(target: Target, folder: Path, sources: Path, options: Sequence[str]) -> Path:
    """Compile the int8 kernels in a copy of CMSIS-NN, and put them into an archive."""
    archive = folder / "library.a"
    archive.unlink(missing_ok=True)
    kernels = (path.absolute() for path in sorted((sources / "Source").rglob("*.c")))
    files = [path for path in kernels if not path.stem.endswith(("f16", "f32"))]
    own = ("-ffunction-sections", "-fdata-sections", "-c")
    command([target.compiler, *target.options, *options, *own, *map(str, files)], folder)
    objects = [str(folder / file.with_suffix(".o").name) for file in files]
    command([target.compiler.replace("gcc", "ar"), "rc", str(archive), *objects])
    return archive


def program(network: Network, images: NDArray[np.uint8]) -> str:
    """Return C that runs a network from ``values[0]``, which holds the image as int8, row by row, channels last."""
    steps = lower(network)
    coded = quantise(steps, images)
    shapes = [steps.input_shape, *(step.shape for step in steps.steps)]
    head = HEAD.format(count=len(shapes), largest=max(map(prod, shapes)))
    parts = [
        _part(steps, number, step, of_step)
        for number, (step, of_step) in enumerate(zip(steps.steps, coded, strict=True))
    ]
    calls = "\n".join(f"    step{number}(&context);" for number in range(len(parts)))
    return head + "\n".join(parts) + TAIL.format(calls=calls, classes=steps.classes, last=len(parts))


def _part(steps: Program, number: int, step: Step, coded: Coded) -> str:
    lines = "\n".join(_statements(steps, number, step, coded))
    return f"static void step{number}(cmsis_nn_context *c)\n{{\n    (void)c;\n{lines}\n}}\n"


def _statements(program: Program, number: int, step: Step, coded: Coded) -> Iterator[str]:
    source = program.input_shape if step.source < 0 else program.steps[step.source].shape
    reads, writes = f"values[{step.source + 1}]", f"values[{number + 1}]"
    yield f"    static const cmsis_nn_dims in = {_dims(source)}, out = {_dims(step.shape)};"
    match step:
        case Pixels() | Filter() | Depthwise():
            yield from _filter(source, step, coded, reads, writes)
        case Largest() | Average():
            window = f"{{1, {step.rows}, {step.columns}, 1}}"
            yield f"    static const cmsis_nn_dims window = {window};"
            steps = f"{{{step.columns}, {step.rows}}}, {{0, 0}}, {{-128, 127}}"
            yield f"    static const cmsis_nn_pool_params p = {{{steps}}};"
            name = "max_pool" if isinstance(step, Largest) else "avgpool"
            yield f"    arm_{name}_s8(c, &p, &in, {reads}, &window, &out, {writes});"
        case Add():
            kept = f"values[{step.kept + 1}]"
            zero, kept_zero = coded.source.zero, coded.kept.zero if coded.kept else 0
            yield (
                f"    arm_elementwise_add_s8({reads}, {kept}, {-zero}, 1 << 30, 0, {-kept_zero}, 1 << 30, 0, 20,"
                f" {writes}, {coded.result.zero}, 1 << 30, -19, -128, 127, {prod(step.shape)});"
            )
        case _:
            raise TypeError(f"CMSIS-NN has no kernel for {type(step).__name__}")


def _filter(source: Extent, step: Pixels | Filter | Depthwise, coded: Coded, reads: str, writes: str) -> Iterator[str]:
    weights, bias = coded.weights, coded.bias
    assert weights is not None
    assert bias is not None
    depthwise = isinstance(step, Depthwise)
    outputs = len(weights)
    yield _array("int8_t", "weights", weights.transpose(1, 2, 3, 0) if depthwise else weights.transpose(0, 2, 3, 1))
    yield _array("int32_t", "bias", bias)
    ending = coded.ending
    above = ending.above if ending else Multiplier(np.full(1, 2**30, np.int32), np.full(1, 40, np.uint8))
    m, shift = (np.broadcast_to(numbers.reshape(-1), outputs) for numbers in (above.m, above.shift))
    yield _array("int32_t", "m", m)
    yield _array("int32_t", "shift", 31 - shift.astype(np.int32))
    zero = int(coded.mean[0]) - 128 if coded.mean is not None else coded.source.zero
    low = coded.result.zero if step.rule is not None else -128
    if prod(step.shape[1:]) == 1 and not depthwise:
        taps = weights[0].size
        yield f"    static const cmsis_nn_dims flat = {{1, 1, 1, {taps}}}, rows = {{{taps}, 1, 1, {outputs}}};"
        yield f"    static const cmsis_nn_fc_params p = {{{-zero}, 0, {coded.result.zero}, {{{low}, 127}}}};"
        yield "    static const cmsis_nn_per_channel_quant_params q = {(int32_t *)m, (int32_t *)shift};"
        yield (
            f"    arm_fully_connected_per_channel_s8(c, &p, &q, &flat, {reads}, &rows, weights, &out, bias, &out,"
            f" {writes}); (void)in;"
        )
        return
    rows, columns = weights.shape[2:]
    kind, multiplier = ("dw_", "1, ") if depthwise else ("", "")
    outside = f"1, {rows}, {columns}, {outputs}" if depthwise else f"{outputs}, {rows}, {columns}, {source[0]}"
    window = f"{{{outside}}}"
    yield f"    static const cmsis_nn_dims window = {window};"
    tiles = f"{{{step.stride}, {step.stride}}}, {{{step.padding}, {step.padding}}}, {{1, 1}}"
    yield (
        f"    static const cmsis_nn_{kind}conv_params p = {{{-zero}, {coded.result.zero}, {multiplier}{tiles},"
        f" {{{low}, 127}}}};"
    )
    yield "    static const cmsis_nn_per_channel_quant_params q = {(int32_t *)m, (int32_t *)shift};"
    name = "depthwise_conv" if depthwise else "convolve"
    yield f"    arm_{name}_wrapper_s8(c, &p, &q, &in, {reads}, &window, weights, &out, bias, &out, {writes});"


def _dims(shape: Sequence[int]) -> str:
    channels, height, width = shape
    return f"{{1, {height}, {width}, {channels}}}"


def _array(kind: str, name: str, values: NDArray[Any]) -> str:
    return f"    static const {kind} {name}[] = {{{', '.join(map(str, values.reshape(-1).tolist()))}}};"
