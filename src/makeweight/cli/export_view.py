"""An export in the terminal."""

from __future__ import annotations

from pathlib import Path

from makeweight.cli.output import print_table, stdout
from makeweight.export.records import ExportReport, Memory, Verification
from makeweight.export.text import signed_points

CHECKED = (
    ("file", False),
    ("KB", True),
    ("test accuracy %", True),
    ("95 % interval", True),
    ("change", True),
    ("95 % interval", True),
    ("same class %", True),
)
TIMED = (("p50 ms", True), ("p95 ms", True))
ON_DEVICE = (("flash, bytes", True), ("RAM, bytes", True))


def show_export(report: ExportReport) -> None:
    """Print what was found, what is recommended, and what was written."""
    facts, origin = report.facts, report.origin
    on_device = any(file.memory for file in report.files)
    print(f"{facts.network}, seed {facts.seed}, run {facts.run}, on {report.test_images:,} test images")
    headings = CHECKED + (ON_DEVICE if on_device else TIMED)
    print_table(stdout(), headings, [_cells(found, on_device) for found in (report.pytorch, *report.files)])
    print("Change, in points, and same class: against PyTorch in float32, on the same images.")
    print(
        f"The run itself was scored in {origin.trained_in}: {100 * origin.accuracy.mean:.2f} %, "
        f"the same class as float32 for {100 * origin.same_class:.2f} % of the images."
    )
    if on_device:
        _show_memory(report)
    else:
        print(f"Times: one image at a time, in turn, on {report.conditions}.")
    if report.int8 is not None:
        print(f"int8 is {'' if report.int8.wins else 'not '}recommended. {' '.join(report.int8.sentences)}")
    print(*_written(report), sep="\n")


def _show_memory(report: ExportReport) -> None:
    for file in report.files:
        if file.memory:
            print(f"{file.name}: {file.memory.against(report.facts.budget)}; {_code(file.memory)}.")
    print(f"Compiled to be checked by {report.files[0].engine}. Its time on a device is not measured.")


def _code(memory: Memory) -> str:
    if memory.code_bytes is None:
        return "the size of its code is not measured"
    return f"and {memory.code_bytes:,} of code ({memory.code_compiler})"


def _written(report: ExportReport) -> list[Path]:
    names = [name for file in report.files for name in (file.name, *file.beside)]
    return [report.folder / name for name in (*names, "README.md", "report.json")]


def _cells(found: Verification, on_device: bool) -> tuple[str, ...]:
    accuracy, change = found.accuracy, found.change
    itself = found.size_bytes is None
    return (
        "PyTorch, float32" if itself else found.name,
        "–" if found.size_bytes is None else f"{found.size_bytes / 1_000:,.1f}",
        f"{100 * accuracy.mean:.2f}",
        f"{100 * accuracy.low:.2f}–{100 * accuracy.high:.2f}",
        "–" if itself else signed_points(change.mean),
        "–" if itself else f"{signed_points(change.low)} to {signed_points(change.high)}",
        "–" if itself else f"{100 * found.same_class:.2f}",
        *(_memory(found.memory) if on_device else _times(found)),
    )


def _memory(memory: Memory | None) -> tuple[str, ...]:
    return (f"{memory.flash_bytes:,}", f"{memory.ram_bytes:,}") if memory else ("–", "–")


def _times(found: Verification) -> tuple[str, ...]:
    latency = found.latency
    return (f"{latency.p50_ms:.3f}", f"{latency.p95_ms:.3f}") if latency else ("not measured", "not measured")
