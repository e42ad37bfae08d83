"""Numbers on another scale than 0 to 255: what is sure is converted, anything else is asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from makeweight.data.form import Form
from makeweight.data.prepare import prepare_own
from makeweight.data.sources.arrays import arrays_source
from makeweight.data.sources.registry import open_source
from makeweight.errors import DataFormatError, InvalidValue
from makeweight.face.data import load_data

DIGITS = load_digits()
BYTES = np.rint(DIGITS.images * 255 / 16).astype(np.uint8)
GRAY = (1, 8, 8)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEWEIGHT_CACHE", str(tmp_path / "cache"))


def stored(images: np.ndarray, scale: str | None = None) -> np.ndarray:
    """What of images (n, h, w) comes out, (n, 8, 8)."""
    source = arrays_source((images, DIGITS.target), Form(scale=scale))
    return np.concatenate([chunk.images for chunk in source.read(GRAY, lambda *now: None)])[:, 0]


@pytest.mark.parametrize(
    ("images", "scale"),
    [
        (DIGITS.images, "0..16"),
        (DIGITS.images.astype(np.uint8), "0..16"),
        ((DIGITS.images > 8).astype(np.uint8), "0..1"),
        (DIGITS.images * 100 / 16, "0..100"),
    ],
)
def test_a_highest_number_far_below_255_is_asked_for(images: np.ndarray, scale: str) -> None:
    with pytest.raises(DataFormatError, match=rf"no pixel is above .*scale={scale} where .*or scale=0\.\.255"):
        load_data((images, DIGITS.target))
    expected = BYTES if scale != "0..1" else (DIGITS.images > 8) * 255
    np.testing.assert_array_equal(load_data((images, DIGITS.target), scale=scale).test_images().images.max(), 255)
    np.testing.assert_allclose(stored(images, scale).astype(int), expected, atol=1)  # a half is rounded either way
    dark = load_data((images, DIGITS.target), scale="0..255").training_images().images
    assert dark.max() == images.max()


@pytest.mark.parametrize("lowest", [-1.0, -0.42])
def test_a_number_below_0_is_an_error_that_names_the_scales(lowest: float) -> None:
    images = DIGITS.images / 16 * (1 - lowest) + lowest
    with pytest.raises(DataFormatError, match=rf"a pixel is {lowest:g}, outside .*scale=-1\.\.1, scale=standardised"):
        load_data((images, DIGITS.target))
    np.testing.assert_array_equal(stored(images, f"{lowest}..1"), BYTES)


def test_standardised_numbers_get_their_bytes_back() -> None:
    np.testing.assert_array_equal(stored((DIGITS.images / 16 - 0.1307) / 0.3081, "standardised"), BYTES)


def test_standardised_colour_is_scaled_channel_by_channel() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (40, 5, 5, 3), dtype=np.uint8)
    images[0, 0, 0], images[0, 0, 1] = 0, 255
    float_images = (images / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    source = arrays_source((float_images, np.arange(40) % 2), Form(scale="standardised"))
    read = np.concatenate([chunk.images for chunk in source.read((3, 5, 5), lambda *now: None)])
    np.testing.assert_array_equal(read, images.transpose(0, 3, 1, 2))


def test_a_csv_of_small_numbers_is_asked_for(tmp_path: Path) -> None:
    values = np.concatenate([DIGITS.target[:, None], DIGITS.data], axis=1).astype(int).tolist()
    rows = [",".join(map(str, row)) for row in values]
    (tmp_path / "digits.csv").write_text("\n".join(["label," + ",".join(f"p{i}" for i in range(64)), *rows]))
    with pytest.raises(DataFormatError, match=r"no pixel is above 16"):
        prepare_own(open_source(tmp_path / "digits.csv"))
    form = Form(scale="0..16")
    prepared = prepare_own(open_source(tmp_path / "digits.csv", form), form)
    assert prepared.training_images().images.max() == 255


def test_the_scale_makes_another_data_set() -> None:
    one = load_data((DIGITS.images, DIGITS.target), scale="0..16")
    assert one.path != load_data((DIGITS.images, DIGITS.target), scale="0..255").path
    assert any("0..16" in note for note in one.notes)


@pytest.mark.parametrize("scale", ["", "16", "1..0", "a..b", "0..inf", "nan..1", "standard"])
def test_a_scale_that_is_none_is_refused(scale: str) -> None:
    with pytest.raises(InvalidValue, match="scale"):
        Form(scale=scale)
