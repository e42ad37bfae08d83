"""From a user's own images to a prepared data set: division, copies, refusals, and finding it again."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from makeweight.data.dataset import PreparedDataset, find_prepared
from makeweight.data.form import Form
from makeweight.data.prepare import plain_name, prepare_own
from makeweight.data.sources.folder import folder_source
from makeweight.data.sources.source import Chunk, Part, Progress, Shape, Survey
from makeweight.data.split import split_indices
from makeweight.errors import DataFormatError, InvalidValue
from makeweight.face.data import load_data

MakeFolder = Callable[..., Path]


class Given:
    """A source of images that a test makes up."""

    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()
    ordered = False

    def __init__(self, labels: list[int], values: list[int] | None = None, names: tuple[str, ...] = ("a", "b")) -> None:
        self._labels, self._values = labels, values or list(range(len(labels)))
        self.class_names, self.name = names, "given"
        self.parts: list[Part] = ["all"] * len(labels)

    def fingerprint(self) -> str:
        return repr((self._labels, self._values, self.parts))

    def survey(self, say: Progress) -> Survey:
        return Survey({(1, 2, 2): len(self._labels)}, tuple(dict.fromkeys(self.parts)))

    def read(self, shape: Shape, say: Progress) -> Iterator[Chunk]:
        for part in dict.fromkeys(self.parts):
            rows = np.array([row for row, of in enumerate(self.parts) if of == part])
            values = np.array(self._values)[rows]
            images = np.stack([values % 256, values // 256 % 256, values * 0, values * 0], axis=1)
            yield Chunk(part, images.astype(np.uint8).reshape(-1, 1, 2, 2), np.array(self._labels)[rows], rows)

    def describe(self, row: int) -> str:
        return str(row)


@pytest.fixture
def prepared(make_folder: MakeFolder, tmp_path: Path) -> PreparedDataset:
    return prepare_own(folder_source(make_folder(count=50)), cache_dir=tmp_path / "cache")


def test_without_a_division_it_is_eighty_ten_ten_in_each_class(prepared: PreparedDataset) -> None:
    split = prepared.split()
    train = prepared.training_images()
    for labels, count in (
        (train.labels[split.train], 40),
        (train.labels[split.validation], 5),
        (prepared.test_images().labels, 5),
    ):
        np.testing.assert_array_equal(np.bincount(labels), [count, count])
    assert prepared.image_shape == (3, 24, 32)
    assert prepared.class_names == ("flower", "temple")
    prepared.verify()


def test_it_is_prepared_once_and_again_when_a_file_changes(make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder()
    first = prepare_own(folder_source(folder), cache_dir=tmp_path / "cache")
    written = (first.path / "train_images.npy").stat().st_mtime_ns
    again = prepare_own(folder_source(folder), cache_dir=tmp_path / "cache")
    assert (again.path, (again.path / "train_images.npy").stat().st_mtime_ns) == (first.path, written)
    (folder / "temple" / "0.png").unlink()
    changed = prepare_own(folder_source(folder), cache_dir=tmp_path / "cache")
    assert changed.path != first.path
    assert changed.digest != first.digest


def test_a_data_set_is_found_by_its_digest(
    prepared: PreparedDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKEWEIGHT_CACHE", str(tmp_path / "cache"))
    found = find_prepared(prepared.digest)
    assert found is not None
    assert found.path == prepared.path
    assert find_prepared("0" * 64) is None


def test_another_size_or_seed_is_another_data_set(make_folder: MakeFolder, tmp_path: Path) -> None:
    source = folder_source(make_folder())
    cache = tmp_path / "cache"
    sets = [
        prepare_own(source, cache_dir=cache),
        prepare_own(source, Form((16, 16), 1), cache_dir=cache),
        prepare_own(source, cache_dir=cache, seed=1),
    ]
    assert len({one.digest for one in sets}) == 3
    assert sets[1].image_shape == (1, 16, 16)


def test_the_users_own_division_is_kept(make_folder: MakeFolder, tmp_path: Path) -> None:
    for part, first, count in (("train", 0, 20), ("valid", 30, 6), ("test", 50, 4)):
        make_folder(f"divided/{part}", count=count, first=first)
    prepared = prepare_own(folder_source(tmp_path / "divided"), cache_dir=tmp_path / "cache")
    assert len(prepared.test_images().labels) == 8
    split = prepared.split()
    assert (len(split.train), len(split.validation)) == (40, 12)
    np.testing.assert_array_equal(prepared.split(seed=5).validation, split.validation)
    assert prepared.validation == 12 / 52
    drawn = prepared.split(0.25, seed=1)  # another share is drawn from all
    assert len(drawn.validation) == 13


def test_copies_stay_on_one_side(make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder(count=30)
    for number in range(20):
        for copy in range(3):
            shutil.copy(folder / "temple" / f"{number}.png", folder / "temple" / f"copy-{number}-{copy}.png")
    prepared = prepare_own(folder_source(folder), cache_dir=tmp_path / "cache")
    assert "60 images are copies of others; copies are kept on one side of every division" in prepared.notes
    train, test = prepared.training_images().images, {image.tobytes() for image in prepared.test_images().images}
    assert not test & {image.tobytes() for image in train}
    for seed in range(5):
        split = prepared.split(seed=seed)
        parts = [{train[row].tobytes() for row in rows} for rows in (split.train, split.validation)]
        assert parts[1]
        assert not parts[0] & parts[1]


def test_images_on_both_sides_of_the_users_own_division_are_said(make_folder: MakeFolder, tmp_path: Path) -> None:
    make_folder("leaky/train", count=20)
    make_folder("leaky/test", count=5, first=17)
    prepared = prepare_own(folder_source(tmp_path / "leaky"), cache_dir=tmp_path / "cache")
    assert any(note.startswith("6 of 10 test images are also among those for training") for note in prepared.notes)


def test_validation_images_among_those_for_training_are_said(make_folder: MakeFolder, tmp_path: Path) -> None:
    for part, count, first in (("train", 20, 0), ("val", 5, 18), ("test", 4, 30)):
        make_folder(f"leaky/{part}", count=count, first=first)
    notes = prepare_own(folder_source(tmp_path / "leaky"), cache_dir=tmp_path / "cache").notes
    assert any(note.startswith("4 of 10 validation images are also among those for training") for note in notes)
    assert not any("one side of every division" in note or "test images" in note for note in notes)


def test_fault_25_a_class_missing_from_a_part_is_a_warning(make_folder: MakeFolder, tmp_path: Path) -> None:
    make_folder("gap/train", count=10)
    make_folder("gap/test", count=5, first=20)
    shutil.rmtree(tmp_path / "gap" / "test" / "temple")
    with pytest.warns(UserWarning, match="the test part of gap has no image of class temple"):
        prepared = prepare_own(folder_source(tmp_path / "gap"), cache_dir=tmp_path / "cache")
    assert prepared.classes == 2


def test_fault_26_one_class_only_is_refused(make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder()
    shutil.rmtree(folder / "temple")
    with pytest.raises(DataFormatError, match=r"1 class only \('flower', 20 images\)"):
        prepare_own(folder_source(folder), cache_dir=tmp_path / "cache")


@pytest.mark.parametrize("count", [1, 2])
def test_fault_27_a_class_too_small_to_divide_is_refused(make_folder: MakeFolder, tmp_path: Path, count: int) -> None:
    with pytest.raises(DataFormatError, match=f"3 different images are the smallest count .* has {count}"):
        prepare_own(folder_source(make_folder(count=count)), cache_dir=tmp_path / "cache")


def test_three_images_a_class_are_enough(make_folder: MakeFolder, tmp_path: Path) -> None:
    prepared = prepare_own(folder_source(make_folder(count=3)), cache_dir=tmp_path / "cache")
    split = prepared.split()
    assert [len(prepared.test_images().labels), len(split.validation), len(split.train)] == [2, 2, 2]


def test_copies_do_not_count_as_different_images(tmp_path: Path) -> None:
    with pytest.raises(DataFormatError, match="class 'b' has 2"):
        prepare_own(Given([0] * 9 + [1] * 9, [*range(9), 20, 21, 21, 20, 20, 21, 20, 21, 20]), cache_dir=tmp_path)


@pytest.mark.parametrize("name", ["", "x" * 121, "two\nlines", "nul\0"])
def test_fault_32_a_class_name_that_cannot_stand_in_a_table_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataFormatError, match=r"class name .* is not possible") as caught:
        prepare_own(Given([0, 1] * 9, names=("a", name)), cache_dir=tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "plain"),
    [
        ("Photos 2024", "photos-2024"), ("../../etc", "etc"), ("données", "donn-es"), ("CON", "con"),
        ("Train.CSV.gz", "train"), ("", "images"), ("x" * 300, "x" * 40), ("fashion-mnist", "own-fashion-mnist"),
        ("\N{PILE OF POO}", "images"),
    ],
)  # fmt: skip
def test_a_data_set_has_a_plain_name(name: str, plain: str) -> None:
    assert plain_name(name) == plain


def test_nothing_is_left_behind_by_a_refusal(make_folder: MakeFolder, tmp_path: Path) -> None:
    with pytest.raises(DataFormatError):
        prepare_own(folder_source(make_folder(count=1)), cache_dir=tmp_path / "cache")
    assert [path.name for path in (tmp_path / "cache").iterdir() if not path.name.startswith(".lock")] == []


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 3), st.integers(0, 30)), min_size=8, max_size=80),
    st.floats(0.05, 0.6),
    st.integers(0, 99),
)
def test_groups_are_never_divided_and_every_class_is_on_both_sides(
    rows: list[tuple[int, int]], share: float, seed: int
) -> None:
    groups = np.array([group for _, group in rows])
    labels = groups % 4
    owners = [len(set(groups[labels == label])) for label in set(labels.tolist())]
    if len(owners) == 1 or min(owners) == 1:
        with pytest.raises(InvalidValue):
            split_indices(labels, share, seed, groups)
        return
    split = split_indices(labels, share, seed, groups)
    assert sorted([*split.train, *split.validation]) == list(range(len(rows)))
    assert not set(groups[split.train]) & set(groups[split.validation])
    for part in (split.train, split.validation):
        assert set(labels[part]) == set(labels)


def test_without_copies_groups_divide_as_rows_do() -> None:
    labels = np.arange(200) % 4
    plain, grouped = split_indices(labels, 0.1, 3), split_indices(labels, 0.1, 3, np.arange(200))
    np.testing.assert_array_equal(plain.validation, grouped.validation)


def write_noise(folder: Path, count: int) -> None:
    folder.mkdir(parents=True)
    rng = np.random.default_rng(ord(folder.name))
    for number in range(count):
        Image.fromarray(rng.integers(0, 256, (9, 9), dtype=np.uint8)).save(folder / f"{number:03}.png")


def test_the_last_of_65_pictures_may_be_the_broken_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fault 68
    """Pictures come 64 at a time, so nothing of the last chunk can be read."""
    monkeypatch.setenv("MAKEWEIGHT_CACHE", str(tmp_path / "cache"))
    write_noise(tmp_path / "many" / "a", 40)
    write_noise(tmp_path / "many" / "b", 25)
    (tmp_path / "many" / "b" / "024.png").write_bytes(b"\x89PNG\r\n\x1a\n broken")
    with pytest.raises(DataFormatError, match=r"b/024\.png"):
        load_data(tmp_path / "many")
    prepared = load_data(tmp_path / "many", skip_unreadable=True)
    assert len(prepared.training_images().labels) + len(prepared.test_images().labels) == 64


def test_folders_nested_deeper_than_pythons_stack_are_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:  # fault 68
    monkeypatch.setenv("MAKEWEIGHT_CACHE", str(tmp_path / "cache"))
    write_noise(tmp_path / "deep" / "a", 6)
    write_noise(tmp_path / "deep" / "b", 6)
    monkeypatch.chdir(tmp_path / "deep" / "a")
    for _ in range(1_100):
        Path("d").mkdir()
        os.chdir("d")
    try:
        with pytest.raises(DataFormatError, match="nested deeper than 64 levels"):
            load_data(tmp_path / "deep")
        assert load_data(tmp_path / "deep", skip_unreadable=True).classes == 2
    finally:
        for _ in range(1_100):  # what removes folders needs the stack as well
            os.chdir("..")
            Path("d").rmdir()
