"""Measure makeweight's speed, memory and start-up, and compare them with its peers'."""

from __future__ import annotations

import argparse
import importlib
from pathlib import Path
from typing import Any

from benchmarks.output import progress
from benchmarks.settings import RESULTS, Settings

# Part to the module that runs it, and what it does.
PARTS = {
    "peers": ("side_by_side", "the same network and images, makeweight and its peers in turns: images/s, memory"),
    "study": ("study", "the default study against the same networks trained one after another by a torch script"),
    "targets": ("targets", "accuracy and seconds, start-up, overhead of a hundred jobs, memory of training"),
    "scaling": ("scaling", "cost against images, weights, and workers × threads"),
    "estimators": ("estimators", "scikit-learn's classifiers of makeweight beside MLPClassifier and skorch"),
    "driver": ("driver", "results a second that are written, and how time falls with workers; only when asked for"),
    "softmax": (
        "softmax",
        "the course report's CNNs, with the fault that explains them and without; only if asked for",
    ),
    "tuning": ("tuning.part", "what makeweight's search, Optuna's, KerasTuner's and chance find; only when asked for"),
}
BY_DEFAULT = ("peers", "study", "targets", "scaling", "estimators")
EXAMPLES = """examples:
  python -m benchmarks                      all parts but driver, softmax and tuning
  python -m benchmarks peers --rounds 7     only the comparison with the peers, seven rounds
  python -m benchmarks tuning --parallel 2  searches side by side, an hour and a half on two processors
  python -m benchmarks --quick --results quick-results    test the benchmark itself in a few minutes
"""


def main() -> None:
    """Run the parts that are asked for, one after another."""
    parts = "\n".join(f"  {name:<10} {what}" for name, (_, what) in PARTS.items())
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=f"{__doc__}\n\nparts:\n{parts}",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; by default {', '.join(BY_DEFAULT)}"
    )
    rounds: dict[str, Any] = {"type": _at_least_one, "default": Settings().rounds, "help": "measurements (default: 5)"}
    parser.add_argument("--rounds", "--repeats", **rounds)
    parser.add_argument("--quick", action="store_true", help="everything tiny: tests the benchmark, measures nothing")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder for JSON and figures")
    tuning = parser.add_argument_group("of tuning")
    tuning.add_argument(
        "--seconds", type=_at_least_one, default=Settings().seconds, help="of CPU for a search (default: 240)"
    )
    tuning.add_argument("--parallel", type=_at_least_one, default=1, help="searches side by side (default: 1)")
    tuning.add_argument("--arms", default="", metavar="ARM,ARM", help="only these; an unknown one lists all")
    asked = parser.parse_args()
    for part in asked.parts:
        if part not in PARTS:
            parser.error(f"part {part!r} is unknown. Choose from: {', '.join(PARTS)}.")
    arms = tuple(name for name in asked.arms.split(",") if name)
    settings = Settings(asked.rounds, asked.quick, asked.results, asked.seconds, asked.parallel, arms)
    for part in asked.parts or BY_DEFAULT:
        progress(f"== {part}")
        importlib.import_module(f"benchmarks.{PARTS[part][0]}").run(settings)


def _at_least_one(text: str) -> int:
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError(f"{value} is not possible: give 1 or more.")
    return value


if __name__ == "__main__":
    main()
