"""One array of a ``.npz``, read along its first axis.

Layout (NumPy Enhancement Proposal 1): a magic string, a version, a Python literal of type, order and shape, the bytes.
"""

from __future__ import annotations

import math
import tokenize
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO, cast

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from makeweight.data.readers.base import DAMAGE, DataFile, damaged, guarded, open_file, read_up_to
from makeweight.errors import DataFormatError

#: An array that promises more is refused; as 224 × 224 pixels in colour, ImageNet has 193 GB.
MOST_BYTES = 256 << 30
#: No deflate stream unpacks to more than 1032 times its size (zlib's technical details).
MOST_EXPANSION = 1032
METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True)
class Member:
    """An array in a .npz; nothing but its header has been read."""

    file: DataFile
    key: str  # its name as the file has it, without .npy
    shape: tuple[int, ...]
    dtype: np.dtype[Any]
    header_bytes: int

    @property
    def name(self) -> str:
        """``name.npz, train_images``."""
        return f"{self.file.path.name}, {self.key}"

    def pieces(self, rows: int) -> Iterator[NDArray[Any]]:
        """Read so many rows at once; memory follows the rows and not the array.

        Raises
        ------
        DataFormatError
            When the file is damaged or has another size than its header promises.
        """
        row_bytes = math.prod(self.shape[1:]) * self.dtype.itemsize
        with _archive(self.file.path) as archive, archive.open(self.file.member or "") as stream:
            stream.read(self.header_bytes)
            for start in range(0, self.shape[0], rows):
                count = min(rows, self.shape[0] - start)
                data = read_up_to(cast(BinaryIO, stream), count * row_bytes)
                if len(data) < count * row_bytes:
                    raise damaged(self.file, f"{self.shape[0]} rows", f"{start + len(data) // max(1, row_bytes)}")
                yield np.frombuffer(data, self.dtype).reshape(count, *self.shape[1:])
            if stream.read(1):  # at the end the zip's checksum is looked at
                raise damaged(self.file, f"{self.shape[0]} rows", "more")


def members_of(path: Path) -> dict[str, str]:
    """List the arrays of a .npz: their names in lower case without .npy, and as the zip has them.

    Raises
    ------
    DataFormatError
        When it is no zip, or two arrays differ in case alone.
    DataNotFound
        When it cannot be opened.
    """
    members: dict[str, str] = {}
    with _archive(path) as archive:
        for name in archive.namelist():
            key = name.removesuffix(".npy").lower()
            if key in members:
                raise DataFormatError(f"{path}: two of its arrays are called {key}; keep one.")
            if name.endswith(".npy"):
                members[key] = name
    return members


def open_member(path: Path, name: str) -> Member:
    """Read and check the header of one array; of the array itself nothing is read.

    Raises
    ------
    DataFormatError
        When it is damaged, holds Python objects, or promises another size than is there.
    """
    file = DataFile(path, name)
    with _archive(path) as archive:
        info = archive.getinfo(name)
        if info.compress_type not in METHODS:
            raise damaged(file, "an array stored plainly or deflated", f"compression method {info.compress_type}")
        with archive.open(info) as stream:
            shape, fortran, dtype = _promise(cast(BinaryIO, stream), file)
            header_bytes = stream.tell()
    _check_kind(shape, fortran, dtype, file)
    _check_size(shape, dtype, header_bytes, info, file)
    return Member(file, name.removesuffix(".npy"), shape, dtype, header_bytes)


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open the zip; a member that is no longer there, as all damage, is an error that names the file."""
    try:
        with guarded(DataFile(path), "a whole .npz"), open_file(path) as raw, zipfile.ZipFile(raw) as archive:
            yield archive
    except KeyError as error:
        raise damaged(DataFile(path), f"the member {error}", "none") from error


def _check_kind(shape: tuple[int, ...], fortran: bool, dtype: np.dtype[Any], file: DataFile) -> None:
    if dtype.hasobject:
        raise DataFormatError(
            f"{file}: it holds Python objects, which only a pickle can store, and a pickle can run any program when it "
            "is opened, so makeweight never does; save plain numbers or text (no dtype=object) with numpy.savez."
        )
    if fortran and len(shape) > 1:
        raise DataFormatError(
            f"{file}: it is stored column by column and cannot be read image by image; "
            "save numpy.ascontiguousarray of it."
        )


def _promise(stream: BinaryIO, file: DataFile) -> tuple[tuple[int, ...], bool, np.dtype[Any]]:
    try:
        version = npy.read_magic(stream)
        read = {(1, 0): npy.read_array_header_1_0, (2, 0): npy.read_array_header_2_0}.get(version)
        if read is None:
            raise damaged(file, "an array of format version 1.0 or 2.0", ".".join(map(str, version)))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that Python 2 has written it
            shape, fortran, dtype = read(stream)
    except (*DAMAGE, SyntaxError, TypeError, tokenize.TokenError, RecursionError, MemoryError) as error:
        raise damaged(file, "the header of an array", f"{type(error).__name__}: {str(error)[:80]}") from error
    if not all(isinstance(size, int) and size >= 0 for size in shape):
        raise damaged(file, "a shape of whole numbers", str(shape)[:80])
    return tuple(shape), bool(fortran), np.dtype(dtype)


def _check_size(
    shape: tuple[int, ...], dtype: np.dtype[Any], header_bytes: int, info: zipfile.ZipInfo, file: DataFile
) -> None:
    """Compare what the header promises with what the zip says it has, and that with what it can have."""
    promised = math.prod(shape) * dtype.itemsize
    promise = f"{promised:,} bytes (shape {shape}, {dtype})"
    if promised > MOST_BYTES:
        raise damaged(file, f"at most {MOST_BYTES:,} bytes", promise)
    if info.file_size != header_bytes + promised:
        raise damaged(file, promise, f"{info.file_size - header_bytes:,}")
    packed = min(info.compress_size, file.path.stat().st_size)
    if info.file_size > packed * (MOST_EXPANSION if info.compress_type == zipfile.ZIP_DEFLATED else 1):
        raise damaged(file, promise, f"{packed:,} packed bytes, which cannot hold them")
