"""An export in the terminal."""

from __future__ import annotations

from pathlib import Path

from makeweight.cli.output import put, say, stdout
from makeweight.cli.tables import print_table
from makeweight.export.records import ExportReport, Memory, Verification
from makeweight.html import Column
from makeweight.wording import percent, percentage, signed_points, span

CHECKED = (
    Column("file", False),
    Column("KB", True, 1),
    Column("test accuracy %", True),
    Column("95 % interval", True, 4),
    Column("change", True),
    Column("95 % of change", True, 3),
    Column("same class %", True, 5),
)
TIMED = (Column("p50 ms", True, 2), Column("p95 ms", True, 6))
ON_DEVICE = (Column("flash, bytes", True), Column("RAM, bytes", True))


def show_export(report: ExportReport) -> None:
    """Print the results, the recommendation and the files."""
    facts, origin = report.facts, report.origin
    on_device = any(file.memory for file in report.files)
    say(f"{facts.network}, seed {facts.seed}, run {facts.run}, on {report.test_images:,} test images")
    columns = CHECKED + (ON_DEVICE if on_device else TIMED)
    print_table(stdout(), columns, [_cells(file, on_device) for file in (report.pytorch, *report.files)])
    say(
        "Change (in points) and same class: compared with PyTorch in float32, on the same images.",
        f"The run itself was scored in {origin.trained_in}: {percent(origin.accuracy.mean)}, "
        f"with the same class as float32 for {percent(origin.same_class)} of the images.",
    )
    if on_device:
        _show_memory(report)
    else:
        say(f"Times: one image at a time, in turn, on {report.conditions}.")
    if report.int8 is not None:
        say(" ".join((report.int8.headline, *report.int8.sentences)))
    put(*_written(report))


def _show_memory(report: ExportReport) -> None:
    for file in report.files:
        if file.memory:
            say(f"{file.name}: {file.memory.against(report.facts.budget)}; {_code(file.memory)}.")
    say(f"Compiled for the check by {report.files[0].engine}.")
    if report.on_chip:
        say(*report.on_chip.sentences)
    else:
        say("With --int8 --chip cortex-m4@80MHz the program also runs in an emulator of that core.")


def _code(memory: Memory) -> str:
    if memory.code_bytes is None:
        return "the size of its code is not measured"
    return f"and {memory.code_bytes:,} of code ({memory.code_compiler})"


def _written(report: ExportReport) -> list[Path]:
    names = [name for file in report.files for name in (file.name, *file.beside)]
    return [report.folder / name for name in (*names, *report.others, "README.md", "report.json")]


def _cells(file: Verification, on_device: bool) -> tuple[str, ...]:
    accuracy, change = file.accuracy, file.change
    itself = file.size_bytes is None
    return (
        "PyTorch, float32" if itself else file.name,
        "–" if file.size_bytes is None else f"{file.size_bytes / 1_000:,.1f}",
        percentage(accuracy.mean),
        span(accuracy.low, accuracy.high),
        "–" if itself else signed_points(change.mean),
        "–" if itself else span(change.low, change.high, signed_points),
        "–" if itself else percentage(file.same_class),
        *(_memory(file.memory) if on_device else _times(file)),
    )


def _memory(memory: Memory | None) -> tuple[str, ...]:
    return (f"{memory.flash_bytes:,}", f"{memory.ram_bytes:,}") if memory else ("–", "–")


def _times(file: Verification) -> tuple[str, ...]:
    latency = file.latency
    return (f"{latency.p50_ms:.3f}", f"{latency.p95_ms:.3f}") if latency else ("not measured", "not measured")
