"""The formats that a run can be exported in: one function for each, behind one table."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import torch

from makeweight.errors import InvalidValue
from makeweight.export.c.compiler import require_compiler
from makeweight.export.deployment import Deployment
from makeweight.export.facts import Precision
from makeweight.export.records import Artefact
from makeweight.export.runtime import require_onnx
from makeweight.files import write_whole

Write = Callable[[Deployment, Path, bool], tuple[Artefact, ...]]


@dataclass(frozen=True)
class ExportFormat:
    """How a format is written."""

    write: Write  # (what, folder, whether in int8 as well) to the files, float32 first
    int8: bool  # whether it has an int8 version
    require: Callable[[], None] = lambda: None  # raises MissingExtra where something is not installed that it needs


def write_onnx(deployment: Deployment, folder: Path, int8: bool) -> tuple[Artefact, ...]:
    """Write ``model.onnx``, and ``model-int8.onnx`` where it is asked for.

    Raises
    ------
    StoreError
        If the folder cannot be written.
    """
    from makeweight.export.onnx import onnx_model
    from makeweight.export.quantize import quantised

    model = onnx_model(deployment)
    written = [_onnx_file(folder / "model.onnx", model.SerializeToString(deterministic=True), "float32")]
    if int8:
        small, calibration = quantised(model, deployment.facts, deployment.calibration)
        content = small.SerializeToString(deterministic=True)
        written.append(_onnx_file(folder / "model-int8.onnx", content, "int8", calibration))
    return tuple(written)


def write_program(deployment: Deployment, folder: Path, int8: bool) -> tuple[Artefact, ...]:
    """Write ``model.pt2``, a program of ``torch.export``.

    Raises
    ------
    StoreError
        If the folder cannot be written.
    """
    from makeweight.export.program import answer_of, program_bytes

    path, content = folder / "model.pt2", program_bytes(deployment)
    write_whole(path, content)
    return (Artefact((path,), "float32", f"torch.export {torch.__version__}", answer_of(path.read_bytes())),)


def write_device(deployment: Deployment, folder: Path, int8: bool) -> tuple[Artefact, ...]:
    """Write ``model.c`` and ``model.h``, and ``model_int8`` beside them where it is asked for.

    Raises
    ------
    DataFormatError
        If the compiler refuses a file; nothing is written then.
    StoreError
        If the folder cannot be written.
    """
    from makeweight.export.device import checked_files

    return checked_files(deployment, folder, int8)


FORMATS: Mapping[str, ExportFormat] = {
    "onnx": ExportFormat(write_onnx, int8=True, require=partial(require_onnx, "export to ONNX")),
    "torch": ExportFormat(write_program, int8=False),
    "c": ExportFormat(write_device, int8=True, require=partial(require_compiler, "export to C")),
}


def format_named(name: str, int8: bool) -> ExportFormat:
    """Return a format.

    Raises
    ------
    InvalidValue
        If there is none of that name, or int8 is asked for where there is none.
    """
    if name not in FORMATS:
        raise InvalidValue(f"format {name!r} is not possible: give one of {', '.join(FORMATS)}.")
    if int8 and not FORMATS[name].int8:
        able = ", ".join(name for name, known in FORMATS.items() if known.int8)
        raise InvalidValue(f"int8=True is not possible with format={name}: it is for {able}.")
    return FORMATS[name]


def _onnx_file(path: Path, content: bytes, precision: Precision, calibration: str = "") -> Artefact:
    """Write a file, and open what was written as everybody must who uses it."""
    import onnxruntime

    from makeweight.export.runtime import OnnxFile

    write_whole(path, content)
    engine = f"ONNX Runtime {onnxruntime.__version__}"
    return Artefact((path,), precision, engine, OnnxFile(path).answer, calibration=calibration)
