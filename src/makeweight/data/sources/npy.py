"""One array of a ``.npz`` or in a ``.npy``, read image by image.

Layout (NumPy Enhancement Proposal 1): a magic string, a version, a Python literal of type, order and shape, the bytes.
"""

from __future__ import annotations

import math
import tempfile
import tokenize
import warnings
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, Literal, cast

import numpy as np
from numpy.lib import format as npy
from numpy.typing import NDArray

from makeweight.data import meta
from makeweight.data.cache import cache_root
from makeweight.data.sources.files import DAMAGE, MAX_BYTES, MAX_EXPANSION, damaged, guarded, open_file, read_up_to
from makeweight.errors import DataFormatError

METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)


@dataclass(frozen=True)
class DataFile:
    """A .npy, or one member of a .npz."""

    path: Path
    member: str | None = None

    def __str__(self) -> str:
        """Return the path, with the member's name behind it."""
        return f"{self.path}[{self.member}]" if self.member else str(self.path)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """Open its bytes; a member that is no longer there, as all damage, is an error that names the file."""
        if self.member is None:
            with guarded(self, "a whole .npy"), open_file(self.path) as plain:
                yield plain
            return
        with _archive(self.path) as archive, archive.open(self.member) as stream:
            yield cast(BinaryIO, stream)


@dataclass(frozen=True)
class Member:
    """An array in a file; nothing but its header has been read. Images are along its first axis, or else its last."""

    file: DataFile
    key: str  # its name as the file has it, without .npy
    stored: tuple[int, ...]
    dtype: np.dtype[Any]
    header_bytes: int
    by_column: bool  # the first axis is the fastest, as MATLAB has it
    last: bool = False  # images are along the last axis, as MATLAB has them

    @property
    def name(self) -> str:
        """``name.npz, train_images``."""
        return f"{self.file.path.name}, {self.key}" if self.file.member else self.file.path.name

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, …)."""
        return (self.stored[-1], *self.stored[:-1]) if self.last else self.stored

    def pieces(self, rows: int) -> Iterator[NDArray[Any]]:
        """Read so many rows at once; memory follows the rows and not the array.

        Raises
        ------
        DataFormatError
            When the file is damaged or has another size than its header promises.
        """
        if len(self.stored) > 1 and self.by_column != self.last:
            yield from self._mapped(rows)
            return
        row = math.prod(self.shape[1:]) * self.dtype.itemsize
        for data, count in self._rows(row, rows):
            values = np.frombuffer(data, self.dtype)
            if self.last:
                yield values.reshape(count, *self.stored[-2::-1]).transpose(0, *range(len(self.stored) - 1, 0, -1))
            else:
                yield values.reshape(count, *self.stored[1:])

    def _rows(self, row_bytes: int, rows: int) -> Iterator[tuple[bytearray, int]]:
        total = self.shape[0]
        with self.file.open() as stream:
            stream.read(self.header_bytes)
            for start in range(0, total, rows):
                count = min(rows, total - start)
                data = read_up_to(stream, count * row_bytes)
                if len(data) < count * row_bytes:
                    raise damaged(self.file, f"{total} rows", f"{start + len(data) // max(1, row_bytes)}")
                yield data, count
            if stream.read(1):  # at the end a zip's checksum is looked at
                raise damaged(self.file, f"{total} rows", "more")

    def _mapped(self, rows: int) -> Iterator[NDArray[Any]]:
        """Read rows that lie all over the file: from a copy that is mapped into memory."""
        with meta.writing(cache_root()):
            cache_root().mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=cache_root()) as file:
                for data, _ in self._rows(math.prod(self.shape[1:]) * self.dtype.itemsize, rows):
                    file.write(data)
                file.flush()
                order: Literal["F", "C"] = "F" if self.by_column else "C"
                whole = np.memmap(file, self.dtype, "r", shape=self.stored, order=order)
        images = np.moveaxis(whole, -1, 0) if self.last else whole
        for start in range(0, len(images), rows):
            yield np.ascontiguousarray(images[start : start + rows])


def paired(images: Member, labels: Member) -> tuple[Member, Member]:
    """Find along which axis the images of a pair are: the one that is as long as there are labels."""
    if len(labels.stored) == 2 and labels.stored[0] == 1 != labels.stored[1]:
        labels = replace(labels, last=True)  # MATLAB has no arrays of one dimension
    count, shape = (labels.shape or (0,))[0], images.stored
    if len(shape) > 1 and shape[0] != count == shape[-1]:
        images = replace(images, last=True)
    return images, labels


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


def open_member(path: Path, name: str | None = None) -> Member:
    """Read and check the header of one array, in a .npz or alone; of the array itself nothing is read.

    Raises
    ------
    DataFormatError
        When it is damaged, holds Python objects, or promises another size than is there.
    """
    file = DataFile(path, name)
    with file.open() as stream:
        shape, by_column, dtype = _promise(stream, file)
        header_bytes = stream.tell()
    if dtype.hasobject:
        raise DataFormatError(
            f"{file}: it holds Python objects, which only a pickle can store, and a pickle can run any program when it "
            "is opened, so makeweight never does; save plain numbers or text (no dtype=object) with numpy.savez."
        )
    promised = math.prod(shape) * dtype.itemsize
    promise = f"{promised:,} bytes (shape {shape}, {dtype})"
    if promised > MAX_BYTES:
        raise damaged(file, f"at most {MAX_BYTES:,} bytes", promise)
    size = path.stat().st_size if name is None else _member_bytes(path, name, promise)
    if size != header_bytes + promised:
        raise damaged(file, promise, f"{size - header_bytes:,}")
    return Member(file, (name or path.name).removesuffix(".npy"), shape, dtype, header_bytes, by_column)


@contextmanager
def _archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open the zip; a member that is no longer there, as all damage, is an error that names the file."""
    try:
        with guarded(path, "a whole .npz"), open_file(path) as raw, zipfile.ZipFile(raw) as archive:
            yield archive
    except KeyError as error:
        raise damaged(path, f"the member {error}", "none") from error


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


def _member_bytes(path: Path, name: str, promise: str) -> int:
    """Bytes that a member of a zip unpacks to, by the zip, and checked against what its packed bytes can hold."""
    with _archive(path) as archive:
        info = archive.getinfo(name)
    if info.compress_type not in METHODS:
        method = f"compression method {info.compress_type}"
        raise damaged(DataFile(path, name), "an array stored plainly or deflated", method)
    packed = min(info.compress_size, path.stat().st_size)
    if info.file_size > packed * (MAX_EXPANSION if info.compress_type == zipfile.ZIP_DEFLATED else 1):
        raise damaged(DataFile(path, name), promise, f"{packed:,} packed bytes, which cannot hold them")
    return info.file_size
