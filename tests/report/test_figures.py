"""Figures: every one can be read, and the same study gives the same bytes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image

from makeweight.report.figures import all_figures, curves_name, save, to_svg
from makeweight.report.summary import StudySummary, summarise

SVG = "{http://www.w3.org/2000/svg}"


def test_there_is_one_of_each_network_and_two_of_all(summary: StudySummary) -> None:
    names = list(all_figures(summary))
    assert len(names) == len(summary.networks) + 2
    assert set(map(curves_name, summary.networks)) < set(names)


def test_every_svg_is_drawn_and_deterministic(summary: StudySummary) -> None:
    first, second = all_figures(summary), all_figures(summary)
    for name, figure in first.items():
        text = to_svg(figure)
        root = ElementTree.fromstring(text)
        assert root.tag == f"{SVG}svg"
        assert len(list(root.iter(f"{SVG}path"))) > 20
        assert text == to_svg(second[name]), name


@pytest.mark.parametrize("ending", ["svg", "png", "pdf"])
def test_every_format_is_written_readable_and_the_same_twice(
    summary: StudySummary, tmp_path: Path, ending: str
) -> None:
    name = "accuracy-against-weights"
    paths = [tmp_path / f"{i}.{ending}" for i in range(2)]
    for path in paths:
        save(all_figures(summary)[name], path)
    content = paths[0].read_bytes()
    assert content == paths[1].read_bytes()
    if ending == "svg":
        assert len(list(ElementTree.fromstring(content).iter(f"{SVG}path"))) > 20
    elif ending == "png":
        with Image.open(paths[0]) as picture:
            pixels = np.asarray(picture.convert("L"))
        assert min(pixels.shape) > 400
        assert pixels.min() < 100 < 200 < pixels.max()
    else:
        assert content.startswith(b"%PDF")


def test_a_study_without_results_has_no_figures(hostile: Path) -> None:
    assert all_figures(summarise(hostile)) == {}


@pytest.mark.parametrize("seconds", [1e-4, 0.0095, 0.01, 0.37, 1, 12.5, 100])
@pytest.mark.parametrize("budget", [2_000, 10_000])
def test_a_single_network_is_drawn_with_an_axis_that_can_be_read(
    summary: StudySummary, seconds: float, budget: int
) -> None:
    only = replace(summary.networks[0], train_seconds=seconds, budget=budget, weights=budget)
    figures = all_figures(replace(summary, networks=(only,)))
    for name in ("accuracy-against-weights", "accuracy-against-time"):
        assert to_svg(figures[name]).startswith("<svg")
        axes = figures[name].axes[0]
        low, high = axes.get_xlim()
        labels = [label.get_text() for label in axes.get_xticklabels() if low <= label.get_position()[0] <= high]
        assert any(labels), (name, low, high)
