"""The formats that a run can be exported in: one function for each, behind one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

import torch

from makeweight.errors import InvalidValue
from makeweight.export.c.compiler import require_compiler
from makeweight.export.c.selftest import Examples
from makeweight.export.c.text import check_name
from makeweight.export.deployment import Deployment, Int8
from makeweight.export.facts import Precision
from makeweight.export.records import Artefact
from makeweight.export.runtime import require_onnx, require_packages
from makeweight.files import write_whole

NAME = "model"  # of the files


class Write(Protocol):
    """Writes the files of a network, float32 first."""

    def __call__(
        self, deployment: Deployment, folder: Path, int8: bool, name: str = NAME, examples: Examples | None = None
    ) -> tuple[Artefact, ...]:
        """Write them into a folder, in int8 as well where it is asked for, and a self-test of examples for a device."""


@dataclass(frozen=True)
class ExportFormat:
    """How a format is written."""

    write: Write
    int8: bool  # whether it has an int8 version
    few_bits: bool = False  # whether that can have weights of fewer than 8 bits
    selftest: bool = False  # whether it has a self-test, of test images
    require: Callable[[], None] = lambda: None  # raises MissingExtra where something is not installed that it needs


def write_onnx(
    deployment: Deployment, folder: Path, int8: bool, name: str = NAME, examples: Examples | None = None
) -> tuple[Artefact, ...]:
    """Write ``NAME.onnx``, and ``NAME-int8.onnx`` where it is asked for.

    Raises
    ------
    StoreError
        If the folder cannot be written.
    """
    from makeweight.export.onnx import onnx_model
    from makeweight.export.quantize import quantised

    model = onnx_model(deployment)
    written = [_onnx_file(folder / f"{name}.onnx", model.SerializeToString(deterministic=True), "float32")]
    if int8:
        whole = model if deployment.fine_tuned is None else onnx_model(deployment.for_int8)
        small, calibration = quantised(whole, deployment.facts, deployment.calibration)
        quantisation = "; ".join(filter(None, (calibration, deployment.quantisation)))
        content = small.SerializeToString(deterministic=True)
        written.append(_onnx_file(folder / f"{name}-int8.onnx", content, "int8", quantisation))
    return tuple(written)


def write_program(
    deployment: Deployment, folder: Path, int8: bool, name: str = NAME, examples: Examples | None = None
) -> tuple[Artefact, ...]:
    """Write ``NAME.pt2``, a program of ``torch.export``.

    Raises
    ------
    StoreError
        If the folder cannot be written.
    """
    from makeweight.export.program import answer_of, program_bytes

    path, content = folder / f"{name}.pt2", program_bytes(deployment)
    write_whole(path, content)
    return (Artefact((path,), "float32", f"torch.export {torch.__version__}", answer_of(path.read_bytes())),)


def write_litert(
    deployment: Deployment, folder: Path, int8: bool, name: str = NAME, examples: Examples | None = None
) -> tuple[Artefact, ...]:
    """Write ``NAME.tflite``, and ``NAME-int8.tflite`` where it is asked for.

    Raises
    ------
    StoreError
        If the folder cannot be written.
    """
    from makeweight.export import litert

    contents: dict[Precision, bytes] = {"float32": litert.litert_bytes(deployment)}
    if int8:
        whole = contents["float32"] if deployment.fine_tuned is None else litert.litert_bytes(deployment.for_int8)
        contents["int8"] = litert.quantised(whole, deployment.facts, deployment.calibration)
    return tuple(_litert_file(folder, name, content, precision, deployment) for precision, content in contents.items())


def write_device(
    deployment: Deployment, folder: Path, int8: bool, name: str = NAME, examples: Examples | None = None
) -> tuple[Artefact, ...]:
    """Write ``NAME.c`` and ``NAME.h``, ``NAME_int8`` beside them where it is asked for, and with examples a project.

    Raises
    ------
    DataFormatError
        If the compiler refuses a file; nothing is written then.
    StoreError
        If the folder cannot be written.
    """
    from makeweight.export.device import checked_files

    return checked_files(deployment, folder, int8, name, examples)


FORMATS: Mapping[str, ExportFormat] = {
    "onnx": ExportFormat(write_onnx, int8=True, require=partial(require_onnx, "export to ONNX")),
    "torch": ExportFormat(write_program, int8=False),
    "tflite": ExportFormat(
        write_litert,
        int8=True,
        require=partial(
            require_packages,
            "export to LiteRT, best in an environment of its own as it wants older packages,",
            "tflite",
            "litert_torch",
        ),
    ),
    "c": ExportFormat(
        write_device, int8=True, few_bits=True, selftest=True, require=partial(require_compiler, "export to C")
    ),
}


def format_named(format_: str, int8: Int8 | None, name: str = NAME) -> ExportFormat:
    """Return a format that files of such a name can have.

    Raises
    ------
    InvalidValue
        If there is no such format, it has no int8 or none in so few bits, or the files' name can't stand in C.
    """
    if format_ not in FORMATS:
        raise InvalidValue(f"format {format_!r} is not possible: give one of {', '.join(FORMATS)}.")
    chosen = FORMATS[format_]
    if int8 and not chosen.int8:
        able = ", ".join(name for name, known in FORMATS.items() if known.int8)
        raise InvalidValue(f"int8=True is not possible with format={format_}: it is for {able}.")
    if int8 and int8.bits < 8 and not chosen.few_bits:
        able = ", ".join(name for name, known in FORMATS.items() if known.few_bits)
        raise InvalidValue(f"bits={int8.bits} is not possible with format={format_}: it is for {able}.")
    check_name(name)
    return chosen


def _onnx_file(path: Path, content: bytes, precision: Precision, quantisation: str = "") -> Artefact:
    """Write a file, and open what was written as everybody must who uses it."""
    import onnxruntime

    from makeweight.export.runtime import OnnxFile

    write_whole(path, content)
    engine = f"ONNX Runtime {onnxruntime.__version__}"
    return Artefact((path,), precision, engine, OnnxFile(path).answer, quantisation=quantisation)


def _litert_file(folder: Path, name: str, content: bytes, precision: Precision, deployment: Deployment) -> Artefact:
    from makeweight.export import litert

    small = precision == "int8"
    path = folder / f"{name}{'-int8' if small else ''}.tflite"
    write_whole(path, content)
    answer = litert.answer_of(path.read_bytes())
    return Artefact((path,), precision, litert.engine(), answer, quantisation=deployment.quantisation if small else "")
