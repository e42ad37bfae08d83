#!/usr/bin/env python3
"""Write what the zoo shows into docs/frontier.md: the table, and the figure of accuracy against weights.

Usage: scripts/update_frontier.py
"""

import json
import re
from pathlib import Path
from statistics import mean

import matplotlib

matplotlib.use("Agg")
from matplotlib import pyplot as plt

import makeweight as mw
from makeweight.designs.families import family_named
from makeweight.wording import compact

ROOT = Path(__file__).parents[1]
SHIFTS = json.loads((ROOT / "docs" / "results" / "shifts.json").read_text(encoding="utf-8"))  # of measure_shifts.py
PAGE, FIGURE = ROOT / "docs" / "frontier.md", ROOT / "docs" / "images" / "frontier.png"

# Weights, test accuracy % on FashionMNIST, and where it was published.
PUBLISHED = (
    (14_900, 89.0, "arXiv 2501.15547"),
    (100_000, 92.5, "Zalando's README"),
    (113_000, 92.2, "Zalando's README"),
    (500_000, 93.43, "cmasch/zalando-fashion-mnist"),
    (270_000, 95.2, "ResNet-20, random erasing, 300 epochs"),
    (243_000, 90.0, "fully connected, Zalando's README"),
    (567_000, 92.04, "fully connected, flipped at test time"),
)
# Test accuracy % that we set out to reach.
TARGETS = {
    "cnn": {2_000: 89.0, 5_000: 91.0, 10_000: 92.8, 20_000: 93.7, 50_000: 94.7, 100_000: 95.2, 200_000: 95.6},
    "fcn": {50_000: 90.7, 100_000: 91.2, 200_000: 91.8},
}


def main() -> None:
    shipped = sorted((network.record for network in mw.zoo.values()), key=lambda n: (n.family, n.budget))
    text = re.sub(
        r"(<!-- table -->\n).*?(<!-- end of table -->)", lambda m: f"{m[1]}\n{table(shipped)}\n\n{m[2]}",
        PAGE.read_text(encoding="utf-8"), flags=re.DOTALL,
    )  # fmt: skip
    PAGE.write_text(text, encoding="utf-8")
    draw(shipped)


def table(shipped: list) -> str:
    lines = [
        "| network | weights | MACs | epochs | seeds | validation % | test %, mean ± sd of a seed | target | "
        "over 9 shifted copies %, 9 × the MACs |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|",
    ]
    for n in shipped:
        spread = f"{100 * n.test_accuracy:.2f} ± {100 * (n.test_sd or 0):.2f}"
        target = TARGETS.get(n.family, {}).get(n.budget)
        reached = "–" if target is None else f"{target:.1f}"
        shifted = SHIFTS.get(n.name)
        copies = f"{100 * shifted['mean']:.2f} ± {100 * shifted['sd']:.2f}" if shifted else "–"
        lines.append(
            f"| {n.label} | {n.weights:,} | {compact(n.macs)} | {n.recipe.epochs} | {len(n.runs)} | "
            f"{100 * n.validation_accuracy:.2f} | **{spread}** | {reached} | {copies} |"
        )
    return "\n".join(lines)


def draw(shipped: list) -> None:
    figure, axes = plt.subplots(figsize=(7.2, 4.4), layout="constrained")
    for family in dict.fromkeys(n.family for n in shipped):
        kind, own = family_named(family), [n for n in shipped if n.family == family]
        axes.plot([n.weights for n in own], [100 * n.test_accuracy for n in own], color=kind.colour, linewidth=1.2)
        for n in own:
            accuracies = [100 * run.result.test_accuracy for run in n.runs]
            axes.plot([n.weights] * len(accuracies), accuracies, "o", color=kind.colour, markersize=3, alpha=0.5)
            axes.annotate(
                f"{mean(accuracies):.2f}", (n.weights, mean(accuracies)), xytext=(6, -9), textcoords="offset points",
                color=kind.colour, fontsize=8,
            )  # fmt: skip
        axes.plot([], [], "o-", color=kind.colour, label=f"makeweight, {family.upper()}: mean, and each seed")
    axes.scatter(
        [w for w, _, _ in PUBLISHED], [a for _, a, _ in PUBLISHED], marker="x", color="0.35", label="published"
    )
    for weights, accuracy, where in PUBLISHED:
        left = weights > 200_000  # there the words would leave the figure
        axes.annotate(
            where, (weights, accuracy), xytext=(-5, -9) if left else (5, 4), textcoords="offset points",
            ha="right" if left else "left", fontsize=6.5, color="0.35",
        )  # fmt: skip
    axes.set_xscale("log")
    axes.set_xlim(1_500, 1_000_000)
    axes.set_xlabel("trainable weights")
    axes.set_ylabel("test accuracy on FashionMNIST (%)")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper left", fontsize=8)
    figure.savefig(FIGURE, dpi=150)


main()
