"""Labels of every kind to codes and names; a row named for each that is none."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from makeweight.data.sources.arrays import arrays_source
from makeweight.data.sources.labels import Labels
from makeweight.data.sources.rows import BadRow
from makeweight.errors import DataFormatError

numbers = st.lists(st.integers(0, 65_535), min_size=1, max_size=30)
words = st.lists(st.text(st.characters(categories=("L", "Nd", "So")), min_size=1, max_size=8), min_size=1, max_size=30)


def named(labels: np.ndarray, names: list[str] | None = None) -> list[str]:
    coder = Labels(names)
    codes = coder.codes(labels)
    assert codes.dtype == np.int64
    return [coder.names[code] for code in codes]


@given(numbers, st.sampled_from(["u2", "<i4", ">i8", "u8", "f4", "f8"]))
@settings(deadline=None)
def test_whole_numbers_name_themselves(values: list[int], dtype: str) -> None:
    expected = [str(value) for value in values]
    assert named(np.array(values, dtype)) == expected
    assert named(np.array(values, dtype)[:, None]) == expected
    assert named(np.array(expected)) == expected


@given(words)
@settings(deadline=None)
def test_texts_name_themselves(values: list[str]) -> None:
    texts = [f"a{value}" for value in values]  # so that none is a number
    assert named(np.array(texts)) == texts
    assert named(np.char.encode(np.array(texts), "utf-8")) == texts


@given(st.lists(st.integers(0, 6), min_size=1, max_size=30), st.sampled_from(["?", "u1", "f8", "i4"]))
@settings(deadline=None)
def test_one_hot_rows_are_their_ones(values: list[int], dtype: str) -> None:
    assert named(np.eye(7, dtype=dtype)[values]) == [str(value) for value in values]


@given(st.lists(numbers, min_size=1, max_size=4))
@settings(deadline=None)
def test_codes_do_not_depend_on_how_rows_are_cut(pieces: list[list[int]]) -> None:
    whole, cut = Labels(), Labels()
    expected = whole.codes(np.concatenate(pieces)).tolist()
    assert [code for piece in pieces for code in cut.codes(np.array(piece)).tolist()] == expected
    assert whole.names == cut.names


def test_numbers_and_their_texts_are_one_class() -> None:
    coder = Labels()
    assert coder.codes(np.array([3, 10])).tolist() == [0, 1]
    assert coder.codes(np.array(["10", "3.0", " 03 ", "A"])).tolist() == [1, 0, 0, 2]
    assert coder.names == ("3", "10", "A")


def test_names_are_given_to_numbers() -> None:
    assert named(np.array([1, 0, 1]), ["cat", "1.5 mm"]) == ["1.5 mm", "cat", "1.5 mm"]
    assert named(np.array(["dog", "cat"]), ["cat", "dog"]) == ["dog", "cat"]


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (np.nan, "its label is nan"), (np.inf, "its label is inf"), (1.5, "its label is 1.5"), (-1, "its label is -1"),
        (65_536, "its label is 65536"), (-1e300, "its label is -1e\\+300"),
    ],
)  # fmt: skip
def test_fault_24_a_number_that_is_no_label_is_named_with_its_row(value: float, words: str) -> None:
    labels = np.zeros(20, np.float64)
    labels[13:] = value
    with pytest.raises(BadRow, match=f"{words}; labels are text or whole numbers from 0 to 65,535") as caught:
        Labels().codes(labels)
    assert caught.value.row == 13


@pytest.mark.parametrize("value", ["", "  ", "nan", "-1", "2.5", "1e5", "inf", "a\nb", "x" * 201])
def test_fault_24_a_text_that_is_no_label_is_named_with_its_row(value: str) -> None:
    with pytest.raises(BadRow) as caught:
        Labels().codes(np.array(["cat", "dog", value, "-7"]))
    assert caught.value.row == 2
    assert "\n" not in caught.value.reason
    assert len(caught.value.reason) < 200


def test_fault_24_a_label_beyond_the_names_is_named() -> None:
    with pytest.raises(BadRow, match="its label is 2, but the names of the classes go from 0 to 1"):
        Labels(["cat", "dog"]).codes(np.array([0, 1, 2]))
    with pytest.raises(BadRow, match="'cow' is none of the names"):
        Labels(["cat", "dog"]).codes(np.array(["cat", "cow"]))


@pytest.mark.parametrize(("row", "ones"), [([0, 1, 1, 0], 2), ([0, 0, 0, 0], 0), ([0, 1, 0, 2], 1)])
def test_several_labels_an_image_are_refused_with_the_reason(row: list[int], ones: int) -> None:
    labels = np.concatenate([np.eye(4, dtype=int), [row]])
    with pytest.raises(BadRow, match=f"{ones} of its 4 label columns are 1.*multi-label") as caught:
        Labels().codes(labels)
    assert caught.value.row == 4


def test_bytes_that_are_no_utf8_are_named() -> None:
    with pytest.raises(BadRow, match="UTF-8") as caught:
        Labels().codes(np.array([b"cat", b"\xff\xfe"]))
    assert caught.value.row == 1


def test_too_many_classes_are_named() -> None:
    coder = Labels()
    coder.codes(np.arange(65_536))
    with pytest.raises(BadRow, match="65,536 classes is the most"):
        coder.codes(np.array(["one more"]))


@pytest.mark.parametrize("names", [["a", "a"], ["a", " "], ["x" * 300]])
def test_names_that_cannot_be_told_apart_are_refused(names: list[str]) -> None:
    with pytest.raises(DataFormatError, match=r"own\.npz: "):
        Labels(names, "own.npz")


def test_the_row_of_a_later_chunk_is_counted_from_the_start() -> None:
    labels = np.zeros(2_500)
    labels[2_345] = 0.5
    source = arrays_source((np.zeros((2_500, 3, 7), np.uint8), labels))
    with pytest.raises(DataFormatError, match=r"^X\[2345\]: its label is 0\.5"):
        list(source.read((1, 3, 7), lambda *now: None))
