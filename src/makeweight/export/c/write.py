"""One C99 file and its header, from a network."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

import makeweight
from makeweight.designs.cost import cost
from makeweight.designs.layout import Layout
from makeweight.designs.limits import NumberType
from makeweight.designs.memory import STACK_BYTES, VALUE_BYTES
from makeweight.designs.workload import MAX_WINDOW
from makeweight.errors import InvalidValue
from makeweight.export.c import compiler, text
from makeweight.export.c.floats import float_parts
from makeweight.export.c.integers import int8_parts
from makeweight.export.c.lower import lower
from makeweight.export.c.parts import USES, CodePart, Places, places
from makeweight.export.c.quantise import quantise
from makeweight.export.c.render import render
from makeweight.files import write_whole
from makeweight.nets.build import Network


@dataclass(frozen=True)
class CFiles:
    """What was written, and what it takes on the device."""

    source: Path
    header: Path
    int8: bool
    weights: int  # trainable weights of the network
    flash_bytes: int  # of constant arrays: weights, biases and tables; exact, and the same on every machine
    ram_bytes: int  # of image, values and output, exactly what the linker reserves; the stack comes on top
    code: compiler.Code | None  # compiled functions on this machine; None where no compiler is


def write_c(
    network: Network,
    class_names: Sequence[str],
    folder: Path,
    calibration: NDArray[np.uint8] | None = None,
    *,
    name: str = "model",
    int8: bool = False,
    bits: int = 8,
    remarks: Sequence[str] = (),
) -> CFiles:
    """Write ``NAME.c`` and ``NAME.h``: uint8 image in, probabilities or the class out; same input, same bytes.

    Parameters
    ----------
    network : Network
        With its weights.
    class_names : sequence of str
        By label.
    folder : pathlib.Path
        Exists.
    calibration : (n, c, h, w) uint8, optional
        Training images (never test images) from which the ranges of int8 are taken; a few hundred are enough.
    name : str
        Of the files, and the prefix of what they define.
    int8 : bool
        Whether weights and activations are int8; float otherwise.
    bits : int
        Of a weight, with int8: 8, 6 or 4. Activations have 8.
    remarks : sequence of str
        Lines for the comment at the top, such as data, digest, budget and accuracy; unsafe characters become _.

    Raises
    ------
    InvalidValue
        If the name cannot stand in C, the class names are too many or too few, or int8 has no images to calibrate on.
    StoreError
        If the files cannot be written.
    """
    text.check_name(name.removesuffix(text.INT8))
    classes = network.architecture.classes
    if len(class_names) != classes:
        raise InvalidValue(f"{len(class_names)} class names do not fit {classes} classes. Give one name for each.")
    model = _int8(network, calibration, bits) if int8 else _float(network)
    files = tuple(folder / f"{name}.{ending}" for ending in "ch")
    values = _values(network, model, name, class_names, remarks)
    for file in files:
        write_whole(file, render(f"model{file.suffix}", values))
    source, header = files
    code = compiler.measure(source)
    return CFiles(source, header, int8, cost(network.architecture).weights, model.flash_bytes, model.layout.bytes, code)


@dataclass(frozen=True, eq=False)
class _Model:
    number: NumberType
    layout: Layout
    places: Places
    parts: list[CodePart]
    classes: int

    @property
    def int8(self) -> bool:
        return self.number == "int8"

    @property
    def flash_bytes(self) -> int:
        return sum(array.values.nbytes for part in self.parts for array in part.arrays)


def _float(network: Network) -> _Model:
    program = lower(network)
    layout = program.layout("fp32")
    where = places(layout, "fp32")
    return _Model("fp32", layout, where, float_parts(program, where), program.classes)


def _int8(network: Network, calibration: NDArray[np.uint8] | None, bits: int) -> _Model:
    if calibration is None or not len(calibration):
        raise InvalidValue("int8 takes its ranges from images, and got 0. Give a few hundred training images.")
    shape = network.architecture.input_shape
    if calibration.shape[1:] != shape or calibration.dtype != np.uint8:
        raise InvalidValue(
            f"images of {'x'.join(map(str, calibration.shape[1:]))} and {calibration.dtype} do not fit a network for "
            f"{'x'.join(map(str, shape))} and uint8. Give images of the data set that it was trained on."
        )
    program = lower(network)
    layout = program.layout("int8")
    where = places(layout, "int8")
    parts = int8_parts(program, where, quantise(program, calibration, bits))
    return _Model("int8", layout, where, parts, program.classes)


def _values(
    network: Network, model: _Model, name: str, class_names: Sequence[str], remarks: Sequence[str]
) -> dict[str, object]:
    shape = network.architecture.input_shape
    return {
        "name": name,
        "upper": name.upper(),
        "shape": shape,
        "input_bytes": prod(shape),
        "classes": model.classes,
        "int8": model.int8,
        "number": "int8_t" if model.int8 else "float",
        "total": "int32_t" if model.int8 else "float",
        "parts": model.parts,
        "uses": {use: any(use in part.uses for part in model.parts) for use in USES},
        "window": MAX_WINDOW,
        "buffer": model.layout.buffer // VALUE_BYTES[model.number],
        "image": model.places[-1],
        "ram_bytes": model.layout.bytes,
        "stack_bytes": STACK_BYTES,
        "flash_bytes": model.flash_bytes,
        "class_names": [text.string(class_name) for class_name in class_names],
        "about": _about(network, model, remarks),
    }


def _about(network: Network, model: _Model, remarks: Sequence[str]) -> list[str]:
    architecture = network.architecture
    shape = "x".join(map(str, architecture.input_shape))
    weights = cost(architecture).weights
    uses = frozenset[str]().union(*(part.uses for part in model.parts))
    error_function = not model.int8 and "gelu" in uses
    functions = ("expf", "erff")[: 1 + error_function]
    few = f" and weights of {6 if 'crumbs' in uses else 4} bits" if "nibbles" in uses else ""
    computed = f"int8, with sums in int32{few}" if model.int8 else "float"
    lines = [
        f"{architecture.family} for images of {shape} (channels x height x width) and {architecture.classes} classes, "
        f"{weights:,} weights.",
        *remarks,
        f"Written by makeweight {makeweight.__version__}.",
        "",
        f"Computes in {computed}. No allocation, no recursion.",
        f"Of libraries: {' and '.join(functions)} of <math.h>, and what the compiler brings where a core lacks an "
        "instruction, such as products of 64 bits on a Cortex-M0+.",
        f"RAM: {model.layout.bytes:,} bytes for image, values and output. Stack: allow for {STACK_BYTES} bytes on top.",
        f"Weights and tables: {model.flash_bytes:,} bytes.",
    ]
    return [text.comment(line) for line in lines]
