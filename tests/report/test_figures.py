"""Figures: every one can be read, in both themes, and the same study gives the same bytes."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from PIL import Image
from tests.report.conftest import contents_of

from makeweight.jobs.network import NetworkId
from makeweight.report.contents import Contents
from makeweight.report.figures import style
from makeweight.report.figures.catalogue import drawings
from makeweight.report.figures.classes import describe_confusion, most_confident_mistakes
from makeweight.report.figures.style import Drawing

SVG = "{http://www.w3.org/2000/svg}"


def _named(contents: Contents, name: str) -> Drawing:
    return next(d for d in drawings(contents) if d.name == name)


def _svg(drawing: Drawing) -> str:
    with style.drawing():
        return style.to_svg(drawing.draw())


def test_there_is_one_of_each_kind_and_network(contents: Contents) -> None:
    found = drawings(contents)
    labels = [network.label for network in contents.analysis.summary.networks]
    names = {d.name for d in found}
    assert len(names) == len(found)
    shared = {"accuracy-against-weights", "accuracy-against-macs", "accuracy-against-time", "budget-share", "curves"}
    assert names > shared | {"verdict-matrix", "classes", "reliability"}
    for kind in ("curves", "confusion", "mistakes"):
        assert [d.network for d in found if d.name.startswith(f"{kind}-")] == labels
    assert not any(name.startswith("accuracy-against-latency") for name in names)  # never measured
    assert all(len(d.description) > 30 and d.title for d in found)


def test_without_the_images_only_their_figures_are_missing(contents: Contents) -> None:
    missing = {d.name for d in drawings(contents)} - {d.name for d in drawings(replace(contents, test_images=None))}
    assert missing == {"mistakes-fcn-2k", "mistakes-fcn-3k", "mistakes-cnn-2k", "mistakes-cnn-3k"}


def test_a_mistake_of_one_training_in_three_is_not_none(contents: Contents) -> None:
    counts = np.diag([34.0, 39.0, 35.0])
    counts[0, 2], counts[1, 2] = 1 / 3, 1
    analysis = replace(contents.analysis.networks[0], confusion=counts)
    words = describe_confusion(analysis, ["flower", "portrait", "temple"])
    assert words.endswith("portrait predicted as temple (1 image), flower predicted as temple (0.3 images).")


def test_every_svg_is_drawn_and_deterministic(small_contents: Contents) -> None:
    for drawing in drawings(small_contents):
        text = _svg(drawing)
        root = ElementTree.fromstring(text)
        assert root.tag == f"{SVG}svg"
        assert len(list(root.iter(f"{SVG}path"))) > 20, drawing.name
        assert text == _svg(drawing), drawing.name


def test_an_svg_for_a_page_takes_the_pages_ink_and_no_paper(contents: Contents) -> None:
    text = _svg(_named(contents, "curves-fcn-2k"))
    assert "currentColor" in text
    assert style.INK["light"] not in text
    assert style.PAPER["light"] not in text


@pytest.mark.parametrize("ending", style.FORMATS)
def test_every_format_is_written_readable_and_the_same_twice(contents: Contents, tmp_path: Path, ending: str) -> None:
    paths = [tmp_path / f"{i}.{ending}" for i in range(2)]
    for path in paths:
        style.save_drawing(_named(contents, "accuracy-against-weights"), path)
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


@pytest.mark.parametrize(("theme", "bright"), [("light", True), ("dark", False)])
def test_a_theme_has_its_paper_and_readable_ink(
    contents: Contents, tmp_path: Path, theme: style.Theme, bright: bool
) -> None:
    path = tmp_path / "figure.png"
    style.save_drawing(_named(contents, "verdict-matrix"), path, theme)
    with Image.open(path) as picture:
        pixels = np.asarray(picture.convert("L"))
    assert (pixels[0, 0] > 128) == bright
    assert pixels.max() - pixels.min() > 200


def test_ink_is_readable_on_every_colour() -> None:
    for colour in np.random.default_rng(0).random((200, 3)):
        linear = np.where(colour <= 0.04045, colour / 12.92, ((colour + 0.055) / 1.055) ** 2.4)
        paper = float(linear @ [0.2126, 0.7152, 0.0722])
        ink = 1.0 if style.ink_on(colour) == "white" else 0.0
        assert (max(ink, paper) + 0.05) / (min(ink, paper) + 0.05) >= 4.5  # WCAG AA


def test_the_mistakes_are_wrong_and_the_most_confident_come_first() -> None:
    probabilities = np.array([[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.3, 0.7]])
    labels = np.array([0, 1, 0, 0])
    assert most_confident_mistakes(probabilities, labels).tolist() == [2, 3, 1]
    assert most_confident_mistakes(probabilities, labels, 2).tolist() == [2, 3]
    assert most_confident_mistakes(probabilities, np.array([0, 0, 1, 1])).tolist() == []


def test_a_study_without_results_has_no_figures(hostile_contents: Contents) -> None:
    assert drawings(hostile_contents) == ()


def test_names_of_classes_are_text_and_not_formulas(with_hostile_names: Contents) -> None:
    # matplotlib would read $…$ as mathematics, and fail on most of what users write.
    for drawing in drawings(with_hostile_names):
        assert _svg(drawing).startswith("<svg")


@pytest.mark.parametrize("seconds", [1e-4, 0.0095, 0.01, 0.37, 1, 12.5, 100])
@pytest.mark.parametrize("budget", [2_000, 10_000])
def test_a_single_network_is_drawn_with_an_axis_that_can_be_read(
    contents: Contents, seconds: float, budget: int
) -> None:
    summary = contents.analysis.summary
    only = replace(summary.networks[0], train_seconds=seconds, network_id=NetworkId("fcn", budget), weights=budget)
    alone = contents_of(replace(summary, networks=(only,)))
    assert "verdict-matrix" not in {d.name for d in drawings(alone)}
    for name in ("accuracy-against-weights", "accuracy-against-time"):
        with style.drawing():
            figure = _named(alone, name).draw()
            assert style.to_svg(figure).startswith("<svg")
        axes = figure.axes[0]
        low, high = axes.get_xlim()
        labels = [label.get_text() for label in axes.get_xticklabels() if low <= label.get_position()[0] <= high]
        assert any(labels), (name, low, high)
