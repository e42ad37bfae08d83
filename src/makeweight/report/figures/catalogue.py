"""All figures of a report, by name."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

from makeweight.jobs.network import slug
from makeweight.report.analysis import Analysis, NetworkAnalysis
from makeweight.report.contents import Contents
from makeweight.report.costs import COSTS, known
from makeweight.report.figures import classes as class_figures
from makeweight.report.figures import comparisons as comparison_figures
from makeweight.report.figures import costs as cost_figures
from makeweight.report.figures import curves as curve_figures
from makeweight.report.figures import tuning as tuning_figures
from makeweight.report.figures.style import Drawing


def drawings(contents: Contents) -> tuple[Drawing, ...]:
    """Everything that can be drawn of a study; without a result only how it is tuned."""
    analysis, tuning = contents.analysis, tuple(_tuning(contents))
    if not analysis.summary.networks:
        return tuning
    return (
        *_costs(analysis),
        *_curves(analysis),
        *_comparisons(analysis),
        *_classes(contents),
        *tuning,
    )


def _costs(analysis: Analysis) -> Iterator[Drawing]:
    summary = analysis.summary
    for axis in COSTS:
        if known(summary, axis):
            draw = partial(cost_figures.accuracy_against, analysis, axis)
            title = f"Accuracy against {axis.title}"
            yield Drawing(f"accuracy-against-{axis.name}", title, cost_figures.describe(analysis, axis), "costs", draw)
    words, draw = cost_figures.describe_shares(summary.networks), partial(cost_figures.budget_share, summary.networks)
    yield Drawing("budget-share", "Where the weights sit", words, "networks", draw)


def _curves(analysis: Analysis) -> Iterator[Drawing]:
    networks = analysis.summary.networks
    words = " ".join(map(curve_figures.describe, networks))
    draw = partial(curve_figures.all_learning_curves, networks)
    yield Drawing("curves", "Learning curves of all networks", words, "curves", draw)
    for network in networks:
        title, draw = f"{network.label}: learning curves", partial(curve_figures.learning_curves, network)
        name = f"curves-{file_name(network.label)}"
        yield Drawing(name, title, curve_figures.describe(network), "curves", draw, network.label)


def _comparisons(analysis: Analysis) -> Iterator[Drawing]:
    if len(analysis.summary.networks) > 1:
        words, draw = comparison_figures.describe(analysis), partial(comparison_figures.verdict_matrix, analysis)
        yield Drawing("verdict-matrix", "Every network against every other", words, "comparisons", draw)


def _classes(contents: Contents) -> Iterator[Drawing]:
    analyses, names = contents.analysis.networks, contents.analysis.summary.class_names
    words, draw = class_figures.describe_classes(analyses, names), partial(class_figures.class_scores, analyses, names)
    yield Drawing("classes", "F1 by class", words, "classes", draw)
    words, draw = class_figures.describe_reliability(analyses), partial(class_figures.reliability, analyses)
    yield Drawing("reliability", "Reliability", words, "classes", draw)
    for analysis in analyses:
        yield from _of_network(contents, analysis, names)


def _of_network(contents: Contents, analysis: NetworkAnalysis, names: tuple[str, ...]) -> Iterator[Drawing]:
    label = analysis.network.label
    words, draw = (
        class_figures.describe_confusion(analysis, names),
        partial(class_figures.confusion_matrix, analysis, names),
    )
    yield Drawing(f"confusion-{file_name(label)}", f"{label}: confusion", words, "classes", draw, label)
    if contents.test_images is not None:
        words = class_figures.describe_mistakes(analysis, names)
        draw = partial(class_figures.mistakes, analysis, contents.test_images, names)
        title = f"{label}: most confident mistakes"
        yield Drawing(mistakes_name(label), title, words, "classes", draw, label)


def _tuning(contents: Contents) -> Iterator[Drawing]:
    tuning = contents.tuning
    if tuning is None:
        return
    for figure in tuning_figures.FIGURES:
        words = figure.describe(tuning)
        if words:
            yield Drawing(f"tuning-{figure.name}", figure.title, words, "tuning", partial(figure.draw, tuning))


def mistakes_name(label: str) -> str:
    """Name of the figure with a network's mistakes, the only one here that needs the test images."""
    return f"mistakes-{file_name(label)}"


def file_name(label: str) -> str:
    """CNN 10K as it stands in file names: cnn-10k."""
    return slug(label)
