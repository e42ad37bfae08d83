"""The verdict: its sentences follow from the numbers, and never say more than they show."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from makeweight.data.dataset import PreparedDataset
from makeweight.designs.families.base import Reported
from makeweight.face.gather import with_notes
from makeweight.jobs.network import NetworkId
from makeweight.report.analysis import Analysis, analyse, compare_all
from makeweight.report.contents import Contents
from makeweight.report.statistics_tables import comparisons_table
from makeweight.report.summary import NetworkSummary, StudySummary
from makeweight.report.tables import networks_table
from makeweight.report.verdict import NO_VERDICT, Verdict, in_words, verdict
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
        network_id=NetworkId(family, budget),
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
    return next((topic.sentences for topic in found.topics if topic.title == title), ())


def test_a_clear_study_is_called_clear(study) -> None:
    found = verdict(study(fcn_50=0.80, fcn_100=0.82, cnn_50=0.90, cnn_100=0.94))
    assert found.headline.startswith("CNN 100K is the most accurate: 9")
    assert _sentences(found, "The best")[0] == "It is better than every other network of the study."
    words = _sentences(found, "CNN against FCN")
    assert words[0] == "Every CNN beats the FCN of its budget."
    assert words[1].startswith("CNN 50K is better than FCN 50K by ")
    assert words[-1].startswith("The smallest CNN against the largest FCN: CNN 50K is better than FCN 100K by ")


def test_equal_networks_are_not_told_apart(study) -> None:
    analysis = study(fcn_50=0.9, cnn_50=0.9, cnn_100=0.9)
    found = verdict(analysis)
    assert not any(comparison.shown for comparison in analysis.comparisons)
    assert all("no difference shown" in sentence for sentence in _sentences(found, "The best")[:2])
    words = _sentences(found, "CNN against FCN")
    assert not any("Every CNN" in sentence for sentence in words)
    assert "smallest detectable difference" in words[0]
    assert found.headline.startswith("FCN 50K has the highest accuracy, not shown to differ from CNN ")
    assert " and 1 more: 90.0" in found.headline
    optimism = _sentences(found, "The best")[2]
    assert optimism.startswith("As the highest of 3 that are not told apart, its accuracy is too high by 0.")


def _once(analysis: Analysis) -> Analysis:
    """The same study with the first training of each network alone."""
    networks = (replace(network, runs=network.runs[:1]) for network in analysis.summary.networks)
    counted = (replace(network, test_accuracy=accuracy_interval(network.correct)) for network in networks)
    return analyse(replace(analysis.summary, networks=tuple(counted)))


def test_claims_from_a_single_training_say_what_they_assume(study) -> None:
    found = verdict(_once(study(fcn_50=0.86, fcn_100=0.88, cnn_50=0.97)))
    assert "this training of it, assuming that seeds differ by 0.2" in found.headline
    gains = _sentences(found, "What more weights bring")
    assert "assuming that seeds differ by 0.3" in gains[0]
    assert "assuming that seeds differ by 0.3" in _sentences(found, "CNN against FCN")[0]


def test_a_difference_within_the_luck_of_single_trainings_is_not_shown(study) -> None:
    analysis = _once(study(fcn_50=0.900, cnn_50=0.904))
    assert not analysis.comparisons[0].shown


def test_two_trainings_of_one_network_are_never_better_and_worse(study) -> None:
    analysis = study(cnn_50=0.8, cnn_100=0.9)
    worse, better = analysis.summary.networks
    twin = replace(worse, runs=better.runs, label="CNN 50K seed 1")
    [comparison] = compare_all((twin, worse))
    assert comparison.p_holm < 0.001
    words = in_words(comparison)
    assert words.startswith("CNN 50K seed 1 and CNN 50K are trainings of one network, and neither is a better one (+")
    [row] = comparisons_table((comparison,)).rows
    assert "one network" in row


def test_a_step_without_a_shown_gain_claims_none(study) -> None:
    analysis = study(fcn_50=0.9, fcn_100=0.9)
    [sentence] = _sentences(verdict(analysis), "What more weights bring")
    assert sentence.startswith("From FCN 50K to FCN 100K no effect of more weights is shown (")


def test_the_smallest_network_that_is_not_shown_to_be_worse_is_named(study) -> None:
    words = _sentences(verdict(study(cnn_10=0.70, cnn_20=0.905, cnn_100=0.91)), "The best")
    assert words[-1] == "The smallest network that is not shown to be worse than the best: CNN 20K."


def test_a_cnn_without_an_fcn_of_its_budget_meets_the_next_larger(study) -> None:
    words = _sentences(verdict(study(fcn_50=0.8, cnn_10=0.9)), "CNN against FCN")
    assert words[0].startswith("There is no FCN 10K; against the next larger: CNN 10K is better than FCN 50K by ")
    assert words[1].startswith("The smallest CNN against the largest FCN: ")


def test_a_fully_connected_network_may_win(study) -> None:
    words = _sentences(verdict(study(fcn_50=0.9, cnn_50=0.8)), "CNN against FCN")
    assert len(words) == 1
    assert words[0].startswith("FCN 50K is better than CNN 50K by ")


def test_each_family_is_compared_with_the_first_in_rank(study) -> None:
    analysis = study(cnn_50=0.9, fcn_50=0.8, cnn_20=0.9)
    cnn_50, fcn, cnn_20 = analysis.summary.networks
    networks = (replace(cnn_20, network_id=NetworkId("own", 20_000), label="OWN 20K"), cnn_50, fcn)
    found = verdict(analyse(replace(analysis.summary, networks=networks)))
    (cnn,) = _sentences(found, "CNN against FCN")
    assert cnn.startswith("CNN 50K is better than FCN 50K by ")
    own = _sentences(found, "OWN against FCN")
    assert own[0].startswith("There is no FCN 20K; against the next larger: OWN 20K is better than FCN 50K by ")
    assert own[1].startswith("The smallest OWN against the largest FCN: ")


def test_both_sides_of_a_comparison_say_the_same(study) -> None:
    analysis = study(fcn_50=0.8, cnn_50=0.9)
    fcn, cnn = analysis.summary.networks
    assert in_words(analysis.comparison(fcn, cnn)) == in_words(analysis.comparison(cnn, fcn))
    assert analysis.comparison(fcn, cnn).difference.mean == -analysis.comparison(cnn, fcn).difference.mean


def test_the_reports_number_is_beaten_only_where_the_interval_says_so(study) -> None:
    analysis = study(fcn_50=0.9, fcn_100=0.9)
    near, far = analysis.summary.networks
    networks = (
        replace(near, reference=Reported(0.898, 0.02, "9 min")),
        replace(far, reference=Reported(0.7, 0.02, "9 min")),
    )
    words = _sentences(verdict(analyse(replace(analysis.summary, networks=networks))), "Against the course report")
    assert words[0].endswith("which shows no difference.")
    assert words[1].startswith("FCN 100K: 90.00 % against 70.00 %, +20.0 points (95 % CI ")
    assert words[1].endswith(").")


def test_costs_that_were_not_measured_are_not_spoken_of(study) -> None:
    words = " ".join(_sentences(verdict(study(fcn_50=0.8, cnn_50=0.9)), "Accuracy for its cost"))
    assert "By weights" in words
    assert "latency" not in words


def test_variants_are_compared_with_the_first_of_their_family_and_of_the_study(study) -> None:
    analysis = study(fcn_10=0.8, cnn_10=0.85, cnn_20=0.9)
    fcn, three, five = analysis.summary.networks
    varied = [
        replace(network, network_id=network_id, label=network_id.label)
        for network, network_id in (
            (fcn, fcn.network_id),
            (three, NetworkId("cnn", 10_000, (("kernel", 3),))),
            (five, NetworkId("cnn", 10_000, (("kernel", 5),))),
        )
    ]
    found = verdict(analyse(replace(analysis.summary, networks=tuple(varied))))
    titles = [topic.title for topic in found.topics if " against " in topic.title]
    assert titles == ["CNN kernel=3 against FCN", "CNN kernel=5 against FCN", "CNN kernel=5 against CNN kernel=3"]
    [sentence] = _sentences(found, titles[-1])
    assert sentence.startswith("CNN 10K kernel=5 is better than CNN 10K kernel=3 by 5.0 points")
    assert not _sentences(found, "What more weights bring")  # no two networks differ in the budget alone


def test_a_study_of_one_network_compares_nothing(study) -> None:
    found = verdict(study(cnn_50=0.9))
    assert _sentences(found, "The best") == ()
    assert _sentences(found, "Accuracy for its cost") == ()
    assert "CNN 50K" in found.headline


def test_a_study_without_results_has_no_verdict(hostile_contents: Contents) -> None:
    assert hostile_contents.verdict == Verdict(NO_VERDICT, ())


def test_where_classes_differ_balanced_accuracy_and_the_lowest_recall_stand_beside(summary: StudySummary) -> None:
    base = _network(summary, "fcn", 1_000, 0.9, 0)
    labels = np.repeat([0, 1], [3_600, 400])
    given = np.where(np.arange(IMAGES) < 3_800, labels * (np.arange(IMAGES) % 2), labels)  # of class 1 some are missed
    logits = np.eye(10, dtype=np.float32)[given]
    made = replace(base, runs=tuple(replace(run, logits=logits) for run in base.runs), labels=labels)
    made = replace(made, test_accuracy=accuracy_interval(made.correct))
    rare = replace(summary, networks=(made,))
    assert made.recalls[:2].tolist() == [1.0, 0.75]
    assert made.balanced_accuracy == 0.875
    table = networks_table(rare)
    cells = dict(zip((column.heading for column in table.columns), table.rows[0], strict=True))
    assert (cells["balanced accuracy %"], cells["lowest recall %"]) == ("87.50", "75.00")
    (sentence,) = _sentences(verdict(analyse(rare)), "Rare classes")
    assert "9 test images for each one of the smallest" in sentence
    assert "balanced accuracy of 87.50 % beside its 97.50 %" in sentence
    assert "class_weight=balanced" in sentence
    even = replace(summary, networks=(base,))
    assert "balanced accuracy %" not in [column.heading for column in networks_table(even).columns]
    assert not _sentences(verdict(analyse(even)), "Rare classes")


def test_what_is_known_of_the_users_own_images_is_repeated(contents: Contents, digits: PreparedDataset) -> None:
    noted = with_notes(contents, replace(digits, notes=("the test part has no image of 'b'",)))
    assert _sentences(noted.verdict, "Your images") == ("The test part has no image of 'b'.",)
    assert with_notes(contents, digits) is contents
