"""Count instructions of the exported C on microcontrollers, beside CMSIS-NN; writes results and the table of the docs.

Needs Debian's gcc-arm-none-eabi, libnewlib-arm-none-eabi, gcc-riscv64-unknown-elf, picolibc-riscv64-unknown-elf,
qemu-system-arm and qemu-system-misc, and for the comparison a copy of github.com/ARM-software/CMSIS-NN.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.chips import report, vendor
from benchmarks.chips.emulate import build_library, count, main_program, version
from benchmarks.chips.networks import CASES, Case, macs
from benchmarks.chips.targets import CHIPS, M4, Chip
from benchmarks.output import progress
from benchmarks.settings import RESULTS
from makeweight.export.c import write_c

OPTIMISATIONS = ("-O2", "-Os")
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
    versions = {name: version(name) for chip in CHIPS for name in (chip.compiler, chip.emulator[0])}
    record = {"versions": versions, "cmsis_nn": REVISION, "rows": [asdict(row) for row in rows]}
    print(report.table(record))  # noqa: T201
    if not asked.show:
        (RESULTS / "chips.json").write_text(report.as_json(record), encoding="utf-8")
        report.write(record)


def _ours(case: Case, folder: Path) -> Iterator[Row]:
    network, images = case.network(), case.images()
    names = [f"class {k}" for k in range(10)]
    for number in ("int8", "float"):
        files = write_c(network, names, folder, images, int8=number == "int8")
        main = main_program('#include "model.c"', _pixels(images), "model_image()", "ram.output", "model_predict")
        for chip in CHIPS if number == "int8" else (M4,):
            for optimisation in OPTIMISATIONS:
                counted = count(chip, folder, main, (optimisation,))
                yield Row(
                    case.name, macs(network), chip.name, optimisation, number, counted.instructions, files.ram_bytes,
                    counted.code_bytes - images[0].nbytes, counted.predicted,
                )  # fmt: skip


def _vendors(cases: list[Case], sources: Path, folder: Path) -> Iterator[Row]:
    for chip in CHIPS[:2]:
        for optimisation in OPTIMISATIONS:
            options = (optimisation, f"-I{sources.absolute() / 'Include'}")
            library = build_library(chip, folder, [path.absolute() for path in vendor.sources(sources)], options)
            for case in cases:
                yield _vendor(case, chip, folder, options, library)


def _vendor(case: Case, chip: Chip, folder: Path, options: tuple[str, ...], library: Path) -> Row:
    network, images = case.network(), case.images()
    pixels = [pixel ^ 0x80 for pixel in _pixels(images)]
    main = main_program(vendor.program(network, images), pixels, "values[0]", f"values[{vendor.LAST}]", vendor.PREDICT)
    counted = count(chip, folder, main, options, library)
    return Row(
        case.name, macs(network), chip.name, options[0], "CMSIS-NN", counted.instructions, None,
        counted.code_bytes - images[0].nbytes, counted.predicted,
    )  # fmt: skip


def _pixels(images: NDArray[np.uint8]) -> list[int]:
    """Return one image as the program reads it: channels last."""
    pixels: list[int] = images[3].transpose(1, 2, 0).reshape(-1).tolist()
    return pixels


if __name__ == "__main__":
    main()
