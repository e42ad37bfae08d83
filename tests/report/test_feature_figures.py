"""Figures of what a network sees: all of it is there, nothing overlaps, and names stay text."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from PIL import Image

from makeweight.inspection.records import Filters, Inspection, LayerMaps, Responses, Sample
from makeweight.report.figures.feature_drawings import feature_drawings
from makeweight.report.figures.features import describe_maps, feature_maps, first_filters, responses, short, strongest
from makeweight.report.figures.overview import overview
from makeweight.report.figures.style import THEMES, drawing, save_drawing

NAMES = ("T-shirt/top", "Ankle boot", "<script>alert(1)</script> $x^2$ \u202e and very long")


@pytest.fixture(scope="module")
def make() -> Callable[..., Inspection]:
    """Make an inspection of two samples with random maps."""

    def inspection(filters: int = 20, h: int = 7, w: int = 7, channels: int = 1, samples: int = 2) -> Inspection:
        rng = np.random.default_rng(0)
        shape = (channels, 14, 10)
        pixels = rng.integers(0, 256, (3, 4, *shape)).astype(np.uint8)
        answers = np.array([[0.1, 0.2, 0.7], [0.98, 0.01, 0.01]], np.float32)
        return Inspection(
            network="CNN 10K",
            run="0123456789ab",
            seed=3,
            class_names=NAMES,
            samples=tuple(
                Sample(f"test image {n}", pixels[0, n % 4], (n % 3) or None, answers[n % 2]) for n in range(samples)
            ),
            layers=(
                LayerMaps("stem", "conv", rng.normal(size=(samples, filters, h, w)).astype(np.float32), "act", (3, 5)),
                LayerMaps("out", "linear", rng.normal(size=(samples, 130, 1, 1)).astype(np.float32), "out", (14, 10)),
            ),
            filters=Filters("stem", rng.normal(size=(filters, channels, 3, 3)).astype(np.float32)),
            responses=(
                Responses(
                    "stem",
                    (0, 2, 17),
                    np.arange(12).reshape(3, 4),
                    pixels,
                    rng.uniform(0, 1_000, (3, 4)).astype(np.float32),
                    np.tile([1, 2, 4, 7], (3, 4, 1)),
                ),
            ),
        )  # fmt: skip

    return inspection


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for axes in figure.axes for text in axes.texts]


def assert_legible(figure: Figure) -> None:
    """All words lie inside the paper, and no two on each other."""
    renderer = figure.canvas.get_renderer()  # type: ignore[attr-defined]
    figure.draw(renderer)
    boxes = [
        (text.get_text(), text.get_window_extent(renderer))
        for axes in figure.axes
        for text in (*axes.texts, *axes.get_xticklabels())
        if text.get_text() and (text in axes.texts or axes.xaxis.get_visible())
        if axes.axison or text in axes.texts
    ]
    paper = figure.bbox
    for text, box in boxes:
        assert box.x0 >= 0, text
        assert box.y0 >= 0, text
        assert box.x1 <= paper.x1, text
        assert box.y1 <= paper.y1, text
    for (one, a), (other, b) in combinations(boxes, 2):
        assert not a.overlaps(b), (one, other)


def as_agg(figure: Figure) -> Figure:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    FigureCanvasAgg(figure)
    return figure


@pytest.mark.parametrize(
    "how",
    [
        {},
        {"filters": 3, "h": 28, "w": 28},
        {"filters": 1, "h": 5, "w": 9},
        {"channels": 3},
        {"samples": 1},
        {"filters": 70},
    ],
    ids=str,
)
def test_nothing_overlaps_whatever_the_shapes(make: Callable[..., Inspection], how: dict[str, int]) -> None:
    for drawn in feature_drawings(make(**how)):
        with drawing("light"):
            assert_legible(as_agg(drawn.draw()))


def test_all_drawings_are_named_after_their_layers_and_described(make: Callable[..., Inspection]) -> None:
    drawings = feature_drawings(make())
    names = ["overview-1", "overview-2", "first-filters", "maps-stem", "maps-out", "responses-stem"]
    assert [drawn.name for drawn in drawings] == names
    assert [drawn.name for drawn in feature_drawings(make(samples=4))][:2] == ["overview", "first-filters"]
    assert {(drawn.group, drawn.network) for drawn in drawings} == {("features", "CNN 10K")}
    for drawn in drawings:
        assert "CNN 10K" in drawn.description
        assert "CNN 10K" in drawn.title


@pytest.mark.parametrize("theme", THEMES)
def test_files_have_the_paper_of_their_theme(make: Callable[..., Inspection], tmp_path: Path, theme) -> None:
    *_, found = feature_drawings(make())
    save_drawing(found, tmp_path / "figure.png", theme)
    assert Image.open(tmp_path / "figure.png").convert("L").getpixel((1, 1)) == {"light": 255, "dark": 24}[theme]
    for ending in ("svg", "pdf"):
        save_drawing(found, tmp_path / f"figure.{ending}", theme)
        first = (tmp_path / f"figure.{ending}").read_bytes()
        save_drawing(found, tmp_path / f"figure.{ending}", theme)
        assert (tmp_path / f"figure.{ending}").read_bytes() == first


def test_the_strongest_filters_are_shown_and_the_rest_is_counted(make: Callable[..., Inspection]) -> None:
    inspection = make()
    layer = inspection.layers[0]
    shown = strongest(layer, 16)
    means = layer.maps.mean(axis=(0, 2, 3))
    assert shown == sorted(shown)
    assert means[shown].min() >= np.delete(means, shown).max()
    words = texts(feature_maps(inspection, layer))
    assert [word for word in words if word.isdigit()] == [str(number) for number in shown]
    assert "CNN 10K, seed 3: stem, 20 × 7 × 7" in words
    assert "after act; each value sees 3 × 5 pixels; the 16 of 20 filters with the largest mean" in words


def test_a_map_is_drawn_with_its_values_on_the_scale_of_the_layer(make: Callable[..., Inspection]) -> None:
    inspection = make(filters=3)
    layer = inspection.layers[0]
    pictures = [p for p in feature_maps(inspection, layer).axes[0].images if p.get_cmap().name == "cividis"]
    assert len(pictures) == 2 * 3
    for picture, (sample, number) in zip(pictures, np.ndindex(2, 3), strict=True):
        np.testing.assert_array_equal(picture.get_array(), layer.maps[sample, number])
        assert picture.get_clim() == layer.scale


def test_words_say_what_is_right_wrong_and_unknown(make: Callable[..., Inspection]) -> None:
    words = texts(feature_maps(make(samples=3), make(samples=3).layers[0]))
    assert any(word.startswith("test image 0\n<script>al…") for word in words)  # no truth, no mark
    assert "Ankle boot\n✗ T-shirt/top 98 %" in words
    assert "<script>alert(1)<…\n✓ 70 %" in words


def test_first_filters_are_symmetric_around_zero_with_a_tile_for_each_channel(make: Callable[..., Inspection]) -> None:
    inspection = make(filters=5, channels=3)
    assert inspection.filters is not None
    tiles = first_filters(inspection, inspection.filters).axes[0].images
    assert len(tiles) == 5 * 3
    assert {tile.get_clim() for tile in tiles} == {(-tiles[0].get_clim()[1], tiles[0].get_clim()[1])}
    empty = Filters("stem", np.zeros((2, 1, 3, 3), np.float32))
    assert len(first_filters(inspection, empty).axes[0].images) == 2


@pytest.mark.parametrize(
    "shape", [(3, 1, 3, 3), (6, 3, 1, 1), (6, 1, 1, 1)], ids=["a filter a channel", "1×1 of colours", "1×1 of gray"]
)
def test_first_filters_may_have_one_channel_or_one_weight(
    make: Callable[..., Inspection], shape: tuple[int, int, int, int]
) -> None:
    filters = Filters("stem", np.random.default_rng(0).normal(size=shape).astype(np.float32))
    figure = as_agg(first_filters(make(channels=3), filters))
    tiles = figure.axes[0].images
    assert len(tiles) == shape[0] * shape[1]
    np.testing.assert_array_equal(tiles[0].get_array(), filters.kernels[0, 0])
    assert_legible(figure)


def test_the_frame_is_what_the_place_sees(make: Callable[..., Inspection]) -> None:
    inspection = make()
    axes = responses(inspection, inspection.responses[0]).axes[0]
    frames = [patch for patch in axes.patches if isinstance(patch, Rectangle)]
    assert len(frames) == len(axes.images) == 12
    for frame, image in zip(frames, axes.images, strict=True):
        left, right, bottom, top = image.get_extent()
        assert (frame.get_x() - left) / (right - left) == pytest.approx(1 / 10)
        assert (frame.get_y() - top) / (bottom - top) == pytest.approx(2 / 14)
        assert frame.get_width() / (right - left) == pytest.approx(3 / 10)
        assert frame.get_height() / (bottom - top) == pytest.approx(5 / 14)


def test_features_that_see_everything_have_no_frames(make: Callable[..., Inspection]) -> None:
    inspection = make()
    figure = responses(inspection, replace(inspection.responses[0], boxes=np.tile([0, 0, 10, 14], (3, 4, 1))))
    assert not figure.axes[0].patches
    assert any("each sees the whole image" in text for text in texts(figure))


def test_the_overview_has_a_bar_for_each_class_as_long_as_its_probability(make: Callable[..., Inspection]) -> None:
    bars = [patch for patch in overview(make(), 0).axes[0].patches if isinstance(patch, Rectangle)]
    lengths = np.array([bar.get_width() for bar in bars])
    np.testing.assert_allclose(lengths / lengths.sum(), [0.1, 0.2, 0.7], rtol=1e-5)


def test_a_description_gives_the_numbers(make: Callable[..., Inspection]) -> None:
    inspection = make(filters=3)
    layer = LayerMaps("relu", "conv", np.array([0, 0, 1, 3], np.float32).reshape(1, 1, 2, 2))
    words = describe_maps(inspection, layer)
    assert "1 map of 2 × 2, values from 0 to 3, mean 1, 50 % of them 0." in words


def test_names_are_cut_and_hidden_signs_are_seen() -> None:
    assert short("Sandal", 6) == "Sandal"
    assert short("Sandals", 6) == "Sanda…"
    assert short("a\u202eb\n", 9) == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}"
