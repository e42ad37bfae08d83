"""Read the files of a data set and write them into the cache, whole or not at all."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import warnings
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from makeweight.data import meta
from makeweight.data.catalog import CatalogEntry
from makeweight.data.fetch import Progress, Source
from makeweight.data.readers.base import Part, RawImages, Reader
from makeweight.errors import DataFormatError
from makeweight.files import sync_folder

if os.name == "posix":
    import fcntl

_PARTS: tuple[Part, Part] = ("train", "test")


@contextlib.contextmanager
def alone(cache: Path, name: str, progress: Progress | None = None) -> Iterator[None]:
    """Let one process at a time prepare `name`, and sweep what killed ones left behind.

    The lock dies with its process, so whatever lies about while we hold it is nobody's. Where the
    system has no such locks, the rename in `promote` still lets only one folder win.

    Raises
    ------
    StoreError
        When `cache` cannot be written.
    """
    with meta.writing(cache):
        cache.mkdir(parents=True, exist_ok=True)
        lock = (cache / f".lock-{name}").open("ab")  # closed below, after a wait
    with lock:
        if os.name == "posix":
            with contextlib.suppress(OSError):  # a network file system without locks
                _wait(lock.fileno(), f"another process is preparing {name}; waiting for it", progress)
                for debris in cache.glob(f".preparing-{name}.*"):
                    shutil.rmtree(debris, ignore_errors=True)
        yield


def _wait(descriptor: int, notice: str, progress: Progress | None) -> None:
    """Take the lock, saying so when that takes time."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        if progress is not None:
            progress(notice)
        fcntl.flock(descriptor, fcntl.LOCK_EX)


def build(source: Source, cache: Path, progress: Progress | None = None) -> Path:
    """Prepare the files of `source` into ``<cache>/<key>`` and return that folder.

    All is written under a temporary name, synced, and then renamed.

    Raises
    ------
    DataFormatError
        When a file is not what its format or its data set promises.
    StoreError
        When `cache` cannot be written.
    """
    entry, final = source.entry, cache / source.key
    with workplace(cache, entry.name) as temporary:
        arrays: dict[str, meta.ArrayRecord] = {}
        for part in _PARTS:
            if progress is not None:
                progress(f"preparing {entry.name}: {part} part")
            arrays |= _write_part(source, part, temporary)
        with meta.writing(cache):
            meta.write(temporary, meta.Meta(entry.name, entry.image_shape, entry.class_names, arrays))
            promote(temporary, final)
    return final


@contextlib.contextmanager
def workplace(cache: Path, name: str) -> Iterator[Path]:
    """Make a folder in the cache that is gone after the block, unless it was renamed.

    Raises
    ------
    StoreError
        When `cache` cannot be written.
    """
    temporary = cache / f".preparing-{name}.{secrets.token_hex(8)}"
    try:
        with meta.writing(cache):
            cache.mkdir(parents=True, exist_ok=True)
            temporary.mkdir()
        yield temporary
    finally:
        shutil.rmtree(temporary, ignore_errors=True)


def _write_part(source: Source, part: Part, folder: Path) -> dict[str, meta.ArrayRecord]:
    """Read, check and write one part; only one part is in memory at a time."""
    raw = reader_of(source).read(part)
    _check_shape(source, part, raw)
    _warn_of_absent(source.entry, part, raw)
    with meta.writing(folder.parent):
        return {
            f"{part}_images": meta.write_array(folder / f"{part}_images.npy", raw.images),
            f"{part}_labels": meta.write_array(folder / f"{part}_labels.npy", raw.labels),
        }


def _check_shape(source: Source, part: Part, raw: RawImages) -> None:
    shape, entry = raw.images.shape[1:], source.entry
    if shape != entry.image_shape:
        folder = next((str(file.path.parent) for file in source.files.values()), entry.name)
        raise DataFormatError(
            f"{folder}: the {part} images are {shape} (channels, height, width), but {entry.name} has "
            f"{entry.image_shape}; choose the data set that these files belong to."
        )


def _warn_of_absent(entry: CatalogEntry, part: Part, raw: RawImages) -> None:
    absent = np.flatnonzero(np.bincount(raw.labels, minlength=entry.classes) == 0).tolist()
    if absent:
        names = ", ".join(entry.class_names[k] for k in absent[:10])
        warnings.warn(
            f"the {part} part of {entry.name} has no image of class {names}: accuracy says nothing about it; "
            "check that the files are complete.",
            stacklevel=2,
        )


def promote(temporary: Path, final: Path) -> None:
    """Rename the finished folder; where another process was first, keep its folder."""
    try:
        temporary.rename(final)
    except OSError:
        if not final.exists():
            raise
        if meta.is_whole(final):
            return
        # What stands there is damaged. Processes that map it keep their pages.
        aside = temporary.with_name(f"{temporary.name}.damaged")
        final.rename(aside)
        temporary.rename(final)
        shutil.rmtree(aside, ignore_errors=True)
    sync_folder(final.parent)


def reader_of(source: Source) -> Reader:
    """Return the reader for these files."""
    from makeweight.data.readers.cifar import CifarReader
    from makeweight.data.readers.digits import DigitsReader
    from makeweight.data.readers.idx import IdxReader

    entry, files = source.entry, source.files
    if entry.reader == "digits":
        return DigitsReader()
    if entry.reader == "cifar":
        train = tuple(files[role] for role in sorted(files) if role.startswith("train"))
        return CifarReader(train, (files["test"],), entry.classes)
    return IdxReader(
        (files["train_images"], files["train_labels"]),
        (files["test_images"], files["test_labels"]),
        entry.classes,
        entry.transposed,
    )
