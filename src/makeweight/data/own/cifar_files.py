"""The files of CIFAR's binary version: in a folder, in a tar.gz, or one alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from makeweight.data.own.parts import natural
from makeweight.data.readers.base import DataFile, damaged, guarded, open_file, read_up_to
from makeweight.data.readers.cifar import IMAGE_SHAPE, archive_members
from makeweight.errors import DataFormatError, DataNotFound

PIXELS = IMAGE_SHAPE[0] * IMAGE_SHAPE[1] * IMAGE_SHAPE[2]
ARCHIVES = (".tar.gz", ".tgz")
#: Where the names of the classes are, by how many label bytes a row has.
NAMES = {1: "batches.meta.txt", 2: "fine_label_names.txt"}
MOST_NAMES_BYTES = 1 << 20


@dataclass(frozen=True)
class BinFile:
    """One file of rows."""

    file: DataFile
    size: int  # bytes

    @property
    def name(self) -> str:
        """Its own name, without folders."""
        return PurePosixPath(self.file.member or self.file.path.name).name

    @property
    def label_bytes(self) -> int:
        """1, or 2 as in CIFAR-100 (coarse and fine).

        Raises
        ------
        DataFormatError
            When its size is that of no number of rows.
        """
        likely = (2, 1) if self.name in ("train.bin", "test.bin") else (1, 2)
        for count in likely:
            if self.size and self.size % (count + PIXELS) == 0:
                return count
        rule = f"rows of {1 + PIXELS:,} bytes (label and image; CIFAR-100: {2 + PIXELS:,})"
        raise damaged(self.file, rule, f"{self.size:,} bytes")


@dataclass(frozen=True)
class Found:
    """What is there."""

    rows: list[BinFile]
    texts: dict[str, bytes]  # the files of NAMES, by their names


def found_in(path: Path) -> Found:
    """Find the files of rows and of names at a path.

    Raises
    ------
    DataFormatError
        When an archive is damaged, or there are no rows.
    DataNotFound
        When something cannot be opened.
    """
    found = _in_archive(path) if path.name.lower().endswith(ARCHIVES) else _on_disk(path)
    if not found.rows:
        raise DataFormatError(
            f"{path}: no .bin file is in it, which CIFAR's binary version would have; "
            "the Python version is a pickle, which makeweight never opens: get the binary version."
        )
    return found


def _on_disk(path: Path) -> Found:
    folder = path if path.is_dir() else path.parent
    files = sorted((f for f in path.iterdir() if f.suffix == ".bin"), key=natural) if path.is_dir() else [path]
    names = [folder / name for name in NAMES.values() if (folder / name).is_file()]
    return Found([BinFile(DataFile(file), _size(file)) for file in files], {file.name: _text(file) for file in names})


def _size(path: Path) -> int:
    try:
        return path.stat().st_size
    except OSError as error:
        raise DataNotFound(f"{path}: cannot be opened ({error.strerror or error}); check the path.") from error


def _text(path: Path) -> bytes:
    with open_file(path) as stream:
        return bytes(read_up_to(stream, MOST_NAMES_BYTES))


def _in_archive(path: Path) -> Found:
    """Go through an archive once; its files are read in further passes, so that none is held in memory."""
    rows: list[BinFile] = []
    texts: dict[str, bytes] = {}
    with guarded(DataFile(path), "a whole tar.gz"):
        for file, stream, size in archive_members(path):
            name = PurePosixPath(file.member or "").name
            if stream is None:
                continue
            if name.endswith(".bin"):
                rows.append(BinFile(file, size))
            elif name in NAMES.values():
                texts[name] = bytes(read_up_to(stream, MOST_NAMES_BYTES))
    return Found(sorted(rows, key=lambda row: natural(Path(row.name))), texts)


@contextmanager
def opened(file: DataFile) -> Iterator[BinaryIO]:
    """Open a file, or a member of a tar.gz.

    Raises
    ------
    DataFormatError
        When it is damaged, or the member is no longer there.
    """
    if file.member is None:
        with guarded(file, "a whole file"), open_file(file.path) as plain:
            yield plain
        return
    with guarded(file, "a whole tar.gz"), closing(archive_members(file.path)) as members:
        for member, stream, _ in members:
            if member == file and stream is not None:
                yield stream
                return
    raise damaged(file, "the member", "none; the file has changed")
