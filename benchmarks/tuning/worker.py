"""One search in a process of its own, of one thread; its record becomes a file when it is over."""

from __future__ import annotations

import argparse
import json
from pathlib import Path

from benchmarks.machine import describe
from benchmarks.tuning.arms import ARMS, BUDGET, search_of
from benchmarks.tuning.ledger import Ledger


def main() -> None:
    """Search, and write."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("arm", choices=ARMS)
    parser.add_argument("repeat", type=int)
    parser.add_argument("--seconds", type=float, required=True)
    parser.add_argument("--to", type=Path, required=True)
    asked = parser.parse_args()
    ledger = Ledger(asked.seconds)
    search_of(asked.arm)(ARMS[asked.arm], asked.repeat, ledger)
    record = {
        "arm": asked.arm,
        "repeat": asked.repeat,
        "seconds": asked.seconds,
        "budget": BUDGET,
        "machine": describe(),
        **ledger.record(),
    }
    written = asked.to.with_suffix(".part")
    written.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    written.replace(asked.to)  # whole, or not there


if __name__ == "__main__":
    main()
