"""``.npz`` files: names that are known, and every damage named (faults 18 to 21, 23, 32, 33)."""

from __future__ import annotations

import io
import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makeweight.data.form import Form
from makeweight.data.sources.npz import npz_source, recognises
from makeweight.data.sources.source import Source
from makeweight.errors import DataFormatError, DataNotFound

IMAGES = np.arange(6 * 5 * 7, dtype=np.uint8).reshape(6, 5, 7)
LABELS = np.arange(6) % 2


def quiet(what: str, done: int, total: int | None) -> None:
    """Progress for nobody."""


def opened(path: Path) -> Source:
    return npz_source(path, Form())


def read(path: Path) -> list[tuple[str, int, list[int]]]:
    """Part, number of images and codes of each chunk."""
    source = opened(path)
    source.survey(quiet)
    return [(chunk.part, len(chunk.images), chunk.codes.tolist()) for chunk in source.read((1, 5, 7), quiet)]


def npy(array: np.ndarray, **changes: Any) -> bytes:
    """One array in NumPy's format, where `changes` replace what the header says."""
    file = io.BytesIO()
    if not changes:
        np.lib.format.write_array(file, array)
        return file.getvalue()
    header = {"descr": array.dtype.str, "fortran_order": False, "shape": array.shape} | changes
    np.lib.format.write_array_header_1_0(file, header)
    return file.getvalue() + array.tobytes()


def packed(path: Path, members: dict[str, bytes], method: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", method) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "own.npz"


@pytest.mark.parametrize(
    ("images", "labels"),
    [("X", "y"), ("x", "Y"), ("images", "labels"), ("data", "target"), ("data", "targets"), ("arr_0", "arr_1")],
)
def test_one_pair_is_the_whole_set(images: str, labels: str, path: Path) -> None:
    np.savez(path, **{images: IMAGES, labels: LABELS})
    assert read(path) == [("all", 6, [0, 1] * 3)]


@pytest.mark.parametrize(
    "spelling", ["{part}_images {part}_labels", "x_{part} y_{part}", "X_{part} Y_{part}", "{part}_x {part}_y"]
)
@pytest.mark.parametrize("word", ["val", "valid", "validation"])
def test_parts_are_read_in_their_order_whatever_that_of_the_file(spelling: str, word: str, path: Path) -> None:
    arrays = {}
    for part in ("test", "train", word):
        images, labels = spelling.format(part=part).split()
        arrays |= {images: IMAGES[: 1 + len(part)], labels: LABELS[: 1 + len(part)]}
    np.savez(path, **arrays)
    counts = [(part, count) for part, count, _ in read(path)]
    assert counts == [("train", 6), ("validation", min(6, 1 + len(word))), ("test", 5)]


def test_a_part_that_is_alone_is_no_division(path: Path) -> None:
    np.savez(path, x_train=IMAGES, y_train=LABELS)
    assert opened(path).survey(quiet).parts == ("all",)


def test_names_of_classes_may_be_in_the_file(path: Path) -> None:
    np.savez(path, X=IMAGES, y=LABELS, class_names=np.array(["Hund", "Katze ü"]))
    assert opened(path).class_names == ("Hund", "Katze ü")
    np.savez(path, X=IMAGES, y=LABELS, label_names=np.array([b"a", b"b"]))
    with pytest.raises(DataFormatError, match=r"own\.npz, label_names: .*\|S1"):
        opened(path)


def test_rows_are_described_by_array(path: Path) -> None:
    np.savez(path, train_images=IMAGES, train_labels=LABELS, test_images=IMAGES, test_labels=LABELS)
    assert opened(path).describe(5) == "own.npz, train_images[5]"
    assert opened(path).describe(6) == "own.npz, test_images[0]"


def test_unknown_names_are_listed(path: Path) -> None:
    np.savez(path, imgs=IMAGES, lbls=LABELS)
    with pytest.raises(DataFormatError, match=r"its arrays are imgs, lbls; save them"):
        opened(path)


def test_two_pairs_for_one_part_are_refused(path: Path) -> None:
    np.savez(path, x_train=IMAGES, y_train=LABELS, train_images=IMAGES, train_labels=LABELS)
    with pytest.raises(DataFormatError, match=r"train_images and x_train|x_train and train_images"):
        opened(path)


def test_arrays_that_are_not_used_do_not_matter(path: Path) -> None:
    np.savez(path, X=IMAGES, y=LABELS, notes=np.array([{}], dtype=object), order=np.asfortranarray(IMAGES))
    assert read(path) == [("all", 6, [0, 1] * 3)]


@pytest.mark.parametrize("name", ["own.npz", "own.zip", "OWN.NPZ"])
def test_a_npz_is_recognised_by_its_name_or_its_bytes(name: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "own.npz", X=IMAGES, y=LABELS)
    target = (tmp_path / "own.npz").rename(tmp_path / name)
    assert recognises(target)
    assert not recognises(tmp_path)
    (tmp_path / "other.zip").write_bytes(b"PK\3\4" + b"readme.txt")
    assert not recognises(tmp_path / "other.zip")


@pytest.mark.parametrize("key", ["X", "y"])
def test_fault_33_python_objects_are_never_unpickled(key: str, path: Path) -> None:
    class Bomb:
        def __reduce__(self) -> tuple[Callable[..., object], tuple[object, ...]]:
            return (Path.touch, (path.with_name("opened"),))

    arrays = {"X": IMAGES, "y": LABELS} | {key: np.array([Bomb()] * 6, dtype=object)}
    np.savez(path, **arrays)
    with pytest.raises(DataFormatError, match=rf"own\.npz\[{key}\.npy\]: it holds Python objects.*never does"):
        opened(path)
    assert not path.with_name("opened").exists()


@pytest.mark.parametrize("rows", [5, 7, 0, 2**40, 2**62])
def test_fault_20_a_header_that_promises_another_size_is_refused(rows: int, path: Path) -> None:
    packed(path, {"X.npy": npy(IMAGES, shape=(rows, 5, 7)), "y.npy": npy(LABELS, shape=(rows,))})
    tracemalloc.start()
    try:
        with pytest.raises(DataFormatError, match=r"own\.npz\[X\.npy\]: expected"):
            opened(path)
        assert tracemalloc.get_traced_memory()[1] < 10 << 20
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("shape", [(-6, 5, 7), (6, -5, -7), (True,), (6.0, 5, 7), "6"])
def test_fault_20_a_shape_that_is_none_is_refused(shape: object, path: Path) -> None:
    packed(path, {"X.npy": npy(IMAGES, shape=shape), "y.npy": npy(LABELS)})
    with pytest.raises(DataFormatError, match=r"own\.npz"):
        opened(path)


def lying_zip(path: Path, promised: int) -> Path:
    """Make a zip of a few bytes whose directory says that it unpacks to `promised`, as the array's header does."""
    content = npy(np.zeros(0, np.uint8), shape=(promised // 35, 5, 7))
    packed(path, {"X.npy": content, "y.npy": npy(LABELS)})
    data, size = bytearray(path.read_bytes()), len(content) + promised // 35 * 35
    for mark, place in ((b"PK\3\4", 22), (b"PK\1\2", 24)):
        start = data.index(mark) + place
        data[start : start + 4] = size.to_bytes(4, "little")
    path.write_bytes(data)
    return path


def test_fault_21_a_zip_that_promises_more_than_it_can_hold_is_refused(path: Path) -> None:
    with pytest.raises(DataFormatError, match="packed bytes, which cannot hold them"):
        opened(lying_zip(path, 4_000_000_000))


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_fault_21_methods_that_pack_without_bounds_are_refused(method: int, path: Path) -> None:
    packed(path, {"X.npy": npy(IMAGES), "y.npy": npy(LABELS)}, method)
    with pytest.raises(DataFormatError, match="compression method"):
        opened(path)


def test_fault_23_both_counts_are_in_the_error(path: Path) -> None:
    np.savez(path, X=IMAGES, y=LABELS[:4])
    with pytest.raises(DataFormatError, match=r"own\.npz, X has 6 images, but own\.npz, y has 4 labels"):
        opened(path)


@pytest.mark.parametrize("name", ["../X.npy", "/X.npy", "a/../X.npy", "X.npy/", "con.npy"])
def test_fault_32_members_with_hostile_names_are_no_arrays(name: str, path: Path) -> None:
    packed(path, {name: npy(IMAGES), "y.npy": npy(LABELS)})
    with pytest.raises(DataFormatError, match="images and labels are looked for as"):
        opened(path)
    assert [entry.name for entry in path.parent.iterdir()] == ["own.npz"]


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"X": IMAGES[0, 0], "y": LABELS}, "images have 2 to 4 dimensions"),
        ({"X": IMAGES.astype(complex), "y": LABELS}, "holds complex128"),
        ({"X": IMAGES.astype("U3"), "y": LABELS}, "images are numbers"),
        ({"X": np.zeros((6, 28, 28, 28)), "y": LABELS}, r"\(28, 28, 28\)"),
        ({"X": IMAGES, "y": np.zeros((6, 2, 2))}, r"its shape is \(6, 2, 2\)"),
        ({"X": IMAGES, "y": np.zeros((6, 0))}, r"its shape is \(6, 0\)"),
        ({"X": IMAGES, "y": LABELS.astype("M8[s]")}, "labels are numbers or text"),
        ({"X": IMAGES[:0], "y": LABELS[:0]}, "it has no images"),
    ],
)
def test_arrays_of_the_wrong_kind_are_named(arrays: dict[str, np.ndarray], words: str, path: Path) -> None:
    np.savez(path, **arrays)
    with pytest.raises(DataFormatError, match=words) as caught:
        read(path)
    assert "own.npz, " in str(caught.value)


def test_a_set_with_several_labels_an_image_is_refused(path: Path) -> None:
    labels = np.zeros((6, 14), np.uint8)  # as ChestMNIST has them
    np.savez(path, train_images=IMAGES, train_labels=labels)
    with pytest.raises(DataFormatError, match=r"train_images\[0\]: 0 of its 14 label columns are 1.*multi-label"):
        read(path)


def test_fault_19_what_is_no_zip_is_named(path: Path) -> None:
    for content in (b"", b"PK\3\4", b"\x93NUMPY" + bytes(50), IMAGES.tobytes()):
        path.write_bytes(content)
        with pytest.raises(DataFormatError, match=r"own\.npz: expected a whole \.npz"):
            opened(path)
    with pytest.raises(DataNotFound):
        opened(path.with_name("none.npz"))


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("npz") / "own.npz"


@given(data=st.data(), method=st.sampled_from([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED]))
@settings(max_examples=150, deadline=None)
def test_fault_18_any_flipped_byte_is_an_error_or_harmless(data: st.DataObject, method: int, scratch: Path) -> None:
    members = {"X.npy": npy(IMAGES), "y.npy": npy(LABELS), "class_names.npy": npy(np.array(["a", "b"]))}
    content = bytearray(packed(scratch, members, method).read_bytes())
    content[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    scratch.write_bytes(content)
    assert outcome(scratch) in (None, [("all", 6, [0, 1] * 3)])


@given(data=st.data())
@settings(max_examples=60, deadline=None)
def test_fault_18_any_cut_is_an_error(data: st.DataObject, scratch: Path) -> None:
    content = packed(scratch, {"X.npy": npy(IMAGES), "y.npy": npy(LABELS)}).read_bytes()
    scratch.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    assert outcome(scratch) is None


def outcome(path: Path) -> list[tuple[str, int, list[int]]] | None:
    """Return what is read, or None for the one error that is permitted, which names the file in one line."""
    try:
        return read(path)
    except DataFormatError as error:
        message = str(error)
    assert path.name in message
    assert "\n" not in message
    return None
