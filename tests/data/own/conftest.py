"""Folders of small pictures: cuts of scikit-learn's photographs, in JPEG and PNG."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

MakeFolder = Callable[..., Path]


@cache
def photographs() -> tuple[np.ndarray, np.ndarray]:
    """A temple and a flower, (427, 640, 3) each."""
    from sklearn.datasets import load_sample_images

    china, flower = load_sample_images().images
    return china, flower


def cut(which: int, number: int, size: tuple[int, int] = (24, 32)) -> Image.Image:
    """Cut number ``number`` out of a photograph; no two overlap."""
    height, width = size
    across = 640 // width
    top, left = number // across * height, number % across * width
    return Image.fromarray(photographs()[which][top : top + height, left : left + width])


@pytest.fixture
def make_folder(tmp_path: Path) -> MakeFolder:
    """Write so many cuts of each photograph below ``where``, from number ``first`` on."""

    def make(
        where: str = "photographs",
        count: int = 20,
        first: int = 0,
        size: tuple[int, int] = (24, 32),
        ending: str = "png",
    ) -> Path:
        for label, name in enumerate(("temple", "flower")):
            folder = tmp_path / where / name
            folder.mkdir(parents=True, exist_ok=True)
            for number in range(first, first + count):
                cut(label, number, size).save(folder / f"{number}.{ending}")
        return tmp_path / where

    return make
