"""Count instructions of the exported C on microcontrollers, beside CMSIS-NN; writes results and the table of the docs.

Needs Debian's gcc-arm-none-eabi, libnewlib-arm-none-eabi, gcc-riscv64-unknown-elf, picolibc-riscv64-unknown-elf,
qemu-system-arm and qemu-system-misc, and for the comparison a copy of github.com/ARM-software/CMSIS-NN.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from math import prod
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.chips import report, vendor
from benchmarks.chips.networks import CASES, Case, macs
from benchmarks.output import progress
from benchmarks.settings import RESULTS
from makeweight.export.c import write_c
from makeweight.export.c.emulate import Firmware, Run, run, version
from makeweight.export.c.targets import TARGETS

OPTIMISATIONS = ("-O2", "-Os")
CHIPS = {"cortex-m4": "Cortex-M4", "cortex-m0plus": "Cortex-M0+", "rv32imc": "RV32IMC"}
REVISION = "99f736a6"  # of CMSIS-NN


@dataclass(frozen=True)
class Row:
    """One count."""

    network: str
    macs: int
    chip: str
    optimisation: str
    kernels: str  # "int8", "float" or "CMSIS-NN"
    instructions: int
    ram_bytes: int | None  # None where the library has no such number
    flash_bytes: int  # weights and code
    predicted: int


def main() -> None:
    """Measure all networks."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chips", description=__doc__)
    parser.add_argument("--cmsis-nn", type=Path, metavar="FOLDER", help=f"CMSIS-NN's sources; used: {REVISION}")
    parser.add_argument("--only", default="", metavar="TEXT", help="only networks with this text in their name")
    parser.add_argument("--show", action="store_true", help="print the table alone, and write nothing")
    asked = parser.parse_args()
    cases = [case for case in CASES if asked.only in case.name]
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="chips-") as temporary:
        folder = Path(temporary)
        for case in cases:
            for row in _ours(case, folder):
                rows.append(row)
                progress(report.one_line(row))
        for row in _vendors(cases, asked.cmsis_nn, folder) if asked.cmsis_nn else ():
            rows.append(row)
            progress(report.one_line(row))
    targets = [TARGETS[core] for core in CHIPS]
    versions = {name: version(name) for target in targets for name in (target.compiler, target.emulator[0])}
    record = {"versions": versions, "cmsis_nn": REVISION, "rows": [asdict(row) for row in rows]}
    print(report.table(record))  # noqa: T201
    if not asked.show:
        (RESULTS / "chips.json").write_text(report.as_json(record), encoding="utf-8")
        report.write("counts", report.table(record))


def _ours(case: Case, folder: Path) -> Iterator[Row]:
    network, images = case.network(), case.images()
    names = [f"class {k}" for k in range(10)]
    firmware = Firmware('#include "model.c"', "model_image()", "model_predict")
    for number in ("int8", "float"):
        files = write_c(network, names, folder, images, int8=number == "int8")
        for core in CHIPS if number == "int8" else ("cortex-m4",):
            for optimisation in OPTIMISATIONS:
                result = run(TARGETS[core], folder, firmware, _pixels(images), (optimisation,))
                yield _counted(case, macs(network), core, optimisation, number, result, files.ram_bytes)


def _vendors(cases: list[Case], sources: Path, folder: Path) -> Iterator[Row]:
    for core in ("cortex-m4", "cortex-m0plus"):
        for optimisation in OPTIMISATIONS:
            options = (optimisation, vendor.include(sources))
            library = vendor.library(TARGETS[core], folder, sources, options)
            for case in cases:
                network, images = case.network(), case.images()
                (folder / "vendor.c").write_text(vendor.program(network, images), encoding="utf-8")
                firmware = Firmware('#include "vendor.c"', "values[0]", vendor.PREDICT)
                result = run(TARGETS[core], folder, firmware, _pixels(images) ^ np.uint8(0x80), options, library)
                yield _counted(case, macs(network), core, optimisation, "CMSIS-NN", result, None)


def _counted(case: Case, macs_of: int, core: str, optimisation: str, kernels: str, result: Run, ram: int | None) -> Row:
    flash = result.sizes.text - prod(case.shape)
    return Row(
        case.name, macs_of, CHIPS[core], optimisation, kernels, result.instructions[0], ram, flash, result.predicted[0]
    )


def _pixels(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return one image as the program reads it, (1, bytes): channels last."""
    return images[3:4].transpose(0, 2, 3, 1).reshape(1, -1)


if __name__ == "__main__":
    main()
