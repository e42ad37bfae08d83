"""The verdict: what a study shows, in plain sentences, each with its interval."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from html import escape
from itertools import pairwise
from math import log2

import numpy as np

from makeweight.report.analysis import Analysis, Comparison, NetworkAnalysis
from makeweight.report.costs import COSTS
from makeweight.report.looks import looks_sentences
from makeweight.report.summary import NetworkSummary, lines
from makeweight.stats.compare import beyond_published
from makeweight.stats.crossed import MIN_SEEDS, assumed_seed_spread
from makeweight.stats.intervals import Interval
from makeweight.wording import confidence, percent, points

NO_VERDICT = "No training is done yet, so there is no verdict."
SURE = 0.95  # probability from which a network is said to be on the frontier without more words


@dataclass(frozen=True, slots=True)
class Topic:
    """One question with its answer."""

    title: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True, repr=False)
class Verdict:
    """The answer in one sentence, and the answers to what people ask next."""

    headline: str
    topics: tuple[Topic, ...]

    def __repr__(self) -> str:
        answers = (f"{f.title}\n" + "\n".join(f"- {sentence}" for sentence in f.sentences) for f in self.topics)
        return "\n\n".join([self.headline, *answers])

    def _repr_html_(self) -> str:
        answers = (
            f"<h4>{escape(f.title)}</h4><ul>{''.join(f'<li>{escape(line)}</li>' for line in f.sentences)}</ul>"
            for f in self.topics
        )
        return f"<p><b>{escape(self.headline)}</b></p>" + "".join(answers)


def verdict(analysis: Analysis) -> Verdict:
    """Say what a study shows."""
    networks, best = analysis.summary.networks, analysis.summary.best
    if best is None:
        return Verdict(NO_VERDICT, ())
    topics = (
        Topic("The best", _rivals(analysis, best)),
        *_lines(analysis),
        Topic("Rare classes", _rare_classes(analysis)),
        Topic("Against the course report", _against_report(networks)),
        Topic("What more weights bring", _gains(analysis)),
        Topic("Accuracy for its cost", _frontiers(analysis)),
        Topic("Overfitting and underfitting", tuple(filter(None, map(_fit, analysis.networks)))),
        Topic("How sure the networks are", tuple(map(_calibration, analysis.networks))),
        Topic("Looks at the test images", looks_sentences(analysis.summary.looks)),
    )
    return Verdict(headline(analysis), tuple(topic for topic in topics if topic.sentences))


def _rare_classes(analysis: Analysis) -> tuple[str, ...]:
    """Say what accuracy hides where classes differ much in size."""
    summary, best = analysis.summary, analysis.summary.best
    if best is None or not summary.is_imbalanced:
        return ()
    worst = int(np.nanargmin(best.recalls))
    advice = " Training with class_weight=balanced in the recipe lets rare classes count as much as others."
    return (
        f"The largest class has {summary.imbalance:.0f} test images for each one of the smallest. {best.label} has a "
        f"balanced accuracy of {percent(best.balanced_accuracy)} beside its {percent(best.test_accuracy.mean)}; "
        f"of {summary.class_names[worst]!r} it finds {100 * best.recalls[worst]:.1f} %."
        + (advice if best.recipe.class_weight == "none" else ""),
    )


def in_words(comparison: Comparison) -> str:
    """Say which of two networks is better, by how much, or that no difference is shown."""
    a, b, d = comparison.a, comparison.b, comparison.difference
    numbers = f"{points(d.mean, signed=True)} points, {confidence(d.low, d.high, points)}{_assumption(a, b)}"
    if comparison.same:
        return f"{a.label} and {b.label} are trainings of one network, and neither is a better one ({numbers})."
    if not comparison.shown:
        return (
            f"{a.label} against {b.label}: no difference shown ({numbers}; smallest detectable difference: "
            f"{points(comparison.smallest)} points)."
        )
    if d.mean < 0:
        return in_words(comparison.turned())
    return (
        f"{a.label} is better than {b.label} by {points(d.mean)} points "
        f"({confidence(d.low, d.high, points)}{_assumption(a, b)})."
    )


def _assumption(*networks: NetworkSummary) -> str:
    """Say what a claim about networks assumes where one of them has too few seeds to measure their spread."""
    few = [network.test_accuracy.mean for network in networks if len(network.runs) < MIN_SEEDS]
    if not few:
        return ""
    return f", assuming that seeds differ by {points(max(map(assumed_seed_spread, few)))}"


def headline(analysis: Analysis) -> str:
    """Name the network of the highest test accuracy, and whether it is shown to be the best."""
    networks, best, rivals = analysis.summary.networks, analysis.summary.best, analysis.rivals
    if best is None:
        return NO_VERDICT
    if rivals:
        closest = max(rivals, key=lambda network: network.test_accuracy.mean).label
        others = f" and {len(rivals) - 1} more" if len(rivals) > 1 else ""
        claim = f"{best.label} has the highest accuracy, not shown to differ from {closest}{others}"
    else:
        claim = f"{best.label} is the most accurate" if len(networks) > 1 else best.label
    seeds = len(best.runs)
    of = (f"the mean of {seeds} trainings" if seeds > 1 else "this training of it") + _assumption(best)
    return (
        f"{claim}: {_accuracy(best.test_accuracy)} on {len(best.labels):,} test images, {of}, "
        f"with {best.weights:,} weights."
    )


def _accuracy(interval: Interval) -> str:
    return f"{percent(interval.mean)} ({confidence(interval.low, interval.high)})"


def _rivals(analysis: Analysis, best: NetworkSummary) -> tuple[str, ...]:
    """Which networks are shown to be worse than the best, and which is the smallest that is not."""
    others = [network for network in analysis.summary.networks if network is not best]
    equal = analysis.rivals
    if not others:
        return ()
    if not equal:
        second = max(others, key=lambda network: network.test_accuracy.mean)
        closest = in_words(analysis.comparison(best, second))
        return ("It is better than every other network of the study.", f"The closest: {closest}")
    smallest = min(equal, key=lambda network: network.weights)
    words = tuple(in_words(analysis.comparison(best, network)) for network in equal)
    words += (
        f"As the highest of {len(equal) + 1} that are not told apart, its accuracy is too high by "
        f"{points(analysis.optimism)} points on average, if all of them are equally good.",
    )
    if smallest.weights < best.weights:
        words += (f"The smallest network that is not shown to be worse than the best: {smallest.label}.",)
    return words


def _lines(analysis: Analysis) -> Iterator[Topic]:
    """Compare each family with the first in rank that the study has, and each variant with its family's first."""
    by_name = lines(analysis.summary.networks)
    firsts = list({networks[0].family: networks for networks in reversed(by_name.values())}.values())[::-1]
    for name, networks in by_name.items():
        family = next(first for first in firsts if first[0].family == networks[0].family)
        for baseline in (firsts[0], family) if family is not firsts[0] else (firsts[0],):
            if baseline is not networks:
                title = f"{name} against {baseline[0].network_id.line}"
                yield Topic(title, _line_against(analysis, networks, baseline))


def _line_against(
    analysis: Analysis, networks: Sequence[NetworkSummary], baseline: Sequence[NetworkSummary]
) -> tuple[str, ...]:
    """Compare the networks of each budget, and the smallest of one line with the largest of the baseline."""
    name, base = networks[0].network_id.line, baseline[0].network_id.line
    theirs = {network.budget: network for network in baseline}
    pairs = [analysis.comparison(network, theirs[network.budget]) for network in networks if network.budget in theirs]
    words = [in_words(pair) for pair in pairs]
    if len(pairs) > 1 and all(pair.shown and pair.difference.mean > 0 for pair in pairs):
        words.insert(0, f"Every {name} beats the {base} of its budget.")
    for network in networks:
        larger = next((other for other in baseline if other.budget > network.budget), None)
        if network.budget not in theirs and larger is not None:
            pair = in_words(analysis.comparison(network, larger))
            absent = replace(baseline[0].network_id, budget=network.budget).label
            words.append(f"There is no {absent}; against the next larger: {pair}")
    smallest, largest = networks[0], baseline[-1]
    if smallest.budget < largest.budget:
        words.append(
            f"The smallest {name} against the largest {base}: {in_words(analysis.comparison(smallest, largest))}"
        )
    return tuple(words)


def _against_report(networks: tuple[NetworkSummary, ...]) -> tuple[str, ...]:
    words = []
    for network in networks:
        if network.reference is None:
            continue
        theirs = network.reference.accuracy
        gain = beyond_published(network.test_accuracy, theirs, len(network.labels))
        shown = "" if gain.low > 0 or gain.high < 0 else ", which shows no difference"
        words.append(
            f"{network.label}: {percent(network.test_accuracy.mean)} against {percent(theirs)}, "
            f"{points(gain.mean, signed=True)} points ({confidence(gain.low, gain.high, points)}){shown}."
        )
    return tuple(words)


def _gains(analysis: Analysis) -> tuple[str, ...]:
    """Along each line of networks, say what each budget brought over the one before."""
    words = []
    for networks in lines(analysis.summary.networks).values():
        for small, large in pairwise(networks):
            if small.weights < large.weights:
                words.append(_gain(analysis.comparison(large, small)))
    return tuple(words)


def _gain(step: Comparison) -> str:
    doublings, d = log2(step.a.weights / step.b.weights), step.difference
    interval = f"{confidence(d.low / doublings, d.high / doublings, points)}{_assumption(step.a, step.b)}"
    gain, way = points(d.mean / doublings, signed=True), f"From {step.b.label} to {step.a.label}"
    if step.shown:
        return f"{way} each doubling of the weights brings {gain} points ({interval})."
    return f"{way} no effect of more weights is shown ({gain} points a doubling, {interval})."


def _frontiers(analysis: Analysis) -> tuple[str, ...]:
    """For each cost, the networks that no other beats on accuracy and cost at once."""
    if len(analysis.summary.networks) < 2:
        return ()
    words = []
    for axis in COSTS:
        places = analysis.frontiers.get(axis.name, {})
        named = [
            label + ("" if place.probability >= SURE else f" (probability {place.probability:.2f})")
            for label, place in places.items()
            if place.on_frontier or place.probability >= 1 - SURE
        ]
        if named:
            words.append(f"By {axis.short}, not beaten: {', '.join(named)}.")
    return tuple(words)


def _fit(analysis: NetworkAnalysis) -> str | None:
    fit = analysis.fit
    if fit is None:
        return None
    sign = (
        f"validation above test by {points(fit.sign.mean)} points ({confidence(fit.sign.low, fit.sign.high, points)})"
        if fit.sign.mean > 0
        else f"validation not above test ({points(fit.sign.mean, signed=True)} points)"
    )
    return (
        f"{analysis.network.label}: {fit.verdict}. Accuracy {percent(fit.training.accuracy.mean, 1)} on training, "
        f"{percent(fit.validation.accuracy.mean, 1)} on validation, {percent(fit.test.accuracy.mean, 1)} on test "
        f"images; training above test by {points(fit.gap.mean)} points "
        f"({confidence(fit.gap.low, fit.gap.high, points)}); {sign}; loss {fit.training.loss:.3f}, "
        f"{fit.validation.loss:.3f} and {fit.test.loss:.3f}."
    )


def _calibration(analysis: NetworkAnalysis) -> str:
    measured = analysis.calibration
    direction = "sure" if measured.overconfidence > 0 else "modest"
    judgement = f"too {direction} by {points(abs(measured.overconfidence))} points on average"
    return (
        f"{analysis.network.label}: expected calibration error {points(measured.error)} points "
        f"({points(measured.by_chance)} would be chance); {judgement}."
    )
