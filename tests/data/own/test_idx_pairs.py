"""Pairs of IDX files of one's own: names, parts and faults 18 to 21, 23, 24."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makeweight.data.form import Form
from makeweight.data.sources.idx import idx_source, recognises
from makeweight.errors import DataFormatError, DataNotFound

IMAGES = np.arange(6 * 5 * 7, dtype=np.uint8).reshape(6, 5, 7)
LABELS = np.arange(6, dtype=np.uint8) % 3


def quiet(what: str, done: int, total: int | None) -> None:
    """Progress for nobody."""


def idx(array: np.ndarray, shape: tuple[int, ...] | None = None, kind: int = 8) -> bytes:
    shape = shape or array.shape
    return bytes((0, 0, kind, len(shape))) + b"".join(n.to_bytes(4, "big") for n in shape) + array.tobytes()


def pair(folder: Path, images: str, labels: str) -> Path:
    """Write a pair, gzipped where the names say so; return the images."""
    for name, array in ((images, IMAGES), (labels, LABELS)):
        (folder / name).write_bytes(gzip.compress(idx(array)) if name.endswith(".gz") else idx(array))
    return folder / images


def read(path: Path) -> list[tuple[str, int]]:
    source = idx_source(path, Form())
    source.survey(quiet)
    return [(chunk.part, len(chunk.images)) for chunk in source.read((1, 5, 7), quiet)]


@pytest.mark.parametrize(
    ("images", "labels"),
    [
        ("train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz"),
        ("train-images.idx3-ubyte", "train-labels.idx1-ubyte.gz"),
        ("emnist-letters-train-images-idx3-ubyte", "emnist-letters-train-labels-idx1-ubyte"),
        ("images.idx3", "labels.idx1"),
        ("my_images-idx3-ubyte", "my_labels-idx1-ubyte"),
        ("train-images-idx3-float.gz", "train-labels-idx1-ubyte.gz"),
        ("train-images-idx3-ubyte", "train-labels-idx1-int"),
    ],
)
def test_labels_are_found_beside_their_images(images: str, labels: str, tmp_path: Path) -> None:
    path = pair(tmp_path, images, labels)
    assert recognises(path)
    assert recognises(tmp_path)
    assert read(path) == read(tmp_path) == [("all", 6)]


def test_the_real_fashion_mnist_is_read() -> None:
    folder = Path("/usr/share/datasets/fashion-mnist")
    if not folder.is_dir():
        pytest.skip("Fashion-MNIST is not there; install Debian's dataset-fashion-mnist")
    source = idx_source(folder, Form())
    survey = source.survey(quiet)
    assert survey.parts == ("train", "test")
    assert dict(survey.shapes) == {(1, 28, 28): 70_000}
    counts = np.zeros((2, 10), int)
    for chunk in source.read((1, 28, 28), quiet):
        names = [int(source.class_names[code]) for code in chunk.codes]
        counts[int(chunk.part == "test")] += np.bincount(names, minlength=10)
    assert counts.tolist() == [[6_000] * 10, [1_000] * 10]


def test_parts_come_from_the_names_and_in_their_order(tmp_path: Path) -> None:
    for name in ("t10k", "train", "val"):
        pair(tmp_path, f"{name}-images-idx3-ubyte.gz", f"{name}-labels-idx1-ubyte.gz")
    assert [part for part, _ in read(tmp_path)] == ["train", "validation", "test"]


def test_a_file_that_is_there_packed_and_unpacked_is_read_once(tmp_path: Path) -> None:
    pair(tmp_path, "train-images-idx3-ubyte", "train-labels-idx1-ubyte")
    pair(tmp_path, "train-images-idx3-ubyte.gz", "train-labels-idx1-ubyte.gz")
    assert read(tmp_path) == [("all", 6)]


def test_several_sets_in_one_folder_are_refused(tmp_path: Path) -> None:
    for name in ("digits-train", "letters-train"):
        pair(tmp_path, f"{name}-images-idx3-ubyte", f"{name}-labels-idx1-ubyte")
    with pytest.raises(DataFormatError, match=r"digits-train-images.* letters-train-images.*give the path of one"):
        idx_source(tmp_path, Form())


def test_missing_labels_are_named(tmp_path: Path) -> None:
    path = pair(tmp_path, "train-images-idx3-ubyte", "other")
    with pytest.raises(DataNotFound, match=r"would be called train-labels-idx1-ubyte or train-labels-idx1-ubyte\.gz"):
        idx_source(path, Form())


def test_images_with_another_name_are_recognised_but_have_no_labels(tmp_path: Path) -> None:
    path = pair(tmp_path, "pictures", "labels")
    assert recognises(path)
    with pytest.raises(DataFormatError, match="its labels cannot be found; rename it"):
        idx_source(path, Form())


@pytest.mark.parametrize(
    "content",
    [
        idx(IMAGES, kind=10),
        idx(IMAGES, kind=15),
        idx(LABELS),
        b"",
        b"\0\0\x08",
        b"not an IDX file",
        idx(IMAGES, (6, 5, 7, 1, 1)),
    ],
)
def test_fault_19_another_kind_of_file_is_refused(content: bytes, tmp_path: Path) -> None:
    path = pair(tmp_path, "a-images-idx3-ubyte", "a-labels-idx1-ubyte")
    path.write_bytes(content)
    with pytest.raises(DataFormatError, match="a-images-idx3-ubyte: expected an IDX header"):
        idx_source(path, Form())


def write(folder: Path, images: tuple[int, np.ndarray], labels: tuple[int, np.ndarray]) -> Path:
    """Write a pair with these type codes."""
    (folder / "a-labels-idx1-int").write_bytes(idx(labels[1], kind=labels[0]))
    (folder / "a-images-idx3-float").write_bytes(idx(images[1], kind=images[0]))
    return folder / "a-images-idx3-float"


TYPES = {9: "i1", 11: ">i2", 12: ">i4", 13: ">f4", 14: ">f8"}


@pytest.mark.parametrize("code", TYPES)
def test_numbers_of_any_type_are_read_big_endian(code: int, tmp_path: Path) -> None:
    whole = IMAGES if code != 9 else IMAGES // 2  # a signed byte ends at 127
    path = write(tmp_path, (code, whole.astype(TYPES[code])), (code, LABELS.astype(TYPES[code])))
    assert recognises(path)
    source = idx_source(path, Form())
    source.survey(quiet)
    [chunk] = source.read((1, 5, 7), quiet)
    np.testing.assert_array_equal(chunk.images[:, 0], whole)
    assert [source.class_names[one] for one in chunk.codes] == [str(label) for label in LABELS]


@pytest.mark.parametrize("code", [13, 14])
def test_floats_to_1_are_scaled_as_those_of_other_formats(code: int, tmp_path: Path) -> None:
    path = write(tmp_path, (code, (IMAGES / 255).astype(TYPES[code])), (8, LABELS))
    source = idx_source(path, Form())
    assert source.survey(quiet).notes == ("values from 0 to 1 are multiplied by 255",)
    [chunk] = source.read((1, 5, 7), quiet)
    np.testing.assert_array_equal(chunk.images[:, 0], IMAGES)


@pytest.mark.parametrize(("code", "value"), [(9, -1), (11, 256), (12, -70_000), (13, np.nan), (14, 300.0)])
def test_fault_24_a_number_that_is_no_pixel_is_named_with_its_row(code: int, value: float, tmp_path: Path) -> None:
    images = (IMAGES // 2).astype(TYPES[code])
    images[4, 1, 2] = value
    path = write(tmp_path, (code, images), (8, LABELS))
    with pytest.raises(DataFormatError, match=rf"^a-images-idx3-float\[4\]: a pixel is {value:g}"):
        read(path)


@pytest.mark.parametrize(("code", "value"), [(9, -1), (11, -2), (13, 0.5), (14, np.nan)])
def test_fault_24_a_label_that_is_none_is_named_with_its_row(code: int, value: float, tmp_path: Path) -> None:
    labels = LABELS.astype(TYPES[code])
    labels[3] = value
    path = write(tmp_path, (8, IMAGES), (code, labels))
    with pytest.raises(DataFormatError, match=rf"^a-images-idx3-float\[3\]: its label is {value:g}"):
        read(path)


@pytest.mark.parametrize("rows", [5, 7, 2**32 - 1])
@pytest.mark.parametrize("packed", [False, True])
def test_fault_20_a_promise_that_the_bytes_do_not_keep_is_refused(rows: int, packed: bool, tmp_path: Path) -> None:
    suffix = ".gz" if packed else ""
    path = pair(tmp_path, f"a-images-idx3-ubyte{suffix}", f"a-labels-idx1-ubyte{suffix}")
    for file, content in (
        (path, idx(IMAGES, (rows, 5, 7))),
        (tmp_path / f"a-labels-idx1-ubyte{suffix}", idx(LABELS, (rows,))),
    ):
        file.write_bytes(gzip.compress(content) if packed else content)
    with pytest.raises(DataFormatError, match=r"a-(images|labels)-idx"):
        read(path)


def test_fault_21_a_gzip_bomb_is_not_unpacked(tmp_path: Path) -> None:
    path = pair(tmp_path, "a-images-idx3-ubyte.gz", "a-labels-idx1-ubyte.gz")
    path.write_bytes(gzip.compress(idx(IMAGES) + bytes(100 << 20), compresslevel=1))
    with pytest.raises(DataFormatError, match=r"expected 210 bytes of data .* more than that"):
        read(path)


def test_fault_23_both_counts_are_in_the_error(tmp_path: Path) -> None:
    path = pair(tmp_path, "a-images-idx3-ubyte", "a-labels-idx1-ubyte")
    (tmp_path / "a-labels-idx1-ubyte").write_bytes(idx(LABELS[:4]))
    with pytest.raises(DataFormatError, match="a-images-idx3-ubyte has 6 images, but a-labels-idx1-ubyte has 4 labels"):
        idx_source(path, Form())


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_fault_18_any_cut_of_a_gzip_is_named(data: st.DataObject, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = pair(tmp_path_factory.getbasetemp(), "a-images-idx3-ubyte.gz", "a-labels-idx1-ubyte.gz")
    file = data.draw(st.sampled_from([path, path.with_name("a-labels-idx1-ubyte.gz")]))
    content = file.read_bytes()
    file.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(DataFormatError, match=file.name):
        read(path)
