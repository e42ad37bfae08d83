"""Simulate studies whose truth is known: how often intervals cover it, false claims are made and differences are shown.

    .venv/bin/python -m scripts.simulate_statistics --write

Two studies of five networks on 10,000 test images for each number of seeds and spread of the seeds: one of equal
networks, one whose accuracies differ. The table goes to docs/statistics.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from makeweight.stats.compare import LEVEL, Difference, compare, holm
from makeweight.stats.intervals import Interval, accuracy_interval

PAGE = Path(__file__).parents[1] / "docs" / "statistics.md"
BEGIN, END = "<!-- simulation -->\n\n", "\n<!-- end of simulation -->"
IMAGES = 10_000
SEEDS, SPREADS = (1, 2, 3, 5, 10), (0.001, 0.003)
EQUAL = (0.9,) * 5
APART = (0.9, 0.903, 0.911, 0.927, 0.95)  # 0.3, 0.8 (second and third) and 1.6 points from one to the next
STEPS = {"0.3": (0, 1), "0.8": (1, 2), "1.6": (2, 3)}
# Parts of the latent variance: the image's difficulty, the network's own view of the image, chance. Networks of 90 %
# then disagree on 7.6 % of the images, and two trainings of one on 5 %, as FCN 50K and CNN 10K do on FashionMNIST.
PARTS = (0.86, 0.08, 0.06)

Study = list[NDArray[np.bool_]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """Shares of the simulated studies."""

    covered: float  # accuracies within their intervals
    covered_differences: float
    false_claims: float  # studies of equal networks in which any pair is called different
    shown: dict[str, float]  # differences that are shown, by points


def draw_tables(
    rng: np.random.Generator, accuracies: Sequence[float], seeds: int, images: int, seed_sd: float = 0.0
) -> Study:
    """Draw tables (s, n) of hits for some networks on the same images, as a probit model.

    A hit is a latent normal below a threshold; seeds shift the threshold of their network, by ``seed_sd`` of accuracy.
    """
    shared, own, chance = (part**0.5 for part in PARTS)
    difficulty = shared * rng.standard_normal(images, dtype=np.float32)
    tables = []
    for accuracy in accuracies:
        latent = difficulty + own * rng.standard_normal(images, dtype=np.float32)
        latents = latent + chance * rng.standard_normal((seeds, images), dtype=np.float32)
        quantile = ndtri(accuracy)
        shift = seed_sd / (np.exp(-(quantile**2) / 2) / (2 * np.pi) ** 0.5)
        # Such that the accuracy, with the seeds' shifts averaged over, is what was asked for.
        threshold = quantile * (1 + shift**2) ** 0.5
        tables.append(latents < threshold + rng.normal(0, shift, (seeds, 1)))
    return tables


def simulate(seeds: int, spread: float, repetitions: int, rng: np.random.Generator) -> Outcome:
    """Draw studies of equal networks and of different ones, and judge each as a report would."""
    covered, within, false, shown = [], [], [], []
    for accuracies in (EQUAL, APART) * repetitions:
        tables = draw_tables(rng, accuracies, seeds, IMAGES, spread)
        differences, p_values = _compared(tables)
        covered += [_holds(accuracy_interval(t), a) for t, a in zip(tables, accuracies, strict=True)]
        truths = [a - b for a, b in combinations(accuracies, 2)]
        within += [_holds(d, truth) for d, truth in zip(differences, truths, strict=True)]
        if accuracies == EQUAL:
            false.append(min(p_values) < LEVEL)
        else:
            named = dict(zip(combinations(range(len(APART)), 2), p_values, strict=True))
            shown.append([named[pair] < LEVEL for pair in STEPS.values()])
    power = np.mean(shown, axis=0)
    return Outcome(
        float(np.mean(covered)), float(np.mean(within)), float(np.mean(false)),
        {points: float(share) for points, share in zip(STEPS, power, strict=True)},
    )  # fmt: skip


def _compared(tables: Study) -> tuple[list[Difference], list[float]]:
    differences = [compare(a, b) for a, b in combinations(tables, 2)]
    return differences, holm([difference.p_value for difference in differences])


def _holds(interval: Interval | Difference, truth: float) -> bool:
    return interval.low <= truth <= interval.high


def table(repetitions: int) -> str:
    """Simulate everything and write it as a table in Markdown."""
    lines = [
        "| seeds | spread of seeds | accuracies covered % | differences covered % | false claims % | "
        + " | ".join(f"shows {points} points %" for points in STEPS)
        + " |",
        "|" + "---:|" * (5 + len(STEPS)),
    ]
    for seeds in SEEDS:
        for spread in SPREADS:
            found = simulate(seeds, spread, repetitions, np.random.default_rng([seeds, round(1e4 * spread)]))
            shares = (100 * share for share in (found.covered, found.covered_differences, found.false_claims))
            power = " | ".join(f"{100 * share:.0f}" for share in found.shown.values())
            lines.append(
                f"| {seeds} | {100 * spread:.1f} | " + " | ".join(f"{s:.1f}" for s in shares) + f" | {power} |"
            )
            print(lines[-1], flush=True)
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print the table, or write it into the page."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--repetitions", type=int, default=500, help="studies of each kind")
    parser.add_argument("--write", action="store_true", help=f"into {PAGE.name}")
    arguments = parser.parse_args()
    found = table(arguments.repetitions)
    if arguments.write:
        before, _, rest = PAGE.read_text().partition(BEGIN)
        PAGE.write_text(before + BEGIN + found + END + rest.partition(END)[2])


if __name__ == "__main__":
    main()
