"""The IDX format of MNIST: a magic number, the dimensions, then the bytes; plain, gzipped or in a zip.

Layout (Y. LeCun, "The MNIST database", section "File formats"): two zero bytes, a type code, the number of
dimensions, one big-endian uint32 a dimension, then the values in C order, big-endian too.
"""

from __future__ import annotations

import gzip
import math
import struct
import zipfile
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, Protocol, cast

import numpy as np
from numpy.typing import NDArray

from makeweight.data.readers.base import (
    DataFile,
    Part,
    RawImages,
    check_labels,
    damaged,
    guarded,
    open_file,
    read_up_to,
)
from makeweight.errors import DataFormatError

#: 88 times Fashion-MNIST; a header that promises more is refused.
MAX_BYTES = 4 << 30

#: The types of values by their codes; 0x0a is none's.
TYPES: Mapping[int, np.dtype[Any]] = {
    code: np.dtype(kind)
    for code, kind in ((0x08, "u1"), (0x09, "i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8"))
}
#: The one type of published data sets.
UINT8 = 0x08
_GZIP_MAGIC = b"\x1f\x8b"
#: No deflate stream unpacks to more than 1032 times its size (zlib's technical details).
_MOST_EXPANSION = 1032


class _Peekable(Protocol):
    """What a file and a member of a zip archive have in common."""

    def peek(self, size: int, /) -> bytes: ...


@dataclass(frozen=True)
class _Opened:
    stream: BinaryIO
    exact_bytes: int | None = None  # all that the stream will give, where it is known
    most_bytes: int | None = None  # more than this it cannot give


@contextmanager
def _opened(file: DataFile) -> Iterator[_Opened]:
    """Open a plain or gzipped file, or a plain or gzipped member of a zip archive."""
    with ExitStack() as stack:
        raw: _Peekable = stack.enter_context(open_file(file.path))
        size: int | None = file.path.stat().st_size
        if file.member is not None:
            archive = stack.enter_context(zipfile.ZipFile(cast(BinaryIO, raw)))
            raw = cast(_Peekable, stack.enter_context(archive.open(file.member)))
            size = None
        # By content, not by name: some servers and browsers unpack .gz files on the way.
        if raw.peek(2)[:2] != _GZIP_MAGIC:
            yield _Opened(cast(BinaryIO, raw), exact_bytes=size)
        else:
            unpacked = stack.enter_context(gzip.GzipFile(fileobj=cast(BinaryIO, raw)))
            most = None if size is None else _MOST_EXPANSION * size
            yield _Opened(cast(BinaryIO, unpacked), most_bytes=most)


def _read_header(
    stream: BinaryIO, file: DataFile, allowed: Collection[int], codes: Collection[int]
) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Read and check the header; return the promised type and shape."""
    magic = bytes(read_up_to(stream, 4))
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in codes or magic[3] not in allowed:
        raise damaged(file, _rule(allowed, codes), magic.hex(" ") or "nothing")
    dimensions = magic[3]
    sizes = bytes(read_up_to(stream, 4 * dimensions))
    if len(sizes) < 4 * dimensions:
        raise damaged(file, f"{dimensions} sizes of 4 bytes in the header", f"only {len(sizes)} bytes")
    shape = struct.unpack(f">{dimensions}I", sizes)
    if 0 in shape:
        raise damaged(file, "at least one value in every dimension", f"the shape {shape}")
    return TYPES[magic[2]], shape


def _rule(allowed: Collection[int], codes: Collection[int]) -> str:
    """Say what a header may be; the type is written out where there is one alone."""
    kind, named = ("TT", "TT ") if len(codes) > 1 else (f"{next(iter(codes)):02x}", "")
    headers = " or ".join(f"00 00 {kind} {count:02x}" for count in allowed)
    types = ", ".join(f"{code:02x} {TYPES[code].name}" if named else TYPES[code].name for code in codes)
    return f"an IDX header {headers} ({named}{types}; {' or '.join(map(str, allowed))}-dimensional)"


@dataclass(frozen=True)
class OpenIdx:
    """An IDX file whose header has been read and checked; its values follow."""

    file: DataFile
    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    stream: BinaryIO

    @property
    def promised(self) -> int:
        """Bytes of data, by the header."""
        return math.prod(self.shape) * self.dtype.itemsize

    def rows(self, count: int) -> NDArray[Any]:
        """Read the next `count` rows: (count, *shape[1:]).

        Raises
        ------
        DataFormatError
            When the file ends before.
        """
        wanted = count * math.prod(self.shape[1:]) * self.dtype.itemsize
        data = read_up_to(self.stream, wanted)
        if len(data) < wanted:
            raise self.broken(f"{wanted - len(data)} missing")
        return np.frombuffer(data, dtype=self.dtype).reshape(count, *self.shape[1:])

    def end(self) -> None:
        """Check that nothing follows; at the end of a gzip stream this also checks its CRC.

        Raises
        ------
        DataFormatError
            When something does, or the CRC is another.
        """
        if self.stream.read(1):
            raise self.broken("more than that")

    def broken(self, found: str) -> DataFormatError:
        """Build the error for a file that has other bytes than its header promises."""
        return damaged(self.file, f"{self.promised} bytes of data (shape {self.shape})", found)


def _check_promise(idx: OpenIdx, opened: _Opened, max_bytes: int) -> None:
    """Check that the file can hold what its header promises; nothing is allocated before."""
    header = 4 + 4 * len(idx.shape)
    if idx.promised > max_bytes:
        raise damaged(
            idx.file, f"at most {max_bytes} bytes of data", f"{idx.promised} bytes of data (shape {idx.shape})"
        )
    if opened.exact_bytes is not None and opened.exact_bytes != header + idx.promised:
        raise idx.broken(f"{opened.exact_bytes - header} bytes after the header")
    if opened.most_bytes is not None and idx.promised > opened.most_bytes:
        raise idx.broken(f"a gzip file that cannot hold more than {opened.most_bytes} bytes")


@contextmanager
def open_idx(
    file: DataFile, dimensions: Collection[int], max_bytes: int = MAX_BYTES, codes: Collection[int] = (UINT8,)
) -> Iterator[OpenIdx]:
    """Open an IDX file, to be read row by row.

    Gzip is told by its magic bytes. No more is unpacked than the header promises and one byte, so a
    gzip or zip bomb costs nothing.

    Parameters
    ----------
    file : DataFile
        A plain or gzipped file, or a member of a zip archive.
    dimensions : collection of int
        How many dimensions the file may have.
    max_bytes : int
        The most bytes of data that a header may promise.
    codes : collection of int
        Those of `TYPES` that its values may have.

    Raises
    ------
    DataFormatError
        Wrong magic number, type or dimensions; too few or too many bytes; damaged gzip or zip.
    DataNotFound
        The file cannot be opened.
    """
    try:
        with guarded(file, "whole, undamaged data"), _opened(file) as opened:
            idx = OpenIdx(file, *_read_header(opened.stream, file, dimensions, codes), opened.stream)
            _check_promise(idx, opened, max_bytes)
            yield idx
    except KeyError as error:
        raise damaged(DataFile(file.path), f"a member '{file.member}'", "no such member") from error


def read_idx(source: Path | DataFile, *, dimensions: int, max_bytes: int = MAX_BYTES) -> NDArray[np.uint8]:
    """Read one IDX file of uint8 values at once.

    Parameters
    ----------
    source : Path or DataFile
        A plain or gzipped file, or a member of a zip archive.
    dimensions : int
        How many dimensions the file must have: 3 for images (n, h, w), 1 for labels (n,).
    max_bytes : int
        The most bytes of data that a header may promise.

    Returns
    -------
    numpy.ndarray
        uint8, of the shape in the header.

    Raises
    ------
    DataFormatError, DataNotFound
        As `open_idx` does.
    """
    file = source if isinstance(source, DataFile) else DataFile(source)
    with open_idx(file, (dimensions,), max_bytes) as opened:
        values = opened.rows(opened.shape[0])
        opened.end()
    return values


def read_images(source: Path | DataFile) -> NDArray[np.uint8]:
    """Read an IDX file of images: (n, h, w) uint8. Raises as `read_idx` does."""
    return read_idx(source, dimensions=3)


def read_labels(source: Path | DataFile) -> NDArray[np.uint8]:
    """Read an IDX file of labels: (n,) uint8. Raises as `read_idx` does."""
    return read_idx(source, dimensions=1)


def read_pair(images: Path | DataFile, labels: Path | DataFile, classes: int) -> RawImages:
    """Read images and their labels as (n, 1, h, w) and (n,).

    Raises
    ------
    DataFormatError
        As `read_idx` does; when the counts differ; when a label is not in 0..classes-1.
    """
    label_file = labels if isinstance(labels, DataFile) else DataFile(labels)
    # Labels first: they are small, and a wrong one is found before 47 MB of images are read.
    numbers = check_labels(read_labels(label_file), classes, label_file)
    pixels = read_images(images)
    if len(pixels) != len(numbers):
        raise DataFormatError(
            f"{images} has {len(pixels)} images but {labels} has {len(numbers)} labels; "
            "both must be of the same part of the same data set: get both again from their source."
        )
    return RawImages(pixels[:, None], numbers)


@dataclass(frozen=True)
class IdxReader:
    """Reads a data set of two pairs of IDX files."""

    train: tuple[DataFile, DataFile]  # images, labels
    test: tuple[DataFile, DataFile]
    classes: int
    transposed: bool = False  # EMNIST stores its images column by column

    def read(self, part: Part) -> RawImages:
        """Return one part as (n, 1, h, w) and (n,); raises as `read_pair` does."""
        raw = read_pair(*(self.train if part == "train" else self.test), self.classes)
        if not self.transposed:
            return raw
        return RawImages(np.ascontiguousarray(raw.images.swapaxes(2, 3)), raw.labels)
