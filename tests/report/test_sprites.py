"""Sprites give back the maps, as exactly as their 64 levels allow."""

from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib import colormaps
from numpy.typing import NDArray
from PIL import Image

from makeweight.inspection.records import LayerMaps, Sample
from makeweight.report.page.sprites import LEVELS, grid_of, palette, sample_png, sprite

shapes = st.tuples(st.integers(1, 3), st.integers(1, 20), st.integers(1, 9), st.integers(1, 9))


def random_maps(shape: tuple[int, int, int, int], seed: int = 0) -> LayerMaps:
    return LayerMaps("conv", "conv", np.random.default_rng(seed).normal(size=shape).astype(np.float32))


def opened(content: bytes) -> Image.Image:
    image = Image.open(io.BytesIO(content))
    image.load()
    return image


@given(shape=shapes, seed=st.integers(0, 9))
def test_every_map_is_read_back_from_its_place(shape: tuple[int, int, int, int], seed: int) -> None:
    layer = random_maps(shape, seed)
    grid, (low, high) = grid_of(layer), layer.scale
    for sample in range(shape[0]):
        image = opened(sprite(layer, sample))
        assert (image.mode, image.size) == ("P", grid.size)
        indices, seen = np.asarray(image), np.zeros(grid.size[::-1], dtype=bool)
        for number in range(grid.filters):
            left, top = grid.corner(number)
            place = np.s_[top : top + grid.tile[1], left : left + grid.tile[0]]
            assert not seen[place].any()
            seen[place] = True
            values = low + (indices[place] + 0.5) / LEVELS * (high - low)
            wanted = np.clip(layer.maps[sample, number], low, high)
            np.testing.assert_allclose(values, wanted, atol=0.51 * (high - low) / LEVELS)
        assert (np.asarray(image.convert("RGBA"))[..., 3] == 255 * seen).all()


def test_colours_are_those_of_cividis() -> None:
    layer = LayerMaps("conv", "conv", np.linspace(-1, 1, LEVELS, dtype=np.float32).reshape(1, 1, 8, 8))
    shown = np.asarray(opened(sprite(layer, 0)).convert("RGB")).reshape(-1, 3)
    np.testing.assert_array_equal(shown[0], np.round(255 * np.array(colormaps["cividis"](0.0)[:3])))
    np.testing.assert_array_equal(shown[-1], np.round(255 * np.array(colormaps["cividis"](1.0)[:3])))
    np.testing.assert_array_equal(shown, palette())


def test_all_samples_of_a_layer_have_one_scale() -> None:
    values = np.zeros((2, 1, 4, 4), np.float32)
    values[1] = 1
    layer = LayerMaps("conv", "conv", values)
    assert [set(np.asarray(opened(sprite(layer, n))).flat) for n in (0, 1)] == [{0}, {LEVELS - 1}]


def test_the_same_maps_give_the_same_small_file() -> None:
    layer = random_maps((1, 48, 14, 14))
    assert sprite(layer, 0) == sprite(layer, 0)
    assert len(sprite(layer, 0)) < 48 * 14 * 14  # below a byte a value, even of noise


@pytest.mark.parametrize("channels", [1, 3])
def test_a_sample_keeps_its_pixels(channels: int) -> None:
    pixels: NDArray[np.uint8] = np.random.default_rng(0).integers(0, 256, (channels, 5, 7)).astype(np.uint8)
    image = np.asarray(opened(sample_png(Sample("s", pixels, None, np.ones(2, np.float32)))))
    np.testing.assert_array_equal(image.reshape(5, 7, channels).transpose(2, 0, 1), pixels)
