"""The whole campaign, or some of its parts; then docs/reliability.md is written.

python -m benchmarks.reliability [--every N] [--trainings N] [--runs N] [--seconds S] [--write] [PART …]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.machine import describe
from benchmarks.output import progress
from benchmarks.reliability.catalogue import INJECTED, PARTS
from benchmarks.reliability.page import write_page

RESULTS = Path(__file__).parents[1] / "results" / "reliability.json"


def main() -> None:
    """Run parts, keep what was found beside what other runs found, and write the page."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability")
    parser.add_argument("parts", nargs="*", metavar="PART", help=", ".join(PARTS))
    parser.add_argument("--every", help="of how many operations one is disturbed; by default all, but for a tuning")
    parser.add_argument("--trainings", default="2000", help="of the soak")
    parser.add_argument("--runs", default="1000000", help="of each parser that is fuzzed, at most")
    parser.add_argument("--seconds", default="120", help="for each parser that is fuzzed, at most")
    parser.add_argument("--write", action="store_true", help="only write the page")
    options = parser.parse_args()
    if unknown := set(options.parts) - set(PARTS):
        parser.error(f"unknown: {', '.join(sorted(unknown))}. Choose from: {', '.join(PARTS)}.")
    failed = False
    for part, arguments in () if options.write else _commands(options):
        progress(f"the campaign's {part}")
        failed |= _run(part, arguments)
    write_page(_kept())
    raise SystemExit(failed)


def _commands(options: argparse.Namespace) -> Iterator[tuple[str, list[str]]]:
    parts = options.parts or PARTS
    for name, every in INJECTED.items():
        if name in parts:
            yield name, ["inject", name, "--every", options.every or str(every)]
    if "soak" in parts:
        yield "soak", ["soak", "--trainings", options.trainings]
    if "fuzz" in parts:
        yield "fuzz", ["fuzz", "--runs", options.runs, "--seconds", options.seconds]
    for name in ("determinism", "environments"):
        if name in parts:
            yield name, [name]


def _run(part: str, arguments: list[str]) -> bool:
    """Run a part in a process of its own, and say whether it found anything wrong."""
    with tempfile.TemporaryDirectory() as folder:
        into = Path(folder) / "found.json"
        command = [sys.executable, "-m", f"benchmarks.reliability.{arguments[0]}", *arguments[1:], "--into", str(into)]
        code = subprocess.run(command, check=False).returncode
        if into.exists():
            keep(part, json.loads(into.read_text(encoding="utf-8")))
    return code != 0


def keep(part: str, found: dict[str, Any]) -> None:
    """Put what a part found into the results, with the machine that it belongs to."""
    record, machine = _kept(), {"machine": describe()}
    if part in INJECTED:
        scenarios = record.get("injected", {}).get("scenarios", {})
        record["injected"] = {**machine, "scenarios": scenarios | found}
    else:
        inner = {"fuzz": {"targets": found}, "environments": {"found": found}}.get(part, found)
        record[part] = {**machine, **inner}
    RESULTS.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def _kept() -> dict[str, Any]:
    return json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}


if __name__ == "__main__":
    main()
