"""Try the default recipes with half, once and twice their epochs on few and on very many images of FashionMNIST.

    .venv/bin/python -m scripts.measure_recipes --images 100 1000 1000000 --draws 4 --write

All images are training images, 5,000 of them kept apart for the accuracy; test images are not opened. More images than
there are come from turning, shifting and scaling them, each copy in its own way: no true set of that size, but one on
which a network sees that many different images. Such a set is drawn once. Results go to docs/results/recipes.md.
"""

from __future__ import annotations

import argparse
import json
import math
import multiprocessing
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from benchmarks.machine import describe
from numpy.typing import NDArray
from PIL import Image

from makeweight.data.dataset import prepare
from makeweight.designs.architecture import Task
from makeweight.designs.families import family_named
from makeweight.designs.solver import fit
from makeweight.processors import processors
from makeweight.training.images import TrainingData
from makeweight.training.loop import train
from makeweight.training.precision import Hardware
from makeweight.training.recipe import default_recipe
from makeweight.training.state import begin

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "recipes.md"
HELD_OUT = 5_000
NETWORKS = {"fcn": 100_000, "cnn": 10_000}
FACTORS = (0.5, 1.0, 2.0)
MAX_TURN, MAX_SHIFT, MAX_SCALE = 10.0, 2.0, 0.1  # degrees, pixels, share


class Trial(NamedTuple):
    """One training."""

    images: int
    family: str
    factor: float  # of the default recipe's epochs
    draw: int


def changed(image: NDArray[np.uint8], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Turn, shift and scale one image (h, w) about its centre."""
    turn, scale = math.radians(rng.uniform(-MAX_TURN, MAX_TURN)), 1 + rng.uniform(-MAX_SCALE, MAX_SCALE)
    cos, sin = math.cos(turn) / scale, math.sin(turn) / scale
    middle = (image.shape[0] - 1) / 2
    x, y = (middle + rng.uniform(-MAX_SHIFT, MAX_SHIFT) for _ in range(2))
    back = (cos, sin, middle - cos * x - sin * y, -sin, cos, middle + sin * x - cos * y)
    return np.asarray(
        Image.fromarray(image).transform(image.shape[::-1], Image.Transform.AFFINE, back, Image.Resampling.BILINEAR)
    )


def write_images(path: Path, count: int, draw: int) -> None:
    """Write images (count + HELD_OUT, 1, 28, 28) and their labels; those kept apart are the last ones."""
    known = prepare("fashion-mnist").training_images()
    rng = np.random.default_rng(draw)
    order = np.random.default_rng(0).permutation(len(known.labels))
    apart, pool = order[:HELD_OUT], rng.permutation(order[HELD_OUT:])
    rows = np.concatenate([np.resize(pool, count), apart])
    images = np.lib.format.open_memmap(
        path.with_suffix(".images.npy"), "w+", np.uint8, (len(rows), *known.images.shape[1:])
    )
    for at, row in enumerate(rows):
        image = np.array(known.images[row, 0])
        images[at, 0] = changed(image, rng) if len(pool) < count and at < count else image
    np.save(path.with_suffix(".labels.npy"), np.asarray(known.labels, dtype=np.int64)[rows])


def accuracy(trial: Trial, folder: Path) -> float:
    """Train once on one thread; return the share of the images kept apart that is right."""
    torch.set_num_threads(1)
    path = folder / f"{trial.images}-{trial.draw}"
    images = np.load(path.with_suffix(".images.npy"), mmap_mode="r")
    labels = np.load(path.with_suffix(".labels.npy"))
    rows = np.arange(len(labels))
    data = TrainingData(images, labels, rows[: trial.images], rows[trial.images :])
    design = fit(family_named(trial.family), Task((1, 28, 28), 10), NETWORKS[trial.family])
    recipe = default_recipe(trial.family, trial.images, {"epochs": epochs(trial)})
    state = begin(design.architecture, recipe, trial.draw, Hardware("cpu", "fp32", 1))
    for record in train(state, recipe, data):
        last = record
    return last.validation_accuracy


def epochs(trial: Trial) -> int:
    return max(1, round(trial.factor * default_recipe(trial.family, trial.images).epochs))


def trials(images: Sequence[int], draws: int) -> list[Trial]:
    """The longest first, so that no processor waits long."""
    listed = [
        Trial(count, family, factor, draw)
        for count in images
        for family in NETWORKS
        for factor in FACTORS
        for draw in range(draws if count <= 1_000 else 1)
    ]
    return sorted(listed, key=lambda trial: (trial.images * (trial.family == "cnn"), trial.factor), reverse=True)


def markdown(found: dict[Trial, float], machine: dict[str, Any]) -> str:
    groups = sorted({(trial.images, trial.family) for trial in found})
    lines = [
        "# The default recipes on few and on very many images", "",
        f"`python -m scripts.measure_recipes --write`, {machine['date'][:10]}; {machine['processor']}, torch "
        f"{machine['versions']['torch']}, float32, one thread.", "",
        f"Accuracy on {HELD_OUT:,} training images of FashionMNIST that were kept apart, in percent, mean over draws "
        "of the others with its standard error. More images than the others are these turned, shifted and scaled. "
        "Epochs in brackets.", "",
        "| images | network | draws | half the epochs | default | twice the epochs |",
        "| ---: | --- | ---: | ---: | ---: | ---: |",
    ]  # fmt: skip
    for images, family in groups:
        cells = []
        for factor in FACTORS:
            chosen = [trial for trial in found if trial[:3] == (images, family, factor)]
            values = 100 * np.array([found[trial] for trial in chosen])
            error = f" ± {values.std(ddof=1) / math.sqrt(len(values)):.1f}" if len(values) > 1 else ""
            cells.append(f"{values.mean():.2f}{error} ({epochs(chosen[0])})")
        network = f"{family.upper()} {NETWORKS[family] // 1_000}K"
        lines.append(f"| {images:,} | {network} | {len(chosen)} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, nargs="+", default=[100, 1_000, 1_000_000])
    parser.add_argument("--draws", type=int, default=4, help="of up to 1,000 images; larger sets are drawn once")
    parser.add_argument("--write", action="store_true")
    given = parser.parse_args()
    listed = trials(given.images, given.draws)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for images, draw in sorted({(trial.images, trial.draw) for trial in listed}):
            write_images(folder / f"{images}-{draw}", images, draw)
        with multiprocessing.get_context("spawn").Pool(processors(), maxtasksperchild=1) as pool:
            answers = [pool.apply_async(accuracy, (trial, folder)) for trial in listed]
            found = {}
            for trial, answer in zip(listed, answers, strict=True):
                found[trial] = answer.get()
                print(json.dumps({**trial._asdict(), "epochs": epochs(trial), "accuracy": found[trial]}), flush=True)
    text = markdown(found, describe())
    print(text)
    if given.write:
        RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
