"""Charts to play with: what they show is what the study says."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from makeweight.designs.families.base import Reported
from makeweight.report.analysis import Analysis, analyse
from makeweight.report.contents import Contents
from makeweight.report.costs import COSTS, known
from makeweight.report.figures.catalogue import drawings
from makeweight.report.page.charts import Chart, lines
from makeweight.report.page.cost_chart import cost_chart
from makeweight.report.page.curve_chart import SPANS, VALUES, curve_chart
from makeweight.report.page.reliability_chart import reliability_chart
from makeweight.report.summary import StudySummary


@pytest.fixture(scope="module")
def analysis(contents: Contents) -> Analysis:
    return contents.analysis


@pytest.fixture(scope="module")
def charts(analysis: Analysis) -> tuple[Chart, ...]:
    networks = analysis.summary.networks
    return cost_chart(analysis), curve_chart(networks), reliability_chart(analysis.networks)


def test_every_choice_has_its_figure(charts: tuple[Chart, ...]) -> None:
    for chart in charts:
        keys = [""]
        for number, control in enumerate(chart.controls):
            keys = [f"{key}{'|' if number else ''}{value}" for key in keys for value, _ in control.choices]
        assert set(keys) == set(chart.figures)
        assert json.loads(json.dumps(chart.to_record(), allow_nan=False))["figures"].keys() == set(keys)


def test_every_network_can_be_switched_off(charts: tuple[Chart, ...], analysis: Analysis) -> None:
    labels = {network.label for network in analysis.summary.networks}
    for chart in charts:
        assert labels <= {series.key for series in chart.series}
        for figure in chart.figures.values():
            switched = [key for trace in figure.data for key in (trace.ids or [trace.meta]) if key is not None]
            assert labels <= set(switched) <= {series.key for series in chart.series}


def test_a_chart_has_words_numbers_and_still_figures_to_stand_in(charts: tuple[Chart, ...], contents: Contents) -> None:
    names = {drawing.name for drawing in drawings(contents)}
    for chart in charts:
        assert set(chart.statics) <= names
        assert len(chart.description) > 50
        assert all(len(row) == len(chart.table.columns) for row in chart.table.rows)
        assert len(chart.table.rows) >= len(contents.analysis.summary.networks)


def test_points_are_the_networks_means_costs_and_intervals(analysis: Analysis) -> None:
    chart = cost_chart(analysis)
    axes = [axis for axis in COSTS if known(analysis.summary, axis)]
    assert [axis.name for axis in axes] == list(chart.figures)
    for axis in axes:
        points = {}
        for trace in chart.figures[axis.name].data:
            for i, label in enumerate(trace.ids or ()):
                y, error = trace.y[i], trace.error_y
                points[label] = (trace.x[i], y, y - error.arrayminus[i], y + error.array[i])
        for network in analysis.summary.networks:
            interval = network.test_accuracy
            expected = axis.of(network), 100 * interval.mean, 100 * interval.low, 100 * interval.high
            assert points[network.label] == pytest.approx(expected, rel=1e-4)


def test_a_point_tells_all_that_is_known(analysis: Analysis) -> None:
    network = analysis.summary.networks[0]
    told = next(t.hovertext[0] for t in cost_chart(analysis).figures["macs"].data if t.ids).split("<br>")
    assert told[0] == network.label
    assert f"weights {network.weights:,}" in told
    assert f"training time {network.train_seconds:.3g} s" in told
    assert len(told) == 3 + sum(axis.of(network) is not None for axis in COSTS)


def test_the_frontier_is_that_of_the_statistics(analysis: Analysis) -> None:
    [frontier] = [t for t in cost_chart(analysis).figures["weights"].data if t.meta and "beaten" in t.meta]
    on = [place for place in analysis.frontiers["weights"].values() if place.on_frontier]
    assert len(frontier.x) == len(on) + 1  # and on to the edge


def test_the_report_is_marked_at_first_where_it_does_not_flatten_the_rest(summary: StudySummary) -> None:
    low = min(network.test_accuracy.low for network in summary.networks)
    for theirs, shown in ((low, True), (low - 0.2, False)):
        reference = Reported(theirs, 0.02, "9 min")
        networks = tuple(replace(network, reference=reference) for network in summary.networks)
        chart = cost_chart(analyse(replace(summary, networks=networks)))
        [series] = [series for series in chart.series if "report" in series.key]
        assert series.shown is shown
        marked = {key: [t for t in f.data if t.meta == series.key] for key, f in chart.figures.items()}
        assert [len(traces) for traces in marked.values()] == [1] + [0] * (len(marked) - 1)
        assert marked["weights"][0].y == pytest.approx([100 * theirs] * len(networks), rel=1e-4)


def test_curves_are_means_between_the_seeds(analysis: Analysis) -> None:
    chart = curve_chart(analysis.summary.networks)
    assert len(chart.figures) == len(VALUES) * len(SPANS)
    network = analysis.summary.networks[0]
    band, line = [t for t in chart.figures["training-loss|epochs"].data if t.meta == network.label]
    losses = [[record.training_loss for record in run.epochs] for run in network.runs]
    assert line.y == pytest.approx([sum(at) / len(at) for at in zip(*losses, strict=True)], rel=1e-4)
    assert list(line.x) == [1, 2, 3, 4]
    assert list(chart.figures["training-loss|share"].data[1].x) == [25, 50, 75, 100]
    assert min(band.y) <= min(line.y)
    assert len(band.y) == 2 * len(line.y)


def test_one_seed_has_no_band(summary: StudySummary) -> None:
    only = replace(summary.networks[0], runs=summary.networks[0].runs[:1])
    assert all(len(figure.data) == 1 for figure in curve_chart((only,)).figures.values())


def test_reliability_has_a_mark_for_each_bin(analysis: Analysis) -> None:
    diagonal, *traces = reliability_chart(analysis.networks).figures[""].data
    assert list(diagonal.y) == [0, 100]
    for trace, of in zip(traces, analysis.networks, strict=True):
        assert len(trace.x) == len(of.calibration.bins)
        assert trace.y == pytest.approx([100 * b.accuracy.mean for b in of.calibration.bins], rel=1e-4)


def test_names_stay_text_in_what_plotly_reads() -> None:
    assert lines("<a href=x>FCN</a>", "2") == "&lt;a href=x&gt;FCN&lt;/a&gt;<br>2"
