"""A network as C99 for a microcontroller: written, compiled, and only then put where the user wants it."""

from __future__ import annotations

import tempfile
from pathlib import Path

from makeweight.errors import DataFormatError
from makeweight.export.c import CFiles, text, write_c
from makeweight.export.c.compiler import NotCompiled
from makeweight.export.c.project import write_project
from makeweight.export.c.score import Compiled, compile_program
from makeweight.export.c.selftest import Examples, write_selftest
from makeweight.export.deployment import Deployment
from makeweight.export.facts import Precision
from makeweight.export.records import Artefact, Memory
from makeweight.files import write_whole

# The same results as -O2: C99 lets no compiler change the order of a sum.
OPTIONS = ("-O3",)


def checked_files(
    deployment: Deployment, folder: Path, int8: bool, name: str, examples: Examples | None
) -> tuple[Artefact, ...]:
    """Write a network in float and, where it is asked for, in int8; with examples, what makes it a project as well.

    Raises
    ------
    DataFormatError
        If the compiler refuses a file.
    StoreError
        If the folder cannot be written.
    """
    with tempfile.TemporaryDirectory(prefix="makeweight-") as temporary:
        written = [_write(deployment, Path(temporary), name, small) for small in (False, True)[: 1 + int8]]
        programs = [_compiled(files.source) for files in written]
        if examples:
            for files, program in zip(written, programs, strict=True):
                write_selftest(folder / files.source.name, files.int8, examples, program.scores(examples.images))
            about = f"{deployment.facts.network} for {deployment.facts.dataset}"
            names = [files.source.stem for files in written]
            write_project(folder, names, deployment.facts.image_shape, about, len(examples.labels))
        return tuple(
            _place(files, program, folder, deployment.quantisation if files.int8 else "")
            for files, program in zip(written, programs, strict=True)
        )


def _write(deployment: Deployment, folder: Path, name: str, int8: bool) -> CFiles:
    source = deployment.for_int8 if int8 else deployment
    return write_c(
        source.module.network,
        deployment.facts.class_names,
        folder,
        deployment.calibration,
        name=name + text.INT8 * int8,
        int8=int8,
        bits=deployment.int8.bits,
        remarks=_remarks(deployment, int8),
    )


def _remarks(deployment: Deployment, int8: bool) -> tuple[str, ...]:
    facts, quantisation = deployment.facts, deployment.quantisation if int8 else ""
    return (
        f"{facts.network}, run {facts.run}, seed {facts.seed}; a budget of {facts.budget:,} weights.",
        f"Data: {facts.dataset}",
        f"SHA-256 of the prepared data: {facts.data_digest}",  # apart: a long name is cut
        *([deployment.achieved] if deployment.achieved else []),
        *([f"Of int8: {quantisation}."] if quantisation else []),
    )


def _compiled(source: Path) -> Compiled:
    compiled = compile_program(source, OPTIONS)
    if isinstance(compiled, NotCompiled):
        raise DataFormatError(
            f"{source.name} was {compiled.reason.rstrip('.')}. Nothing was written; try another compiler, gcc or clang."
        )
    return compiled


def _place(files: CFiles, program: Compiled, folder: Path, quantisation: str) -> Artefact:
    """Copy the files that were compiled, byte by byte."""
    targets = tuple(folder / path.name for path in (files.source, files.header))
    for source, target in zip((files.source, files.header), targets, strict=True):
        write_whole(target, source.read_bytes())
    precision: Precision = "int8" if files.int8 else "float32"
    return Artefact(
        targets,
        precision,
        program.compiler,
        program.answer,
        timed=False,
        memory=_memory(files),
        quantisation=quantisation,
    )


def _memory(files: CFiles) -> Memory:
    code = files.code
    return Memory(
        flash_bytes=files.flash_bytes,
        ram_bytes=files.ram_bytes,
        code_bytes=code.bytes if code else None,
        code_compiler=code.compiler if code else None,
        weights=files.weights,
    )
