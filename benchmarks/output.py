"""Where output goes: tables to stdout, progress to stderr, numbers to a JSON file."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from typing import Any

from benchmarks.machine import describe
from benchmarks.settings import Settings


def progress(line: str) -> None:
    """Say on stderr what is being done."""
    print(line, file=sys.stderr, flush=True)  # noqa: T201


def show(text: str = "") -> None:
    """Print a result to stdout."""
    print(text, flush=True)  # noqa: T201


def table(title: str, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print a plain table: the first column to the left, the others to the right."""
    widths = [max(len(row[i]) for row in (header, *rows)) for i in range(len(header))]
    show(f"\n{title}")
    for row in (header, ["-" * width for width in widths], *rows):
        cells = [
            cell.ljust(w) if i == 0 else cell.rjust(w) for i, (cell, w) in enumerate(zip(row, widths, strict=True))
        ]
        show("  ".join(cells).rstrip())


def save(part: str, settings: Settings, results: dict[str, Any]) -> dict[str, Any]:
    """Write a part's results with the machine and versions they belong to; return what was written."""
    settings.results.mkdir(parents=True, exist_ok=True)
    path = settings.results / f"{part}.json"
    record = {
        "part": part,
        "rounds": settings.rounds,
        "quick": settings.quick,
        "machine": describe(),
        **results,
    }
    path.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    progress(f"saved {path.name}")
    return record
