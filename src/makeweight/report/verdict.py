"""The verdict: what a study shows, in plain sentences, each with its interval."""

from __future__ import annotations

from dataclasses import dataclass

from makeweight.design.budget import format_budget
from makeweight.report.analysis import Analysis, Comparison, NetworkAnalysis
from makeweight.report.costs import COSTS
from makeweight.report.summary import NetworkSummary
from makeweight.stats.compare import beyond_published
from makeweight.stats.intervals import Interval

NO_VERDICT = "No training is done yet, so there is no verdict."
SURE = 0.95  # probability from which a network is said to be on the frontier without more words


@dataclass(frozen=True, slots=True)
class Finding:
    """One question with its answer."""

    title: str
    sentences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Verdict:
    """The answer in one sentence, and the answers to what people ask next."""

    headline: str
    findings: tuple[Finding, ...]


def verdict(analysis: Analysis) -> Verdict:
    """Say what a study shows."""
    networks = analysis.summary.networks
    if not networks:
        return Verdict(NO_VERDICT, ())
    best = max(networks, key=lambda network: network.test_accuracy.mean)
    findings = (
        Finding("The best", _rivals(analysis, best)),
        Finding("Convolutional against fully connected", _families(analysis)),
        Finding("Against the original report", _against_report(networks)),
        Finding("What more weights bring", _gains(analysis)),
        Finding("Accuracy for its cost", _frontiers(analysis)),
        Finding("Overfitting and underfitting", tuple(filter(None, map(_fit, analysis.networks)))),
        Finding("How sure the networks are", tuple(map(_calibration, analysis.networks))),
    )
    return Verdict(_headline(best), tuple(finding for finding in findings if finding.sentences))


def in_words(comparison: Comparison) -> str:
    """Say which of two networks is better, by how much, or that no difference is shown."""
    a, b, d = comparison.a, comparison.b, comparison.difference
    if not comparison.shown:
        return (
            f"{a.label} against {b.label}: no difference shown ({points(d.mean, signed=True)} points, "
            f"95 % {span(d.low, d.high)}; smallest difference this test could see: {points(d.smallest)} points)."
        )
    if d.mean < 0:
        return in_words(comparison.turned())
    return f"{a.label} is better than {b.label} by {points(d.mean)} points (95 % {span(d.low, d.high)})."


def points(share: float, signed: bool = False) -> str:
    """Write a share in points, with a second decimal where one would say 0."""
    decimals = 1 if abs(share) >= 0.000_95 else 2
    return f"{100 * share:{'+' if signed else ''}.{decimals}f}".replace("-", "−")


def span(low: float, high: float) -> str:
    """Write an interval of shares in points."""
    return f"{points(low)} to {points(high)}"


def _headline(best: NetworkSummary) -> str:
    seeds = len(best.runs)
    of = f"the mean of {seeds} trainings" if seeds > 1 else "one training"
    return (
        f"{best.label} is the most accurate: {_accuracy(best.test_accuracy)} on {len(best.labels):,} test images, "
        f"{of}, with {best.weights:,} weights."
    )


def _accuracy(interval: Interval) -> str:
    return f"{100 * interval.mean:.2f} % (95 % interval {100 * interval.low:.2f} to {100 * interval.high:.2f})"


def _rivals(analysis: Analysis, best: NetworkSummary) -> tuple[str, ...]:
    """Which networks are shown to be worse than the best, and which is the smallest that is not."""
    others = [network for network in analysis.summary.networks if network is not best]
    equal = [network for network in others if not analysis.comparison(best, network).shown]
    if not others:
        return ()
    if not equal:
        second = max(others, key=lambda network: network.test_accuracy.mean)
        closest = in_words(analysis.comparison(best, second))
        return ("It is better than every other network of the study.", f"The closest: {closest}")
    smallest = min(equal, key=lambda network: network.weights)
    words = tuple(in_words(analysis.comparison(best, network)) for network in equal)
    if smallest.weights < best.weights:
        words += (f"The smallest network that is not shown to be worse than the best: {smallest.label}.",)
    return words


def _families(analysis: Analysis) -> tuple[str, ...]:
    """Each convolutional network against the fully connected one of its budget; the smallest against the largest."""
    fcns = {n.budget: n for n in analysis.summary.networks if n.family == "fcn"}
    cnns = {n.budget: n for n in analysis.summary.networks if n.family == "cnn"}
    if not fcns or not cnns:
        return ()
    pairs = [analysis.comparison(cnns[budget], fcns[budget]) for budget in sorted(fcns.keys() & cnns.keys())]
    words = [in_words(pair) for pair in pairs]
    if len(pairs) > 1 and all(pair.shown and pair.difference.mean > 0 for pair in pairs):
        words.insert(0, "Every CNN beats the FCN of its budget.")
    for budget in sorted(cnns.keys() - fcns.keys()):
        larger = [other for other in sorted(fcns) if other > budget]
        if larger:
            pair = in_words(analysis.comparison(cnns[budget], fcns[larger[0]]))
            words.append(f"There is no FCN {format_budget(budget)}; against the next larger: {pair}")
    ends = cnns[min(cnns)], fcns[max(fcns)]
    if ends[0].budget < ends[1].budget:
        words.append(f"The smallest CNN against the largest FCN: {in_words(analysis.comparison(*ends))}")
    return tuple(words)


def _against_report(networks: tuple[NetworkSummary, ...]) -> tuple[str, ...]:
    words = []
    for network in networks:
        if network.reference is None:
            continue
        theirs = network.reference.test_accuracy
        gain = beyond_published(network.test_accuracy, theirs, len(network.labels))
        shown = "" if gain.low > 0 or gain.high < 0 else ", which shows no difference"
        words.append(
            f"{network.label}: {100 * network.test_accuracy.mean:.2f} % against {100 * theirs:.2f} %, "
            f"{points(gain.mean, signed=True)} points (95 % {span(gain.low, gain.high)}){shown}."
        )
    return tuple(words)


def _gains(analysis: Analysis) -> tuple[str, ...]:
    words = []
    for step in analysis.gains:
        shown = analysis.comparison(step.large, step.small).shown
        words.append(
            f"From {step.small.label} to {step.large.label} each doubling of the weights brings "
            f"{points(step.gain.mean, signed=True)} points (95 % {span(step.gain.low, step.gain.high)})"
            + ("." if shown else "; corrected for all pairs of the study, no difference is shown.")
        )
    return tuple(words)


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
        f"validation above test by {points(fit.sign.mean)} points (95 % {span(fit.sign.low, fit.sign.high)})"
        if fit.sign.mean > 0
        else f"validation not above test ({points(fit.sign.mean, signed=True)} points)"
    )
    return (
        f"{analysis.network.label}: {fit.verdict}. Accuracy {_percent(fit.training.accuracy)} on training, "
        f"{_percent(fit.validation.accuracy)} on validation, {_percent(fit.test.accuracy)} on test images; training "
        f"above test by {points(fit.gap.mean)} points (95 % {span(fit.gap.low, fit.gap.high)}); {sign}; loss "
        f"{fit.training.loss:.3f}, {fit.validation.loss:.3f} and {fit.test.loss:.3f}."
    )


def _percent(interval: Interval) -> str:
    return f"{100 * interval.mean:.1f} %"


def _calibration(analysis: NetworkAnalysis) -> str:
    found = analysis.calibration
    direction = "sure" if found.overconfidence > 0 else "modest"
    judgement = f"too {direction} by {points(abs(found.overconfidence))} points on average"
    return (
        f"{analysis.network.label}: expected calibration error {points(found.error)} points "
        f"({points(found.by_chance)} would be chance); {judgement}."
    )
