"""The dashboard's figures: first pages, live updates, memory, 100 clients, what serving costs, and strokes.

    python -m benchmarks.web [--quick] [--hour]

With ``--hour`` the 3,600 updates that the memory is watched over come one a second, else thirty times as fast.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from benchmarks.output import save, table
from benchmarks.settings import Settings
from benchmarks.web.pages import first_pages
from benchmarks.web.serving import CLIENTS
from benchmarks.web.slowing import slowing
from benchmarks.web.strokes import strokes
from benchmarks.web.studies import SEEDS
from benchmarks.web.updates import live


def main() -> None:
    """Measure, print and save."""
    settings = Settings(quick="--quick" in sys.argv)
    quick, every = settings.quick, 1.0 if "--hour" in sys.argv else 0.03
    with tempfile.TemporaryDirectory() as folder:
        store = Path(folder)
        found = {
            "first_pages": {str(runs): first_pages(store / str(runs), runs) for runs in SEEDS},
            "live": live(store / "live", 1, 30 if quick else 60, 0.3),
            "hundred": live(store / "hundred", CLIENTS, 20, 0.5),
            "memory": {"seconds_an_update": every, **live(store / "memory", 1, 300 if quick else 3_600, every)},
            "slowing": slowing(store / "slowing", 20 if quick else 120, 1 if quick else 6),
            "strokes": strokes(store / "strokes", 1 if quick else 3),
        }
    save("web", settings, found)
    rows = [
        [f"{name}, {int(runs):,} trainings, first", f"{page['first_ms']:.0f} ms"]
        for runs, pages in found["first_pages"].items() for name, page in pages.items()
    ]  # fmt: skip
    slow, memory = found["slowing"], found["memory"]
    rows += [
        ["live update, p50 / p99", f"{found['live']['p50_ms']:.0f} / {found['live']['p99_ms']:.0f} ms"],
        ["the same with 100 clients", f"{found['hundred']['p50_ms']:.0f} / {found['hundred']['p99_ms']:.0f} ms"],
        ["100 clients connected in", f"{found['hundred']['all_connected_s']:.1f} s"],
        ["memory over 3,600 updates", f"{memory['rss_before_mb']:.0f} → {memory['rss_after_mb']:.0f} MB"],
        [
            "wall time of a study, shown : alone",
            f"{slow['ratio']:.3f} ({min(slow['ratios']):.3f} to {max(slow['ratios']):.3f})",
        ],
        ["processor time of the machine, one page open", f"{100 * slow['server_share_of_machine']:.1f} %"],
    ]
    rows += [
        [f"stroke to maps, {network}, p50 / p95", f"{times['p50_ms']:.0f} / {times['p95_ms']:.0f} ms"]
        for network, times in found["strokes"].items()
    ]
    table("The dashboard", ["", ""], rows)


if __name__ == "__main__":
    main()
