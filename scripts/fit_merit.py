"""Fit the formula of expected accuracy to benchmarks/results/designs.jsonl, and test it on data it never saw.

    python scripts/fit_merit.py [--file designs.jsonl]

Prints the coefficients as they stand in makeweight/designs/merit.py, and Spearman's rank correlation between merit and
measured accuracy for each data set when the formula is fitted to the others alone.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import lsq_linear
from scipy.stats import spearmanr

from makeweight.designs.architecture import Task
from makeweight.designs.families import family_named
from makeweight.designs.merit import COEFFICIENTS, POSITIVE, SHRUNK, features
from makeweight.designs.shapes import place
from makeweight.designs.solver import exact

FILE = Path(__file__).parent.parent / "benchmarks/results/designs.jsonl"
RIDGE = 0.005  # of a standardised feature, per design; keeps features that go together from cancelling


@dataclass(frozen=True)
class Measured:
    """Trained designs: features, what they reached, and on which data."""

    names: tuple[str, ...]  # of the features
    features: NDArray[np.float64]  # (designs, features)
    halvings: NDArray[np.float64]  # (designs,) −log2 of the error rate
    settled: NDArray[np.float64]  # (designs,) the part of the merit that isn't fitted
    data: NDArray[np.str_]  # (designs,)
    schedule: NDArray[np.str_]  # (designs,) short; full, the default recipe on all images; and that of FCNs alone
    families: NDArray[np.str_]

    def only(self, rows: NDArray[np.bool_]) -> Measured:
        arrays: tuple[Any, ...] = (self.features, self.halvings, self.settled, self.data, self.schedule, self.families)
        return Measured(self.names, *(a[rows] for a in arrays))


def read(file: Path = FILE) -> Measured:
    """Read the measurements; a design that was trained with several seeds counts once, with its mean accuracy."""
    seeds: dict[tuple[str, ...], list[dict[str, Any]]] = {}
    for line in map(json.loads, file.read_text(encoding="utf-8").splitlines()):
        seeds.setdefault((line["data"], line["schedule"], line["digest"]), []).append(line)
    designs = [lines[0] for lines in seeds.values()]
    accuracies = [np.mean([line["accuracy"] for line in lines]) for lines in seeds.values()]
    rows = [_features(design) for design in designs]
    names = tuple(COEFFICIENTS)
    return Measured(
        names,
        np.array([[row[n] for n in names] for row in rows]),
        -np.log2(1 - np.array(accuracies)),
        SHRUNK * np.array([row["shrunk"] for row in rows]),
        *(np.array([design[key] for design in designs]) for key in ("data", "schedule", "family")),
    )


def _features(line: dict[str, Any]) -> dict[str, float]:
    c, h, w = line["input"]
    design = exact(
        family_named(line["family"]), Task((c, h, w), line["classes"]), tuple(line["widths"]), None, line["options"]
    )
    if (design.cost.weights, design.cost.macs) != (line["weights"], line["macs"]):
        raise SystemExit(f"the family {line['family']} has changed since {line['digest'][:12]} was measured")
    values = features(place(design.architecture.layers, (c, h, w)))
    if line["schedule"] == "short":
        values["field_in_full"] = 0.0
    return {n: float(v) for n, v in values.items()}


def fit(measured: Measured) -> dict[str, float]:
    """Least squares with an intercept for data and schedule; what must not lower the merit is kept at 0 or above."""
    x, y = (_centred(a, measured) for a in (measured.features, measured.halvings - measured.settled))
    scale = np.maximum(x.std(axis=0), 1e-9)
    ridge = np.diag(np.full(len(scale), (RIDGE * len(y)) ** 0.5))
    low = [0.0 if name in POSITIVE else -np.inf for name in measured.names]
    solved = lsq_linear(
        np.vstack([x / scale, ridge]), np.concatenate([y, np.zeros(len(scale))]), (np.array(low) - 1e-12, np.inf)
    )
    return dict(zip(measured.names, (solved.x / scale).tolist(), strict=True))


def _centred(values: NDArray[np.float64], measured: Measured) -> NDArray[np.float64]:
    """Take away the mean of each data set's schedule."""
    groups = np.char.add(measured.data, measured.schedule)
    which = groups[:, None] == np.unique(groups)
    return values - which @ ((which / which.sum(axis=0)).T @ values)


def merits(measured: Measured, coefficients: dict[str, float]) -> NDArray[np.float64]:
    return measured.features @ np.array([coefficients[name] for name in measured.names]) + measured.settled


@dataclass(frozen=True)
class HeldOut:
    """How a formula does on data that it was not fitted to."""

    data: str
    designs: int
    rank_correlation: float
    slope: float  # halvings measured for each expected
    residual: float  # standard deviation of measured − expected, in halvings


def cross_validated(measured: Measured) -> list[HeldOut]:
    """Hold out each data set in turn, and judge by its short trainings: the others are too few to be ranked."""
    found = []
    for name in np.unique(measured.data):
        coefficients = fit(measured.only(measured.data != name))
        held_out = measured.only((measured.data == name) & (measured.schedule == "short"))
        expected, got = merits(held_out, coefficients), held_out.halvings
        residual = (got - got.mean()) - (expected - expected.mean())
        slope = np.polyfit(expected, got, 1)[0]
        found.append(
            HeldOut(str(name), len(got), float(spearmanr(expected, got)[0]), float(slope), float(residual.std()))
        )
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--file", type=Path, default=FILE)
    measured = read(parser.parse_args().file)
    for name, value in fit(measured).items():
        print(f'    "{name}": {value:.4f},')
    for row in cross_validated(measured):
        print(
            f"{row.data:14} {row.designs:4} designs  rank correlation {row.rank_correlation:.3f}  "
            f"slope {row.slope:.2f}  residual {row.residual:.3f} halvings"
        )
    for family in np.unique(measured.families):
        rows = measured.families == family
        print(family, int(rows.sum()))


if __name__ == "__main__":
    main()
