"""Pictures of the user's: what becomes of each kind, and that no file, however hostile, is more than one clear line."""

from __future__ import annotations

import os
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from PIL import Image

from makeweight.data.picture import MAX_BYTES, border_brightness, read_picture
from makeweight.errors import DataFormatError, DataNotFound, InvalidValue, MakeweightError

GRAY = (1, 28, 28)
COLOUR = (3, 8, 12)


@pytest.fixture
def write(tmp_path: Path) -> Callable[..., Path]:
    def save(image: Image.Image, name: str = "picture.png", **how: object) -> Path:
        image.save(tmp_path / name, **how)
        return tmp_path / name

    return save


def ramp(h: int = 28, w: int = 28) -> NDArray[np.uint8]:
    return np.arange(h * w).reshape(h, w).astype(np.uint8)


def test_a_gray_picture_of_the_right_size_stays_as_it_is(write: Callable[..., Path]) -> None:
    path = write(Image.fromarray(ramp()))
    picture = read_picture(path, GRAY)
    assert (picture.name, picture.pixels.dtype, picture.pixels.shape) == ("picture.png", np.uint8, GRAY)
    np.testing.assert_array_equal(picture.pixels[0], ramp())
    np.testing.assert_array_equal(read_picture(path, GRAY, invert=True).pixels[0], 255 - ramp())


def test_sixteen_bits_become_eight_over_their_whole_range(write: Callable[..., Path]) -> None:
    deep = ramp().astype(np.uint16) * 257
    for name in ("deep.png", "deep.tiff"):
        np.testing.assert_array_equal(read_picture(write(Image.fromarray(deep), name), GRAY).pixels[0], ramp())


def test_what_is_transparent_is_black_or_white_paper_where_it_is_inverted(write: Callable[..., Path]) -> None:
    ink = np.zeros((28, 28, 4), np.uint8)  # black and transparent, but for a white line and a half-white one
    ink[5], ink[9] = 255, (255, 255, 255, 128)
    path = write(Image.fromarray(ink))
    plain = read_picture(path, GRAY).pixels[0]
    assert (plain[0, 0], plain[5, 3], plain[9, 3]) == (0, 255, 128)
    drawn = np.zeros((28, 28, 4), np.uint8)
    drawn[5, :, 3] = 255  # black ink on nothing
    inverted = read_picture(write(Image.fromarray(drawn), "ink.png"), GRAY, invert=True).pixels[0]
    assert (inverted[0, 0], inverted[5, 3]) == (0, 255)


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "CMYK", "I;16"])
@pytest.mark.parametrize("shape", [GRAY, COLOUR])
def test_every_mode_of_the_same_picture_becomes_the_same_image(
    write: Callable[..., Path], mode: str, shape: tuple[int, int, int]
) -> None:
    bright = np.zeros(shape[1:], np.uint8)
    bright[2:5, 3:7] = 255
    image = Image.fromarray(bright.astype(np.uint16) * 257) if mode == "I;16" else Image.fromarray(bright).convert(mode)
    path = write(image, "picture.tiff" if mode == "CMYK" else "picture.png")
    np.testing.assert_array_equal(read_picture(path, shape).pixels, np.broadcast_to(bright, shape))


def test_colours_keep_their_channels(write: Callable[..., Path]) -> None:
    path = write(Image.new("RGB", (12, 8), (250, 100, 5)))
    assert [int(channel.mean()) for channel in read_picture(path, COLOUR).pixels] == [250, 100, 5]


def test_a_rotated_photograph_stands_upright(write: Callable[..., Path]) -> None:
    image = np.zeros((28, 28), np.uint8)
    image[:14] = 255
    exif = Image.Exif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise to show it
    upright = read_picture(write(Image.fromarray(image), "photo.png", exif=exif), GRAY).pixels[0]
    assert (upright[:, 20:] == 255).all()
    assert (upright[:, :8] == 0).all()


def test_of_what_moves_the_first_frame_counts(write: Callable[..., Path]) -> None:
    frames = [Image.new("L", (28, 28), value) for value in (200, 10, 20)]
    path = write(frames[0], "moving.gif", save_all=True, append_images=frames[1:])
    assert (read_picture(path, GRAY).pixels == 200).all()


@given(w=st.integers(1, 90), h=st.integers(1, 90), shape=st.sampled_from([GRAY, COLOUR, (1, 20, 9)]))
@settings(max_examples=40, deadline=None)
def test_any_size_fits_with_its_aspect_centred_on_black(
    tmp_path_factory: pytest.TempPathFactory, w: int, h: int, shape: tuple[int, int, int]
) -> None:
    path = tmp_path_factory.mktemp("sizes") / "white.png"
    Image.new("L", (w, h), 255).save(path)
    pixels = read_picture(path, shape).pixels
    assert pixels.shape == shape
    rows, columns = np.flatnonzero(pixels[0].any(axis=1)), np.flatnonzero(pixels[0].any(axis=0))
    high, wide = len(rows), len(columns)
    assert (pixels[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] == 255).all()
    assert high == shape[1] or wide == shape[2]
    scale = min(shape[1] / h, shape[2] / w)
    assert abs(high - max(1, h * scale)) <= 0.5
    assert abs(wide - max(1, w * scale)) <= 0.5
    assert abs(rows[0] - (shape[1] - 1 - rows[-1])) <= 1
    assert abs(columns[0] - (shape[2] - 1 - columns[-1])) <= 1


def test_dark_on_bright_is_noticed_where_the_data_are_bright_on_dark(write: Callable[..., Path]) -> None:
    dark_data = np.zeros((5, 1, 28, 28), np.uint8)
    dark_data[:, :, 8:20, 8:20] = 200
    paper = np.full((30, 60), 250, np.uint8)  # padded with black, which must not count
    paper[10:20, 20:40] = 10
    path = write(Image.fromarray(paper))
    assert read_picture(path, GRAY).looks_inverted(dark_data)
    assert not read_picture(path, GRAY, invert=True).looks_inverted(dark_data)
    assert not read_picture(path, GRAY).looks_inverted(255 - dark_data)
    assert border_brightness(dark_data) == 0


def png(*chunks: tuple[bytes, bytes]) -> bytes:
    body = (struct.pack(">I", len(c)) + n + c + struct.pack(">I", zlib.crc32(n + c)) for n, c in chunks)
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def header(width: int, height: int) -> tuple[bytes, bytes]:
    return b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)


GOOD = png(header(4, 4), (b"IDAT", zlib.compress(bytes(20))), (b"IEND", b""))
HOSTILE = {
    "text": (b"to be or not to be\n", "it is no picture in a format that makeweight reads"),
    "empty": (b"", "it is no picture"),
    "script": (b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>", "it is no picture"),
    "more than the cap": (png(header(20_000, 5_501), (b"IDAT", b"")), "20,000 × 5,501 pixels, and 110,000,000 in all"),
    "bomb": (png(header(60_000, 60_000), (b"IDAT", zlib.compress(bytes(9)))), "pixels"),
    "cut off": (GOOD[:-30], "picture"),
    "no data": (png(header(4, 4), (b"IDAT", b""), (b"IEND", b"")), "truncated"),
    "no size": (png(header(0, 0), (b"IEND", b"")), "picture"),
}


@pytest.mark.parametrize(("content", "expected"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_is_refused_with_the_reason(tmp_path: Path, content: bytes, expected: str) -> None:
    (tmp_path / "evil.png").write_bytes(content)
    with pytest.raises(DataFormatError, match=rf"evil\.png cannot be used: .*{re.escape(expected)}.*Give one in PNG"):
        read_picture(tmp_path / "evil.png", GRAY)


@given(cut=st.integers(0, 400), place=st.integers(0, 400), byte=st.integers(0, 255))
@settings(max_examples=60, deadline=None)
def test_a_damaged_file_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, cut: int, place: int, byte: int
) -> None:
    path = tmp_path_factory.mktemp("damaged") / "picture.gif"
    Image.fromarray(ramp()).save(path)
    content = bytearray(path.read_bytes())
    content[place % len(content)] = byte
    path.write_bytes(bytes(content[: max(1, len(content) - cut)]))
    try:
        assert read_picture(path, GRAY).pixels.shape == GRAY
    except MakeweightError as error:
        assert "cannot be used" in str(error)  # noqa: PT017


def test_floating_point_pixels_are_refused(write: Callable[..., Path]) -> None:
    path = write(Image.fromarray(np.ones((4, 4), np.float32)), "float.tiff")
    with pytest.raises(DataFormatError, match="floating-point"):
        read_picture(path, GRAY)


def test_more_than_sixteen_bits_are_refused(write: Callable[..., Path]) -> None:
    path = write(Image.fromarray(np.full((4, 4), 70_000, np.int32)), "deep.tiff")
    with pytest.raises(DataFormatError, match="more than 16 bits"):
        read_picture(path, GRAY)


def test_too_many_bytes_are_refused_unread(tmp_path: Path) -> None:
    with (tmp_path / "large.png").open("wb") as file:
        file.truncate(MAX_BYTES + 1)
    with pytest.raises(DataFormatError, match="it has 134,217,729 bytes, and 134,217,728 is the most"):
        read_picture(tmp_path / "large.png", GRAY)


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match=r"is a folder\. Give the path of one picture\."):
        read_picture(tmp_path, GRAY)
    for missing in (tmp_path / "none.png", Path("nul\0.png"), Path("x" * 5_000)):
        with pytest.raises(DataNotFound, match="cannot be opened"):
            read_picture(missing, GRAY)
    if hasattr(os, "mkfifo"):
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(InvalidValue, match="no ordinary file"):
            read_picture(tmp_path / "pipe", GRAY)
