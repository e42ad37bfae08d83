#!/usr/bin/env python3
"""Draw examples/pictures: three clothes as people draw them, dark on white paper.

Usage: scripts/draw_samples.py
"""

from __future__ import annotations

from pathlib import Path

from PIL import Image, ImageDraw

FOLDER = Path(__file__).parents[1] / "examples" / "pictures"
SIDE = 112  # pixels
PAPER, INK = 255, 60  # of 0 to 255
FINER = 4  # drawn so many times as large, and scaled down to smooth the edges

Points = list[tuple[float, float]]  # x and y, as shares of the side
SHAPES: dict[str, list[Points]] = {
    "shirt": [
        [(0.36, 0.08), (0.43, 0.13), (0.57, 0.13), (0.64, 0.08), (0.80, 0.14), (0.97, 0.36), (0.84, 0.46), (0.74, 0.36),
         (0.74, 0.93), (0.26, 0.93), (0.26, 0.36), (0.16, 0.46), (0.03, 0.36), (0.20, 0.14)],
    ],
    "trousers": [
        [(0.33, 0.03), (0.67, 0.03), (0.72, 0.97), (0.56, 0.97), (0.50, 0.32), (0.44, 0.97), (0.28, 0.97)],
    ],
    "boot": [
        [(0.50, 0.10), (0.88, 0.10), (0.93, 0.55), (0.93, 0.78), (0.07, 0.78), (0.07, 0.64), (0.22, 0.55), (0.42, 0.48),
         (0.52, 0.36)],
        [(0.07, 0.80), (0.60, 0.80), (0.64, 0.84), (0.93, 0.80), (0.93, 0.88), (0.07, 0.86)],
    ],
}  # fmt: skip


def draw(shape: list[Points]) -> Image.Image:
    """Draw the parts of a shape, gray on white."""
    image = Image.new("L", (SIDE * FINER, SIDE * FINER), PAPER)
    for part in shape:
        ImageDraw.Draw(image).polygon([(x * SIDE * FINER, y * SIDE * FINER) for x, y in part], fill=INK)
    return image.resize((SIDE, SIDE), Image.Resampling.BOX)


def main() -> None:
    """Write all."""
    FOLDER.mkdir(exist_ok=True)
    for name, shape in SHAPES.items():
        draw(shape).save(FOLDER / f"{name}.png", optimize=True)


if __name__ == "__main__":
    main()
