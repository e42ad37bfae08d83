"""Plant wrong labels among images of FashionMNIST and count how many of them `makeweight data check` suspects.

    .venv/bin/python -m scripts.score_suspects --seeds 5 --write

Each seed draws its own images from the training part and its own wrong labels. Results go to docs/results/suspects.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

import numpy as np
from benchmarks.machine import describe

from makeweight.data import suspects
from makeweight.data.dataset import prepare

RESULTS = Path(__file__).parents[1] / "docs" / "results" / "suspects.md"
IMAGES, PLANTED = suspects.MAX_IMAGES, 100
FEW, MANY = suspects.MAX_SUSPECTS, 100


class Score(NamedTuple):
    """What was found of the planted labels of one seed."""

    few: int  # among the clearest that the check lists
    many: int  # among the clearest hundred
    suspected: int  # images, planted or not
    honest: int  # images suspected before anything was planted


def score(seed: int) -> Score:
    """Plant labels of other classes, any of them alike, and look for them."""
    known, rng = prepare("fashion-mnist").training_images(), np.random.default_rng(seed)
    rows = np.sort(rng.choice(len(known.labels), IMAGES, replace=False))
    images, labels = np.asarray(known.images[rows]), np.array(known.labels[rows], dtype=np.int64)
    honest, _ = suspects.suspects(images, labels, np.arange(IMAGES))
    planted = rng.choice(IMAGES, PLANTED, replace=False)
    labels[planted] = (labels[planted] + rng.integers(1, 10, PLANTED)) % 10
    count, found = suspects.suspects(images, labels, np.arange(IMAGES), MANY)
    right = np.isin([one.row for one in found], planted)
    return Score(int(right[:FEW].sum()), int(right.sum()), count, honest)


def row(what: str, counts: list[int]) -> str:
    """Write a line of the table: mean and range over the seeds."""
    return f"| {what} | {np.mean(counts):.1f} | {min(counts):,} to {max(counts):,} |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--write", action="store_true", help=f"keep the result in {RESULTS.name}")
    given = parser.parse_args()
    scores = [score(seed) for seed in range(given.seeds)]
    few, many, suspected, honest = (list(counts) for counts in zip(*scores, strict=True))
    machine = describe()
    versions = ", ".join(f"{name} {machine['versions'][name]}" for name in ("makeweight", "numpy", "scikit-learn"))
    text = (
        f"# Suspicious labels\n\n`python -m scripts.score_suspects --seeds {given.seeds} --write`: {PLANTED} wrong "
        f"labels, of any other class alike,\nplanted among {IMAGES:,} training images of FashionMNIST; "
        f"{given.seeds} seeds, each with its own images and labels.\n\n| | mean | range |\n|---|---:|---:|\n"
        + "\n".join(
            (
                row(f"planted labels among the {FEW} clearest suspects, which the check lists", few),
                row(f"planted labels among the {MANY} clearest", many),
                row("images suspected in all", suspected),
                row("images suspected before anything was planted", honest),
            )
        )
        + f"\n\n{machine['processor']}, {machine['processors']} processors, Python {machine['python']}, {versions}; "
        f"{machine['date'][:10]}.\n"
    )
    print(text)
    if given.write:
        RESULTS.write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
