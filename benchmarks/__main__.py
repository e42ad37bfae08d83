"""Measure makeweight's speed, memory and start-up, and compare them with its peers'."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path

from benchmarks.output import progress
from benchmarks.settings import RESULTS, Settings

# Part to the module that runs it, and what it does.
PARTS = {
    "peers": ("side_by_side", "the same network and images, makeweight and its peers in turns: images/s, memory"),
    "study": ("study", "the default study against the same networks trained one after another by a torch script"),
    "targets": ("targets", "accuracy and seconds, start-up, overhead of a hundred jobs, memory of training"),
    "scaling": ("scaling", "cost against images, weights, and workers × threads"),
}
EXAMPLES = """examples:
  python -m benchmarks                      all parts
  python -m benchmarks peers --rounds 7     only the comparison with the peers, seven rounds
  python -m benchmarks --quick --results quick-results    test the benchmark itself in a few minutes
"""


def main() -> None:
    """Run the parts that are asked for, one after another."""
    parts = "\n".join(f"  {name:<8} {what}" for name, (_, what) in PARTS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=f"{__doc__}\n\nparts:\n{parts}",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; by default all")
    parser.add_argument("--rounds", type=_at_least_one, default=Settings().rounds, help="measurements (default: 5)")
    parser.add_argument("--quick", action="store_true", help="everything tiny: tests the benchmark, measures nothing")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for JSON and figures")
    asked = parser.parse_args()
    for part in asked.parts:
        if part not in PARTS:
            parser.error(f"part {part!r} is unknown. Choose from: {', '.join(PARTS)}.")
    settings = Settings(asked.rounds, asked.quick, asked.results)
    for part in asked.parts or PARTS:
        progress(f"== {part}")
        importlib.import_module(f"benchmarks.{PARTS[part][0]}").run(settings)


def _at_least_one(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} rounds are not possible: give 1 or more.")
    return value


if __name__ == "__main__":
    main()
