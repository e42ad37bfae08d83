"""Write a folder of colour photographs of your own to try makeweight on: cuts of three pictures that packages ship.

    python examples/photographs.py photographs
    makeweight data check photographs

The temple and the flower come with scikit-learn (by danielbuechele and vultilion, CC BY 2.0), the portrait of Grace
Hopper with matplotlib (US Navy, public domain). A picture is cut into pieces of 24 × 32 pixels that do not overlap,
each saved as JPEG; the class of a piece is the picture that it is from.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from matplotlib.cbook import get_sample_data
from numpy.typing import NDArray
from PIL import Image
from sklearn.datasets import load_sample_images

HEIGHT, WIDTH = 24, 32


def photographs() -> dict[str, NDArray[np.uint8]]:
    """Return the three pictures, (h, w, 3) each."""
    temple, flower = load_sample_images().images
    with get_sample_data("grace_hopper.jpg") as file, Image.open(file) as portrait:
        return {"flower": flower, "portrait": np.asarray(portrait.convert("RGB")), "temple": temple}


def pieces(picture: NDArray[np.uint8]) -> Iterator[Image.Image]:
    """Cut a picture, row by row."""
    for top in range(0, picture.shape[0] - HEIGHT + 1, HEIGHT):
        for left in range(0, picture.shape[1] - WIDTH + 1, WIDTH):
            yield Image.fromarray(picture[top : top + HEIGHT, left : left + WIDTH])


def write_photographs(folder: Path) -> None:
    """Write one sub-folder a picture."""
    for name, picture in photographs().items():
        (folder / name).mkdir(parents=True, exist_ok=True)
        for number, piece in enumerate(pieces(picture)):
            piece.save(folder / name / f"{number:03}.jpg", quality=95)


if __name__ == "__main__":
    write_photographs(Path(sys.argv[1] if len(sys.argv) > 1 else "photographs"))
