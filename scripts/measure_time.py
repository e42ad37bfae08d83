#!/usr/bin/env python3
"""What time buys: `makeweight tune` and other tools for one, two … limits of time; the table in docs/tuning.md.

Usage: taskset -c 0 scripts/measure_time.py [--times 5m,30m,120m] [--networks cnn-20k,cnn-100k,fcn-100k]
                                            [--tools makeweight,optuna,random,keras]

Needs `make setup` and, for the other tools, the environment of `make bench`. What is in docs/results/time.json isn't
measured again. Every search gets the processors that this script may use; the table says how many.
"""

import argparse
import json
import os
import re
import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS, PAGE = ROOT / "docs" / "results" / "time.json", ROOT / "docs" / "tuning.md"
MAKEWEIGHT = "makeweight"
OTHERS = {  # module of benchmarks.anytime, way to search, name in the table
    "optuna": ("optuna_loader", "tpe", "Optuna, DataLoader"),
    "random": ("optuna_loader", "random", "random, DataLoader"),
    "keras": ("keras_hyperband", "hyperband", "KerasTuner, Hyperband"),
}
KEPT = ("test_accuracy", "test_accuracies", "validation_accuracy", "weights", "epochs", "wall_seconds")
CORES = len(os.sched_getaffinity(0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--times", default="5m,30m,120m")
    parser.add_argument("--networks", default="cnn-20k,cnn-100k,fcn-100k")
    parser.add_argument("--tools", default=",".join([MAKEWEIGHT, *OTHERS]))
    asked = parser.parse_args()
    for network in asked.networks.split(","):
        for time in asked.times.split(","):
            for tool in asked.tools.split(","):
                measure({"network": network, "minutes": int(time.removesuffix("m")), "tool": tool, "cores": CORES})


def measure(what: dict) -> None:
    """Measure what isn't there yet, and write results and table."""
    rows = json.loads(RESULTS.read_text()) if RESULTS.exists() else []
    if any(what.items() <= row.items() for row in rows):
        return
    found = tuned(what) if what["tool"] == MAKEWEIGHT else searched(what)
    rows = sorted([*rows, {**what, **found}], key=lambda r: (r["network"], r["cores"], r["tool"] != MAKEWEIGHT,
                                                             r["tool"], r["minutes"]))  # fmt: skip
    RESULTS.write_text(json.dumps(rows, indent=1) + "\n")
    text = re.sub(
        r"(<!-- time -->\n).*?(<!-- end of time -->)", lambda m: f"{m[1]}\n{table(rows)}\n\n{m[2]}",
        PAGE.read_text(), flags=re.DOTALL,
    )  # fmt: skip
    PAGE.write_text(text)


def tuned(what: dict) -> dict:
    (family, budget), time = what["network"].split("-"), f"{what['minutes']}m"
    command = [".venv/bin/makeweight", "tune", "-f", family, "-b", budget, "--time", time, "--json"]
    record = run([*command, "--name", f"time-{what['network']}-{time}-{what['cores']}"])
    return {**{n: record[n] for n in KEPT}, "trials": record["trials_done"] + record["trials_pruned"], "rejected": 0}


def searched(what: dict) -> dict:
    module, way, _ = OTHERS[what["tool"]]
    command = [".venv-bench/bin/python", "-m", f"benchmarks.anytime.{module}", what["network"]]
    return run([*command, str(60 * what["minutes"]), "--way", way])


def run(command: list[str]) -> dict:
    threads = {} if CORES > 1 else {"OMP_NUM_THREADS": "1"}
    environment = {**os.environ, "KERAS_BACKEND": "torch", **threads}
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout[done.stdout.index("{") :])


def table(rows: list[dict]) -> str:
    heads = (
        "network",
        "cores",
        "tool",
        "minutes",
        "test %",
        "validation %",
        "weights",
        "epochs",
        "trained",
        "too large",
    )
    lines = [heads, ("---", "---:", "---", *["---:"] * 7)]
    for r in rows:
        tool = r["tool"] if r["tool"] == MAKEWEIGHT else OTHERS[r["tool"]][2]
        first = (r["network"].replace("-", " ").upper(), r["cores"], tool, r["minutes"], accuracy(r))
        validation = f"{100 * r['validation_accuracy']:.2f}"
        lines.append((*first, validation, f"{r['weights']:,}", r["epochs"], r["trials"], r["rejected"]))
    return "\n".join(f"| {' | '.join(map(str, line))} |" for line in lines)


def accuracy(row: dict) -> str:
    """The mean of the seeds with their range, or the one network's."""
    mean, seeds = f"{100 * row['test_accuracy']:.2f}", [100 * seed for seed in row.get("test_accuracies", ())]
    return f"{mean} ({min(seeds):.2f}–{max(seeds):.2f})" if len(seeds) > 1 else mean


main()
