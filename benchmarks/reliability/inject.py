"""Fault injection at every point of the scenarios named, or of all.

python -m benchmarks.reliability.inject [--every N] [--kinds KIND …] [--into FILE] [study] [tune] [migration] …
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.reliability.catalogue import KINDS
from benchmarks.reliability.injection import preloaded, run_preloaded


def main() -> None:
    """Disturb the scenarios, say what was found, and write it to a file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability.inject")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--kinds", nargs="+", choices=KINDS, default=KINDS)
    parser.add_argument("--into", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if not preloaded():
            raise SystemExit(run_preloaded(["benchmarks.reliability.inject", *sys.argv[1:]], Path(folder)))
        record = inject(options, Path(folder).resolve())
    raise SystemExit(any(found["wrong"] for kinds in record.values() for found in kinds["kinds"].values()))


def inject(options: argparse.Namespace, folder: Path) -> dict[str, dict[str, Any]]:
    """Disturb scenarios; return by name and kind the points and what was wrong, and keep it in a file."""
    from benchmarks.reliability.disturb import Campaign
    from benchmarks.reliability.scenarios import scenarios

    record: dict[str, dict[str, Any]] = {}
    with scenarios(folder / "cache") as known:
        for name in options.names or known:
            place, start = folder / name, time.monotonic()
            place.mkdir()
            counts = Campaign(known[name], place, options.every, options.kinds).run()
            kinds = {kind: {"points": count.points, "wrong": count.wrong} for kind, count in counts.items()}
            seconds = round(time.monotonic() - start, 1)
            record[name] = {"what": known[name].what, "every": options.every, "seconds": seconds, "kinds": kinds}
            if options.into:
                options.into.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    return record


if __name__ == "__main__":
    main()
