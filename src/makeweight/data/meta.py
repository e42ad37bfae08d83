"""The record beside the prepared arrays, and how both get safely onto the disk."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from makeweight.data.split import DEFAULT_VALIDATION
from makeweight.errors import DataMismatch, DataNotFound, MakeweightError, StoreError
from makeweight.files import sync_folder

FILE_NAME = "meta.json"
FORMAT = 1
ARRAYS = ("test_images", "test_labels", "train_images", "train_labels")
#: Of a user's own data. Groups: training images of one number are copies of each other. Validation: 1 where the user
#: has said that a training image is for validation.
OWN_ARRAYS = ("train_groups", "train_validation")


@dataclass(frozen=True)
class ArrayRecord:
    """One ``.npy`` file as it was written."""

    shape: tuple[int, ...]
    dtype: str  # NumPy's, with byte order: "|u1" or "<i8"
    file_bytes: int
    sha256: str  # of the values in C order, without the header


@dataclass(frozen=True)
class Meta:
    """What ``meta.json`` holds."""

    name: str
    image_shape: tuple[int, int, int]  # (c, h, w)
    class_names: tuple[str, ...]
    arrays: Mapping[str, ArrayRecord]  # by name in ARRAYS, and perhaps in OWN_ARRAYS
    validation: float = DEFAULT_VALIDATION  # share of the training part that is usually held out
    origin: str = ""  # where a user's own images were read from
    notes: tuple[str, ...] = ()  # what was done to a user's own images

    @property
    def digest(self) -> str:
        """SHA-256 over shapes, number of classes and content; neither names nor paths change it."""
        arrays = {key: [record.shape, record.dtype, record.sha256] for key, record in self.arrays.items()}
        content = {"format": FORMAT, "classes": len(self.class_names), "arrays": arrays}
        return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


def damaged(path: Path, what: str) -> DataMismatch:
    """Build the error for a prepared folder that is not as it was written."""
    return DataMismatch(f"the prepared data in {path} is damaged ({what}); delete this folder and run again.")


def not_writable(folder: Path, error: OSError) -> StoreError:
    """Build the error for a cache that cannot be written."""
    return StoreError(
        f"the cache folder {folder} cannot be written ({error.strerror or error}); make room or set "
        "MAKEWEIGHT_CACHE to a folder that can be written."
    )


@contextlib.contextmanager
def writing(folder: Path) -> Iterator[None]:
    """Turn any failure to write below `folder` into one clear line.

    Raises
    ------
    StoreError
        For each OSError within: no rights, no room, a read-only file system.
    """
    try:
        yield
    except MakeweightError:  # of what is read meanwhile, such as DataNotFound
        raise
    except OSError as error:
        raise not_writable(folder, error) from error


def sha256_of(array: NDArray[Any]) -> str:
    """SHA-256 of the values in C order."""
    return hashlib.sha256(np.ascontiguousarray(array).data.cast("B")).hexdigest()


def write_array(path: Path, array: NDArray[Any]) -> ArrayRecord:
    """Write an array to disk, down to the platter, and describe it."""
    return write_chunks(path, array.shape, array.dtype, [array])


def write_chunks(
    path: Path, shape: tuple[int, ...], dtype: np.dtype[Any], chunks: Iterable[NDArray[Any]]
) -> ArrayRecord:
    """Write an array of this shape whose rows come piece by piece; only one piece is in memory at a time."""
    # Little-endian everywhere, so that the digest does not depend on the machine.
    little, digest = dtype.newbyteorder("<"), hashlib.sha256()
    header = {"descr": np.lib.format.dtype_to_descr(little), "fortran_order": False, "shape": shape}
    with path.open("xb") as stream:
        # Not np.save: on a full disk it reports two numbers where write() gives the system's reason.
        np.lib.format.write_array_header_1_0(stream, header)
        for chunk in chunks:
            content = np.ascontiguousarray(chunk, dtype=little).data.cast("B")
            stream.write(content)
            digest.update(content)
        _sync(stream)
    return ArrayRecord(shape, little.str, path.stat().st_size, digest.hexdigest())


def write(folder: Path, record: Meta) -> None:
    """Write ``meta.json``, the last file of a folder."""
    classes = len(record.class_names)
    content = {"format": FORMAT, "classes": classes, **asdict(record), "digest": record.digest}
    with (folder / FILE_NAME).open("x", encoding="utf-8") as stream:
        json.dump(content, stream, indent=1, ensure_ascii=False)
        _sync(stream)
    sync_folder(folder)


def _sync(stream: IO[Any]) -> None:
    stream.flush()
    os.fsync(stream.fileno())


def _array_record(content: Mapping[str, Any]) -> ArrayRecord:
    return ArrayRecord(
        tuple(int(size) for size in content["shape"]),
        str(content["dtype"]),
        int(content["file_bytes"]),
        str(content["sha256"]),
    )


def _parse(content: Any) -> Meta:
    channels, height, width = (int(size) for size in content["image_shape"])
    return Meta(
        str(content["name"]),
        (channels, height, width),
        tuple(str(name) for name in content["class_names"]),
        {name: _array_record(content["arrays"][name]) for name in _names(content["arrays"])},
        float(content["validation"]),
        str(content["origin"]),
        tuple(str(note) for note in content["notes"]),
    )


def _names(arrays: Any) -> tuple[str, ...]:
    return (*ARRAYS, *(name for name in OWN_ARRAYS if name in arrays))


def read(folder: Path) -> Meta:
    """Read and check ``meta.json``.

    Raises
    ------
    DataNotFound
        When there is no such folder.
    DataMismatch
        When it is of another format, or damaged.
    """
    if not folder.is_dir():
        raise DataNotFound(f"there is no prepared data in {folder}; prepare the data set on this machine first.")
    try:
        content = json.loads((folder / FILE_NAME).read_text(encoding="utf-8"))
        if content["format"] != FORMAT:
            raise damaged(folder, f"format {content['format']}, this makeweight reads {FORMAT}")
        record = _parse(content)
        if record.digest != content["digest"]:
            raise damaged(folder, f"{FILE_NAME} does not match its own digest")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise damaged(folder, f"{FILE_NAME} cannot be read") from error
    return record


def check_sizes(folder: Path, record: Meta) -> None:
    """Compare the sizes of the array files with the record; reads no content.

    Raises
    ------
    DataMismatch
        When a file is missing or has another size.
    """
    for name, array in record.arrays.items():
        path = folder / f"{name}.npy"
        size = path.stat().st_size if path.is_file() else None
        if size != array.file_bytes:
            raise damaged(folder, f"{path.name} has {size} bytes, {array.file_bytes} were written")


def is_whole(folder: Path) -> bool:
    """Tell whether a prepared folder can be opened."""
    try:
        check_sizes(folder, read(folder))
    except (DataNotFound, DataMismatch):
        return False
    return True
