"""What a check says of a data set in which faults were planted."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from makeweight.data import near, suspects
from makeweight.data.check import Check, check
from makeweight.data.dataset import prepare
from makeweight.data.form import shrink
from makeweight.data.prepare import staged_for_a_look
from makeweight.data.sources.folder import folder_source

MakeFolder = Callable[..., Path]


@pytest.fixture
def look(tmp_path: Path) -> Callable[[Path], Check]:
    def look(folder: Path) -> Check:
        source = folder_source(folder)
        with staged_for_a_look(source, None, tmp_path / "cache", lambda what, done, total: None) as staged:
            return check(source, staged)

    return look


@contextmanager
def changed(path: Path) -> Iterator[np.ndarray]:
    pixels = np.array(Image.open(path)).astype(int)
    yield pixels
    Image.fromarray(pixels.clip(0, 255).astype(np.uint8)).save(path)


def test_a_sound_folder_is_counted_and_usable(make_folder: MakeFolder, look: Callable[[Path], Check]) -> None:
    found = look(make_folder(count=30))
    assert found.usable
    assert found.images == 60
    assert found.counts == (("all", (30, 30)),)
    assert found.shapes == (((3, 24, 32), 60),)
    assert (found.copies, found.conflict_count, found.problems, found.rare) == (0, 0, (), ())


def test_copies_conflicts_and_near_copies_are_found(make_folder: MakeFolder, look: Callable[[Path], Check]) -> None:
    folder = make_folder(count=50, first=150)  # roofs and petals: no sky, which is all alike
    shutil.copy(folder / "temple" / "150.png", folder / "temple" / "copy.png")
    shutil.copy(folder / "temple" / "151.png", folder / "flower" / "conflict.png")
    shutil.copy(folder / "temple" / "190.png", folder / "temple" / "near.png")
    with changed(folder / "temple" / "near.png") as pixels:
        pixels[...] = pixels * 0.99 + 1
    found = look(folder)
    assert (found.copies, found.conflict_count) == (2, 1)
    (conflict,) = found.conflicts
    assert {(conflict.first, conflict.first_class), (conflict.second, conflict.second_class)} == {
        ("temple/151.png", "temple"), ("flower/conflict.png", "flower"),
    }  # fmt: skip
    assert {"temple/190.png", "temple/near.png"} in [{pair.first, pair.second} for pair in found.near]


def test_unreadable_and_too_few_make_it_unusable(make_folder: MakeFolder, look: Callable[[Path], Check]) -> None:
    folder = make_folder(count=2)
    (folder / "temple" / "x.png").write_bytes(b"nothing")
    found = look(folder)
    assert not found.usable
    assert [problem.name for problem in found.problems] == ["temple/x.png"]
    assert found.refusal is not None
    assert "smallest count" in found.refusal


def test_a_rare_class_is_named(make_folder: MakeFolder, look: Callable[[Path], Check]) -> None:
    folder = make_folder(count=60)
    for path in sorted((folder / "flower").iterdir())[5:]:
        path.unlink()
    assert look(folder).rare == ("flower",)


def test_test_images_among_those_for_training_are_counted(
    make_folder: MakeFolder, look: Callable[[Path], Check], tmp_path: Path
) -> None:
    make_folder("leaky/train", count=20)
    make_folder("leaky/test", count=5, first=18)
    found = look(tmp_path / "leaky")
    assert (found.leaked, found.leaked_validation) == (4, 0)


def test_validation_images_among_those_for_training_are_counted(
    make_folder: MakeFolder, look: Callable[[Path], Check], tmp_path: Path
) -> None:
    for part, count, first in (("train", 20, 0), ("val", 6, 17), ("test", 4, 30)):
        make_folder(f"leaky/{part}", count=count, first=first)
    found = look(tmp_path / "leaky")
    assert (found.leaked, found.leaked_validation) == (0, 6)
    shutil.rmtree(tmp_path / "leaky" / "test")  # then test images are drawn from the others, copies on one side
    found = look(tmp_path / "leaky")
    assert found.leaked == 0
    assert 0 < found.leaked_validation <= 6


def test_planted_labels_are_among_the_clearest_suspects() -> None:
    digits = prepare("digits").training_images()
    labels = np.array(digits.labels)
    planted = np.random.default_rng(0).choice(len(labels), 30, replace=False)
    labels[planted] = (labels[planted] + 1) % 10
    count, found = suspects.suspects(np.array(digits.images), labels, np.arange(len(labels)))
    assert len(found) == suspects.MAX_SUSPECTS
    assert sum(one.row in planted for one in found) >= 18
    assert 20 <= count <= 60
    honest, _ = suspects.suspects(np.array(digits.images), np.array(digits.labels), np.arange(len(labels)))
    assert honest < 20


def test_near_copies_are_those_that_comparing_all_pairs_finds() -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (120, 1, 8, 8))
    images[100:] = images[:20] + rng.integers(-9, 10, (20, 1, 8, 8))  # some nearer than 6, some not
    pixels = images.clip(0, 255).astype(np.uint8)
    flat = pixels.reshape(120, -1).astype(float)
    distance = np.sqrt(((flat[:, None] - flat[None]) ** 2).mean(axis=2))
    expected = {(i, j) for i, j in np.argwhere((distance < near.NEAR) & (distance > 0)).tolist() if i < j}
    found = near.near_copies(pixels, np.arange(1_000, 1_120)).pairs
    assert 2 < len(expected) < 20
    assert {tuple(sorted(pair)) for pair in (found - 1_000).tolist()} == expected


@pytest.mark.parametrize("size", [(8, 8), (28, 28), (25, 13), (64, 48)])
def test_shrinking_takes_means_of_blocks(size: tuple[int, int]) -> None:
    images = np.random.default_rng(0).integers(0, 256, (3, 2, *size), dtype=np.uint8)
    small = shrink(images, 12)
    assert max(small.shape[2:]) <= 12
    step = -(-max(size) // 12)
    np.testing.assert_array_equal(small[:, :, 0, 0], images[:, :, :step, :step].mean(axis=(2, 3)).astype(np.uint8))
