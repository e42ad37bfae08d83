"""The contract of every reader: same types, same shapes, same errors, whatever the file format."""

from __future__ import annotations

import gzip
import io
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from makeweight.data.readers.base import DataFile, Part, Reader
from makeweight.data.readers.cifar import CifarReader
from makeweight.data.readers.digits import DigitsReader
from makeweight.data.readers.idx import IdxReader
from makeweight.errors import DataFormatError, DataNotFound

PARTS: tuple[Part, Part] = ("train", "test")
COUNTS = {"train": 12, "test": 5}

Written = dict[str, tuple[np.ndarray, np.ndarray]]  # part -> images (n, c, h, w), labels (n,)


@dataclass
class Case:
    """A reader, what its files hold, and the files it reads."""

    reader: Reader
    classes: int
    written: Written
    files: list[Path] = field(default_factory=list)  # empty where a reader has no files


def _random(shape: tuple[int, int, int], classes: int) -> Written:
    rng = np.random.default_rng(11)
    return {
        part: (
            rng.integers(0, 256, (count, *shape), dtype=np.uint8),
            rng.integers(0, classes, count, dtype=np.int64),
        )
        for part, count in COUNTS.items()
    }


def _idx(array: np.ndarray) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes((0, 0, 8, array.ndim)) + sizes + array.astype(np.uint8).tobytes()


def _idx_contents(written: Written, *, transposed: bool = False) -> dict[str, bytes]:
    contents = {}
    for part, (images, labels) in written.items():
        planes = images[:, 0].swapaxes(1, 2) if transposed else images[:, 0]
        contents[f"{part}-images"] = _idx(planes)
        contents[f"{part}-labels"] = _idx(labels)
    return contents


def _idx_reader(files: dict[str, DataFile], *, transposed: bool = False) -> IdxReader:
    pairs = [(files[f"{part}-images"], files[f"{part}-labels"]) for part in PARTS]
    return IdxReader(pairs[0], pairs[1], 4, transposed)


def _idx_files(folder: Path, *, packed: bool) -> Case:
    written = _random((1, 6, 3), 4)
    paths = {}
    for name, content in _idx_contents(written).items():
        paths[name] = folder / name
        paths[name].write_bytes(gzip.compress(content) if packed else content)
    reader = _idx_reader({name: DataFile(path) for name, path in paths.items()})
    return Case(reader, 4, written, list(paths.values()))


def _idx_zip(folder: Path) -> Case:
    written = _random((1, 6, 3), 4)
    path = folder / "all.zip"
    contents = _idx_contents(written, transposed=True)
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in contents.items():
            archive.writestr(f"gzip/{name}.gz", gzip.compress(content))
    files = {name: DataFile(path, f"gzip/{name}.gz") for name in contents}
    return Case(_idx_reader(files, transposed=True), 4, written, [path])


def _cifar_batches(written: Written) -> dict[str, bytes]:
    """Split the training part over two batches, as CIFAR-10 does over five."""
    rows = {
        part: np.concatenate([labels[:, None].astype(np.uint8), images.reshape(len(images), -1)], axis=1)
        for part, (images, labels) in written.items()
    }
    return {
        "batch_1": rows["train"][:7].tobytes(),
        "batch_2": rows["train"][7:].tobytes(),
        "test": rows["test"].tobytes(),
    }


def _cifar_files(folder: Path) -> Case:
    written = _random((3, 32, 32), 10)
    paths = []
    for name, content in _cifar_batches(written).items():
        paths.append(folder / name)
        paths[-1].write_bytes(content)
    files = [DataFile(path) for path in paths]
    return Case(CifarReader((files[0], files[1]), (files[2],)), 10, written, paths)


def _cifar_archive(folder: Path) -> Case:
    written = _random((3, 32, 32), 10)
    path = folder / "all.tar.gz"
    with tarfile.open(path, "w:gz", compresslevel=1) as tar:
        for name, content in reversed(_cifar_batches(written).items()):
            info = tarfile.TarInfo(f"bin/{name}")
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    files = [DataFile(path, f"bin/{name}") for name in ("batch_1", "batch_2", "test")]
    return Case(CifarReader((files[0], files[1]), (files[2],)), 10, written, [path])


def _digits(folder: Path) -> Case:
    from sklearn.datasets import load_digits

    bunch = load_digits()
    images = np.floor(bunch.images * 255 / 16).astype(np.uint8)[:, None]
    reader = DigitsReader()
    # Which images are in the test part is the reader's choice; what they hold is not.
    rows = {image.tobytes(): row for row, image in enumerate(images)}
    chosen = {part: [rows[image.tobytes()] for image in reader.read(part).images] for part in PARTS}
    assert sorted(chosen["train"] + chosen["test"]) == list(range(1797))
    return Case(reader, 10, {part: (images[chosen[part]], bunch.target[chosen[part]]) for part in PARTS})


CASES: dict[str, Callable[[Path], Case]] = {
    "idx": lambda folder: _idx_files(folder, packed=False),
    "idx gzipped": lambda folder: _idx_files(folder, packed=True),
    "idx transposed in a zip": _idx_zip,
    "cifar": _cifar_files,
    "cifar in a tar.gz": _cifar_archive,
    "digits": _digits,
}


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    return CASES[request.param](tmp_path)


@pytest.mark.parametrize("part", PARTS)
def test_reads_what_was_written(case: Case, part: Part) -> None:
    raw = case.reader.read(part)
    images, labels = case.written[part]
    np.testing.assert_array_equal(raw.images, images)
    np.testing.assert_array_equal(raw.labels, labels)


@pytest.mark.parametrize("part", PARTS)
def test_types_and_shapes(case: Case, part: Part) -> None:
    raw = case.reader.read(part)
    assert raw.images.dtype == np.uint8
    assert raw.labels.dtype == np.int64
    assert raw.images.ndim == 4
    assert raw.labels.shape == raw.images.shape[:1]
    assert 0 <= raw.labels.min() <= raw.labels.max() < case.classes


def test_reading_again_gives_the_same(case: Case) -> None:
    for part in PARTS:
        first, second = case.reader.read(part), case.reader.read(part)
        assert first.images.tobytes() == second.images.tobytes()
        assert first.labels.tobytes() == second.labels.tobytes()


def test_cut_file_is_named(case: Case) -> None:
    for path in case.files:
        content = path.read_bytes()
        path.write_bytes(content[: len(content) * 2 // 3])
        with pytest.raises(DataFormatError, match=path.name) as caught:
            _read_both(case.reader)
        assert "\n" not in str(caught.value)
        path.write_bytes(content)


def test_missing_file_is_named(case: Case) -> None:
    for path in case.files:
        content = path.read_bytes()
        path.unlink()
        with pytest.raises(DataNotFound, match=path.name):
            _read_both(case.reader)
        path.write_bytes(content)


def test_label_beyond_the_classes_is_named(case: Case, tmp_path: Path) -> None:
    if isinstance(case.reader, DigitsReader):
        return  # it has no files that could be wrong
    case.reader = type(case.reader)(**{**vars(case.reader), "classes": 1})
    with pytest.raises(DataFormatError, match=r"labels from 0 to 0, found [1-9] in row \d+"):
        case.reader.read("train")


def _read_both(reader: Reader) -> None:
    for part in PARTS:
        reader.read(part)
