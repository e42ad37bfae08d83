"""Draw designs at random, train each once, and write down its validation accuracy: what the merit formula is fitted to.

    python scripts/measure_designs.py NAME PREPARED [--designs 100] [--seed 0] [--images 30000] [--epochs 6]
        [--family NAME]

NAME stands in the file; PREPARED is the folder of a prepared data set. Lines go to benchmarks/results/designs.jsonl,
and a design that is there is not trained again. Test images stay closed: images of the training part that are not
trained on are for validation. Start it twice, with two seeds, to use two processors: a training has one thread.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path
from typing import Any

import numpy as np
import torch

from makeweight.data.dataset import open_prepared
from makeweight.designs.architecture import Task
from makeweight.designs.cost import cost
from makeweight.designs.families import family_named, options_from
from makeweight.designs.reach import reach
from makeweight.designs.solver import exact
from makeweight.errors import GeometryError, InvalidValue
from makeweight.training.evaluate import logits_of
from makeweight.training.images import Images, TrainingData
from makeweight.training.loop import train
from makeweight.training.memory import keep_freed_memory
from makeweight.training.precision import Hardware, fastest_precision
from makeweight.training.recipe import default_recipe
from makeweight.training.state import begin

FILE = Path(__file__).parent.parent / "benchmarks/results/designs.jsonl"
FAMILIES = {"cnn": 0.6, "mobile": 0.28, "fcn": 0.08, "lenet": 0.04}
WEIGHTS = 2_000, 200_000
MACS = 60_000, 4_000_000  # of those that convolve
EXPENSIVE = 300_000  # MACs above which designs become rarer, as their training takes as long
JITTER = 0.2  # standard deviation of a width's logarithm around the profile
VALIDATION = 10_000  # images at most


def draw(task: Task, random: np.random.Generator, only: str | None) -> tuple[str, dict[str, Any], tuple[int, ...]]:
    """A family, options and widths: weights are log-uniform, structures uniform over what the solver tries."""
    name = only or str(random.choice(list(FAMILIES), p=list(FAMILIES.values())))
    family = family_named(name)
    while True:
        options = {i.name: i.tries[random.integers(len(i.tries))] for i in family.infos if i.tries}
        if name == "cnn" and random.random() < 0.2:
            options["head"] = "average"
        if name in ("cnn", "mobile") and random.random() < 0.1:
            options["kernel"] = 5
        target = float(np.exp(random.uniform(*np.log(WEIGHTS))))
        try:
            knobs = family.skeleton(task, options_from(family, options), None).knobs
            shape = np.array([k.ratio for k in knobs]) * np.exp(JITTER * random.standard_normal(len(knobs)))
            widths = _scaled(family, task, options, shape, [k.minimum for k in knobs], target)
            design = exact(family, task, widths, None, options)
        except (GeometryError, InvalidValue):
            continue
        convolves = name in ("cnn", "mobile")
        within = not convolves or MACS[0] <= design.cost.macs <= MACS[1]
        if convolves and random.random() > EXPENSIVE / design.cost.macs:
            continue
        if within and 0.5 * target < design.cost.weights < 1.5 * target and reach(design.architecture).whole:
            return name, options, widths


def _scaled(
    family: Any, task: Task, options: dict[str, Any], shape: np.ndarray, least: list[int], target: float
) -> tuple[int, ...]:
    low, high = 0.0, 2_000.0
    for _ in range(24):
        middle = (low * high) ** 0.5 if low else high / 4
        widths = tuple(int(w) for w in np.maximum(np.round(shape * middle), least))
        fits = exact(family, task, widths, None, options).cost.weights <= target
        low, high = (middle, high) if fits else (low, middle)
        if high < 0.01:
            break
    return tuple(int(w) for w in np.maximum(np.round(shape * low), least))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("name")
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--designs", type=int, default=100)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--images", type=int, default=30_000)
    parser.add_argument("--family", help="draw no other")
    parser.add_argument("--epochs", type=int, help="of convolutional networks; by default the recipe's")
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    keep_freed_memory()
    dataset = open_prepared(chosen.prepared)
    labelled = dataset.training_images()
    task = Task(dataset.image_shape, dataset.classes)
    rows = np.random.default_rng(0).permutation(len(labelled.labels))
    images = min(chosen.images, round(0.7 * len(rows)))
    training, held_out = np.sort(rows[:images]), np.sort(rows[images : images + VALIDATION])
    hardware = Hardware("cpu", fastest_precision("cpu"), 1)
    random = np.random.default_rng(chosen.seed)
    for _ in range(chosen.designs):
        family, options, widths = draw(task, random, chosen.family)
        architecture = exact(family_named(family), task, widths, None, options).architecture
        if any(json.loads(line)["digest"] == architecture.digest for line in _lines()):
            continue
        changes = {"epochs": chosen.epochs} if chosen.epochs and family != "fcn" else {}
        recipe = default_recipe(family, images, changes)
        start = time.perf_counter()
        state = begin(architecture, recipe, 0, hardware)
        nothing = training[:0]
        data = TrainingData(labelled.images, labelled.labels, training, nothing)
        for _record in train(state, recipe, data):
            pass
        check = Images(state.network, labelled.images, labelled.labels, held_out, "cpu", hardware.dtype)
        hits = (logits_of(state.result, check).argmax(1) == check.labels).double()
        counted = cost(architecture)
        line = {
            "data": chosen.name, "input": list(task.input_shape), "classes": task.classes, "family": family,
            "options": options, "widths": list(widths), "weights": counted.weights, "macs": counted.macs,
            "digest": architecture.digest, "images": images, "epochs": recipe.epochs,
            "validation_images": len(held_out), "schedule": "short", "seed": 0,
            "accuracy": round(float(hits.mean()), 5),
        }  # fmt: skip
        with FILE.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line) + "\n")
        print(
            f"{time.perf_counter() - start:6.1f} s  {family:6} {counted.weights:8,} {counted.macs:10,} "
            f"{line['accuracy']:.4f}  {options} {widths}",
            flush=True,
        )


def _lines() -> list[str]:
    return FILE.read_text(encoding="utf-8").splitlines() if FILE.exists() else []


if __name__ == "__main__":
    main()
