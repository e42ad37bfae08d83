"""All that the statistics say of a study, computed once for text, figures and pages."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from makeweight.report.costs import COSTS, known
from makeweight.report.side_by_side import differences
from makeweight.report.summary import NetworkSummary, StudySummary
from makeweight.stats.calibration import Calibration, calibration, cross_entropy
from makeweight.stats.classes import ClassScores, class_scores, confusion
from makeweight.stats.compare import LEVEL, Difference, compare, holm, levels
from makeweight.stats.fit import Fit, SplitScores, judge
from makeweight.stats.frontier import Place, frontier, optimism


@dataclass(frozen=True, repr=False)
class Comparison:
    """Two networks, paired over the test images."""

    a: NetworkSummary
    b: NetworkSummary
    difference: Difference  # accuracy of a minus that of b
    p_holm: float  # corrected for all pairs that are compared
    level: float  # at which this pair is tested among all pairs

    @property
    def same(self) -> bool:
        """Whether both are trainings of one network, which differ in nothing but seeds and machine."""
        return not differences(self.a, self.b)

    @property
    def shown(self) -> bool:
        """Whether the family of tests shows a difference of two networks."""
        return self.p_holm < LEVEL and not self.same

    @property
    def smallest(self) -> float:
        """Smallest difference that would be shown with a probability of 80 %, corrected for all pairs; a share."""
        return self.difference.detectable(self.level)

    def __repr__(self) -> str:
        from makeweight.report.verdict import in_words

        return in_words(self)

    def turned(self) -> Comparison:
        """Return the same from the other side."""
        d = self.difference
        turned = replace(d, mean=-d.mean, low=-d.high, high=-d.low)
        return replace(self, a=self.b, b=self.a, difference=turned)


@dataclass(frozen=True)
class NetworkAnalysis:
    """What there is to say of one network alone."""

    network: NetworkSummary
    classes: tuple[ClassScores, ...]
    confusion: NDArray[np.float64]  # (k, k) images of class [row] given label [column], mean over seeds
    calibration: Calibration
    fit: Fit | None  # None for results older than scores


@dataclass(frozen=True)
class Analysis:
    """A study with its statistics."""

    summary: StudySummary
    networks: tuple[NetworkAnalysis, ...]  # as in the summary
    comparisons: tuple[Comparison, ...]  # all pairs, each once
    frontiers: dict[str, dict[str, Place]]  # by cost and network's label; only costs that are known for all

    @property
    def rivals(self) -> tuple[NetworkSummary, ...]:
        """Those that the network of the highest mean is not shown to be better than."""
        best = self.summary.best
        others = [network for network in self.summary.networks if network is not best]
        return tuple(other for other in others if best and not self.comparison(best, other).shown)

    @property
    def optimism(self) -> float:
        """By how much the best mean is too high if the best and its rivals are equally good; a share."""
        best, rivals = self.summary.best, self.rivals
        return optimism([network.correct for network in (best, *rivals)]) if best and rivals else 0.0

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
    return Analysis(
        summary=summary,
        networks=tuple(map(_network, summary.networks)),
        comparisons=compare_all(summary.networks),
        frontiers=_frontiers(summary),
    )


def compare_all(networks: tuple[NetworkSummary, ...]) -> tuple[Comparison, ...]:
    """Compare every network with every other; all tests together are one family for Holm's correction."""
    pairs = list(combinations(networks, 2))
    found = [compare(a, b) for a, b in combinations([network.correct for network in networks], 2)]
    p_values = [difference.p_value for difference in found]
    tested = zip(pairs, found, holm(p_values), levels(p_values), strict=True)
    return tuple(Comparison(a, b, difference, p_holm, level) for (a, b), difference, p_holm, level in tested)


def _network(network: NetworkSummary) -> NetworkAnalysis:
    predicted, classes = network.predicted, network.architecture.classes
    return NetworkAnalysis(
        network=network,
        classes=class_scores(predicted, network.labels, classes),
        confusion=confusion(predicted, network.labels, classes),
        calibration=calibration(network.logits, network.labels),
        fit=_fit(network),
    )


def _fit(network: NetworkSummary) -> Fit | None:
    if not all(run.scores for run in network.runs):
        return None
    losses = cross_entropy(network.logits, network.labels)
    test = SplitScores(
        images=len(network.labels),
        accuracies=tuple(run.test_accuracy for run in network.runs),
        losses=tuple(map(float, losses.mean(axis=1))),
        loss_sd=float(losses.std(axis=1, ddof=1).mean()),
    )
    courses = [[record.validation_loss for record in run.epochs] for run in network.runs]
    return judge(_split(network, "training"), _split(network, "validation"), test, courses)


def _split(network: NetworkSummary, name: str) -> SplitScores:
    scores = [run.scores[name] for run in network.runs]
    return SplitScores(
        images=scores[0].images,
        accuracies=tuple(score.accuracy for score in scores),
        losses=tuple(score.loss for score in scores),
        loss_sd=float(np.mean([score.loss_sd for score in scores])),
    )


def _frontiers(summary: StudySummary) -> dict[str, dict[str, Place]]:
    frontiers = {}
    for axis in COSTS:
        networks = known(summary, axis)
        if networks and len(networks) == len(summary.networks):
            costs = [network.seconds if axis.name == "time" else (cost,) for network, cost in networks]
            places = frontier(costs, [network.correct for network, _ in networks])
            frontiers[axis.name] = {network.label: place for (network, _), place in zip(networks, places, strict=True)}
    return frontiers
