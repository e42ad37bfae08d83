"""Zip and tar archives: unpacked beside the prepared data for as long as they are read, and read as what they hold."""

from __future__ import annotations

import bz2
import gzip
import lzma
import os
import shutil
import tarfile
import tempfile
import weakref
import zipfile
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import IO, Any, BinaryIO, cast

from makeweight.data import meta
from makeweight.data.form import Form
from makeweight.data.sources.files import CHUNK_BYTES, MAX_EXPANSION, damaged, first_bytes, guarded, of_files, open_file
from makeweight.data.sources.source import Chunk, Progress, Shape, Source, Survey
from makeweight.errors import DataFormatError, MakeweightError

ENDINGS = (".zip", ".tar", ".tar.gz", ".tgz", ".tar.bz2", ".tbz2", ".tar.xz", ".txz")
MAX_MEMBERS = 10_000_000
#: Tar keeps long names in headers that are read whole.
MAX_HEADER_BYTES = 1 << 20
_PREFIX = ".unpacked-"
_PACKINGS: dict[bytes, Callable[[BinaryIO], Any]] = {
    b"\x1f\x8b": lambda raw: gzip.GzipFile(fileobj=raw),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ\0": lzma.LZMAFile,
}


def recognises(path: Path) -> bool:
    """Say whether a path is an archive, by its name."""
    return path.is_file() and path.name.lower().endswith(ENDINGS)


def unpack(path: Path, folder: Path, only: Collection[str] | None = None) -> int:
    """Write the files of an archive, or only some, below a folder; links and devices are passed over and counted.

    Raises
    ------
    DataFormatError
        When it is damaged, a name leads out of the folder, files are missing, or there is more than the disk holds.
    StoreError
        When the folder cannot be written.
    """
    with meta.writing(folder):
        folder.mkdir(parents=True, exist_ok=True)
        missing, passed, room = set(only or ()), 0, shutil.disk_usage(folder).free
    with guarded(path, "a whole archive"):
        for count, (name, stream) in enumerate(_members(path)):
            if count >= MAX_MEMBERS:
                raise damaged(path, f"at most {MAX_MEMBERS:,} files", "more")
            if stream is None:
                passed += 1
            elif only is None or name in missing:
                room -= _write(stream, folder / _safe(name, path), room, path)
                missing.discard(name)
    if missing:
        raise damaged(path, f"the members {', '.join(sorted(missing))}", "an archive without them")
    return passed


def _members(path: Path) -> Iterator[tuple[str, IO[bytes] | None]]:
    """Go through an archive once: the name of each file, and its bytes (None for a link or a device)."""
    if first_bytes(path, 4).startswith(b"PK"):
        with open_file(path) as raw, zipfile.ZipFile(raw) as archive:
            for info in archive.infolist():
                if info.filename.endswith("/"):  # is_dir() fails for a name of no letters
                    continue
                if info.file_size > max(1, info.compress_size) * 10 * MAX_EXPANSION:
                    raise damaged(
                        f"{path}[{info.filename}]", "a file that its bytes can hold", f"{info.file_size:,} bytes"
                    )
                with archive.open(info) as stream:
                    yield info.filename, stream
        return
    with _tar(path) as tar:
        for member in tar:
            if not member.isdir():
                yield member.name, tar.extractfile(member) if member.isreg() else None


@contextmanager
def _tar(path: Path) -> Iterator[tarfile.TarFile]:
    """Open a tar as a stream; at its end a packed one is read on until its checksum is looked at."""
    head = first_bytes(path, 6)
    packing = next((open_ for magic, open_ in _PACKINGS.items() if head.startswith(magic)), None)
    with open_file(path) as raw:
        stream = cast(BinaryIO, packing(raw) if packing else raw)
        with tarfile.open(fileobj=stream, mode="r|", tarinfo=_Member) as tar:
            yield tar
        while stream.read(CHUNK_BYTES):
            pass


class _Member(tarfile.TarInfo):
    """A member whose headers are not read where they promise too much."""

    def _proc_member(self, archive: tarfile.TarFile) -> Any:
        headers = (tarfile.XHDTYPE, tarfile.XGLTYPE, tarfile.GNUTYPE_LONGNAME, tarfile.GNUTYPE_LONGLINK)
        if self.type in headers and self.size > MAX_HEADER_BYTES:
            raise tarfile.ReadError(f"a header of {self.size:,} bytes")
        return super()._proc_member(archive)  # type: ignore[misc]


def _safe(name: str, path: Path) -> Path:
    parts = PurePosixPath(name.replace("\\", "/")).parts
    if not parts or parts[0].startswith("/") or ".." in parts or any("\0" in part for part in parts):
        raise damaged(path, "names within the archive", repr(name[:80]))
    return Path(*parts)


def _write(stream: IO[bytes], target: Path, room: int, path: Path) -> int:
    written = 0
    with meta.writing(target.parent):
        target.parent.mkdir(parents=True, exist_ok=True)
        file = target.open("wb")
    with file:
        while data := stream.read(CHUNK_BYTES):
            written += len(data)
            if written > room:
                raise DataFormatError(f"{path}: unpacked it does not fit on the disk with {target.parent}; make room.")
            with meta.writing(target.parent):
                file.write(data)
    return written


@contextmanager
def _renamed(folder: Path, path: Path) -> Iterator[None]:
    """Speak of the archive where errors name the folder that it was unpacked into."""
    try:
        yield
    except MakeweightError as error:
        raise type(error)(
            str(error).replace(f"{folder}{os.sep}", f"{path}/").replace(str(folder), str(path))
        ) from error


class ArchiveSource:
    """A source that unpacks its archive when it is first read, below ``where``; gone with the source."""

    def __init__(self, path: Path, form: Form, where: Path, open_source: Callable[[Path, Form], Source]) -> None:
        self._path, self._form, self._where, self._open = path, form, where, open_source

    @cached_property
    def _source(self) -> Source:
        _sweep(self._where)
        with meta.writing(self._where):
            self._where.mkdir(parents=True, exist_ok=True)
            self._folder = Path(tempfile.mkdtemp(dir=self._where, prefix=f"{_PREFIX}{os.getpid()}-"))
        weakref.finalize(self, shutil.rmtree, self._folder, ignore_errors=True)
        passed = unpack(self._path, self._folder)
        self._passed = (f"{passed:,} links in {self._path.name} are passed over",) if passed else ()
        with _renamed(self._folder, self._path):
            return self._open(self._folder, self._form)

    @property
    def name(self) -> str:
        """Of the archive."""
        return self._path.name

    @property
    def class_names(self) -> tuple[str, ...]:
        """As what it holds has them."""
        return self._source.class_names

    @property
    def ordered(self) -> bool:
        """As what it holds."""
        return self._source.ordered

    @property
    def notes(self) -> tuple[str, ...]:
        """Those of what it holds, and how many links are left out."""
        return (*self._source.notes, *self._passed)

    @property
    def doubts(self) -> tuple[str, ...]:
        """As what it holds has them."""
        return self._source.doubts

    def fingerprint(self) -> str:
        """Of the archive; nothing is unpacked for it."""
        return of_files(self._path.parent, [self._path])

    def survey(self, say: Progress) -> Survey:
        """Unpack it and look at the shapes."""
        say(f"unpacking {self.name}", 0, None)
        source = self._source
        with _renamed(self._folder, self._path):
            return source.survey(say)

    def read(self, shape: Shape, say: Progress) -> Iterator[Chunk]:
        """Read what it holds."""
        source = self._source
        with _renamed(self._folder, self._path):
            yield from source.read(shape, say)

    def describe(self, row: int) -> str:
        """Name the archive, and in it the image."""
        return f"{self.name}/{self._source.describe(row)}"


def _sweep(where: Path) -> None:
    """Remove what processes of this machine that were killed have left."""
    for folder in where.glob(f"{_PREFIX}*"):
        process = folder.name.removeprefix(_PREFIX).partition("-")[0]
        if process.isdigit() and not Path("/proc", process).exists() and Path("/proc/self").exists():
            shutil.rmtree(folder, ignore_errors=True)
