"""How long the first pages take with very many trainings."""

from __future__ import annotations

import statistics
import time
from pathlib import Path
from typing import Any

from benchmarks.output import progress
from benchmarks.web.serving import serving
from benchmarks.web.studies import SEEDS, fill, jobs

PAGES = 20  # times each page is asked for


def first_pages(store: Path, runs: int) -> dict[str, Any]:
    """Time the list of studies and the page of the large one, the first time and then again and again."""
    fill(store / f"runs-{runs}", jobs(SEEDS[runs]))
    found: dict[str, Any] = {}
    with serving(store) as (client, _):
        client.get("/data")  # the first page of all reads the templates
        for name, path in (("studies", "/"), ("study", f"/studies/runs-{runs}")):
            times = []
            for _ in range(PAGES):
                start = time.perf_counter()
                client.get(path).raise_for_status()
                times.append(1_000 * (time.perf_counter() - start))
            found[name] = {"first_ms": times[0], "p50_ms": statistics.median(times), "max_ms": max(times), "n": PAGES}
    progress(f"{runs:,} trainings: {found}")
    return found
