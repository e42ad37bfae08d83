"""All that the statistics say of a study, computed once for text, figures and pages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations, pairwise

import numpy as np
from numpy.typing import NDArray

from makeweight.report.costs import COSTS, known
from makeweight.report.summary import NetworkSummary, StudySummary
from makeweight.stats.calibration import Calibration, calibration, cross_entropy
from makeweight.stats.classes import ClassScores, class_scores, confusion
from makeweight.stats.compare import LEVEL, Difference, compare, holm
from makeweight.stats.fit import Fit, Split, judge
from makeweight.stats.frontier import Gain, Place, frontier, gain_per_doubling


@dataclass(frozen=True)
class Comparison:
    """Two networks, paired over the test images."""

    a: NetworkSummary
    b: NetworkSummary
    difference: Difference  # accuracy of a less that of b
    p_holm: float  # corrected for all pairs that are compared

    @property
    def shown(self) -> bool:
        """Whether the family of tests shows a difference."""
        return self.p_holm < LEVEL

    def turned(self) -> Comparison:
        """Return the same from the other side."""
        d = self.difference
        return Comparison(self.b, self.a, replace(d, mean=-d.mean, low=-d.high, high=-d.low), self.p_holm)


@dataclass(frozen=True)
class NetworkAnalysis:
    """What there is to say of one network alone."""

    network: NetworkSummary
    classes: tuple[ClassScores, ...]
    confusion: NDArray[np.float64]  # (k, k) images of class [row] given label [column], mean over seeds
    calibration: Calibration
    fit: Fit | None  # None for results older than scores


@dataclass(frozen=True)
class FamilyGain:
    """What more weights brought within a family, from one budget to the next."""

    small: NetworkSummary
    large: NetworkSummary
    gain: Gain


@dataclass(frozen=True)
class Analysis:
    """A study with its statistics."""

    summary: StudySummary
    networks: tuple[NetworkAnalysis, ...]  # as in the summary
    comparisons: tuple[Comparison, ...]  # all pairs, each once
    frontiers: dict[str, dict[str, Place]]  # by cost and network's label; only costs that are known for all
    gains: tuple[FamilyGain, ...]

    def comparison(self, a: NetworkSummary, b: NetworkSummary) -> Comparison:
        """Two networks, seen from the first."""
        for comparison in self.comparisons:
            labels = comparison.a.label, comparison.b.label
            if labels == (a.label, b.label):
                return comparison
            if labels == (b.label, a.label):
                return comparison.turned()
        raise ValueError(f"{a.label} and {b.label} are not two networks of {self.summary.name}")


def analyse(summary: StudySummary) -> Analysis:
    """Compute all statistics of a study: a second for seven networks of three seeds on 10,000 images."""
    best = max((network.test_accuracy.mean for network in summary.networks), default=0.0)
    return Analysis(
        summary=summary,
        networks=tuple(_network(network, best) for network in summary.networks),
        comparisons=compare_all(summary.networks),
        frontiers=_frontiers(summary),
        gains=_gains(summary),
    )


def compare_all(networks: tuple[NetworkSummary, ...]) -> tuple[Comparison, ...]:
    """Compare every network with every other; all tests together are one family for Holm's correction."""
    pairs = list(combinations(networks, 2))
    differences = [compare(a, b) for a, b in combinations([network.correct for network in networks], 2)]
    corrected = holm([difference.p_value for difference in differences])
    return tuple(Comparison(a, b, d, p) for (a, b), d, p in zip(pairs, differences, corrected, strict=True))


def _network(network: NetworkSummary, best: float) -> NetworkAnalysis:
    predicted, classes = network.predicted, network.architecture.classes
    return NetworkAnalysis(
        network=network,
        classes=class_scores(predicted, network.labels, classes),
        confusion=confusion(predicted, network.labels, classes),
        calibration=calibration(network.logits, network.labels),
        fit=_fit(network, best),
    )


def _fit(network: NetworkSummary, best: float) -> Fit | None:
    if not all(run.scores for run in network.runs):
        return None
    losses = cross_entropy(network.logits, network.labels)
    test = Split(
        images=len(network.labels),
        accuracies=tuple(run.test_accuracy for run in network.runs),
        losses=tuple(map(float, losses.mean(axis=1))),
        loss_sd=float(losses.std(axis=1, ddof=1).mean()),
    )
    courses = [[record.validation_loss for record in run.epochs] for run in network.runs]
    return judge(_split(network, "training"), _split(network, "validation"), test, courses, best)


def _split(network: NetworkSummary, name: str) -> Split:
    scores = [run.scores[name] for run in network.runs]
    return Split(
        images=scores[0].images,
        accuracies=tuple(score.accuracy for score in scores),
        losses=tuple(score.loss for score in scores),
        loss_sd=float(np.mean([score.loss_sd for score in scores])),
    )


def _frontiers(summary: StudySummary) -> dict[str, dict[str, Place]]:
    found = {}
    for axis in COSTS:
        networks = known(summary, axis)
        if networks and len(networks) == len(summary.networks):
            places = frontier([cost for _, cost in networks], [network.correct for network, _ in networks])
            found[axis.name] = {network.label: place for (network, _), place in zip(networks, places, strict=True)}
    return found


def _gains(summary: StudySummary) -> tuple[FamilyGain, ...]:
    """Within each family, from each budget to the next; the networks come by family and budget."""
    return tuple(
        FamilyGain(small, large, gain_per_doubling(small.correct, large.correct, small.weights, large.weights))
        for small, large in pairwise(summary.networks)
        if small.family == large.family and small.weights < large.weights
    )
