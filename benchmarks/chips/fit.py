"""Fit what the int8 program takes on each core, and write it to src/makeweight/designs/cores.json.

Each network is compiled and run for every core in an emulator. ``python -m benchmarks.chips.fit --networks 160`` takes
about 20 minutes on one core and keeps the counts in benchmarks/results/chips-fit.json; without ``--networks`` those are
fitted again.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import nnls

from benchmarks.chips import report
from benchmarks.chips.cycles import CYCLES
from benchmarks.chips.networks import CASES, Case, macs
from benchmarks.output import progress
from benchmarks.settings import RESULTS, ROOT
from makeweight.designs.limits import NO_LIMITS, Limits
from makeweight.designs.workload import constants, parts, work
from makeweight.errors import MakeweightError
from makeweight.export.c import write_c
from makeweight.export.c.emulate import Firmware, run
from makeweight.export.c.targets import TARGETS, Target

Floats = NDArray[np.float64]
COUNTS = RESULTS / "chips-fit.json"
CORES = ROOT / "src" / "makeweight" / "designs" / "cores.json"
FIRMWARE = Firmware('#include "model.c"', "model_image()", "model_predict")
EMPTY = Firmware("static uint8_t pixels[64];\nstatic int nothing(void) { return pixels[1]; }", "pixels", "nothing")
FOLDS = 5
VARIANTS: dict[str, tuple[dict[str, Any], ...]] = {
    "cnn": (
        {}, {"kernel": 5}, {"stride": 2}, {"pool": "average"}, {"activation": "leaky_relu"},
        {"kernel": 5, "activation": "gelu"},
    ),
    "mobile": ({}, {"activation": "leaky_relu"}),
    "lenet": ({}, {"activation": "leaky_relu"}),
    "fcn": ({}, {"activation": "relu"}),
}  # fmt: skip


def main() -> None:
    """Measure networks if asked for, and fit."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chips.fit", description=__doc__)
    parser.add_argument("--networks", type=int, metavar="N", help="measure so many random networks first")
    asked = parser.parse_args()
    if asked.networks:
        rows = ",\n".join(json.dumps(row) for row in _measured(asked.networks))
        COUNTS.write_text(f"[\n{rows}\n]\n", encoding="utf-8")
    rows = json.loads(COUNTS.read_text(encoding="utf-8"))
    cores = {name: _core(name, rows) for name in TARGETS}
    record = {"networks": len(rows), "compiler": "GCC 12.2 -O2", "cores": cores}
    report.write("cores", report.cores_table(record))
    print(report.cores_table(record))  # noqa: T201
    for core in cores.values():
        del core["largest_spare"], core["cycles_from"]
    CORES.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def _measured(number: int) -> Iterator[dict[str, Any]]:
    """Measure the benchmark's networks and random ones."""
    with tempfile.TemporaryDirectory(prefix="chips-") as temporary:
        folder = Path(temporary)
        empty = {name: _text(target, folder, EMPTY, np.zeros((1, 64), np.uint8)) for name, target in TARGETS.items()}
        for case in (*CASES, *_cases(number)):
            try:
                yield _row(case, folder, empty)
            except MakeweightError as error:
                progress(f"{case.name}: {error}")


def _cases(number: int) -> Iterator[Case]:
    random = np.random.default_rng(0)
    memory = (Limits(max_ram=kib * 1024) for kib in (8, 16, 32))
    limits = (NO_LIMITS, NO_LIMITS, NO_LIMITS, *memory, Limits(300_000), Limits(1_000_000))
    for _ in range(number):
        family = str(random.choice(["cnn", "cnn", "mobile", "lenet", "fcn"]))
        side, channels = int(random.choice([16, 20, 28, 32, 48, 64, 96])), int(random.choice([1, 3]))
        budget = int(np.exp(random.uniform(np.log(1500), np.log(60_000))))
        limit, options = limits[random.integers(len(limits))], VARIANTS[family][random.integers(len(VARIANTS[family]))]
        name = f"{family} {budget}, {side}×{side}×{channels}, {', '.join(limit.labels())} {options}"
        yield Case(name, family, (channels, side, side), budget, limit, options)


def _row(case: Case, folder: Path, empty: dict[str, int]) -> dict[str, Any]:
    network, images = case.network(), case.images(4)
    files = write_c(network, [f"class {k}" for k in range(10)], folder, images, int8=True)
    architecture = network.architecture
    if files.flash_bytes > constants(architecture):
        raise RuntimeError(f"{case.name} has {files.flash_bytes} bytes of constants, {constants(architecture)} counted")
    pixels = images[:1].transpose(0, 2, 3, 1).reshape(1, -1)
    cores = {}
    for name, target in TARGETS.items():
        result = run(target, folder, FIRMWARE, pixels)
        code = result.sizes.text - files.flash_bytes - pixels.size - empty[name]
        cores[name] = {"instructions": result.instructions[0], "code": code, "stack": result.stack}
    progress(f"{case.name}: {cores['cortex-m4']}")
    counts = {name: float(count) for name, count in work(architecture).items()}
    pieces = {name: int(count) for name, count in parts(architecture).items()}
    return {"network": case.name, "macs": macs(network), "work": counts, "parts": pieces, "cores": cores}


def _text(target: Target, folder: Path, firmware: Firmware, images: NDArray[np.uint8]) -> int:
    return run(target, folder, firmware, images).sizes.text - images.size


def _core(name: str, rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    instructions = np.array([row["cores"][name]["instructions"] for row in rows], float)
    code = np.array([row["cores"][name]["code"] for row in rows], float)
    loops, pieces = ([row[what] for row in rows] for what in ("work", "parts"))
    errors = np.concatenate([_left_out(loops, instructions, fold) for fold in range(FOLDS)])
    fitted = _fit(pieces, code, np.ones(len(rows)))
    beyond = code - _predict(fitted, pieces)
    spare = max(0.0, float(beyond.max()))
    return {
        **CYCLES[name],
        "instructions": _fit(loops, instructions, 1 / instructions),
        "code": fitted,
        "spare_code": int(np.ceil(spare)),
        "largest_spare": int(np.ceil(spare - beyond.min())),
        "error": round(float(np.median(errors)), 4),
        "largest_error": round(float(errors.max()), 4),
    }


def _left_out(loops: Sequence[dict[str, float]], instructions: Floats, fold: int) -> Floats:
    """Relative errors of a fold's networks, by the fit to the others."""
    out = np.arange(len(loops)) % FOLDS == fold
    kept = [counts for counts, left in zip(loops, out, strict=True) if not left]
    rest = [counts for counts, left in zip(loops, out, strict=True) if left]
    fitted = _fit(kept, instructions[~out], 1 / instructions[~out])
    return np.asarray(np.abs(_predict(fitted, rest) / instructions[out] - 1))


def _fit(counts: Sequence[dict[str, float]], values: Floats, weights: Floats) -> dict[str, float]:
    """Non-negative least squares: no loop takes fewer than 0 instructions, so wider is never faster."""
    names = sorted({name for row in counts for name in row})
    matrix = np.array([[row.get(name, 0.0) for name in names] for row in counts])
    scale = np.maximum(np.abs(matrix * weights[:, None]).max(axis=0), 1e-30)
    solution, _ = nnls(matrix * weights[:, None] / scale, values * weights)
    return {name: float(f"{number:.5g}") for name, number in zip(names, solution / scale, strict=True) if number > 0}


def _predict(fitted: dict[str, float], counts: Sequence[dict[str, float]]) -> Floats:
    return np.array([sum(fitted.get(name, 0.0) * number for name, number in row.items()) for row in counts])


if __name__ == "__main__":
    main()
