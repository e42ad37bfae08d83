"""Images and labels from Python."""

from __future__ import annotations

import numpy as np
import pytest

from makeweight.data.sources.arrays import arrays_source
from makeweight.errors import DataFormatError, InvalidValue

IMAGES = np.arange(4 * 5 * 7, dtype=np.uint8).reshape(4, 5, 7)
LABELS = np.array([0, 1, 1, 0])


def quiet(what: str, done: int, total: int | None) -> None:
    """Progress for nobody."""


def test_lists_and_tensors_are_taken() -> None:
    torch = pytest.importorskip("torch")
    for images, labels in ((IMAGES.tolist(), ["a", "b", "b", "a"]), (torch.from_numpy(IMAGES), torch.tensor(LABELS))):
        [chunk] = arrays_source((images, labels)).read((1, 5, 7), quiet)
        np.testing.assert_array_equal(chunk.images[:, 0], IMAGES)
        assert chunk.codes.tolist() == [0, 1, 1, 0]


def test_arrays_are_not_changed_and_not_held_twice() -> None:
    images = IMAGES.copy()
    images.setflags(write=False)
    [chunk] = arrays_source((images, LABELS)).read((1, 5, 7), quiet)
    assert np.shares_memory(chunk.images, images)


def test_text_in_objects_is_text_and_other_objects_are_refused() -> None:
    names = np.array(["cat", "dog", "dog", "cat"], dtype=object)  # as pandas holds text
    source = arrays_source((IMAGES, names))
    list(source.read((1, 5, 7), quiet))
    assert source.class_names == ("cat", "dog")
    with pytest.raises(DataFormatError, match="y: labels are numbers or text, but it holds object"):
        arrays_source((IMAGES, np.array([1, "a", None, 2], dtype=object)))


def test_parts_are_named_in_any_usual_way() -> None:
    pair = (IMAGES, LABELS)
    assert arrays_source({"test": pair, "Valid": pair, "train": pair}).survey(quiet).parts == (
        "train",
        "validation",
        "test",
    )
    assert arrays_source({"train": pair, "test": pair}).describe(5) == "test X[1]"


def test_the_fingerprint_is_of_the_content() -> None:
    def print_of(images: object, labels: object, **more: object) -> str:
        return arrays_source((images, labels), **more).fingerprint()  # type: ignore[arg-type]

    prints = {
        print_of(IMAGES, LABELS),
        print_of(IMAGES + 1, LABELS),
        print_of(IMAGES.reshape(4, 7, 5), LABELS),
        print_of(IMAGES.astype(np.int16), LABELS),
        print_of(IMAGES, 1 - LABELS),
        print_of(IMAGES, LABELS.astype(str)),
        print_of(IMAGES, LABELS, class_names=["a", "b"]),
    }
    assert len(prints) == 7
    strided = np.repeat(IMAGES, 2, axis=1)[:, ::2]
    assert print_of(strided, LABELS.tolist()) == print_of(IMAGES, LABELS)


@pytest.mark.parametrize("data", [IMAGES, (IMAGES,), (IMAGES, LABELS, LABELS), None, {"train": IMAGES}])
def test_what_is_no_pair_is_refused(data: object) -> None:
    with pytest.raises(InvalidValue, match=r"are a pair \(X, y\)"):
        arrays_source(data)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "data", [{"holdout": (IMAGES, LABELS)}, {"val": (IMAGES, LABELS), "valid": (IMAGES, LABELS)}, {}]
)
def test_parts_that_are_unknown_or_there_twice_are_refused(data: dict[str, tuple[object, object]]) -> None:
    with pytest.raises(InvalidValue, match="name train, validation and test"):
        arrays_source(data)  # type: ignore[arg-type]


def test_ragged_rows_are_refused() -> None:
    with pytest.raises(InvalidValue, match=r"^X cannot be made an array: .*give rows of one length"):
        arrays_source(([[1, 2], [3]], [0, 1]))


def test_fault_23_both_counts_are_in_the_error() -> None:
    with pytest.raises(DataFormatError, match="test X has 4 images, but test y has 3 labels"):
        arrays_source({"train": (IMAGES, LABELS), "test": (IMAGES, LABELS[:3])})


def read(images: np.ndarray, labels: np.ndarray) -> None:
    for _ in arrays_source((images, labels)).read((1, 5, 7), lambda *now: None):
        pass


def test_fault_24_all_rows_that_cannot_be_used_are_named() -> None:
    images, labels = np.random.default_rng(0).random((3_000, 5, 7)), np.arange(3_000.0) % 3
    images[[4, 5, 1_700, 2_999], 1, 2] = np.nan
    labels[9], labels[2_500] = -1, 0.5
    with pytest.raises(DataFormatError) as caught:
        read(images, labels)
    assert str(caught.value) == (
        "X[9]: its label is -1; labels are text or whole numbers from 0 to 65,535. Nor can be used: X[4], X[5], "
        "X[1700], X[2500], X[2999]."
    )


def test_fault_24_rows_that_are_named_are_bounded() -> None:
    images = np.random.default_rng(0).normal(size=(3_000, 5, 7))  # standardised: none can be used
    with pytest.raises(DataFormatError, match=r"outside 0 to 255.* Nor can be used: .* and more\.$") as caught:
        read(images, np.arange(3_000) % 3)
    assert str(caught.value).count("X[") == 21
