"""Reading files of strangers: never more into memory than is there, and damage as one line that names the file."""

from __future__ import annotations

import gzip
import hashlib
import json
import lzma
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from io import BufferedReader
from pathlib import Path
from typing import BinaryIO, cast

from makeweight.errors import DataFormatError, DataNotFound, MakeweightError

#: All that gzip, zlib, zipfile and tarfile raise for damaged bytes (seen with fuzzed files).
DAMAGE = (
    OSError, EOFError, zlib.error, zipfile.BadZipFile, tarfile.TarError, struct.error,
    lzma.LZMAError, NotImplementedError, RuntimeError, ValueError, OverflowError,
)  # fmt: skip

#: Files are read in pieces of this size, so memory follows the bytes that are there, not those promised.
CHUNK_BYTES = 1 << 20
#: What a file may promise; read in pieces, so only time and the disk set a limit. ImageNet at 224 × 224 has 193 GB.
MAX_BYTES = 256 << 30
#: No deflate stream unpacks to more than 1032 times its size (zlib's technical details).
MAX_EXPANSION = 1032
GZIP_MAGIC = b"\x1f\x8b"


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
        raise _cannot_be_opened(path, error) from error


def _cannot_be_opened(path: Path, error: OSError) -> DataNotFound:
    return DataNotFound(f"{path}: cannot be opened ({error.strerror or error}); check the path and its rights.")


@contextmanager
def unpacked(path: Path) -> Iterator[tuple[BinaryIO, bool]]:
    """Open a plain or gzipped file; says whether it is gzipped, by content: some servers unpack files on the way."""
    with open_file(path) as raw:
        if raw.peek(2)[:2] != GZIP_MAGIC:
            yield raw, False
            return
        with gzip.GzipFile(fileobj=raw) as stream:
            yield cast(BinaryIO, stream), True


def first_bytes(path: Path, count: int) -> bytes:
    """Read up to `count` bytes from the start of a file; raises as `open_file` does."""
    with open_file(path) as stream:
        return bytes(read_up_to(stream, count))


def damaged(file: object, expected: str, found: str) -> DataFormatError:
    """Build the one-line error for a file that breaks its format."""
    return DataFormatError(f"{file}: expected {expected}, found {found}; get the file again from its source.")


@contextmanager
def guarded(file: object, expected: str) -> Iterator[None]:
    """Turn all that damaged bytes make the standard library raise into the error that names the file."""
    try:
        yield
    except MakeweightError:  # explained already
        raise
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


def of_files(folder: Path, paths: Iterable[Path]) -> str:
    """SHA-256 over names below `folder`, sizes and times of change (nanoseconds), without reading the files.

    Raises
    ------
    DataNotFound
        When one is gone.
    """
    lines = []
    for path in sorted(paths):
        try:
            status = path.stat()
        except OSError as error:
            raise _cannot_be_opened(path, error) from error
        lines.append([str(path.relative_to(folder)), status.st_size, status.st_mtime_ns])
    return hashlib.sha256(json.dumps(lines).encode()).hexdigest()
