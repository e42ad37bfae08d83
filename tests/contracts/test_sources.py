"""The contract of sources (``makeweight/data/sources/source.py``), run over every format of a user's own images."""

from __future__ import annotations

import gzip
import io
import math
import os
import subprocess
import sys
import tarfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from makeweight.data.catalog import CATALOG
from makeweight.data.fetch import DataFile
from makeweight.data.form import Form, convert
from makeweight.data.sources.arrays import arrays_source
from makeweight.data.sources.catalogue import digits, published_source
from makeweight.data.sources.registry import open_source
from makeweight.data.sources.source import CHUNK_IMAGES, Chunk, Part, Source
from makeweight.errors import DataFormatError, DataNotFound


@dataclass(frozen=True)
class Written:
    """What a case has written, row by row in the order in which it is to be read."""

    images: np.ndarray  # (n, c, h, w) uint8
    labels: list[str]  # (n,) names of the classes
    parts: list[Part]  # (n,)


@dataclass(frozen=True)
class Case:
    """One source: how it is opened, what is in it, and the files that hold it (none for what is in memory)."""

    open: Callable[[], Source]
    written: Written
    files: tuple[Path, ...] = ()
    published: bool = False  # of the catalogue: the cache knows it by the name and the checksums of its files


def pattern(count: int, shape: tuple[int, int, int], seed: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Images that look like images (a pixel is near its neighbours), and labels 0 to 3."""
    rng = np.random.default_rng(seed)
    channels, height, width = shape
    slope = rng.integers(0, 4, (count, channels, 1, 1)) * (np.arange(height)[:, None] + np.arange(width))
    return (slope + rng.integers(0, 60, (count, channels, 1, 1))).astype(np.uint8), rng.integers(0, 4, count)


def _written(parts: Iterable[tuple[Part, np.ndarray, np.ndarray]]) -> Written:
    rows = list(parts)
    return Written(
        np.concatenate([images for _, images, _ in rows]),
        [str(label) for _, _, labels in rows for label in labels],
        [part for part, images, _ in rows for _ in images],
    )


THREE: dict[str, Part] = {"train": "train", "val": "validation", "test": "test"}


def _three(shape: tuple[int, int, int]) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], Written]:
    """Three parts by MedMNIST's names; train has more images than one chunk may have."""
    counts = {"train": CHUNK_IMAGES + 50, "val": 7, "test": 12}
    made = {name: pattern(count, shape, count) for name, count in counts.items()}
    return made, _written((THREE[name], *pair) for name, pair in made.items())


def npz_parts(folder: Path) -> Case:
    made, written = _three((3, 6, 5))
    arrays = {f"{name}_images": images.transpose(0, 2, 3, 1) for name, (images, _) in made.items()}
    arrays |= {f"{name}_labels": labels[:, None] for name, (_, labels) in made.items()}
    np.savez_compressed(folder / "own.npz", **arrays)
    return Case(lambda: open_source(folder / "own.npz", Form()), written, (folder / "own.npz",))


def npz_plain(folder: Path) -> Case:
    images, labels = pattern(40, (1, 6, 5))
    np.savez(folder / "own.npz", X=images[:, 0] / 255, Y=np.eye(4)[labels])
    written = _written([("all", images, labels)])
    return Case(lambda: open_source(folder / "own.npz", Form()), written, (folder / "own.npz",))


def arrays_pair(folder: Path) -> Case:
    images, labels = pattern(30, (3, 7, 4))
    return Case(lambda: arrays_source((images, labels)), _written([("all", images, labels)]))


def arrays_parts(folder: Path) -> Case:
    made, written = _three((1, 4, 4))
    return Case(lambda: arrays_source(made), written)


def _csv(path: Path, images: np.ndarray, labels: Iterable[object], scale: float = 1) -> Path:
    pixels = images.reshape(len(images), -1)
    header = ",".join(["label", *(f"pixel{number}" for number in range(pixels.shape[1]))])
    rows = (pixels / scale if scale != 1 else pixels).tolist()
    lines = [header, *(f"{label},{','.join(map(str, row))}" for label, row in zip(labels, rows, strict=True))]
    content = "\n".join(lines).encode() + b"\n"
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def csv_file(folder: Path) -> Case:
    images, labels = pattern(30, (1, 6, 6))
    path = _csv(folder / "own.csv.gz", images, labels)
    return Case(lambda: open_source(path, Form()), _written([("all", images, labels)]), (path,))


def csv_floats_and_text(folder: Path) -> Case:
    images, labels = pattern(30, (1, 4, 9))
    names = [f"class {label}, the" for label in labels]
    path = _csv(folder / "own.csv", images, [f'"{name}"' for name in names], 255.0)
    return Case(lambda: open_source(path, Form((4, 9))), Written(images, names, ["all"] * 30), (path,))


def csv_folder(folder: Path) -> Case:
    made, written = _three((3, 5, 5))
    files = [_csv(folder / f"own_{name}.csv", images, labels) for name, (images, labels) in made.items()]
    return Case(lambda: open_source(folder, Form()), written, tuple(files))


def _idx(path: Path, array: np.ndarray) -> Path:
    sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
    content = bytes((0, 0, 8, array.ndim)) + sizes + array.astype(np.uint8).tobytes()
    path.write_bytes(gzip.compress(content) if path.suffix == ".gz" else content)
    return path


def idx_folder(folder: Path) -> Case:
    made, files = {"train": pattern(1_200, (1, 5, 3)), "t10k": pattern(9, (1, 5, 3), 4)}, []
    for name, (images, labels) in made.items():
        files += [_idx(folder / f"{name}-images-idx3-ubyte.gz", images[:, 0])]
        files += [_idx(folder / f"{name}-labels-idx1-ubyte.gz", labels)]
    written = _written([("train", *made["train"]), ("test", *made["t10k"])])
    return Case(lambda: open_source(folder, Form()), written, tuple(files))


def idx_colour(folder: Path) -> Case:
    images, labels = pattern(20, (3, 6, 5))
    files = (
        _idx(folder / "mine-images.idx4-ubyte", images.transpose(0, 2, 3, 1)),
        _idx(folder / "mine-labels.idx1-ubyte", labels),
    )
    return Case(lambda: open_source(files[0], Form()), _written([("all", images, labels)]), files)


def cifar_bytes(images: np.ndarray, labels: np.ndarray, coarse: bool = False) -> bytes:
    columns = [labels[:, None]] * (2 if coarse else 1)
    return np.concatenate([*columns, images.reshape(len(images), -1)], axis=1).astype(np.uint8).tobytes()


NAMES = ("0", "1", "2", "3")


def cifar_folder(folder: Path) -> Case:
    made = [pattern(count, (3, 32, 32), count) for count in (5, 6, 4)]
    files = [folder / "data_batch_1.bin", folder / "data_batch_2.bin", folder / "test_batch.bin"]
    for file, pair in zip(files, made, strict=True):
        file.write_bytes(cifar_bytes(*pair))
    (folder / "batches.meta.txt").write_text("\n".join(NAMES) + "\n\n")
    written = _written([("train", *made[0]), ("train", *made[1]), ("test", *made[2])])
    return Case(lambda: open_source(folder, Form()), written, tuple(files))


def cifar_100(folder: Path) -> Case:
    train, test = pattern(7, (3, 32, 32)), pattern(3, (3, 32, 32), 4)
    inner = folder / "cifar-100-binary"
    inner.mkdir()
    (inner / "test.bin").write_bytes(cifar_bytes(*test, coarse=True))
    (inner / "train.bin").write_bytes(cifar_bytes(*train, coarse=True))
    (inner / "fine_label_names.txt").write_text("\n".join(NAMES))
    with tarfile.open(folder / "own.tar.gz", "w:gz") as archive:
        archive.add(inner, inner.name)
    written = _written([("train", *train), ("test", *test)])
    return Case(lambda: open_source(folder / "own.tar.gz", Form()), written, (folder / "own.tar.gz",))


def picture_folder(folder: Path) -> Case:
    """Pictures, of which a damaged one is a problem of its own (tests/data/own/test_folder.py): no files here."""
    rows: list[tuple[Part, np.ndarray, np.ndarray]] = []
    for part, count in (("train", 7), ("validation", 5), ("test", 5)):
        images, labels = pattern(count, (3, 5, 7), count)
        order = np.argsort(labels, kind="stable")  # class by class, as folders come
        for number, row in enumerate(order):
            place = folder / part / str(labels[row])
            place.mkdir(parents=True, exist_ok=True)
            Image.fromarray(images[row].transpose(1, 2, 0)).save(place / f"{number}.png")
        rows.append((part, images[order], labels[order]))  # type: ignore[arg-type]
    return Case(lambda: open_source(folder, Form()), _written(rows))


def published_idx(folder: Path) -> Case:
    """The catalogue's IDX: two pairs in a zip, stored column by column as EMNIST has them."""
    made, files = {"train": pattern(30, (1, 28, 28)), "test": pattern(9, (1, 28, 28), 4)}, {}
    path = folder / "gzip.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for part, (images, labels) in made.items():
            for role, array in (("images", images[:, 0].swapaxes(1, 2)), ("labels", labels)):
                name = f"gzip/emnist-balanced-{part}-{role}"
                _idx(folder / "one", array)
                archive.write(folder / "one", name)
                files[f"{part}_{role}"] = DataFile(path, name)
    (folder / "one").unlink()
    entry, written = CATALOG["emnist-balanced"], _written([("train", *made["train"]), ("test", *made["test"])])
    return Case(lambda: published_source(entry, files, folder / "unpacked"), written, published=True)


def published_cifar(folder: Path) -> Case:
    made, files = {f"train_{i}": pattern(3, (3, 32, 32), i) for i in range(1, 6)}, {}
    made["test"] = pattern(4, (3, 32, 32), 9)
    for role, pair in made.items():
        (folder / f"{role}.bin").write_bytes(cifar_bytes(*pair))
        files[role] = DataFile(folder / f"{role}.bin")
    rows: list[tuple[Part, np.ndarray, np.ndarray]] = [
        ("test" if role == "test" else "train", images, labels) for role, (images, labels) in made.items()
    ]
    written = _named(_written(rows), CATALOG["cifar-10"].class_names)
    paths = tuple(file.path for file in files.values())
    return Case(lambda: published_source(CATALOG["cifar-10"], files, folder), written, paths, published=True)


def published_digits(folder: Path) -> Case:
    written = _written((part, images[:, None], labels) for part, (images, labels) in digits().items())  # type: ignore[misc]
    return Case(lambda: published_source(CATALOG["digits"], {}, folder), written, published=True)


def _named(written: Written, names: tuple[str, ...]) -> Written:
    return Written(written.images, [names[int(label)] for label in written.labels], written.parts)


def zipped(folder: Path) -> Case:
    """A zip of a folder that wraps pictures."""
    inner = picture_folder(folder / "inner")
    path = folder / "own.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for file in sorted((folder / "inner").rglob("*.png")):
            archive.write(file, f"wrapping/{file.relative_to(folder / 'inner')}")
    return Case(lambda: open_source(path, Form()), inner.written, (path,))


def named_pictures(folder: Path) -> Case:
    """Pictures that a table labels; a damaged picture is a problem of its own, so there are no files here."""
    images, labels = pattern(30, (3, 5, 7))
    lines = ["file,label"]
    for number, (image, label) in enumerate(zip(images, labels, strict=True)):
        Image.fromarray(image.transpose(1, 2, 0)).save(folder / f"{number:02}.png")
        lines.append(f"{number:02}.png,{label}")
    (folder / "labels.csv").write_text("\n".join(lines))
    return Case(lambda: open_source(folder, Form()), _written([("all", images, labels)]))


def parquet(folder: Path) -> Case:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    made, written = _three((3, 6, 5))
    for name, (images, labels) in made.items():
        contents = []
        for image in images:
            stream = io.BytesIO()
            Image.fromarray(image.transpose(1, 2, 0)).save(stream, "PNG")
            contents.append({"bytes": stream.getvalue()})
        pq.write_table(pa.table({"image": contents, "label": labels}), folder / f"{name}.parquet")
    return Case(lambda: open_source(folder, Form()), written, tuple(folder / f"{name}.parquet" for name in made))


def npy_by_column(folder: Path) -> Case:
    images, labels = pattern(1_100, (1, 6, 5))
    np.save(folder / "X.npy", np.asfortranarray(images[:, 0]))
    np.save(folder / "y.npy", labels)
    files = (folder / "X.npy", folder / "y.npy")
    return Case(lambda: open_source(folder, Form()), _written([("all", images, labels)]), files)


#: Every format, in every way in which it differs inside. To add one: a function of a folder to a Case.
CASES = (
    npz_parts, npz_plain, arrays_pair, arrays_parts, csv_file, csv_floats_and_text, csv_folder, idx_folder, idx_colour,
    cifar_folder, cifar_100, picture_folder, zipped, named_pictures, parquet, npy_by_column,
    published_idx, published_cifar, published_digits,
)  # fmt: skip


@pytest.fixture(autouse=True)
def own_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> None:
    """Archives are unpacked into the cache."""
    monkeypatch.setenv("MAKEWEIGHT_CACHE", str(tmp_path_factory.mktemp("cache")))


@pytest.fixture(params=CASES, ids=lambda make: make.__name__)
def case(request: pytest.FixtureRequest, tmp_path: Path) -> Case:
    made: Case = request.param(tmp_path)
    return made


def quiet(what: str, done: int, total: int | None) -> None:
    """Progress for nobody."""


def shape_of(case: Case) -> tuple[int, int, int]:
    channels, height, width = case.written.images.shape[1:]
    return channels, height, width


def read(source: Source, shape: tuple[int, int, int]) -> list[Chunk]:
    source.survey(quiet)
    return list(source.read(shape, quiet))


def joined(chunks: list[Chunk]) -> np.ndarray:
    return np.concatenate([chunk.images for chunk in chunks])


def test_what_was_written_is_read(case: Case) -> None:
    source = case.open()
    chunks = read(source, shape_of(case))
    np.testing.assert_array_equal(joined(chunks), case.written.images)
    codes = [int(code) for chunk in chunks for code in chunk.codes]
    assert [source.class_names[code] for code in codes] == case.written.labels
    assert [chunk.part for chunk in chunks for _ in chunk.rows] == case.written.parts
    assert not [problem for chunk in chunks for problem in chunk.problems]


def test_chunks_have_the_types_and_shapes_of_the_contract(case: Case) -> None:
    chunks = read(case.open(), shape_of(case))
    for chunk in chunks:
        assert chunk.images.dtype == np.uint8
        assert chunk.codes.dtype == chunk.rows.dtype == np.int64
        assert chunk.images.shape == (len(chunk.codes), *shape_of(case))
        assert 1 <= len(chunk.codes) == len(chunk.rows) <= CHUNK_IMAGES
    rows = np.concatenate([chunk.rows for chunk in chunks])
    np.testing.assert_array_equal(rows, np.arange(len(case.written.images)))


def test_the_survey_agrees_with_what_is_read(case: Case) -> None:
    source = case.open()
    survey = source.survey(quiet)
    assert dict(survey.shapes) == {shape_of(case): len(case.written.images)}
    assert list(survey.parts) == list(dict.fromkeys(case.written.parts))
    assert all(isinstance(note, str) and "\n" not in note for note in survey.notes)
    assert Counter(chunk.part for chunk in source.read(shape_of(case), quiet)).keys() == set(survey.parts)


def test_two_reads_give_the_same_and_need_no_survey(case: Case) -> None:
    source = case.open()
    first = list(source.read(shape_of(case), quiet))
    second = list(source.read(shape_of(case), quiet))
    assert joined(first).tobytes() == joined(second).tobytes()
    assert [c.codes.tolist() for c in first] == [c.codes.tolist() for c in second]


def test_a_read_that_is_left_early_leaves_the_next_one_whole(case: Case) -> None:
    source = case.open()
    next(iter(source.read(shape_of(case), quiet)))
    np.testing.assert_array_equal(joined(read(source, shape_of(case))), case.written.images)


@pytest.mark.parametrize("shape", [(1, 5, 8), (3, 8, 3)])
def test_images_come_in_the_shape_that_is_asked_for(case: Case, shape: tuple[int, int, int]) -> None:
    np.testing.assert_array_equal(joined(read(case.open(), shape)), convert(case.written.images, shape))


def test_the_fingerprint_is_stable(case: Case) -> None:
    if case.published:
        return
    assert case.open().fingerprint() == case.open().fingerprint()
    assert len(bytes.fromhex(case.open().fingerprint())) == 32


def test_the_fingerprint_changes_with_any_file(case: Case) -> None:
    if case.published:
        return
    before = case.open().fingerprint()
    for file in case.files:
        status = file.stat()
        os.utime(file, ns=(status.st_atime_ns, status.st_mtime_ns + 1))
        after = case.open().fingerprint()
        assert after != before
        before = after


def test_progress_ends_with_all_rows(case: Case) -> None:
    said: list[tuple[str, int, int | None]] = []
    for _ in case.open().read(shape_of(case), lambda *now: said.append(now)):
        pass
    assert said[-1][1:] == (len(case.written.images), len(case.written.images))
    assert all(isinstance(what, str) for what, _, _ in said)


def test_rows_are_described_by_file(case: Case) -> None:
    source = case.open()
    described = [source.describe(row) for row in range(len(case.written.images))]
    assert len(set(described)) == len(described)
    for file in case.files[:1]:
        assert file.name in described[0]


def test_fault_18_a_truncated_file_is_named(case: Case) -> None:
    for file in case.files:
        whole = file.read_bytes()
        # Not all cuts can be seen: after a row of CIFAR's, or between the digits of the last number in a CSV.
        for kept in (len(whole) // 2 + 1, len(whole) // 3 + 1, 0):
            file.write_bytes(whole[:kept])
            with pytest.raises(DataFormatError) as caught:
                read(case.open(), shape_of(case))
            assert file.name in str(caught.value)
            assert "\n" not in str(caught.value)
        file.write_bytes(whole)


def test_a_file_that_goes_after_the_opening_is_named(case: Case) -> None:
    for file in case.files[:1]:
        source, whole = case.open(), file.read_bytes()
        file.unlink()
        with pytest.raises(DataNotFound, match=file.name):
            list(source.read(shape_of(case), quiet))
        file.write_bytes(whole)


#: What a chunk and what it is made of may take, with room for the heap's own ways.
MAX_GROWTH_BYTES = 100 << 20
SIZE_BYTES = 300 << 20

READ = """
import sys
from pathlib import Path
from makeweight.data.sources.registry import open_source
from makeweight.data.form import Form, choose_shape
import numpy, PIL.Image

def status(key):  # not getrusage: its peak is inherited from the process that started this one
    [line] = [line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith(key)]
    return int(line.split()[1]) * 1024

before = status("VmRSS")
source = open_source(Path(sys.argv[1]), Form())
survey = source.survey(lambda *now: None)
rows = sum(len(chunk.rows) for chunk in source.read(choose_shape(survey, Form()), lambda *now: None))
print(rows, status("VmHWM") - before)
"""


def growth(path: Path) -> tuple[int, int]:
    """Rows that a process of its own reads from a path, and the bytes by which it grows over its imports."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path)), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-W", "error", "-c", READ, str(path)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=250)
    rows, grown = map(int, done.stdout.split())
    return rows, grown


def big_npz(path: Path, dtype: str, row_shape: tuple[int, ...]) -> int:
    """Write a .npz of zeros, deflated, piece by piece; return its rows."""
    rows = SIZE_BYTES // (math.prod(row_shape) * np.dtype(dtype).itemsize)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, shape, kind in (("X", (rows, *row_shape), dtype), ("y", (rows,), "u1")):
            with archive.open(f"{name}.npy", "w", force_zip64=True) as member:
                header = {"descr": np.dtype(kind).str, "fortran_order": False, "shape": shape}
                np.lib.format.write_array_header_1_0(member, header)
                left = math.prod(shape) * np.dtype(kind).itemsize
                while left:
                    member.write(bytes(min(left, 1 << 22)))
                    left -= min(left, 1 << 22)
    return rows


linux = pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is read from /proc")


@linux
@pytest.mark.parametrize(
    ("dtype", "row_shape"), [("u1", (28, 28)), ("f4", (3, 64, 64)), ("u1", (4_000, 2_500, 3))], ids=str
)
def test_memory_is_flat_over_an_npz_of_300_mb(dtype: str, row_shape: tuple[int, ...], tmp_path: Path) -> None:
    rows = big_npz(tmp_path / "big.npz", dtype, row_shape)
    read_rows, grown = growth(tmp_path / "big.npz")
    assert read_rows == rows
    assert grown < MAX_GROWTH_BYTES + 8 * math.prod(row_shape)  # one image of 30 MB is there several times


@linux
@pytest.mark.slow
@pytest.mark.parametrize("text", ["17", "0.0123456789"])
def test_fault_35_memory_is_flat_over_a_csv_of_300_mb(text: str, tmp_path: Path) -> None:
    line = f"3,{','.join([text] * 784)}\n".encode()
    rows = SIZE_BYTES // len(line)
    with (tmp_path / "big.csv").open("wb") as file:
        for _ in range(rows):
            file.write(line)
    read_rows, grown = growth(tmp_path / "big.csv")
    assert read_rows == rows
    assert grown < MAX_GROWTH_BYTES
