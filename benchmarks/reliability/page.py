"""docs/reliability.md, from the campaign's results and the list of faults; page.md is its template."""

from __future__ import annotations

import re
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import jinja2

from benchmarks.reliability.catalogue import KINDS, PARTS, read_faults

PAGE = Path(__file__).parents[2] / "docs" / "reliability.md"
TEMPLATE = Path(__file__).with_name("page.md")


def write_page(record: dict[str, Any]) -> None:
    """Write the page."""
    PAGE.write_text(render(record), encoding="utf-8")


def render(record: dict[str, Any]) -> str:
    """Return the page of a record of results."""
    environment = jinja2.Environment(undefined=jinja2.ChainableUndefined, autoescape=False)
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    text = template.render(
        **record, kinds=KINDS, faults=read_faults(), dependencies=sorted(dependencies(), key=str.lower),
        missing=[part for part in PARTS if part not in {*record, *record.get("injected", {}).get("scenarios", {})}],
        when=when, of=of, survived=survived, number="{:,}".format,
    )  # fmt: skip
    return re.sub(r"\n{3,}", "\n\n", text).rstrip() + "\n"


def when(part: dict[str, Any]) -> str:
    """Say on what and when a part was measured."""
    machine = part["machine"]
    torch, numpy = (machine["versions"][name] for name in ("torch", "numpy"))
    return (
        f"{machine['date'][:10]}, {machine['processor']}, {machine['processors']} processors, "
        f"Python {machine['python']}, torch {torch}, NumPy {numpy}."
    )


def of(count: dict[str, Any]) -> str:
    """Say how many points of one kind were survived.

    >>> of({"points": 3, "wrong": ["operation 2: …"]})
    '2 of 3'
    """
    return f"{count['points'] - len(count['wrong']):,} of {count['points']:,}"


def survived(injected: dict[str, Any]) -> str:
    """Say how many points of all scenarios were survived."""
    counts = [count for each in injected["scenarios"].values() for count in each["kinds"].values()]
    wrong = [line for count in counts for line in count["wrong"]]
    return of({"points": sum(count["points"] for count in counts), "wrong": wrong})


def dependencies() -> Iterator[str]:
    """Yield name and version of what makeweight requires, as installed here."""
    names = {re.split(r"[^A-Za-z0-9_.-]", line)[0] for line in metadata.requires("makeweight") or []}
    for name in names - {"makeweight"}:
        try:
            yield f"{name} {metadata.version(name)}"
        except metadata.PackageNotFoundError:
            continue
