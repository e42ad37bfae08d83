"""CIFAR-10's binary files: hostile and damaged archives (faults 18, 20, 21, 24, 32)."""

from __future__ import annotations

import gzip
import io
import tarfile
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makeweight.data.readers import cifar
from makeweight.data.readers.base import DataFile
from makeweight.data.readers.cifar import ROW_BYTES, read_batches
from makeweight.errors import DataFormatError


def _rows(count: int, label: int = 3) -> bytes:
    rows = np.random.default_rng(count).integers(0, 256, (count, ROW_BYTES), dtype=np.uint8)
    rows[:, 0] = label
    return rows.tobytes()


def _archive(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def test_label_is_the_first_byte_and_planes_are_red_green_blue(tmp_path: Path) -> None:
    planes = np.stack([np.full((32, 32), value, dtype=np.uint8) for value in (10, 20, 30)])
    planes[0, 0, 1] = 99  # second pixel of the first row
    (tmp_path / "batch.bin").write_bytes(bytes([7]) + planes.tobytes())
    raw = read_batches((DataFile(tmp_path / "batch.bin"),))
    assert raw.labels.tolist() == [7]
    np.testing.assert_array_equal(raw.images[0], planes)


def test_order_is_that_of_the_files_not_of_the_archive(tmp_path: Path) -> None:
    path = _archive(tmp_path / "a.tar.gz", {"b": _rows(1, label=2), "a": _rows(1, label=1)})
    assert read_batches((DataFile(path, "a"), DataFile(path, "b"))).labels.tolist() == [1, 2]


@pytest.mark.parametrize("size", [0, 1, ROW_BYTES - 1, ROW_BYTES + 1])
@pytest.mark.parametrize("archived", [False, True])
def test_size_must_be_whole_rows(size: int, archived: bool, tmp_path: Path) -> None:
    if archived:
        file = DataFile(_archive(tmp_path / "a.tar.gz", {"batch": bytes(size)}), "batch")
    else:
        (tmp_path / "batch").write_bytes(bytes(size))
        file = DataFile(tmp_path / "batch")
    with pytest.raises(DataFormatError, match=f"multiple of 3073 bytes .* found {size} bytes"):
        read_batches((file,))


def test_label_out_of_range_names_file_and_row(tmp_path: Path) -> None:  # fault 24
    path = _archive(tmp_path / "a.tar.gz", {"batch": _rows(2) + _rows(1, label=10)})
    with pytest.raises(DataFormatError, match=r"a\.tar\.gz\[batch\].* found 10 in row 2"):
        read_batches((DataFile(path, "batch"),))


def test_only_exact_names_count(tmp_path: Path) -> None:  # fault 32
    members = {"../batch": _rows(1), "/batch": _rows(1), "./batch": _rows(1), "batch.bin": _rows(1)}
    path = _archive(tmp_path / "sub.tar.gz", members)
    with pytest.raises(DataFormatError, match="expected the members batch"):
        read_batches((DataFile(path, "batch"),))
    assert [entry.name for entry in tmp_path.iterdir()] == ["sub.tar.gz"]  # nothing was unpacked


def test_links_are_refused(tmp_path: Path) -> None:  # fault 31
    with tarfile.open(tmp_path / "a.tar.gz", "w:gz") as tar:
        info = tarfile.TarInfo("batch")
        info.type, info.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(info)
    with pytest.raises(DataFormatError, match="regular file"):
        read_batches((DataFile(tmp_path / "a.tar.gz", "batch"),))


def _pax_bomb(size: int) -> bytes:
    """A tar whose extended header claims to be `size` bytes long, which tarfile would read into memory."""
    info = tarfile.TarInfo("bomb")
    info.type, info.size = tarfile.XHDTYPE, size
    return gzip.compress(info.tobuf(tarfile.USTAR_FORMAT) + bytes(size), compresslevel=1)


def test_bomb_is_stopped_while_streaming(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:  # fault 21
    monkeypatch.setattr(cifar, "MAX_UNPACKED_BYTES", 2 << 20)  # the real limit would take a second
    (tmp_path / "pax.tar.gz").write_bytes(_pax_bomb(50 << 20))
    skipped = _archive(tmp_path / "skipped.tar.gz", {"other": bytes(50 << 20), "batch": _rows(1)})
    tracemalloc.start()
    for path in (tmp_path / "pax.tar.gz", skipped):
        with pytest.raises(DataFormatError, match="at most 2097152 bytes when unpacked"):
            read_batches((DataFile(path, "batch"),))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 16 << 20


def test_endless_members_are_refused(tmp_path: Path) -> None:  # fault 21
    path = _archive(tmp_path / "a.tar.gz", {f"m{i}": b"" for i in range(200)})
    with pytest.raises(DataFormatError, match="at most 100 members"):
        read_batches((DataFile(path, "batch"),))


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    path = _archive(tmp_path_factory.mktemp("cifar") / "a.tar.gz", {"batch": bytes([1]) + bytes(ROW_BYTES - 1)})
    return path, path.read_bytes()


@given(data=st.data())
@settings(max_examples=80, deadline=None)
def test_flipped_byte_is_an_error_or_harmless(data: st.DataObject, archive: tuple[Path, bytes]) -> None:
    path, content = archive
    flipped = bytearray(content)
    flipped[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    path.write_bytes(flipped)
    message = str(path)
    try:
        raw = read_batches((DataFile(path, "batch"),))
    except DataFormatError as error:
        message = str(error)
    else:
        assert raw.labels.tolist() == [1]
        assert not raw.images.any()
    assert str(path) in message


@given(data=st.data())
@settings(max_examples=40, deadline=None)
def test_truncation_is_always_an_error(data: st.DataObject, archive: tuple[Path, bytes]) -> None:
    path, content = archive
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(DataFormatError, match=str(path)):
        read_batches((DataFile(path, "batch"),))
