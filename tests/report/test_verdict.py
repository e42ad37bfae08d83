"""The verdict: its sentences follow from the numbers, and never say more than they show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from makeweight.report.analysis import Analysis, analyse
from makeweight.report.contents import Contents
from makeweight.report.reference import Reference
from makeweight.report.summary import NetworkSummary, StudySummary
from makeweight.report.verdict import NO_VERDICT, Verdict, in_words, points, verdict
from makeweight.stats.intervals import accuracy_interval

IMAGES = 4_000


def _network(summary: StudySummary, family: str, budget: int, accuracy: float, seed: int) -> NetworkSummary:
    """A network of a real study whose answers are replaced by ones of this accuracy."""
    rng = np.random.default_rng(100 + seed)
    base = next(network for network in summary.networks if network.family == family)
    labels = np.arange(IMAGES) % 10
    difficulty = np.random.default_rng(0).random(IMAGES)
    runs = []
    for run in base.runs:
        hardness = 0.7 * difficulty + 0.3 * rng.random(IMAGES)
        right = hardness < np.quantile(hardness, accuracy)
        given = np.where(right, labels, (labels + 1) % 10)
        logits = np.eye(10, dtype=np.float32)[given] * 3
        runs.append(replace(run, key=f"{family}{budget}", logits=logits, test_accuracy=float(right.mean())))
    made = replace(
        base,
        label=f"{family.upper()} {budget // 1000}K",
        budget=budget,
        weights=budget,
        runs=tuple(runs),
        labels=labels,
    )
    return replace(made, test_accuracy=accuracy_interval(made.correct))


@pytest.fixture
def study(summary: StudySummary):
    """A study whose networks have the accuracies asked for, by family and thousands of weights."""

    def make(**accuracies: float) -> Analysis:
        networks = []
        for number, (name, accuracy) in enumerate(accuracies.items()):
            family, thousands = name.split("_")
            networks.append(_network(summary, family, 1_000 * int(thousands), accuracy, number))
        return analyse(replace(summary, networks=tuple(networks)))

    return make


def _sentences(found: Verdict, title: str) -> tuple[str, ...]:
    return next((finding.sentences for finding in found.findings if finding.title == title), ())


def test_a_clear_study_is_called_clear(study) -> None:
    found = verdict(study(fcn_50=0.80, fcn_100=0.82, cnn_50=0.90, cnn_100=0.94))
    assert found.headline.startswith("CNN 100K is the most accurate: 9")
    assert _sentences(found, "The best")[0] == "It is better than every other network of the study."
    words = _sentences(found, "Convolutional against fully connected")
    assert words[0] == "Every CNN beats the FCN of its budget."
    assert words[1].startswith("CNN 50K is better than FCN 50K by ")
    assert words[-1].startswith("The smallest CNN against the largest FCN: CNN 50K is better than FCN 100K by ")


def test_equal_networks_are_not_told_apart(study) -> None:
    analysis = study(fcn_50=0.9, cnn_50=0.9, cnn_100=0.9)
    found = verdict(analysis)
    assert not any(comparison.shown for comparison in analysis.comparisons)
    assert all("no difference shown" in sentence for sentence in _sentences(found, "The best")[:2])
    words = _sentences(found, "Convolutional against fully connected")
    assert not any("Every CNN" in sentence for sentence in words)
    assert "smallest difference this test could see" in words[0]


def test_the_smallest_network_that_is_not_shown_to_be_worse_is_named(study) -> None:
    words = _sentences(verdict(study(cnn_10=0.70, cnn_20=0.905, cnn_100=0.91)), "The best")
    assert words[-1] == "The smallest network that is not shown to be worse than the best: CNN 20K."


def test_a_cnn_without_an_fcn_of_its_budget_meets_the_next_larger(study) -> None:
    words = _sentences(verdict(study(fcn_50=0.8, cnn_10=0.9)), "Convolutional against fully connected")
    assert words[0].startswith("There is no FCN 10K; against the next larger: CNN 10K is better than FCN 50K by ")
    assert words[1].startswith("The smallest CNN against the largest FCN: ")


def test_a_fully_connected_network_may_win(study) -> None:
    words = _sentences(verdict(study(fcn_50=0.9, cnn_50=0.8)), "Convolutional against fully connected")
    assert len(words) == 1
    assert words[0].startswith("FCN 50K is better than CNN 50K by ")


def test_both_sides_of_a_comparison_say_the_same(study) -> None:
    analysis = study(fcn_50=0.8, cnn_50=0.9)
    fcn, cnn = analysis.summary.networks
    assert in_words(analysis.comparison(fcn, cnn)) == in_words(analysis.comparison(cnn, fcn))
    assert analysis.comparison(fcn, cnn).difference.mean == -analysis.comparison(cnn, fcn).difference.mean


def test_the_reports_number_is_beaten_only_where_the_interval_says_so(study) -> None:
    analysis = study(fcn_50=0.9, fcn_100=0.9)
    near, far = analysis.summary.networks
    networks = (
        replace(near, reference=Reference(0.898, 0.02, "9 min")),
        replace(far, reference=Reference(0.7, 0.02, "9 min")),
    )
    words = _sentences(verdict(analyse(replace(analysis.summary, networks=networks))), "Against the original report")
    assert words[0].endswith("which shows no difference.")
    assert words[1].startswith("FCN 100K: 90.00 % against 70.00 %, +20.0 points (95 % ")
    assert words[1].endswith(").")


def test_costs_that_were_not_measured_are_not_spoken_of(study) -> None:
    words = " ".join(_sentences(verdict(study(fcn_50=0.8, cnn_50=0.9)), "Accuracy for its cost"))
    assert "By weights" in words
    assert "latency" not in words


def test_a_study_of_one_network_compares_nothing(study) -> None:
    found = verdict(study(cnn_50=0.9))
    assert _sentences(found, "The best") == ()
    assert _sentences(found, "Accuracy for its cost") == ()
    assert "CNN 50K" in found.headline


def test_a_study_without_results_has_no_verdict(hostile_contents: Contents) -> None:
    assert hostile_contents.verdict == Verdict(NO_VERDICT, ())


@pytest.mark.parametrize(
    ("share", "text"), [(0.021, "2.1"), (-0.021, "−2.1"), (0.0004, "0.04"), (0.0, "0.00"), (-0.0004, "−0.04")]
)
def test_points_have_as_many_decimals_as_they_need(share: float, text: str) -> None:
    assert points(share) == text
