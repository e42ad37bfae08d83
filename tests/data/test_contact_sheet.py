"""The contact sheet: right images in the right places, the same every time, never the test part."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from PIL import Image

from makeweight.data.contact_sheet import draw_contact_sheet, training_part
from makeweight.data.dataset import LabelledImages, PreparedDataset, prepare
from makeweight.errors import InvalidValue, StoreError

if TYPE_CHECKING:
    from conftest import Tiny


@dataclass(frozen=True)
class _Locked(PreparedDataset):
    def test_images(self) -> LabelledImages:
        raise AssertionError("the test part was opened")


@pytest.fixture
def prepared(make_tiny: Callable[..., Tiny], tmp_path: Path) -> PreparedDataset:
    opened = prepare("tiny", data_dir=make_tiny().write_to(tmp_path / "files"))
    return _Locked(opened.name, opened.image_shape, opened.classes, opened.class_names, opened.digest, opened.path)


def test_sheet_shows_the_first_training_images_unsmoothed(prepared: PreparedDataset, tmp_path: Path) -> None:
    path = draw_contact_sheet(training_part(prepared), tmp_path / "sheet.png", per_class=3)
    sheet = np.asarray(Image.open(path).convert("L"))
    train = prepared.training_images()
    scale = 56 // 5
    found = 0
    for label in (0, 1):
        for index in np.flatnonzero(train.labels == label)[:3]:
            tile = np.kron(train.images[index, 0], np.ones((scale, scale), dtype=np.uint8))
            rows, columns = np.nonzero(sheet == tile[0, 0])
            found += any(
                np.array_equal(sheet[r : r + tile.shape[0], c : c + tile.shape[1]], tile)
                for r, c in zip(rows, columns, strict=True)
            )
    assert found == 6


def test_sheet_is_the_same_every_time_and_replaced_in_one_step(prepared: PreparedDataset, tmp_path: Path) -> None:
    first = draw_contact_sheet(training_part(prepared), tmp_path / "sheet.png").read_bytes()
    assert draw_contact_sheet(training_part(prepared), tmp_path / "sheet.png").read_bytes() == first
    assert not list(tmp_path.glob(".*.tmp"))


def test_colour_images_keep_their_colour(tmp_path: Path) -> None:
    folder = tmp_path / "files"
    folder.mkdir()
    rows = np.zeros((10, 3073), dtype=np.uint8)
    rows[:, 0], rows[:, 1 : 1 + 1024] = np.arange(10), 200  # red
    for name in [f"data_batch_{i}.bin" for i in range(1, 6)] + ["test_batch.bin"]:
        (folder / name).write_bytes(rows.tobytes())
    path = draw_contact_sheet(training_part(prepare("cifar-10", data_dir=folder)), tmp_path / "sheet.png", per_class=1)
    colours = {colour for _, colour in Image.open(path).getcolors(1 << 20)}
    assert (200, 0, 0) in colours


@pytest.mark.parametrize("per_class", [0, -1, 101, True, 2.0])
def test_impossible_number_of_images_is_refused(per_class: object, prepared: PreparedDataset, tmp_path: Path) -> None:
    with pytest.raises(InvalidValue, match="1 to 100 images"):
        draw_contact_sheet(training_part(prepared), tmp_path / "sheet.png", per_class=per_class)  # type: ignore[arg-type]
    assert not (tmp_path / "sheet.png").exists()


def test_folder_that_is_absent_is_said(prepared: PreparedDataset, tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"absent/sheet\.png cannot be written"):
        draw_contact_sheet(training_part(prepared), tmp_path / "absent" / "sheet.png")
