"""Read a picture of the user's own into an image as a data set has them.

Every picture is converted in the same way: the first frame, turned as its EXIF says; 16 bits to 8; transparency over
the background; to gray (ITU-R 601-2, as Pillow has it) or RGB; scaled to fit with Lanczos; centred on black.
"""

from __future__ import annotations

import stat
import warnings
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from makeweight.errors import DataFormatError, DataNotFound, InvalidValue

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM")
MOST_PIXELS = 50_000_000  # a photograph of a good camera; 200 MB as RGBA
MOST_BYTES = 64 * 2**20
# Of 0 to 255. A picture is only called inverted where both it and the data set are clear about their background.
BRIGHT, DARK = 170, 85
SIXTEEN_BITS = ("I", "I;16", "I;16L", "I;16B", "I;16N")  # Pillow's names for them


@dataclass(frozen=True)
class Picture:
    """A picture in the shape of a data set's images."""

    name: str  # of its file
    pixels: NDArray[np.uint8]  # (c, h, w)
    border: float  # mean brightness of its outermost pixels before it was padded, 0 to 255

    def looks_inverted(self, images: NDArray[np.uint8]) -> bool:
        """Say whether it is dark on bright where images (n, c, h, w) of the data set are bright on dark."""
        return self.border >= BRIGHT and border_brightness(images) <= DARK


def background(brightness: float) -> Literal["bright", "dark"] | None:
    """Say what a mean brightness of the outermost pixels makes the background; None where it is not clear."""
    return "bright" if brightness >= BRIGHT else "dark" if brightness <= DARK else None


def border_brightness(images: NDArray[np.uint8]) -> float:
    """Mean of the outermost pixels of images (…, h, w), 0 to 255."""
    edges = images[..., 0, :], images[..., -1, :], images[..., :, 0], images[..., :, -1]
    return float(np.concatenate([edge.reshape(-1) for edge in edges]).mean())


def read_picture(path: Path, image_shape: tuple[int, int, int], *, invert: bool = False) -> Picture:
    """Read a picture in one of FORMATS.

    Parameters
    ----------
    path : pathlib.Path
    image_shape : tuple of int
        (c, h, w) of the data set's images; c is 1 or 3.
    invert : bool
        Turn bright into dark, for drawings on white paper; what is transparent counts as white then.

    Raises
    ------
    DataNotFound
        If there is no such file.
    InvalidValue
        If it is a folder or a device.
    DataFormatError
        If it has too many bytes or pixels, or cannot be read.
    """
    _check_file(path)
    return _picture(path, path, image_shape, invert)


def decode_picture(content: bytes, name: str, image_shape: tuple[int, int, int], *, invert: bool = False) -> Picture:
    """Read a picture that lies in memory; see :func:`read_picture`.

    Raises
    ------
    DataFormatError
        If it has too many bytes or pixels, or cannot be read.
    """
    if len(content) > MOST_BYTES:
        raise _unreadable(Path(name), f"it has more than {MOST_BYTES:,} bytes")
    return _picture(BytesIO(content), Path(name), image_shape, invert)


def _picture(source: Path | BytesIO, path: Path, image_shape: tuple[int, int, int], invert: bool) -> Picture:
    with warnings.catch_warnings():
        # Pillow only warns of oddities such as broken metadata, and of bombs that are within reach.
        warnings.simplefilter("ignore")
        try:
            content = _content(source, path, "L" if image_shape[0] == 1 else "RGB", invert)
        except DataFormatError:
            raise
        except Exception as error:  # Pillow's readers raise whatever they stumble over in a damaged file
            raise _unreadable(path, _reason(error)) from error
    border = border_brightness(_channels_first(content))
    return Picture(path.name, _channels_first(_fitted(content, *image_shape[1:])), border)


def _check_file(path: Path) -> None:
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataNotFound(f"the picture {path} cannot be opened: {reason}. Give the path of a picture.") from error
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "no ordinary file"
        raise InvalidValue(f"the picture {path} is {kind}. Give the path of one picture.")
    if found.st_size > MOST_BYTES:
        raise _unreadable(path, f"it has {found.st_size:,} bytes, and {MOST_BYTES:,} is the most")


def _content(source: Path | BytesIO, path: Path, mode: str, invert: bool) -> Image:
    """Decode the first frame, upright, in the mode asked for."""
    from PIL import Image, ImageOps

    with Image.open(source, formats=FORMATS) as opened:
        width, height = opened.size
        # Before anything is decoded: a header of some bytes may promise gigabytes.
        if width * height > MOST_PIXELS:
            raise _unreadable(path, f"it has {width:,} × {height:,} pixels, and {MOST_PIXELS:,} in all is the most")
        opened.load()
        image = ImageOps.exif_transpose(opened)
    if image.mode in SIXTEEN_BITS:
        image = _eight_bits(image, path)
    if image.mode == "F":
        raise _unreadable(path, "its pixels are floating-point numbers, which have no black and white")
    if image.has_transparency_data:
        paper = Image.new("RGBA", image.size, (255, 255, 255) if invert else (0, 0, 0))
        image = Image.alpha_composite(paper, image.convert("RGBA"))
    image = image.convert("RGB").convert(mode)
    return ImageOps.invert(image) if invert else image


def _eight_bits(image: Image, path: Path) -> Image:
    from PIL import Image

    values = np.asarray(image).astype(np.int64)
    if values.min() < 0 or values.max() > 65_535:
        raise _unreadable(path, "its pixels have more than 16 bits")
    return Image.fromarray(((values + 128) // 257).astype(np.uint8))  # 65,535 = 255 · 257


def _fitted(image: Image, height: int, width: int) -> Image:
    from PIL import Image

    scale = min(width / image.width, height / image.height)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    canvas = Image.new(image.mode, (width, height))
    scaled = image.resize(size, Image.Resampling.LANCZOS)
    canvas.paste(scaled, ((width - size[0]) // 2, (height - size[1]) // 2))
    return canvas


def _channels_first(image: Image) -> NDArray[np.uint8]:
    """(c, h, w) of a gray or RGB image."""
    pixels = np.asarray(image, dtype=np.uint8)
    return np.ascontiguousarray(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1))


def _reason(error: Exception) -> str:
    from PIL import Image, UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError):
        return "it is no picture in a format that makeweight reads"
    if isinstance(error, Image.DecompressionBombError):
        return f"it has more than {MOST_PIXELS:,} pixels"
    return str(getattr(error, "strerror", None) or error) or type(error).__name__


def _unreadable(path: Path, reason: str) -> DataFormatError:
    return DataFormatError(f"the picture {path} cannot be used: {reason}. Give one in {', '.join(FORMATS)}.")
