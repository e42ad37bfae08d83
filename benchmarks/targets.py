"""Part ``targets``: what makeweight promises, measured through its command as a user runs it.

Accuracy and seconds of a training; time to the first step; overhead of a hundred trainings that are hardly any work;
memory.
"""

from __future__ import annotations

import statistics
import tempfile
from dataclasses import dataclass
from typing import Any

from benchmarks import figures, footprint, overhead, startup
from benchmarks.command import makeweight
from benchmarks.output import progress, save, table
from benchmarks.settings import Settings


@dataclass(frozen=True, slots=True)
class Target:
    """A training whose accuracy and seconds are measured."""

    family: str
    budget: str
    flags: tuple[str, ...] = ()  # of makeweight train; none for the family's default recipe
    seeds: int = 5


TARGETS = (
    Target("fcn", "100K"),
    # The default skips half of the easy images; with 0.7 it is faster and no less accurate at this size.
    Target("cnn", "100K", ("--set", "skip_easy=0.7")),
)
QUICK = ("--dataset", "digits", "--epochs", "2")
QUICK_SEEDS = 2


def run(settings: Settings) -> None:
    """Measure everything, print, save and draw."""
    results: dict[str, Any] = {
        "accuracy": [_accuracy(target, settings.quick) for target in TARGETS],
        "start_up": startup.measure(settings),
        "overhead": overhead.measure(settings.quick),
        "memory": footprint.trainings(settings.quick),
        "sharing": footprint.sharing(settings.quick),
    }
    record = save("targets", settings, results)
    _print_accuracy(results["accuracy"])
    startup.show(results["start_up"])
    overhead.show(results["overhead"])
    footprint.show(results["memory"], results["sharing"])
    figures.targets(record, settings.results / "targets.png")


def _accuracy(target: Target, quick: bool) -> dict[str, Any]:
    flags = [*target.flags, *(QUICK if quick else ())]
    seeds = QUICK_SEEDS if quick else target.seeds
    runs = []
    for seed in range(seeds):
        network = ["--family", target.family, "--budget", target.budget, "--seed", str(seed)]
        with tempfile.TemporaryDirectory() as folder:
            runs.append(makeweight(["train", *network, *flags, "--store", folder]).record)
        progress(f"{target.family} {target.budget} seed {seed}: {runs[-1]['test_accuracy']:.2%}")
    accuracies = [run["test_accuracy"] for run in runs]
    return {
        "family": target.family,
        "budget": target.budget,
        "flags": flags,
        "n": seeds,
        "precision": runs[0]["precision"],
        "threads": runs[0]["threads"],
        "epochs": runs[0]["epochs"],
        "test_accuracy_mean": statistics.fmean(accuracies),
        "test_accuracies": accuracies,
        # As the command counts them: the validation after each epoch is part of them.
        "train_seconds_mean": statistics.fmean(run["train_seconds"] for run in runs),
        "train_seconds": [run["train_seconds"] for run in runs],
    }


def _print_accuracy(found: list[dict[str, Any]]) -> None:
    rows = [
        [
            f"{one['family'].upper()} {one['budget']} {' '.join(one['flags'])}".rstrip(),
            str(one["n"]),
            str(one["epochs"]),
            f"{one['test_accuracy_mean']:.2%}",
            f"{min(one['test_accuracies']):.2%} to {max(one['test_accuracies']):.2%}",
            f"{one['train_seconds_mean']:.2f}",
            f"{min(one['train_seconds']):.2f} to {max(one['train_seconds']):.2f}",
        ]
        for one in found
    ]
    header = ["makeweight train", "seeds", "epochs", "mean accuracy", "range", "mean seconds", "range"]
    table("Test accuracy, and seconds of training with the validation after each epoch", header, rows)
