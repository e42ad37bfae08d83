"""CIFAR's binary version, and own images in its layout (faults 18, 20, 21, 24, 32, 33)."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from makeweight.data.form import Form
from makeweight.data.sources.cifar import cifar_source, recognises
from makeweight.data.sources.registry import open_source
from makeweight.errors import DataFormatError, DataNotFound

Rows = list[tuple[str, int]]


def quiet(what: str, done: int, total: int | None) -> None:
    """Progress for nobody."""


def rows(*labels: int, coarse: bool = False) -> bytes:
    """Rows of these labels; the pixels of each are its label + 100."""
    return b"".join(bytes([9] * coarse + [label]) + bytes([label + 100]) * 3_072 for label in labels)


def read(path: Path) -> Rows:
    """Part and class of each image."""
    source = open_source(path, Form())
    assert dict(source.survey(quiet).shapes).keys() == {(3, 32, 32)}
    found: Rows = []
    for chunk in source.read((3, 32, 32), quiet):
        found += [(chunk.part, source.class_names[code]) for code in chunk.codes]
    return found


def packed(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w:gz") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return path


def test_batches_are_read_in_natural_order_and_the_test_part_last(tmp_path: Path) -> None:
    contents = {
        "data_batch_10.bin": rows(3),
        "data_batch_2.bin": rows(2),
        "test_batch.bin": rows(1),
        "readme.html": b"x",
    }
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    expected = [("train", "2"), ("train", "3"), ("test", "1")]
    assert recognises(tmp_path)
    assert read(tmp_path) == expected
    # An archive may hold them in any order, as CIFAR-10's does.
    members = {f"cifar-10-batches-bin/{name}": content for name, content in contents.items()}
    archive = packed(tmp_path / "own.tgz", dict(reversed(members.items())))
    assert read(archive) == expected


def test_names_of_classes_come_from_the_file_beside(tmp_path: Path) -> None:
    (tmp_path / "one.bin").write_bytes(rows(1, 0, 1))
    (tmp_path / "batches.meta.txt").write_text("airplane\nautomobile\n\n")
    for path in (tmp_path, tmp_path / "one.bin"):
        assert read(path) == [("all", "automobile"), ("all", "airplane"), ("all", "automobile")]


def test_of_two_labels_the_fine_one_is_taken(tmp_path: Path) -> None:
    (tmp_path / "train.bin").write_bytes(rows(4, 99, coarse=True))
    (tmp_path / "test.bin").write_bytes(rows(5, coarse=True))
    (tmp_path / "coarse_label_names.txt").write_text("fish\nflowers\n")
    assert read(tmp_path) == [("train", "4"), ("train", "99"), ("test", "5")]
    assert read(tmp_path / "train.bin") == [("all", "4"), ("all", "99")]


def test_rows_are_described_by_file(tmp_path: Path) -> None:
    archive = packed(tmp_path / "own.tar.gz", {"a/data_batch_1.bin": rows(1, 2), "a/test_batch.bin": rows(3)})
    assert open_source(archive, Form()).describe(2) == "own.tar.gz/test_batch.bin[0]"


def test_fault_24_a_label_beyond_the_names_is_named(tmp_path: Path) -> None:
    (tmp_path / "one.bin").write_bytes(rows(1, 0, 2))
    (tmp_path / "batches.meta.txt").write_text("airplane\nautomobile\n")
    with pytest.raises(DataFormatError, match=r"^one\.bin\[2\]: its label is 2, but the names .* go from 0 to 1"):
        read(tmp_path)


@pytest.mark.parametrize("size", [0, 1, 3_072, 3_075, 6_145])
def test_fault_20_a_size_of_no_rows_is_refused(size: int, tmp_path: Path) -> None:
    (tmp_path / "one.bin").write_bytes(bytes(size))
    with pytest.raises(DataFormatError, match=rf"one\.bin: expected rows of 3,073 bytes .* found {size:,} bytes"):
        cifar_source(tmp_path, Form())


def test_links_and_folders_in_an_archive_are_passed_over(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "own.tar.gz", "w:gz") as archive:
        link = tarfile.TarInfo("two.bin")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
        info = tarfile.TarInfo("one.bin")
        info.size = len(rows(1))
        archive.addfile(info, io.BytesIO(rows(1)))
    assert read(tmp_path / "own.tar.gz") == [("all", "1")]


def test_fault_33_the_python_version_is_not_read(tmp_path: Path) -> None:
    members = {f"cifar-10-batches-py/{name}": b"\x80\x02." for name in ("data_batch_1", "test_batch")}
    with pytest.raises(DataFormatError, match=r"own\.tar\.gz.*get the binary version"):
        read(packed(tmp_path / "own.tar.gz", members))


def test_both_kinds_of_rows_in_one_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(rows(1))
    (tmp_path / "b.bin").write_bytes(rows(1, coarse=True))
    with pytest.raises(DataFormatError, match=r"some .* one label byte a row and some two"):
        cifar_source(tmp_path, Form())


@pytest.mark.parametrize("place", range(0, 3_000, 61))
def test_fault_18_a_damaged_archive_is_named(place: int, tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 256, 3_073 * 2, dtype=np.uint8).tobytes()
    archive = packed(tmp_path / "own.tar.gz", {"data_batch_1.bin": noise})
    content = bytearray(archive.read_bytes())
    content[40 + place] ^= 0x55  # before that is the header of gzip, which has no checksum
    archive.write_bytes(content)
    with pytest.raises(DataFormatError, match=r"own\.tar\.gz"):
        read(archive)


def test_what_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataNotFound, match=r"none\.bin: cannot be opened"):
        cifar_source(tmp_path / "none.bin", Form())
