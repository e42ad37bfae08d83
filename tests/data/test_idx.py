"""IDX files: what is written comes back, and every damage is named (faults 18 to 21, 23, 24)."""

from __future__ import annotations

import gzip
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makeweight.data.sources.idx_file import TYPES, open_idx
from makeweight.errors import DataFormatError, DataNotFound

Pack = Callable[[np.ndarray], bytes]


def read_idx(path: Path, dimensions: int) -> np.ndarray:
    with open_idx(path, (dimensions,)) as opened:
        values = opened.rows(opened.shape[0])
        opened.end()
    return values


def read_images(path: Path) -> np.ndarray:
    return read_idx(path, 3)


def read_labels(path: Path) -> np.ndarray:
    return read_idx(path, 1)


# Written once for all examples of a property; hypothesis runs them one after another.
shapes = st.tuples(st.integers(1, 6), st.integers(1, 5), st.integers(1, 5))


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("idx") / "file"


def _header(*sizes: int, kind: int = 8) -> bytes:
    return bytes((0, 0, kind, len(sizes))) + b"".join(size.to_bytes(4, "big") for size in sizes)


def _data_or_named_error(read: Callable[[Path], np.ndarray], path: Path) -> np.ndarray | None:
    """Return what is read, or None for the one permitted exception; any other fails the test."""
    try:
        return read(path)
    except DataFormatError as error:
        message = str(error)
    assert str(path) in message
    assert "\n" not in message
    return None


@given(shape=shapes, seed=st.integers(0, 2**32 - 1), packed=st.booleans())
@settings(max_examples=50, deadline=None)
def test_round_trip(shape: tuple[int, int, int], seed: int, packed: bool, scratch: Path, pack_idx: Pack) -> None:
    images = np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)
    content = pack_idx(images)
    scratch.write_bytes(gzip.compress(content) if packed else content)
    read = read_images(scratch)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read, images)


@given(data=st.data(), packed=st.booleans())
@settings(max_examples=150, deadline=None)
def test_flipped_byte_is_an_error_or_harmless(data: st.DataObject, packed: bool, scratch: Path, pack_idx: Pack) -> None:
    images = np.arange(60, dtype=np.uint8).reshape(5, 4, 3)
    content = pack_idx(images)
    # In the plain file only the header can be checked: it has no checksum over the pixels.
    content, reach = (gzip.compress(content), None) if packed else (content, 16)
    place = data.draw(st.integers(0, (reach or len(content)) - 1))
    flipped = bytearray(content)
    flipped[place] ^= data.draw(st.integers(1, 255))
    scratch.write_bytes(flipped)
    read = _data_or_named_error(read_images, scratch)
    if read is not None:
        np.testing.assert_array_equal(read, images)


@given(data=st.data(), packed=st.booleans())
@settings(max_examples=80, deadline=None)
def test_truncation_is_always_an_error(data: st.DataObject, packed: bool, scratch: Path, pack_idx: Pack) -> None:
    content = pack_idx(np.arange(60, dtype=np.uint8).reshape(5, 4, 3))
    content = gzip.compress(content) if packed else content
    scratch.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(DataFormatError, match="expected"):
        read_images(scratch)


@given(content=st.binary(max_size=200))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_data_or_one_named_error(content: bytes, scratch: Path) -> None:
    scratch.write_bytes(content)
    _data_or_named_error(read_labels, scratch)


def test_gzip_is_told_by_content_not_by_name(tmp_path: Path, pack_idx: Pack) -> None:
    labels = np.arange(9, dtype=np.uint8)
    unpacked_on_the_way = tmp_path / "labels.gz"
    unpacked_on_the_way.write_bytes(pack_idx(labels))
    np.testing.assert_array_equal(read_labels(unpacked_on_the_way), labels)


@pytest.mark.parametrize("content", [b"", b"\x1f\x8b", b"\x1f\x8b\x08\x00broken", gzip.compress(b"", mtime=0)])
def test_corrupt_gzip_names_the_file(content: bytes, tmp_path: Path) -> None:  # fault 18
    path = tmp_path / "broken.gz"
    path.write_bytes(content)
    with pytest.raises(DataFormatError, match=r"broken\.gz: expected .*, found .*; get the file again"):
        read_labels(path)


def test_wrong_gzip_checksum_is_found(tmp_path: Path, pack_idx: Pack) -> None:  # fault 18
    content = bytearray(gzip.compress(pack_idx(np.zeros(100))))
    content[-5] ^= 1  # the CRC; the data unpacks all the same
    (tmp_path / "labels.gz").write_bytes(content)
    with pytest.raises(DataFormatError, match="CRC"):
        read_labels(tmp_path / "labels.gz")


@given(code=st.sampled_from(sorted(TYPES)), shape=shapes, seed=st.integers(0, 2**32 - 1), packed=st.booleans())
@settings(max_examples=60, deadline=None)
def test_values_of_every_type_come_back(
    code: int, shape: tuple[int, ...], seed: int, packed: bool, scratch: Path
) -> None:
    values = np.random.default_rng(seed).integers(-128, 128, shape).astype(TYPES[code])
    content = _header(*shape, kind=code) + values.tobytes()
    scratch.write_bytes(gzip.compress(content) if packed else content)
    with open_idx(scratch, (3,)) as opened:
        read = opened.rows(shape[0])
        opened.end()
    assert read.dtype == values.dtype
    np.testing.assert_array_equal(read, values)
    scratch.write_bytes(content[:-1])
    with (
        pytest.raises(DataFormatError, match=rf"expected {values.nbytes} bytes of data"),
        open_idx(scratch, (3,)),
    ):
        pass


def test_labels_given_as_images_are_refused(tmp_path: Path, pack_idx: Pack) -> None:  # fault 19
    (tmp_path / "labels").write_bytes(pack_idx(np.zeros(5)))
    with pytest.raises(DataFormatError, match="3-dimensional"):
        read_images(tmp_path / "labels")


@pytest.mark.parametrize("packed", [False, True])
def test_false_promise_is_refused_before_allocation(packed: bool, tmp_path: Path) -> None:  # fault 20
    content = _header(60_000, 250, 250) + bytes(1000)
    path = tmp_path / "file"
    path.write_bytes(gzip.compress(content) if packed else content)
    tracemalloc.start()
    with pytest.raises(DataFormatError, match="3750000000 bytes of data"):
        read_images(path)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20


def test_promise_beyond_the_limit_is_refused(tmp_path: Path) -> None:  # fault 20
    (tmp_path / "file").write_bytes(_header(2**32 - 1, 2**32 - 1, 2**32 - 1) + bytes(8))
    with pytest.raises(DataFormatError, match="at most 274877906944 bytes"):
        read_images(tmp_path / "file")


@pytest.mark.parametrize("shape", [(0,), (0, 28, 28), (5, 0, 28)])
def test_empty_dimension_is_refused(shape: tuple[int, ...], tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(_header(*shape))
    with pytest.raises(DataFormatError, match="at least one value"):
        read_idx(tmp_path / "file", dimensions=len(shape))


@pytest.mark.parametrize("packed", [False, True])
def test_trailing_bytes_are_refused(packed: bool, tmp_path: Path, pack_idx: Pack) -> None:
    content = pack_idx(np.zeros(5)) + b"x"
    (tmp_path / "file").write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(DataFormatError, match="5 bytes of data"):
        read_labels(tmp_path / "file")


def test_bomb_is_stopped_while_streaming(tmp_path: Path) -> None:  # fault 21
    # 200 MB behind an honest-looking header of 1,000 labels.
    (tmp_path / "bomb").write_bytes(gzip.compress(_header(1000) + bytes(200_000_000), compresslevel=1))
    tracemalloc.start()
    with pytest.raises(DataFormatError, match="more than that"):
        read_labels(tmp_path / "bomb")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 << 20


def test_missing_file_folder_and_pipe_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")  # opening it would wait for ever
    for path in (tmp_path / "absent", tmp_path, tmp_path / "pipe"):
        with pytest.raises(DataNotFound, match=str(path)):
            read_labels(path)


def test_real_test_labels(fashion_mnist: Path) -> None:
    labels = read_labels(fashion_mnist / "t10k-labels-idx1-ubyte.gz")
    assert np.bincount(labels).tolist() == [1000] * 10
    assert labels[:5].tolist() == [9, 2, 1, 1, 6]  # ankle boot, pullover, trouser, trouser, shirt


def test_cut_real_file_is_named(fashion_mnist: Path, tmp_path: Path) -> None:  # fault 18
    content = (fashion_mnist / "t10k-images-idx3-ubyte.gz").read_bytes()
    (tmp_path / "images.gz").write_bytes(content[: len(content) // 2])
    with pytest.raises(DataFormatError, match=r"images\.gz.*EOFError"):
        read_images(tmp_path / "images.gz")
