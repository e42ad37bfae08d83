"""Part ``study``: the default study against the same networks in a plain torch script, one after another.

``makeweight study`` is run as it is: start-up, workers, validation after each epoch, test scores, store and report are
in its seconds. The script is torch's DataLoader over a TensorDataset in float32 with all threads (``torch-tensors`` of
part ``peers``), with the same networks, batch sizes, epochs and seeds. Its whole run would take too long: each of its
networks is timed over a share of its images, after a warm-up as long, and the rest is extrapolated in proportion to
the images. Nothing but training steps is counted for it: no start-up, no loading, no validation, no test.

makeweight's recipe leaves out easy images, so that its study trains on fewer images in the same epochs, which is a
gain of its method and not of its speed. Both are told apart: "same epochs" lets the script train on all images of
every epoch, as such a script does, and "same images" on no more than makeweight did.
"""

from __future__ import annotations

import re
import statistics
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

from benchmarks import figures
from benchmarks.command import Finished, makeweight
from benchmarks.contestants import Contestant
from benchmarks.machine import processors
from benchmarks.output import progress, save, show, table
from benchmarks.settings import Settings
from benchmarks.workloads import TRAINING_IMAGES, Workload
from makeweight.designs.families import FAMILIES
from makeweight.store.store import Store
from makeweight.training.recipe import default_recipe

SCRIPT = "torch-tensors"
SEEDS = 3
QUICK_SEEDS = 1
QUICK = ["--families", "fcn", "--budgets", "10K,20K", "--set", "epochs=1"]
CNN_SHARE = 8_192  # images of a CNN that the script is timed over; a whole epoch of an FCN

# The line that the command writes for a finished training, which begins with how many are done.
_DONE = re.compile(r"\[\d+/\d+\] (?P<network>\S+ \S+) seed \d+: test accuracy")


def run(settings: Settings) -> None:
    """Run the study, time the script's networks, print, save and draw."""
    progress("makeweight study")
    seeds = QUICK_SEEDS if settings.quick else SEEDS
    study, images = _study(settings.quick)
    networks = [_timed(workload, images[workload.name] / seeds, settings) for workload in _networks(settings.quick)]
    first = sum(network["seconds_same_epochs"] for network in networks)
    same_images = sum(network["seconds_same_images"] for network in networks) * seeds
    results = {
        "seeds": seeds,
        "makeweight_seconds": study.seconds,
        "makeweight_first_table_seconds": _first_table(study, len(networks)),
        "makeweight_record": study.record,
        "script": networks,
        "script_seconds_same_epochs_extrapolated": first * seeds,
        "script_seconds_same_images_extrapolated": same_images,
        "script_first_table_seconds_extrapolated": first,
        "script_measured_share": "a share of each network's images, extrapolated in proportion to the images",
        "makeweight_is_faster_same_epochs": first * seeds / study.seconds,
        "makeweight_is_faster_same_images": same_images / study.seconds,
    }
    record = save("study", settings, results)
    _print(results)
    figures.study(record, settings.results / "study.png")


def _study(quick: bool) -> tuple[Finished, dict[str, int]]:
    """Run it; also the images that it trained on, by network, all seeds and epochs together."""
    arguments = ["--seeds", str(QUICK_SEEDS), *QUICK] if quick else ["--seeds", str(SEEDS)]
    with tempfile.TemporaryDirectory() as folder:
        done = makeweight(
            ["study", *arguments, "--store", folder, "--name", "bench"], lambda _, line: progress(f"  {line.text}")
        )
        images: dict[str, int] = defaultdict(int)
        with Store.open(Path(folder) / "bench") as store:
            for row in store.jobs():
                images[_name(row.job.family, row.job.budget)] += sum(e.images for e in store.epochs(row.job.key))
    return done, images


def _name(family: str, budget: int) -> str:
    return f"{family}-{budget // 1000}k"


def _first_table(study: Finished, networks: int) -> float:
    """Seconds until every network was done with one seed at least; the command prints its first table then."""
    seen: set[str] = set()
    for line in study.lines:
        found = _DONE.match(line.text)
        if found:
            seen.add(found["network"])
        if len(seen) == networks:
            return line.seconds
    raise RuntimeError(
        f"the study finished {len(seen)} networks of {networks} ({', '.join(sorted(seen))}). "
        "Run `makeweight study` by itself to see why."
    )


def _networks(quick: bool) -> list[Workload]:
    budgets = (
        {"fcn": (10_000, 20_000)} if quick else {f.name: f.budgets for f in FAMILIES.values() if f.in_default_study}
    )
    found = []
    for family, of_family in budgets.items():
        batch_size = default_recipe(family, TRAINING_IMAGES).batch_size
        share = TRAINING_IMAGES if family == "fcn" else CNN_SHARE
        found += [Workload(_name(family, budget), family, budget, batch_size, share) for budget in of_family]
    return [workload.quick() for workload in found] if quick else found


def _timed(workload: Workload, images: float, settings: Settings) -> dict[str, Any]:
    """Time the script on a share of a network's images, and extrapolate; ``images`` are makeweight's with a seed."""
    epochs = 1 if settings.quick else default_recipe(workload.family, TRAINING_IMAGES).epochs
    with Contestant(SCRIPT, workload, processors()) as script:
        rates = [script.leg().images_per_second for _ in range(settings.rounds)]
    rate = statistics.median(rates)
    progress(f"the script on {workload.name}: {rate:,.0f} images/s")
    return {
        "network": workload.name,
        "epochs": epochs,
        "batch_size": workload.batch_size,
        "images_timed": workload.leg_images,
        "share_timed": workload.leg_images / (TRAINING_IMAGES * epochs),
        "images_per_second": {"median": rate, "min": min(rates), "max": max(rates)},
        "makeweight_images_share": images / (TRAINING_IMAGES * epochs),
        "seconds_same_epochs": TRAINING_IMAGES * epochs / rate,
        "seconds_same_images": images / rate,
    }


def _print(results: dict[str, Any]) -> None:
    rows = [
        [
            network["network"],
            str(network["epochs"]),
            f"{network['images_per_second']['median']:,.0f}",
            f"{network['images_timed']:,} ({network['share_timed']:.1%})",
            f"{network['seconds_same_epochs']:,.0f}",
            f"{network['makeweight_images_share']:.0%}",
            f"{network['seconds_same_images']:,.0f}",
        ]
        for network in results["script"]
    ]
    header = [
        "network", "epochs", "images/s", "images timed (share)", "s a seed, same epochs",
        "makeweight trains on", "s a seed, same images",
    ]  # fmt: skip
    table("The torch script, one network after another, training steps only", header, rows)
    rows = [
        ["makeweight study, all of it, measured", f"{results['makeweight_seconds']:,.1f}"],
        ["its first complete table, measured", f"{results['makeweight_first_table_seconds']:,.1f}"],
        ["the torch script, same epochs, extrapolated", f"{results['script_seconds_same_epochs_extrapolated']:,.0f}"],
        ["the torch script, same images, extrapolated", f"{results['script_seconds_same_images_extrapolated']:,.0f}"],
        ["its first complete table, same epochs", f"{results['script_first_table_seconds_extrapolated']:,.0f}"],
    ]
    table(f"Networks: {len(results['script'])}, seeds: {results['seeds']}", ["", "seconds"], rows)
    show(
        f"\nBy extrapolation makeweight study is {results['makeweight_is_faster_same_epochs']:.2f}× as fast as the "
        f"script with the same epochs, and {results['makeweight_is_faster_same_images']:.2f}× with the same images."
    )
