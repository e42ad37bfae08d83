"""Read a picture of the user's own into an image as a data set has them.

Every picture is converted in the same way: the first frame, turned as its EXIF says; 16 bits to 8; transparency over
the background; to gray (ITU-R 601-2, as Pillow has it) or RGB; scaled to fit with Lanczos; centred on black.
"""

from __future__ import annotations

import os
import re
import stat
import threading
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from makeweight.errors import DataFormatError, DataNotFound, InvalidValue

if TYPE_CHECKING:
    from PIL.Image import Image

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000")
HEIC = (".heic", ".heif", ".hif")  # by an extra
#: The endings of pictures: those that are read, then those that are named as unreadable.
SUFFIXES = frozenset(
    (
        ".png",
        ".jpg",
        ".jpeg",
        ".jpe",
        ".jfif",
        ".webp",
        ".gif",
        ".bmp",
        ".dib",
        ".tif",
        ".tiff",
        ".ppm",
        ".pgm",
        ".pbm",
        ".pnm",
        ".avif",
        ".jp2",
        ".j2k",
        ".jpf",
        ".jpx",
        *HEIC,
    )
)
UNREAD = frozenset(
    (
        ".jxl",
        ".svg",
        ".ico",
        ".tga",
        ".psd",
        ".raw",
        ".dng",
        ".cr2",
        ".cr3",
        ".nef",
        ".arw",
        ".orf",
        ".rw2",
        ".exr",
        ".hdr",
        ".dcm",
    )
)
#: How files without a known ending begin that are pictures: PNG, JPEG, GIF, WebP, TIFF.
_BEGINNINGS = re.compile(rb"\x89PNG\r\n|\xff\xd8\xff|GIF8|RIFF....WEBP|II\*\0|MM\0\*", re.DOTALL)
MAX_DEPTH = 64  # levels of folders; links or a mistake make more
MAX_PIXELS = 110_000_000  # a photograph of a medium-format camera; 440 MB as RGBA
MAX_JPEG_PIXELS = 250_000_000  # of the best phones; decoded at no more than is needed
MAX_BYTES = 128 * 2**20
# Of 0 to 255. A picture is only called inverted where both it and the data set are clear about their background.
BRIGHT, DARK = 170, 85
# JPEG decodes to an eighth, a quarter or a half at little cost; four times the sides leave Lanczos all it needs.
DRAFT = 4
GRAY_MODES = ("1", "L", "LA", "La")
SIXTEEN_BITS = ("I", "I;16", "I;16L", "I;16B", "I;16N")  # Pillow's names for them


_ORIENTATION = 0x0112  # EXIF's tag
_WHITE_IS_ZERO = 262, 0  # TIFF's tag PhotometricInterpretation, and its value
_OPENING = threading.Lock()
_LYING = (5, 6, 7, 8)  # its values for pictures that lie on their side


@dataclass(frozen=True)
class PictureHeader:
    """What a picture's header says."""

    shape: tuple[int, int, int]  # (c, h, w) upright; c is 1 or 3
    transparent: bool
    sixteen_bits: bool
    animated: bool


@dataclass(frozen=True)
class Picture:
    """A picture in the shape of a data set's images."""

    name: str  # of its file
    pixels: NDArray[np.uint8]  # (c, h, w)
    border: float  # mean brightness of its outermost pixels before it was padded, 0 to 255
    highest: int = 0  # of its values of 16 bits, before they became 8; 0 where it has none
    inverted: bool = False  # whether bright was turned into dark

    def looks_inverted(self, images: NDArray[np.uint8]) -> bool:
        """Say whether it is dark on bright where images (n, c, h, w) of the data set are bright on dark."""
        return is_dark_on_bright(self.border, border_brightness(images))


def background(brightness: float) -> Literal["bright", "dark"] | None:
    """Say what a mean brightness of the outermost pixels makes the background; None where it is not clear."""
    return "bright" if brightness >= BRIGHT else "dark" if brightness <= DARK else None


def border_brightness(images: NDArray[np.uint8]) -> float:
    """Mean of the outermost pixels of images (…, h, w), 0 to 255."""
    edges = images[..., 0, :], images[..., -1, :], images[..., :, 0], images[..., :, -1]
    return float(np.concatenate([edge.reshape(-1) for edge in edges]).mean())


def is_dark_on_bright(border: float, like: float) -> bool:
    """Say whether a picture is dark on bright where a data set's images are bright on dark, by their outermost pixels.

    >>> is_dark_on_bright(border=250, like=3), is_dark_on_bright(border=120, like=3)
    (True, False)
    """
    return border >= BRIGHT and like <= DARK


def read_picture(
    path: Path, image_shape: tuple[int, int, int], *, invert: bool = False, like: float | None = None
) -> Picture:
    """Read a picture in one of FORMATS.

    Parameters
    ----------
    path : pathlib.Path
    image_shape : tuple of int
        (c, h, w) of the data set's images; c is 1 or 3.
    invert : bool
        Turn bright into dark, for drawings on white paper; what is transparent counts as white then.
    like : float, optional
        Mean brightness of the data set's outermost pixels, 0 to 255. With it a picture that becomes gray is inverted if
        it is dark on bright and the data set is bright on dark. RGB stays as it is: its colours would be others.

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
    return _picture(path, path, image_shape, invert, like)


def decode_picture(
    content: bytes, name: str, image_shape: tuple[int, int, int], *, invert: bool = False, like: float | None = None
) -> Picture:
    """Read a picture that lies in memory; see :func:`read_picture`.

    Raises
    ------
    DataFormatError
        If it has too many bytes or pixels, or cannot be read.
    """
    if len(content) > MAX_BYTES:
        raise _unreadable(Path(name), f"it has more than {MAX_BYTES:,} bytes")
    return _picture(BytesIO(content), Path(name), image_shape, invert, like)


def _picture(
    source: Path | BytesIO, path: Path, image_shape: tuple[int, int, int], invert: bool, like: float | None
) -> Picture:
    from PIL import ImageOps

    with _explained(path):
        content, highest = _content(source, path, image_shape, invert)
    border = border_brightness(channels_first(content))
    if like is not None and image_shape[0] == 1 and is_dark_on_bright(border, like):
        content, border, invert = ImageOps.invert(content), 255 - border, True
    return Picture(path.name, channels_first(fitted(content, *image_shape[1:])), border, highest, invert)


def read_shape(picture: Path | bytes) -> PictureHeader:
    """Read only the header of a picture. Raises as `read_picture` does."""
    path = picture if isinstance(picture, Path) else Path("it")
    if isinstance(picture, Path):
        _check_file(path)
    with _explained(path), _opened(picture if isinstance(picture, Path) else BytesIO(picture), path) as opened:
        width, height = opened.size
        if opened.getexif().get(_ORIENTATION, 1) in _LYING:
            width, height = height, width
        gray = opened.mode in GRAY_MODES or opened.mode in SIXTEEN_BITS
        return PictureHeader(
            (1 if gray else 3, height, width),
            opened.has_transparency_data,
            opened.mode in SIXTEEN_BITS,
            getattr(opened, "n_frames", 1) > 1,
        )


def is_picture(path: Path) -> bool:
    """Say whether a file is a picture, by its ending, or by its first bytes where it has none of a picture."""
    suffix = path.suffix.lower()
    if suffix in SUFFIXES or suffix in UNREAD:
        return True
    try:
        if not path.is_file():  # a pipe would block
            return False
        with path.open("rb") as file:
            return _BEGINNINGS.match(file.read(12)) is not None
    except OSError:
        return False


def files_below(folder: Path) -> Iterator[Path]:
    """List files down to ``MAX_DEPTH`` levels; hidden ones and links to folders are passed over.

    Links may be circular, and `os.walk` needs Python's stack for every level.
    """
    folders = [(folder, 0)]
    while folders:
        parent, depth = folders.pop()
        try:
            with os.scandir(parent) as listed:
                entries = [entry for entry in listed if not entry.name.startswith(".")]
        except OSError:
            continue
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                folders += [(Path(entry.path), depth + 1)] * (depth < MAX_DEPTH)
            elif not Path(entry.path).is_dir():  # that of an entry fails for a circle of links
                yield Path(entry.path)


def has_pictures(folder: Path) -> bool:
    """Say whether there is a picture in a folder, at any depth."""
    return any(map(is_picture, files_below(folder)))


def unreadable_reason(error: Exception) -> str:
    """Give the reason in an error of this module, without the picture's path and the remedy."""
    return str(error).rpartition(" cannot be used: ")[2].partition(". Give one in ")[0]


@contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Turn all that Pillow's readers stumble over in a damaged file into one line."""
    with warnings.catch_warnings():
        # Pillow only warns of oddities such as broken metadata, and of bombs that are within reach.
        warnings.simplefilter("ignore")
        try:
            yield
        except DataFormatError:
            raise
        except Exception as error:
            raise _unreadable(path, _reason(error, path)) from error


def _check_file(path: Path) -> None:
    try:
        found = path.stat()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataNotFound(f"the picture {path} cannot be opened: {reason}. Give the path of a picture.") from error
    if not stat.S_ISREG(found.st_mode):
        kind = "a folder" if stat.S_ISDIR(found.st_mode) else "no ordinary file"
        raise InvalidValue(f"the picture {path} is {kind}. Give the path of one picture.")
    if found.st_size > MAX_BYTES:
        raise _unreadable(path, f"it has {found.st_size:,} bytes, and {MAX_BYTES:,} is the most")


def _opened(source: Path | BytesIO, path: Path) -> Image:
    """Read a header. Refuse before anything is decoded: a header of some bytes may promise gigabytes."""
    from PIL import Image, PngImagePlugin

    PngImagePlugin.MAX_TEXT_CHUNK = MAX_BYTES  # else a picture is refused for a comment or a colour profile
    with _OPENING:
        before, Image.MAX_IMAGE_PIXELS = Image.MAX_IMAGE_PIXELS, None
        try:
            opened = Image.open(source, formats=(*FORMATS, *_heic()))
        finally:
            Image.MAX_IMAGE_PIXELS = before
    width, height = opened.size
    drafted = opened.format in ("JPEG", "MPO") and not opened.info.get("progressive")
    most = MAX_JPEG_PIXELS if drafted else MAX_PIXELS
    if width * height > most:
        opened.close()
        raise _unreadable(path, f"it has {width:,} × {height:,} pixels, and {most:,} in all is the most")
    return opened


@cache
def _heic() -> tuple[str, ...]:
    """Enter the format of phones in Pillow, where its extra is installed."""
    try:
        import pillow_heif
    except ImportError:
        return ()
    pillow_heif.register_heif_opener()
    return ("HEIF",)


def _content(source: Path | BytesIO, path: Path, image_shape: tuple[int, int, int], invert: bool) -> tuple[Image, int]:
    """Decode the first frame, upright, gray or RGB; a JPEG much larger than the shape only as finely as it needs.

    Returns it with the highest of its values of 16 bits.
    """
    from PIL import Image, ImageOps

    highest = 0
    channels, *sides = image_shape
    with _opened(source, path) as opened:
        white_is_zero = getattr(opened, "tag_v2", {}).get(_WHITE_IS_ZERO[0]) == _WHITE_IS_ZERO[1]
        opened.draft(None, (DRAFT * max(sides), DRAFT * max(sides)))
        opened.load()
        image = ImageOps.exif_transpose(opened)
    if image.mode in SIXTEEN_BITS:
        image, highest = _eight_bits(image, path)
        image = ImageOps.invert(image) if white_is_zero else image  # Pillow does that for 8 bits alone
    if image.mode == "F":
        raise _unreadable(path, "its pixels are floating-point numbers, which have no black and white")
    if image.has_transparency_data:
        paper = Image.new("RGBA", image.size, (255, 255, 255) if invert else (0, 0, 0))
        image = Image.alpha_composite(paper, image.convert("RGBA"))
    image = image.convert("RGB").convert("L" if channels == 1 else "RGB")
    return (ImageOps.invert(image) if invert else image), highest


def _eight_bits(image: Image, path: Path) -> tuple[Image, int]:
    from PIL import Image

    values = np.asarray(image).astype(np.int64)
    highest = int(values.max())
    if values.min() < 0 or highest > 65_535:
        raise _unreadable(path, "its pixels have more than 16 bits")
    return Image.fromarray(((values + 128) // 257).astype(np.uint8)), highest  # 65,535 = 255 · 257


def fitted(image: Image, height: int, width: int) -> Image:
    """Scale a gray or RGB image to fit, and centre it on black."""
    from PIL import Image

    if image.size == (width, height):
        return image

    scale = min(width / image.width, height / image.height)
    size = max(1, round(image.width * scale)), max(1, round(image.height * scale))
    canvas = Image.new(image.mode, (width, height))
    scaled = image.resize(size, Image.Resampling.LANCZOS)
    canvas.paste(scaled, ((width - size[0]) // 2, (height - size[1]) // 2))
    return canvas


def channels_first(image: Image) -> NDArray[np.uint8]:
    """(c, h, w) of a gray or RGB image."""
    pixels = np.asarray(image, dtype=np.uint8)
    return np.ascontiguousarray(pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1))


def _reason(error: Exception, path: Path) -> str:
    from PIL import UnidentifiedImageError

    if isinstance(error, UnidentifiedImageError) and path.suffix.lower() in HEIC and not _heic():
        return "it is HEIC, for which pip install 'makeweight[heic]' is needed"
    if isinstance(error, UnidentifiedImageError):
        return "it is no picture in a format that makeweight reads"
    return str(getattr(error, "strerror", None) or error) or type(error).__name__


def _unreadable(path: Path, reason: str) -> DataFormatError:
    return DataFormatError(f"the picture {path} cannot be used: {reason}. Give one in {', '.join(FORMATS)} or HEIC.")
