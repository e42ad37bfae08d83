#!/usr/bin/env python3
"""What time buys: `makeweight tune` for one, two … limits of time, nothing else running; the table in docs/tuning.md.

Usage: scripts/measure_time.py [--times 5m,30m,120m] [--networks cnn-20k,cnn-100k,fcn-100k]

A tuning that is done isn't run again. Three networks and three times take eight hours.
"""

import argparse
import json
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS, PAGE = ROOT / "docs" / "results" / "time.json", ROOT / "docs" / "tuning.md"
KEPT = ("test_accuracy", "test_accuracy_ci95", "validation_accuracy", "weights", "macs", "epochs", "trials_done",
        "trials_pruned", "wall_seconds")  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--times", default="5m,30m,120m")
    parser.add_argument("--networks", default="cnn-20k,cnn-100k,fcn-100k")
    asked = parser.parse_args()
    measured = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for network in asked.networks.split(","):
        for time in asked.times.split(","):
            measured.setdefault(network, {})[time] = tuned(network, time)
            RESULTS.write_text(json.dumps(measured, indent=1) + "\n")
            text = re.sub(
                r"(<!-- time -->\n).*?(<!-- end of time -->)", lambda m: f"{m[1]}\n{table(measured)}\n\n{m[2]}",
                PAGE.read_text(), flags=re.DOTALL,
            )  # fmt: skip
            PAGE.write_text(text)


def tuned(network: str, time: str) -> dict:
    family, budget = network.split("-")
    command = [ROOT / ".venv" / "bin" / "makeweight", "tune", "-f", family, "-b", budget, "--time", time]
    command += ["--name", f"time-{network}-{time}", "--json"]
    record = json.loads(subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout)
    return {name: record[name] for name in KEPT}


def table(measured: dict) -> str:
    lines = ["| network | time | test accuracy %, mean of 3 seeds (95 %) | validation % | epochs | trials |",
             "|---|---:|---:|---:|---:|---:|"]  # fmt: skip
    for network, by_time in measured.items():
        for time, r in by_time.items():
            accuracy, (low, high) = 100 * r["test_accuracy"], (100 * share for share in r["test_accuracy_ci95"])
            lines.append(
                f"| {network.replace('-', ' ').upper()} | {time} | {accuracy:.2f} ({low:.2f}–{high:.2f}) "
                f"| {100 * r['validation_accuracy']:.2f} | {r['epochs']} | {r['trials_done'] + r['trials_pruned']} |"
            )
    return "\n".join(lines)


main()
