"""Folders of pictures as people bring them: what each level is, and what is asked where it could be two things."""

from __future__ import annotations

import shutil
import unicodedata
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from makeweight.data.form import Form
from makeweight.data.prepare import prepare_own, staged_for_a_look
from makeweight.data.sources.registry import open_source
from makeweight.data.stage import Staged
from makeweight.errors import DataFormatError, InvalidValue


@pytest.fixture
def paint(tmp_path: Path) -> Callable[..., Path]:
    """Draw so many different gray pictures in each of some folders below one."""
    rng = np.random.default_rng(0)

    def paint(*folders: str, count: int = 4, ending: str = "png") -> Path:
        for folder in folders:
            place = tmp_path / "own" / folder
            place.mkdir(parents=True, exist_ok=True)
            for number in range(count):
                pixels = rng.integers(0, 256, (6, 6), dtype=np.uint8)
                Image.fromarray(pixels).save(place / f"{number}.{ending}")
        return tmp_path / "own"

    return paint


def look(path: Path, cache: Path, **wanted: str) -> Staged:
    with staged_for_a_look(open_source(path, Form(**wanted)), Form(**wanted), cache, lambda *now: None) as staged:
        return staged


def counts(staged: Staged) -> dict[str, dict[str, int]]:
    return {
        part: dict(Counter(staged.class_names[label] for label in staged.labels[rows]))
        for part, rows in staged.parts.items()
    }


Paint = Callable[..., Path]
TWO = ("forest", "sea")


def below(*tops: str) -> tuple[str, ...]:
    return tuple(f"{top}/{name}" for top in tops for name in TWO)


@pytest.mark.parametrize(
    ("folders", "parts"),
    [
        (below("seg_train/seg_train", "seg_test/seg_test"), ("train", "test")),
        (below("Training", "Test"), ("train", "test")),
        (below("train", "dev", "test"), ("train", "validation", "test")),
        (below("train", "eval"), ("train", "validation")),
        (below("dataset/train", "dataset/valid", "dataset/test"), ("train", "validation", "test")),
        (below("dataset"), ("all",)),
        (below("a/b/c"), ("all",)),
        (below("asl_alphabet_train/asl_alphabet_train"), ("all",)),
        (below("x-training-set", "x_testing_set"), ("train", "test")),
    ],
    ids=lambda value: value[0] if "/" in value[0] else "",
)
def test_parts_are_known_by_words_in_their_names_wrapped_or_doubled(
    folders: tuple[str, ...], parts: tuple[str, ...], paint: Paint, tmp_path: Path
) -> None:
    staged = look(paint(*folders), tmp_path / "cache")
    assert (staged.doubts, staged.problems) == ((), ())
    assert tuple(staged.parts) == parts
    assert all(set(classes) == set(TWO) for classes in counts(staged).values())


def test_files_beside_the_parts_are_no_class(paint: Paint, tmp_path: Path) -> None:
    folder = paint(*below("train", "test"))
    (folder / "models").mkdir()
    (folder / "models" / "net.h5").write_bytes(b"x")
    staged = look(folder, tmp_path / "cache")
    assert counts(staged) == {"train": {"forest": 4, "sea": 4}, "test": {"forest": 4, "sea": 4}}
    assert any("models" in note for note in staged.notes)


def test_a_copy_of_the_parts_beside_them_is_left_out_and_said(paint: Paint, tmp_path: Path) -> None:
    folder = paint(*below("train", "val", "test"), *below("chest_xray/train", "chest_xray/test"))
    staged = look(folder, tmp_path / "cache")
    assert counts(staged)["train"] == {"forest": 4, "sea": 4}
    assert any(note.startswith("chest_xray/ (16 pictures) has parts of its own") for note in staged.notes)
    assert staged.doubts == ()


@pytest.mark.parametrize(
    ("folders", "flat"),
    [
        ((*below("Training", "Test"), "test-multiple_fruits"), "test-multiple_fruits/"),
        (
            (*below("asl_alphabet_train/asl_alphabet_train"), "asl_alphabet_test/asl_alphabet_test"),
            "asl_alphabet_test/",
        ),
        ((*below("train"), "test"), "test/"),
        ((*below("."), "."), "the folder itself"),
        ((*below("train", "test"), "train"), "train/"),
    ],
)
def test_pictures_without_a_class_are_named_and_can_be_left_out(
    folders: tuple[str, ...], flat: str, paint: Paint, tmp_path: Path
) -> None:
    folder = paint(*folders)
    staged = look(folder, tmp_path / "cache")
    (problem,) = staged.problems
    assert problem.name.startswith(flat)
    assert problem.reason.startswith("4 pictures without a label")
    with pytest.raises(DataFormatError, match="skip_unreadable"):
        prepare_own(open_source(folder), cache_dir=tmp_path / "cache")
    prepared = prepare_own(open_source(folder), cache_dir=tmp_path / "cache", skip_unreadable=True)
    assert prepared.class_names == TWO


@pytest.mark.parametrize(
    ("folders", "words", "layout", "classes"),
    [
        (("train_images", "test_images"), "look like parts and not like classes", "class", 2),
        (below("val", "test"), "there is no training part beside test/, val/", "class/class", 4),
        (below("Dataset", "Examples"), r"layout=class for 2 classes .*layout=\*/class for 2 ", "class/class", 4),
        (("Korean/c1", "Korean/c2", "Greek/c1"), "layout=class/class for 3 classes", "class/class", 3),
        (("Korean/c1", "Korean/c2", "Greek/c1"), "layout=class for 2 classes", "*/class", 2),
        (("cat/train", "cat/test", "dog/train", "dog/test"), "layout=class/part", "class/part", 2),
        (("train/a/x", "train/b/y", "test/a/x", "test/b/y"), "layout=part/class for 2", "part/class", 2),
        (("w/a/x", "w/a/z", "w/b/y"), r"layout=\*/class for 2 .*layout=\*/class/class for 3", "*/class/class", 3),
        ((*below("train_1", "train_2", "test"),), "train_1/, train_2/ are all called train", "part/class", 2),
        ((*below("train"), "models"), "layout=class for 2 classes", "*/class", 2),
    ],
)
def test_what_could_be_two_things_is_asked_for(
    folders: tuple[str, ...], words: str, layout: str, classes: int, paint: Paint, tmp_path: Path
) -> None:
    folder = paint(*folders)
    with pytest.raises(DataFormatError, match=words) as caught:
        prepare_own(open_source(folder), cache_dir=tmp_path / "cache", skip_unreadable=True)
    assert "\n" not in str(caught.value)
    told = look(folder, tmp_path / "cache", layout=layout)
    assert len(told.class_names) == classes
    assert told.doubts == ()


def test_a_layout_that_is_none_is_refused() -> None:
    for layout in ("part", "class/", "part/part/class", "x"):
        with pytest.raises(InvalidValue, match="layout"):
            Form(layout=layout)


@pytest.mark.parametrize("other", ["cat", "CAT ", unicodedata.normalize("NFD", "Kätzchen")])
def test_classes_whose_names_differ_between_parts_stop_with_the_pairs(other: str, paint: Paint, tmp_path: Path) -> None:
    name = "Kätzchen" if "tzchen" in other else "Cat"
    folder = paint(f"train/{name}", "train/Dog", f"test/{other}", "test/Dog")
    (doubt,) = look(folder, tmp_path / "cache").doubts
    assert f"{name!r} (train)" in doubt
    assert f"{other!r} (test)" in doubt


def test_a_class_that_has_no_training_images_stops_and_one_that_is_not_tested_is_said(
    paint: Paint, tmp_path: Path
) -> None:
    folder = paint("train/a", "train/b", "val/a", "val/c", "test/a", "test/b")
    (doubt,) = look(folder, tmp_path / "cache").doubts
    assert doubt.startswith("there are no training images of 'c', which the validation part has")
    shutil.rmtree(folder / "val")
    shutil.rmtree(folder / "test" / "b")
    staged = look(folder, tmp_path / "cache")
    assert staged.doubts == ()
    assert "the test part has no image of 'b': accuracy says nothing about it" in staged.notes


def test_pictures_that_cannot_be_read_are_named_and_so_is_a_class_that_would_vanish(
    paint: Paint, tmp_path: Path
) -> None:
    folder = paint(*TWO)
    (folder / "phone").mkdir()
    for name in ("a.heic", "b.jxl", "c.avif", "d.svg"):
        (folder / "phone" / name).write_bytes(b"nothing of the kind")
    staged = look(folder, tmp_path / "cache")
    assert [problem.name for problem in staged.problems] == [
        f"phone/{n}" for n in ("a.heic", "b.jxl", "c.avif", "d.svg")
    ]
    assert staged.doubts == ("no picture of 'phone' can be read, so the class would vanish; repair them.",)


@pytest.mark.parametrize("ending", ["avif", "jp2", "jfif", "jpe", "dib", "pnm"])
def test_pictures_that_pillow_reads_are_read(ending: str, paint: Paint, tmp_path: Path) -> None:
    formats = {"jfif": "jpeg", "jpe": "jpeg", "dib": "bmp", "pnm": "ppm"}
    folder = paint(*TWO)
    for path in list(folder.rglob("*.png")):
        with Image.open(path) as image:
            image.convert("RGB").save(
                path.with_suffix(f".{ending}"), {**formats}.get(ending, ending).replace("jp2", "jpeg2000")
            )
        path.unlink()
    staged = look(folder, tmp_path / "cache")
    assert (len(staged.labels), staged.problems) == (8, ())


def test_heic_of_phones_is_read_by_the_extra(paint: Paint, tmp_path: Path) -> None:
    heif = pytest.importorskip("pillow_heif")
    heif.register_heif_opener()
    folder = paint(*TWO)
    for path in list(folder.rglob("*.png")):
        with Image.open(path) as image:
            image.convert("RGB").resize((64, 64)).save(path.with_suffix(".heic"))
        path.unlink()
    staged = look(folder, tmp_path / "cache")
    assert (len(staged.labels), staged.problems) == (8, ())


def test_a_picture_without_an_ending_is_known_by_its_bytes(paint: Paint, tmp_path: Path) -> None:
    folder = paint(*TWO)
    for path in list((folder / "sea").iterdir()):
        path.rename(path.with_suffix(""))
    assert counts(look(folder, tmp_path / "cache"))["all"] == {"forest": 4, "sea": 4}


def test_gray_saved_as_colour_is_said(paint: Paint, tmp_path: Path) -> None:
    folder = paint(*TWO)
    for path in folder.rglob("*.png"):
        with Image.open(path) as image:
            image.convert("RGB").save(path)
    notes = look(folder, tmp_path / "cache").notes
    assert any(note.startswith("all images are gray, though they are stored in colour: channels=1") for note in notes)


def test_a_size_that_is_chosen_is_explained(paint: Paint, tmp_path: Path) -> None:
    folder = paint(*TWO)
    for path in folder.rglob("*.png"):
        with Image.open(path) as image:
            image.resize((120, 160)).save(path)
    staged = look(folder, tmp_path / "cache")
    assert staged.shape == (1, 32, 24)
    assert any("160 × 120 and become 32 × 24" in note and "768 weights and not 19,200" in note for note in staged.notes)
