"""The list of faults, in faults.toml, and the parts of the campaign that make them happen."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

LIST = Path(__file__).with_name("faults.toml")
#: What is disturbed, and of how many of its operations one: a tuning has 2,000, each of which takes seconds.
INJECTED = {
    "study": 1, "tune": 50, "migration": 1, "preparation": 1, "export-c": 1, "export-onnx": 1, "report": 1,
}  # fmt: skip
KINDS = ("killed", "input/output error", "disk full", "power cut, names lost", "power cut, data lost")
PARTS = (*INJECTED, "soak", "fuzz", "determinism", "environments")


@dataclass(frozen=True)
class Listed:
    """A fault of the list."""

    number: int
    group: str
    what: str
    seen: str  # what must be seen then
    by: tuple[str, ...]  # tests, as "file::name" below tests/, and parts, as "campaign NAME"


def read_faults() -> list[Listed]:
    """Read the list."""
    group, faults = "", list[Listed]()
    for number, entry in enumerate(tomllib.loads(LIST.read_text(encoding="utf-8"))["fault"], 1):
        group = entry.get("group", group)
        faults.append(Listed(number, group, entry["what"], entry["seen"], tuple(entry["by"])))
    return faults
