"""What every reader takes and gives, and the checks they share."""

from __future__ import annotations

import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BufferedReader
from pathlib import Path
from typing import Any, BinaryIO, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from makeweight.errors import DataFormatError, DataNotFound

Part = Literal["train", "test"]

#: All that gzip, zlib, zipfile and tarfile raise for damaged bytes (seen with fuzzed files).
DAMAGE = (
    OSError, EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError, struct.error,
    lzma.LZMAError, NotImplementedError, RuntimeError, ValueError, OverflowError,
)  # fmt: skip

#: Files are read in pieces of this size, so memory follows the bytes that are there, not those promised.
CHUNK_BYTES = 1 << 20


@dataclass(frozen=True)
class RawImages:
    """One part of a data set as it stands in the files."""

    images: NDArray[np.uint8]  # (n, c, h, w)
    labels: NDArray[np.int64]  # (n,), 0 <= label < classes


@dataclass(frozen=True)
class DataFile:
    """A file on disk, or one member of an archive on disk."""

    path: Path
    member: str | None = None

    def __str__(self) -> str:
        """Return the path, with the member's name behind it."""
        return str(self.path) if self.member is None else f"{self.path}[{self.member}]"


class Reader(Protocol):
    """Reads one part of a data set at a time."""

    def read(self, part: Part) -> RawImages:
        """Return the images and labels of `part`.

        Raises
        ------
        DataFormatError
            When a file is not what its format promises; names the file.
        DataNotFound
            When a file cannot be opened.
        """


def open_file(path: Path) -> BufferedReader:
    """Open a regular file for reading.

    Raises
    ------
    DataNotFound
        When it is missing, unreadable, or a folder, pipe or device (which could block for ever).
    """
    try:
        if path.exists() and not path.is_file():
            raise DataNotFound(f"{path}: expected a regular file, found a folder, pipe or device; check the path.")
        return path.open("rb")
    except OSError as error:
        reason = error.strerror or error
        raise DataNotFound(f"{path}: cannot be opened ({reason}); check the path and its rights.") from error


def first_bytes(path: Path, count: int) -> bytes:
    """Read up to `count` bytes from the start of a file; raises as `open_file` does."""
    with open_file(path) as stream:
        return bytes(read_up_to(stream, count))


def damaged(file: DataFile, expected: str, found: str) -> DataFormatError:
    """Build the one-line error for a file that breaks its format."""
    return DataFormatError(f"{file}: expected {expected}, found {found}; get the file again from its source.")


@contextmanager
def guarded(file: DataFile, expected: str) -> Iterator[None]:
    """Turn all that damaged bytes make the standard library raise into the error that names the file."""
    try:
        yield
    except DAMAGE as error:
        raise damaged(file, expected, f"{type(error).__name__}: {str(error)[:120]}") from error


def read_up_to(stream: BinaryIO, count: int) -> bytearray:
    """Read `count` bytes, or fewer where the stream ends first."""
    data = bytearray()
    while len(data) < count:
        chunk = stream.read(min(CHUNK_BYTES, count - len(data)))
        if not chunk:
            break
        data += chunk
    return data


def check_labels(labels: NDArray[Any], classes: int, file: DataFile) -> NDArray[np.int64]:
    """Return `labels` (n,) as int64 once all lie in 0..classes-1.

    Raises
    ------
    DataFormatError
        Naming the first row outside.
    """
    outside = np.flatnonzero((labels < 0) | (labels >= classes))
    if outside.size:
        row = int(outside[0])
        found = f"{int(labels[row])} in row {row} (counted from 0)"
        raise damaged(file, f"labels from 0 to {classes - 1}", found)
    return labels.astype(np.int64)
