"""Images and labels from Python."""

from __future__ import annotations

import numpy as np
import pytest

from makeweight.data.own.arrays import arrays_source
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
