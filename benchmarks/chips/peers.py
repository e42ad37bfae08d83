"""Count what the C of other generators takes, beside ours, for networks that makeweight trained.

Writes results and the table of the docs. Needs the program of github.com/kraiskil/onnx2c, a copy of
github.com/ARM-software/CMSIS-NN, and the Python of an environment with emx-onnx-cgen and of one with emlearn; a tool
that isn't named is left out. Trains two of the three networks; takes about a quarter of an hour.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import makeweight as mw
from benchmarks.chips import report, vendor
from benchmarks.chips.fit import EMPTY
from benchmarks.chips.generators import GENERATORS, IMAGES, Generated, Subject
from benchmarks.output import progress
from benchmarks.settings import RESULTS
from makeweight.data.dataset import PreparedDataset
from makeweight.export.c.emulate import command, run, version
from makeweight.export.c.targets import TARGETS

TARGET = TARGETS["cortex-m4"]
OPTIMISATIONS = ("-O2", "-O3", "-O3 -ffast-math")  # onnx2c's page advises the last


@dataclass(frozen=True)
class Row:
    """What a tool's program takes for one network."""

    network: str
    tool: str
    numbers: str  # "float" or "int8"
    optimisation: str
    instructions: int  # for one image, the median
    flash_bytes: int  # functions and constants, with what the compiler's library adds
    ram_bytes: int | None  # static; None where the buffers are ours
    stack_bytes: int
    same_class: int  # of the images, as makeweight's own network in float32 on this machine


@dataclass(frozen=True)
class Refusal:
    """Why a tool has no program for one network."""

    network: str
    tool: str
    numbers: str
    refusal: str


def main() -> None:
    """Measure all tools."""
    asked = vars(_arguments())
    tools = {name: path.absolute() for name, path in asked.items() if name in GENERATORS and path}
    versions = {name: version(name) for name in (TARGET.compiler, TARGET.emulator[0])}
    versions |= {name: f"{name} {_version(name, path)}" for name, path in tools.items()}
    with tempfile.TemporaryDirectory(prefix="peers-") as temporary:
        results = [result for subject in _subjects(Path(temporary)) for result in _all(subject, tools)]
    record = {
        "images": IMAGES,
        "versions": versions,
        "rows": [asdict(result) for result in results],
    }
    table = report.peers_table(record)
    print(table)  # noqa: T201
    if not asked["show"]:
        (RESULTS / "chips-peers.json").write_text(report.as_json(record), encoding="utf-8")
        report.write("peers", table)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chips.peers", description=__doc__)
    for option, name, what, used in (
        ("--cmsis-nn", "CMSIS-NN", "FOLDER", "99f736a6"),
        ("--onnx2c", "onnx2c", "PROGRAM", "ea045cc"),
        ("--emx", "emx-onnx-cgen", "PYTHON", "1.4.0"),
        ("--emlearn", "emlearn", "PYTHON", "0.23.2"),
    ):
        parser.add_argument(option, dest=name, type=Path, metavar=what, help=f"used: {used}")
    parser.add_argument("--show", action="store_true", help="print the table alone, and write nothing")
    return parser.parse_args()


def _subjects(folder: Path) -> Iterator[Subject]:
    store, gray, colour = folder / "studies", mw.load_data(), _enlarged()
    common: dict[str, Any] = {"epochs": 3, "store": store, "threads": 1, "device": "cpu"}
    yield Subject("CNN 10K, 28×28", mw.zoo["cnn-10k"].copy(store).best, gray, folder / "cnn")
    large = mw.train("cnn", "20K", colour, max_macs="1M", **common)
    yield Subject("CNN 20K, 64×64×3, 1M MACs", large, colour, folder / "large")
    dense = mw.train("fcn", "50K", gray, activation="relu", **common)
    yield Subject("FCN 50K, 28×28, ReLU", dense, gray, folder / "fcn")


def _enlarged() -> PreparedDataset:
    """Return FashionMNIST's first images at 64×64, in three equal channels."""
    data, nearest = mw.load_data(), np.arange(64) * 28 // 64
    arrays: list[NDArray[Any]] = []
    for part, count in ((data.training_images(), 10_000), (data.test_images(), 1_000)):
        gray = np.array(part.images[:count, 0])[:, nearest][:, :, nearest]
        arrays += [np.repeat(gray[..., None], 3, axis=3), np.array(part.labels[:count])]
    return mw.load_data(tuple(arrays), name="fashion-64", channels=3)


def _all(subject: Subject, tools: dict[str, Path]) -> Iterator[Row | Refusal]:
    subject.export()
    for numbers in ("float", "int8"):
        for tool, path in {"makeweight": Path(), **tools}.items():
            generated = GENERATORS[tool](subject, numbers == "int8", path)
            if isinstance(generated, str):
                yield Refusal(subject.name, tool, numbers, generated)
                continue
            for optimisation in OPTIMISATIONS:
                row = _measured(subject, tool, numbers, optimisation, generated)
                progress(f"{row.network}: {tool} in {numbers} {optimisation}: {row.instructions:,} instructions")
                yield row


def _measured(subject: Subject, tool: str, numbers: str, optimisation: str, generated: Generated) -> Row:
    options = (*optimisation.split(), *generated.options)
    library = _library(generated.kernels, subject.folder.parent, options) if generated.kernels else None
    pixels = generated.images.reshape(IMAGES, -1)
    empty = run(TARGET, subject.folder, EMPTY, np.zeros((1, 64), np.uint8), options).sizes
    done = run(TARGET, generated.folder, generated.firmware, pixels, options, library)
    classes = subject.deployment.answer(subject.images).argmax(1)
    return Row(
        subject.name,
        tool,
        numbers,
        optimisation,
        instructions=int(np.median(done.instructions)),
        flash_bytes=done.sizes.text + done.sizes.data - pixels.size - (empty.text + empty.data - 64),
        ram_bytes=None if library else done.sizes.data + done.sizes.bss - (empty.data + empty.bss - 64),
        stack_bytes=done.stack,
        same_class=int((np.array(done.predicted) == classes).sum()),
    )


@cache
def _library(sources: Path, folder: Path, options: tuple[str, ...]) -> Path:
    kept = folder / "".join(options[:-1])
    kept.mkdir(exist_ok=True)
    return vendor.library(TARGET, kept, sources, options)


def _version(tool: str, path: Path) -> str:
    if tool == "CMSIS-NN":
        return command(["git", "-C", str(path), "rev-parse", "--short=8", "HEAD"]).strip()
    if tool == "onnx2c":
        return command([str(path), "-v"]).partition("Commit: ")[2].split()[0]
    return command([str(path), "-c", f"from importlib.metadata import version; print(version({tool!r}))"]).strip()


if __name__ == "__main__":
    main()
