"""Time from starting the command to its first training step, with the data prepared.

The command trains one epoch and then writes a line. The time of that line, less the seconds that the epoch took with
its validation, is when the first step began. Sending the epoch from the worker to the command and writing the line
take some milliseconds and count as start-up. One run before the measured ones brings the files into the page cache.
"""

from __future__ import annotations

import statistics
import tempfile
from typing import Any

from benchmarks.command import makeweight
from benchmarks.output import progress, table
from benchmarks.settings import Settings

TRAINING = ("train", "--family", "fcn", "--budget", "10K", "--epochs", "1")


def measure(settings: Settings) -> dict[str, Any]:
    """Measure once for each round."""
    runs = [_once() for _ in range(settings.rounds + 1)][1:]
    first_steps = [first_step for first_step, _ in runs]
    progress(f"start-up: {statistics.median(first_steps):.2f} s")
    return {
        "command": " ".join(("makeweight", *TRAINING)),
        "n": len(runs),
        "seconds_to_first_step": {
            "median": statistics.median(first_steps),
            "min": min(first_steps),
            "max": max(first_steps),
        },
        "seconds_of_whole_command": {"median": statistics.median(whole for _, whole in runs)},
    }


def show(found: dict[str, Any]) -> None:
    """Print it."""
    step = found["seconds_to_first_step"]
    rows = [
        ["to the first step", f"{step['median']:.2f}", f"{step['min']:.2f} to {step['max']:.2f}"],
        ["whole command", f"{found['seconds_of_whole_command']['median']:.2f}", ""],
    ]
    table(f"Start-up of {found['command']}, {found['n']} times", ["", "median seconds", "range"], rows)


def _once() -> tuple[float, float]:
    """Seconds to the first step, and of the whole command."""
    with tempfile.TemporaryDirectory() as folder:
        done = makeweight([*TRAINING, "--store", folder])
    epoch = next(line for line in done.lines if line.text.startswith("epoch "))
    return epoch.seconds - done.record["train_seconds"], done.seconds
