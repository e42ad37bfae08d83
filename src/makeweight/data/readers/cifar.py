"""The binary version of CIFAR-10: rows of one label byte and 3,072 pixel bytes, six files in one tar.gz.

Layout (A. Krizhevsky, "The CIFAR-10 dataset", section "Binary version"): a row is the label, then
1,024 red, 1,024 green and 1,024 blue bytes, each plane row by row.
"""

from __future__ import annotations

import gzip
import tarfile
from collections.abc import Generator, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

import numpy as np

from makeweight.data.readers.base import (
    CHUNK_BYTES,
    DataFile,
    Part,
    RawImages,
    check_labels,
    damaged,
    guarded,
    open_file,
    read_up_to,
)

IMAGE_SHAPE = (3, 32, 32)
ROW_BYTES = 1 + 3 * 32 * 32

#: The archive unpacks to 184 MB in 8 members; twice that, and a hundred, leave room but stop a bomb.
MAX_UNPACKED_BYTES = 400 << 20
MAX_MEMBERS = 100


class _Capped:
    """A stream that refuses to unpack more than a limit (tarfile itself would follow a bomb)."""

    def __init__(self, stream: BinaryIO, archive: DataFile, limit: int) -> None:
        self._stream, self._archive, self._limit, self._seen = stream, archive, limit, 0

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._seen += len(data)
        if self._seen > self._limit:
            raise damaged(self._archive, f"at most {self._limit} bytes when unpacked", "more")
        return data


def _check_size(file: DataFile, size: int) -> None:
    if size == 0 or size % ROW_BYTES or size > MAX_UNPACKED_BYTES:
        rule = f"a multiple of {ROW_BYTES} bytes up to {MAX_UNPACKED_BYTES} (rows of a label and an image)"
        raise damaged(file, rule, f"{size} bytes")


def archive_members(path: Path) -> Generator[tuple[DataFile, BinaryIO | None, int], None, None]:
    """Go through a tar.gz once: each member, its stream (None for a link, folder or device), and its size.

    A stream can be read until the next member is asked for. When all have been, the archive's CRC is checked.

    Raises
    ------
    DataFormatError
        When it is damaged, has too many members, or unpacks to too much.
    DataNotFound
        When it cannot be opened.
    """
    archive = DataFile(path)
    with guarded(archive, "a whole tar.gz"), open_file(path) as raw, gzip.GzipFile(fileobj=raw) as unpacked:
        capped = _Capped(cast(BinaryIO, unpacked), archive, MAX_UNPACKED_BYTES)
        with tarfile.open(fileobj=cast(BinaryIO, capped), mode="r|") as tar:
            for count, info in enumerate(tar):
                if count >= MAX_MEMBERS:
                    raise damaged(archive, f"at most {MAX_MEMBERS} members", "more")
                stream = tar.extractfile(info) if info.isreg() else None
                yield DataFile(path, info.name), cast("BinaryIO | None", stream), info.size
        while capped.read(CHUNK_BYTES):
            pass  # at the end of the stream gzip checks its CRC


def _read_archive(path: Path, names: Iterable[str]) -> dict[str, bytearray]:
    """Read the members of exactly these names in one pass; nothing is written, so a hostile name is harmless."""
    missing = set(names)
    found: dict[str, bytearray] = {}
    with guarded(DataFile(path), "a whole tar.gz"):
        for file, stream, size in archive_members(path):
            if file.member in missing:
                if stream is None:
                    raise damaged(file, "a regular file", "a link, folder or device")
                _check_size(file, size)
                found[file.member] = read_up_to(stream, size)
                missing.remove(file.member)
    if missing:
        raise damaged(DataFile(path), f"the members {', '.join(sorted(missing))}", "an archive without them")
    return found


def _read_plain(path: Path) -> bytearray:
    with open_file(path) as stream:
        size = path.stat().st_size
        _check_size(DataFile(path), size)
        return read_up_to(stream, size)


def _parse(data: bytearray, file: DataFile, classes: int) -> RawImages:
    _check_size(file, len(data))
    rows = np.frombuffer(data, dtype=np.uint8).reshape(-1, ROW_BYTES)
    return RawImages(rows[:, 1:].reshape(-1, *IMAGE_SHAPE), check_labels(rows[:, 0], classes, file))


def read_batches(files: tuple[DataFile, ...], classes: int = 10) -> RawImages:
    """Read files of the binary version, in the order given, as (n, 3, 32, 32) and (n,).

    Raises
    ------
    DataFormatError
        A size that is no multiple of 3,073; a label outside; a damaged or oversized archive.
    DataNotFound
        A file cannot be opened.
    """
    wanted: dict[Path, list[str]] = {}
    for file in files:
        if file.member is not None:
            wanted.setdefault(file.path, []).append(file.member)
    archives = {path: _read_archive(path, names) for path, names in wanted.items()}
    parts = []
    for file in files:
        data = _read_plain(file.path) if file.member is None else archives[file.path].pop(file.member)
        parts.append(_parse(data, file, classes))
    return RawImages(np.concatenate([part.images for part in parts]), np.concatenate([part.labels for part in parts]))


@dataclass(frozen=True)
class CifarReader:
    """Reads CIFAR-10 from its archive or from the unpacked files."""

    train: tuple[DataFile, ...]
    test: tuple[DataFile, ...]
    classes: int = 10

    def read(self, part: Part) -> RawImages:
        """Return one part as (n, 3, 32, 32) and (n,); raises as `read_batches` does."""
        return read_batches(self.train if part == "train" else self.test, self.classes)
