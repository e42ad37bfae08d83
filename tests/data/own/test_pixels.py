"""Numbers to images: one conversion, decided over all of them, and a row named for what cannot be converted."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from makeweight.data.form import Form
from makeweight.data.picture import channels_first
from makeweight.data.sources.arrays import arrays_source
from makeweight.data.sources.axes import Layout, layout_of, settled
from makeweight.data.sources.pixels import Scale, limit_of, scale_of, to_bytes, without_alpha
from makeweight.data.sources.rows import BadRow
from makeweight.errors import DataFormatError

UNIT, SIXTEEN = Scale(0.0, 1.0), Scale(0.0, 65_535.0)


def read_all(images: np.ndarray, form: Form | None = None) -> np.ndarray:
    """Images as a source of arrays gives them, in their own shape."""
    source = arrays_source((images, np.arange(len(images)) % 2), form)
    [shape] = source.survey(lambda *now: None).shapes
    return np.concatenate([chunk.images for chunk in source.read(shape, lambda *now: None)])


def notes(images: np.ndarray, form: Form | None = None) -> tuple[str, ...]:
    return arrays_source((images, np.arange(len(images)) % 2), form).survey(lambda *now: None).notes


images8 = hnp.arrays(np.uint8, st.tuples(st.integers(1, 5), st.integers(5, 8), st.integers(5, 8)))


@given(images8)
@settings(deadline=None)
def test_bytes_are_themselves_in_every_type_that_holds_them(images: np.ndarray) -> None:
    for dtype in ("u1", "<u2", ">u2", "i2", "<i4", "i8", "u8"):
        np.testing.assert_array_equal(read_all(images.astype(dtype))[:, 0], images)


@given(images8)
@settings(deadline=None)
def test_floats_from_0_to_1_come_back_as_the_bytes_they_were(images: np.ndarray) -> None:
    images[0, 0, 0] = 255  # so that 1 is reached
    for dtype in ("f4", "f8", ">f4"):
        np.testing.assert_array_equal(read_all((images / 255).astype(dtype))[:, 0], images)
    assert np.abs(read_all((images / 255).astype("f2"))[:, 0].astype(int) - images).max() <= 1


@given(images8)
@settings(deadline=None)
def test_floats_from_0_to_255_are_rounded(images: np.ndarray) -> None:
    images[0, 0, 0] = 254
    np.testing.assert_array_equal(read_all(images + np.float32(0.25))[:, 0], images)


@given(hnp.arrays(np.uint16, (4, 5, 6)))
@settings(deadline=None)
def test_sixteen_bits_become_eight_as_pictures_do(images: np.ndarray) -> None:
    images[0, 0, 0] = 65_535
    np.testing.assert_array_equal(read_all(images)[:, 0], (images.astype(int) + 128) // 257)


def test_the_scale_is_that_of_all_images_and_not_of_a_chunk() -> None:
    dark = np.full((3_000, 5, 5), 200, np.uint16)
    dark[-1, 0, 0] = 60_000
    assert read_all(dark)[0, 0, 0, 0] == 1  # 200 / 257
    unit = np.full((3_000, 5, 5), 0.5)
    assert read_all(unit)[0, 0, 0, 0] == 128
    unit[-1, 0, 0] = 2
    assert read_all(unit)[0, 0, 0, 0] == 0


def test_the_scale_is_that_of_all_parts() -> None:
    train, test = np.full((4, 5, 5), 200.0), np.full((4, 5, 5), 1.0)
    labels = np.array([0, 1, 0, 1])
    source = arrays_source({"train": (train, labels), "test": (test, labels)})
    chunks = {chunk.part: chunk.images for chunk in source.read((1, 5, 5), lambda *now: None)}
    assert chunks["test"].max() == 1


def test_true_is_white() -> None:
    np.testing.assert_array_equal(read_all(np.eye(6, dtype=bool)[None])[0, 0], np.eye(6) * 255)


def test_what_is_changed_is_said() -> None:
    images = np.zeros((3, 5, 6))
    assert notes(images) == ("values from 0 to 1 are multiplied by 255",)
    assert notes(images + 3) == ()
    assert notes(np.full((3, 5, 6), 300, np.uint16)) == ("16-bit values are divided by 257",)
    assert notes(np.zeros((3, 5, 6), np.uint16)) == ()
    assert notes(np.zeros((3, 5, 6), bool)) == ("true and false become 255 and 0",)
    assert notes(np.zeros((3, 5, 6, 4), np.uint8)) == ("transparency is laid on black",)


@pytest.mark.parametrize(("highest", "said"), [(255, False), (256, True), (4_095, True), (4_096, False)])
def test_twelve_bits_in_sixteen_are_said(highest: int, said: bool) -> None:
    images = np.zeros((3, 5, 6), np.uint16)
    images[1, 2, 3] = highest
    source = arrays_source((images, np.arange(3) % 2))
    list(source.read((1, 5, 6), lambda *now: None))
    assert any(f"above {highest:,}, so these images come out nearly black" in note for note in source.notes) == said


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf, -3.0, 256.0, 1e300])
@pytest.mark.parametrize("row", [0, 1_004])
def test_fault_24_a_number_that_is_no_pixel_is_named_with_its_row(value: float, row: int) -> None:
    images = np.full((1_010, 3, 7), 255.0)
    images[row, 2, 1] = value
    with pytest.raises(DataFormatError, match=rf"^X\[{row}\]: a pixel is ") as caught:
        read_all(images)
    assert f"{value:g}" in str(caught.value)


@pytest.mark.parametrize(("dtype", "value"), [("i2", -1), ("i4", 256), ("u8", 2**63 + 1), ("i8", -(2**62))])
def test_whole_numbers_beyond_bytes_are_named(dtype: str, value: int) -> None:
    images = np.zeros((4, 3, 7), dtype)
    images[2, 1, 1] = value
    with pytest.raises(DataFormatError, match=rf"^X\[2\]: a pixel is {value}, outside 0 to 255"):
        read_all(images)


def test_what_still_rounds_into_the_range_is_taken() -> None:
    values = np.array([[1.0019, -0.0019, 0.5]], np.float32)  # interpolation leaves such
    assert to_bytes(values, UNIT).tolist() == [[255, 0, 128]]
    assert scale_of(np.dtype("f4"), 1.0019).high == 1.0


wild = hnp.arrays(hnp.floating_dtypes(sizes=(32, 64)) | hnp.integer_dtypes(), (3, 4))


@given(wild, st.sampled_from([1.0, 255.0]))
@settings(deadline=None)
def test_any_number_becomes_the_nearest_byte_or_a_bad_row(values: np.ndarray, factor: float) -> None:
    factor = 1.0 if values.dtype == np.uint8 else factor
    exact = np.array([[float(value) * factor for value in row] for row in values])
    # A hair beside -0.5 and 255.5 either is right: factors are applied in the type of the values.
    inside, outside = (exact > -0.4999) & (exact < 255.4999), ~((exact > -0.5001) & (exact < 255.5001))
    row = bad_row(values, factor)
    if row is None:
        assert not outside.any()
        np.testing.assert_allclose(to_bytes(values, Scale(0.0, 255.0 / factor)), exact, atol=0.501)
    else:
        assert not inside[row].all()
        assert not outside[:row].any()


def bad_row(values: np.ndarray, factor: float) -> int | None:
    try:
        to_bytes(values, Scale(0.0, 255.0 / factor))
    except BadRow as bad:
        return bad.row
    return None


def test_only_types_that_leave_the_scale_open_are_looked_through() -> None:
    limits = {kind: limit_of(np.dtype(kind)) for kind in ("u1", "b1", "i4", "u2", "f4")}
    assert [kind for kind, limit in limits.items() if limit is not None] == ["u2", "f4"]


@given(hnp.arrays(np.uint8, (2, 6, 5, 4)))
@settings(deadline=None)
def test_alpha_is_laid_on_black_as_pillow_does(images: np.ndarray) -> None:
    ours = without_alpha(images.transpose(0, 3, 1, 2))
    for image, mine in zip(images, ours, strict=True):
        black = Image.new("RGBA", (5, 6), (0, 0, 0, 255))
        theirs = Image.alpha_composite(black, Image.fromarray(image)).convert("RGB")
        assert np.abs(channels_first(theirs).astype(int) - mine).max() <= 1


def test_gray_with_alpha_becomes_gray() -> None:
    column = np.array([[200, 255], [200, 0], [200, 51], [9, 255], [0, 0]], np.uint8)
    images = np.repeat(column[None, :, None], 6, axis=2)  # (1, 5, 6, 2)
    assert read_all(images)[0, 0, :, 5].tolist() == [200, 0, 40, 9, 0]


@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_channels_may_be_last_or_first(channels: int) -> None:
    images = np.random.default_rng(1).integers(0, 256, (3, 6, 5, channels), dtype=np.uint8)
    np.testing.assert_array_equal(read_all(images), read_all(images.transpose(0, 3, 1, 2)))


@pytest.mark.parametrize(
    ("shape", "order"),
    [
        ((3, 8, 8), "chw"),
        ((8, 8, 3), "hwc"),
        ((3, 4, 4), "chw"),
        ((4, 4, 3), "hwc"),
        ((1, 28, 1), "hwc"),
        ((3, 5, 2), "chw"),
    ],
)
def test_where_the_channels_are(shape: tuple[int, ...], order: str) -> None:
    layout = layout_of(shape, Form(), "X")
    assert layout.order == order
    doubt = shape[0] <= 4 and shape[-1] <= 4
    assert (layout.note is not None) == doubt


@pytest.mark.parametrize("shape", [(28, 28, 28), (5, 5, 5, 3), (0, 4), (11_000, 11_000), (3_000_000_000,), (7, 7, 5)])
def test_no_image_is_refused_with_its_shape(shape: tuple[int, ...]) -> None:
    with pytest.raises(DataFormatError, match=r"^X: .*reshape the array\.$") as caught:
        layout_of(shape, Form(), "X")
    assert str(shape) in str(caught.value)


@pytest.mark.parametrize(
    ("values", "size", "stored"),
    [
        (784, None, (28, 28)), (784, (14, 56), (14, 56)), (784, (32, 32), (28, 28)), (588, (14, 14), (14, 14, 3)),
        (2_352, None, (28, 28, 3)), (30, (5, 6), (5, 6)), (1, (1, 1), (1, 1)), (3, (1, 1), (1, 1, 3)),
        (4, None, (2, 2)),
    ],
)  # fmt: skip
def test_flat_rows_have_the_size_asked_for_or_are_square(values: int, size: tuple[int, int], stored: object) -> None:
    assert layout_of((values,), Form(size), "X").stored == stored


@pytest.mark.parametrize("values", [783, 1, 2, 3])  # of Kaggle's submissions a line has an id, a label, and no image
def test_flat_rows_of_no_size_name_their_number_and_the_option(values: int) -> None:
    with pytest.raises(DataFormatError, match=rf"X: {values} values a row .* image_size=HEIGHTxWIDTH"):
        layout_of((values,), Form(), "X")


def photographs() -> np.ndarray:
    """Patches of real colour photographs, (n, 32, 32, 3)."""
    from sklearn.datasets import load_sample_images

    patches = [
        image[y : y + 32, x : x + 32] for image in load_sample_images().images for y in range(0, 384, 96)
        for x in range(0, 600, 100)
    ]  # fmt: skip
    return np.stack(patches)


@pytest.mark.parametrize("colourless", [False, True])
def test_the_order_of_flat_colour_shows_in_the_images(colourless: bool) -> None:
    images = photographs()
    if colourless:
        images = np.repeat(images[..., :1], 3, axis=-1)
    expected = images.transpose(0, 3, 1, 2)
    np.testing.assert_array_equal(read_all(images.reshape(len(images), -1)), expected)
    np.testing.assert_array_equal(read_all(expected.reshape(len(images), -1)), expected)
    assert "plane" in notes(expected.reshape(len(images), -1))[0]
    assert "together" in notes(images.reshape(len(images), -1))[0]


def test_noise_is_taken_pixel_by_pixel() -> None:
    noise = np.random.default_rng(2).integers(0, 256, (500, 48))
    layout = layout_of((48,), Form(), "X")
    assert settled(layout, noise) is layout


def test_planes_of_a_layout() -> None:
    values = np.arange(24).reshape(2, 12)
    assert Layout("chw", (3, 2, 2)).planes(values)[1, 2].tolist() == [[20, 21], [22, 23]]
    assert Layout("hwc", (2, 2, 3)).planes(values)[1, 2].tolist() == [[14, 17], [20, 23]]
