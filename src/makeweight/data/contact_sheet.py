"""Draw some images of each class on one sheet, to see what a data set looks like."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from makeweight.data.dataset import PreparedDataset
from makeweight.errors import InvalidValue, StoreError

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

_BACKGROUND = (255, 255, 255)
_TEXT = (32, 33, 36)
_QUIET = (95, 99, 104)
_TILE_EDGE = (222, 225, 230)

MAX_PER_CLASS = 100
MAX_CLASSES = 60  # rows: a picture that can still be looked at
MAX_NAME = 40  # letters of a class's name


@dataclass(frozen=True)
class Subject:
    """The images of which a sheet is drawn."""

    name: str
    kind: str  # "training", or empty for all
    image_shape: tuple[int, int, int]  # (c, h, w)
    class_names: tuple[str, ...]
    labels: NDArray[np.int64]  # (n,)
    images_of: Callable[[NDArray[np.int64]], NDArray[np.uint8]]  # rows (m,), ascending, to images (m, c, h, w)

    @property
    def classes(self) -> str:
        """How many are drawn, for a sentence."""
        return f"the first {MAX_CLASSES}" if len(self.class_names) == MAX_CLASSES else str(len(self.class_names))


@dataclass(frozen=True)
class _Layout:
    """All lengths in pixels."""

    scale: int  # one pixel of the data set is drawn as scale x scale
    tile: tuple[int, int]  # (width, height) of an image as drawn
    label_width: int
    gap: int = 6
    margin: int = 28
    header: int = 62

    def corner(self, row: int, column: int) -> tuple[int, int]:
        """Return the upper left corner of one tile."""
        width, height = self.tile
        left = self.margin + self.label_width + column * (width + self.gap)
        return left, self.margin + self.header + row * (height + self.gap)


def _short(name: str) -> str:
    return name if len(name) <= MAX_NAME else name[: MAX_NAME - 1] + "…"


def _font(size: int) -> FreeTypeFont | ImageFont:
    from PIL import ImageFont

    return ImageFont.load_default(size)  # comes with Pillow, so the sheet is the same on every machine


def _layout(subject: Subject) -> _Layout:
    _, height, width = subject.image_shape
    scale = max(1, round(56 / max(height, width)))
    label_width = max(round(_font(18).getlength(name)) for name in subject.class_names) + 16
    return _Layout(scale, (width * scale, height * scale), label_width)


def _tile(image: NDArray[np.uint8], layout: _Layout) -> Image:
    """Enlarge one image (c, h, w) without smoothing, so that its pixels stay visible."""
    from PIL import Image

    pixels = image[0] if image.shape[0] == 1 else image[:3].transpose(1, 2, 0)
    tile = Image.fromarray(np.ascontiguousarray(pixels)).convert("RGB")
    return tile.resize(layout.tile, Image.Resampling.NEAREST)


def _draw_header(draw: ImageDraw, subject: Subject, layout: _Layout, per_class: int) -> None:
    channels, height, width = subject.image_shape
    colour = "grey" if channels == 1 else "colour"
    images = f"the first {subject.kind} image" if per_class == 1 else f"the first {per_class} {subject.kind} images"
    left = top = layout.margin
    draw.text((left, top), subject.name, font=_font(24), fill=_TEXT)
    detail = f"{images} of each of {subject.classes} classes, {width} x {height} {colour}"
    draw.text((left, top + 34), detail.replace("  ", " "), font=_font(14), fill=_QUIET)


def _draw(subject: Subject, per_class: int) -> Image:
    from PIL import Image, ImageDraw

    layout = _layout(subject)
    right, bottom = layout.corner(len(subject.class_names) - 1, per_class - 1)
    title_width = 2 * layout.margin + 440
    size = (max(right + layout.tile[0] + layout.margin, title_width), bottom + layout.tile[1] + layout.margin)
    sheet = Image.new("RGB", size, _BACKGROUND)
    draw = ImageDraw.Draw(sheet)
    _draw_header(draw, subject, layout, per_class)
    for row, name in enumerate(subject.class_names):
        left, top = layout.corner(row, 0)
        middle = (left - 14, top + layout.tile[1] // 2)
        draw.text(middle, name, font=_font(18), fill=_TEXT, anchor="rm")
        # The first of a class, so the same data always gives the same picture.
        chosen = np.flatnonzero(subject.labels == row)[:per_class].astype(np.int64)
        for column, image in enumerate(subject.images_of(chosen)):
            left, top = layout.corner(row, column)
            edge = (left - 1, top - 1, left + layout.tile[0], top + layout.tile[1])
            draw.rectangle(edge, outline=_TILE_EDGE)
            sheet.paste(_tile(image, layout), (left, top))
    return sheet


def training_part(prepared: PreparedDataset) -> Subject:
    """Return the training part of a data set, to be drawn; the test part stays closed."""
    part = prepared.training_images()
    shape, names = prepared.image_shape, prepared.class_names
    return Subject(prepared.name, "training", shape, names, part.labels, lambda rows: part.images[rows])


def draw_contact_sheet(subject: Subject, path: Path, per_class: int = 10) -> Path:
    """Draw the first images of each class, one row a class, as a PNG file.

    The same data gives the same picture.

    Parameters
    ----------
    subject : Subject
    path : pathlib.Path
        The PNG file to write; replaced in one step when it is there already.
    per_class : int
        Images a row, 1 to 100.

    Returns
    -------
    pathlib.Path
        `path`.

    Raises
    ------
    InvalidValue
        When `per_class` is out of range.
    StoreError
        When the file cannot be written.
    """
    if isinstance(per_class, bool) or not isinstance(per_class, int) or not 1 <= per_class <= MAX_PER_CLASS:
        raise InvalidValue(f"a contact sheet shows 1 to {MAX_PER_CLASS} images a class, got {per_class!r}.")
    path, subject = Path(path), replace(subject, class_names=tuple(map(_short, subject.class_names[:MAX_CLASSES])))
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        _draw(subject, per_class).save(temporary, format="PNG", optimize=True)
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        reason = error.strerror or error
        raise StoreError(f"the picture {path} cannot be written ({reason}); choose another file.") from error
    return path
