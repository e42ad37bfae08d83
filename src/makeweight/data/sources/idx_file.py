"""The IDX format of MNIST: a magic number, the dimensions, then the bytes; plain or gzipped.

Layout (Y. LeCun, "The MNIST database", section "File formats"): two zero bytes, a type code, the number of
dimensions, one big-endian uint32 a dimension, then the values in C order, big-endian too.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from makeweight.data.sources.files import MAX_BYTES, MAX_EXPANSION, damaged, guarded, read_up_to, unpacked
from makeweight.errors import DataFormatError

#: The types of values by their codes; 0x0a is none's.
TYPES: Mapping[int, np.dtype[Any]] = {
    code: np.dtype(kind)
    for code, kind in ((0x08, "u1"), (0x09, "i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8"))
}


def _read_header(stream: BinaryIO, file: Path, allowed: Collection[int]) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Read and check the header; return the promised type and shape."""
    magic = bytes(read_up_to(stream, 4))
    if len(magic) < 4 or magic[:2] != b"\0\0" or magic[2] not in TYPES or magic[3] not in allowed:
        raise damaged(file, _rule(allowed), magic.hex(" ") or "nothing")
    dimensions = magic[3]
    sizes = bytes(read_up_to(stream, 4 * dimensions))
    if len(sizes) < 4 * dimensions:
        raise damaged(file, f"{dimensions} sizes of 4 bytes in the header", f"only {len(sizes)} bytes")
    shape = struct.unpack(f">{dimensions}I", sizes)
    if 0 in shape:
        raise damaged(file, "at least one value in every dimension", f"the shape {shape}")
    return TYPES[magic[2]], shape


def _rule(allowed: Collection[int]) -> str:
    """Say what a header may be."""
    headers = " or ".join(f"00 00 TT {count:02x}" for count in allowed)
    types = ", ".join(f"{code:02x} {kind.name}" for code, kind in TYPES.items())
    return f"an IDX header {headers} (TT {types}; {' or '.join(map(str, allowed))}-dimensional)"


@dataclass(frozen=True)
class OpenIdx:
    """An IDX file whose header has been read and checked; its values follow."""

    file: Path
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


def _check_promise(idx: OpenIdx, packed: bool) -> None:
    """Check that the file can hold what its header promises; nothing is allocated before."""
    header, size = 4 + 4 * len(idx.shape), idx.file.stat().st_size
    if idx.promised > MAX_BYTES:
        raise damaged(idx.file, f"at most {MAX_BYTES} bytes of data", f"{idx.promised} bytes (shape {idx.shape})")
    if not packed and size != header + idx.promised:
        raise idx.broken(f"{size - header} bytes after the header")
    if packed and idx.promised > MAX_EXPANSION * size:
        raise idx.broken(f"a gzip file that cannot hold more than {MAX_EXPANSION * size} bytes")


@contextmanager
def open_idx(file: Path, dimensions: Collection[int]) -> Iterator[OpenIdx]:
    """Open an IDX file of so many dimensions, plain or gzipped, to be read row by row.

    No more is unpacked than the header promises and one byte, so a gzip bomb costs nothing.

    Raises
    ------
    DataFormatError
        Wrong magic number, type or dimensions; too few or too many bytes; damaged gzip.
    DataNotFound
        The file cannot be opened.
    """
    with guarded(file, "whole, undamaged data"), unpacked(file) as (stream, packed):
        idx = OpenIdx(file, *_read_header(stream, file, dimensions), stream)
        _check_promise(idx, packed)
        yield idx
