"""What people bring: tables of names, archives, Parquet, arrays of other programs, frames."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from makeweight.data.form import Form
from makeweight.data.picture import read_picture, read_shape
from makeweight.data.prepare import prepare_own
from makeweight.data.sources.registry import open_source
from makeweight.data.sources.source import Source
from makeweight.errors import DataFormatError, DataNotFound
from makeweight.face.data import load_data

RNG = np.random.default_rng(0)
IMAGES = RNG.integers(0, 256, (24, 6, 6), dtype=np.uint8)
LABELS = ["cat", "dog"] * 12


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MAKEWEIGHT_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "own").mkdir()
    return tmp_path / "own"


def quiet(*now: object) -> None:
    """Progress for nobody."""


def read(source: Source) -> list[tuple[str, str, bytes]]:
    """Part, class and pixels of each image."""
    [shape] = source.survey(quiet).shapes
    rows = []
    for chunk in source.read(shape, quiet):
        assert chunk.problems == ()
        rows += [
            (chunk.part, int(code), image.tobytes()) for code, image in zip(chunk.codes, chunk.images, strict=True)
        ]
    return [(part, source.class_names[code], pixels) for part, code, pixels in rows]


EXPECTED = sorted(("all", label, image.tobytes()) for label, image in zip(LABELS, IMAGES, strict=True))


def paint(folder: Path, where: Callable[[int], str] = lambda number: f"{number}.png") -> None:
    for number, image in enumerate(IMAGES):
        path = folder / where(number)
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)


# Tables of names


@pytest.mark.parametrize(
    ("name", "header", "row"),
    [
        ("labels.csv", "id,breed", "{stem},{label}"),
        ("metadata.csv", "file_name,label", "images/{name},{label}"),
        ("a.csv", "Label,Filename", "{label},{name}"),
        ("a.tsv", "path\tage\tclass", "./images/{name}\t7\t{label}"),
        ("a.csv", "name,kind,number", "{name},{label},{number}"),
        ("_classes.csv", "filename, cat, dog", "{name},{cat},{dog}"),
        ("a.csv", "image,license,label", "images\\{name},free,{label}"),
    ],
)
def test_a_table_of_names_labels_the_pictures(name: str, header: str, row: str, folder: Path) -> None:
    paint(folder, lambda number: f"images/p{number}.png")
    lines = [
        row.format(
            stem=f"p{i}", name=f"p{i}.png", label=label, number=i, cat=int(label == "cat"), dog=int(label == "dog")
        )
        for i, label in enumerate(LABELS)
    ]
    (folder / name).write_text("\n".join([header, *lines]))
    source = open_source(folder)
    assert sorted(read(source)) == EXPECTED
    assert source.doubts == ()
    assert any(f"labels are those of {name}" in note for note in source.survey(quiet).notes)


def test_a_column_or_the_tables_name_says_the_part(folder: Path) -> None:
    paint(folder)
    rows = [f"{i}.png,{label},{'test' if i > 15 else 'train'}" for i, label in enumerate(LABELS)]
    (folder / "all.csv").write_text("\n".join(["file,label,split", *rows]))
    assert [part for part, *_ in read(open_source(folder))] == ["train"] * 16 + ["test"] * 8
    (folder / "all.csv").unlink()
    for part, first, last in (("train", 0, 16), ("test", 16, 24)):
        (folder / part).mkdir()
        for number in range(first, last):
            (folder / f"{number}.png").rename(folder / part / f"{number - first}.png")  # the same names in both
        rows = [f"{i - first}.png,{LABELS[i]}" for i in range(first, last)]
        (folder / f"{part}.csv").write_text("\n".join(["file,label", *rows]))
    found = read(open_source(folder))
    assert sorted(("all", label, pixels) for _, label, pixels in found) == EXPECTED
    assert [part for part, *_ in found] == ["train"] * 16 + ["test"] * 8


def test_several_columns_of_text_are_asked_for(folder: Path) -> None:
    paint(folder)
    rows = [f"{i}.png,{label},{'left' if i % 3 else 'right'}" for i, label in enumerate(LABELS)]
    (folder / "all.csv").write_text("\n".join(["image_id,dx,side", *rows]))
    with pytest.raises(DataFormatError, match=r"several columns could be the label: dx, side; say label=COLUMN"):
        open_source(folder)
    assert sorted(read(open_source(folder, Form(label="dx")))) == EXPECTED


def test_folders_and_a_table_that_differ_are_asked_for(folder: Path) -> None:
    paint(folder, lambda number: f"part_{number // 12}/{number}.png")
    rows = [f"{i}.png,{label}" for i, label in enumerate(LABELS)]
    (folder / "all.csv").write_text("\n".join(["image_id,dx", *rows]))
    with pytest.raises(DataFormatError, match=r"layout=class if the folders are the classes, or label=COLUMN"):
        prepare_own(open_source(folder))
    assert sorted(read(open_source(folder, Form(label="dx")))) == EXPECTED
    assert open_source(folder, Form(layout="class")).class_names == ("part_0", "part_1")


def test_a_table_that_says_what_the_folders_say_changes_nothing(folder: Path) -> None:
    paint(folder, lambda number: f"{LABELS[number]}/{number}.png")
    rows = [f"{i}.png,{label}" for i, label in enumerate(LABELS)]
    (folder / "all.csv").write_text("\n".join(["file,label", *rows]))
    source = open_source(folder)
    assert (sorted(read(source)), source.doubts) == (EXPECTED, ())


def test_rows_without_a_picture_and_pictures_without_a_row_are_named(folder: Path) -> None:
    paint(folder)
    rows = [f"{i}.png,{label}" for i, label in enumerate(LABELS) if i]
    (folder / "all.csv").write_text("\n".join(["file,label", *rows, "gone.png,cat"]))
    (chunk,) = open_source(folder).read((1, 6, 6), quiet)
    reasons = {problem.name: problem.reason for problem in chunk.problems}
    assert "line 25 (gone.png)" in reasons["all.csv"]
    assert reasons["./"].startswith("1 picture without a label")


def test_labels_that_could_be_names_of_pictures_are_labels(folder: Path) -> None:
    paint(folder)
    (folder / "a.csv").write_text("\n".join(["label,id", *(f"{i % 2},{i}" for i in range(24))]))
    assert sorted(read(open_source(folder))) == sorted(expected_numbers())


def test_a_picture_with_two_labels_is_named(folder: Path) -> None:
    paint(folder)
    rows = [f"{i}.png,{label}" for i, label in enumerate(LABELS)]
    (folder / "a.csv").write_text("\n".join(["file,label", *rows, "0.png,dog", "1.png,dog"]))
    (chunk,) = open_source(folder).read((1, 6, 6), quiet)
    (problem,) = chunk.problems
    assert problem.reason.endswith("1 row without one picture and one label: line 26 (0.png is 'cat' and 'dog')")


# Archives


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz", "tar.bz2", "tar.xz", "tgz"])
def test_archives_are_read_as_what_they_hold(ending: str, folder: Path) -> None:
    paint(folder, lambda number: f"wrap/{LABELS[number]}/{number}.png")
    path = folder.parent / f"own.{ending}"
    if ending == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            for file in folder.rglob("*.png"):
                archive.write(file, file.relative_to(folder))
    else:
        packing = {"tar": "w", "tgz": "w:gz"}.get(ending, f"w:{ending.removeprefix('tar.')}")
        with tarfile.open(path, packing) as tar:  # type: ignore[call-overload]
            tar.add(folder / "wrap", "wrap")
    source = open_source(path)
    assert sorted(read(source)) == EXPECTED
    assert source.describe(0).startswith(f"own.{ending}/")
    assert len(list((folder.parent / "cache").iterdir())) == 1
    del source
    assert list((folder.parent / "cache").iterdir()) == []


def test_an_archive_is_prepared_once_and_leaves_nothing_unpacked(folder: Path, tmp_path: Path) -> None:
    paint(folder, lambda number: f"{LABELS[number]}/{number}.png")
    with zipfile.ZipFile(tmp_path / "own.zip", "w") as archive:
        for file in folder.rglob("*.png"):
            archive.write(file, file.relative_to(folder))
    first = load_data(tmp_path / "own.zip")
    assert load_data(tmp_path / "own.zip") == first
    assert [path.name for path in (tmp_path / "cache").glob(".unpacked*")] == []


def test_fault_18_a_member_without_a_name_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "own.zip", "w") as archive:
        archive.writestr("x.png", b"")
    content = bytearray((tmp_path / "own.zip").read_bytes())
    entry = content.index(b"PK\x01\x02")  # of the directory; in it a name of no letters, and a comment of five
    content[entry + 28 : entry + 34] = (0).to_bytes(2, "little") * 2 + (5).to_bytes(2, "little")
    (tmp_path / "own.zip").write_bytes(content)
    with pytest.raises(DataFormatError, match=r"own\.zip"):
        open_source(tmp_path / "own.zip").survey(quiet)


@pytest.mark.parametrize("name", ["../escape.png", "/abs.png", "a/../../b.png", "..\\escape.png"])
@pytest.mark.parametrize("ending", ["zip", "tar"])
def test_fault_32_names_that_lead_out_of_an_archive_are_refused(name: str, ending: str, tmp_path: Path) -> None:
    path = tmp_path / f"own.{ending}"
    if ending == "zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(name, b"x")
    else:
        with tarfile.open(path, "w") as tar:
            info = tarfile.TarInfo(name)
            info.size = 1
            tar.addfile(info, io.BytesIO(b"x"))
    with pytest.raises(DataFormatError, match="expected names within the archive"):
        open_source(path).survey(quiet)
    assert not (tmp_path / "escape.png").exists()


def test_fault_21_a_header_that_promises_megabytes_is_not_read(tmp_path: Path) -> None:
    info = tarfile.TarInfo("bomb")
    info.type, info.size = tarfile.XHDTYPE, 50 << 20
    (tmp_path / "own.tar").write_bytes(info.tobuf(tarfile.USTAR_FORMAT) + bytes(1 << 20))
    with pytest.raises(DataFormatError, match="a header of 52,428,800 bytes"):
        open_source(tmp_path / "own.tar").survey(quiet)


def test_fault_18_a_damaged_archive_is_named(tmp_path: Path, folder: Path) -> None:
    paint(folder, lambda number: f"{LABELS[number]}/{number}.png")
    with tarfile.open(tmp_path / "own.tar.gz", "w:gz") as tar:
        tar.add(folder, "own")
    content = (tmp_path / "own.tar.gz").read_bytes()
    for kept in (0, 30, len(content) // 2, len(content) - 4):
        (tmp_path / "own.tar.gz").write_bytes(content[:kept])
        with pytest.raises(DataFormatError, match=r"own\.tar\.gz"):
            open_source(tmp_path / "own.tar.gz").survey(quiet)


# NumPy's arrays


def expected_numbers() -> list[tuple[str, str, bytes]]:
    return [("all", str(i % 2), image.tobytes()) for i, image in enumerate(IMAGES)]


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("last", [False, True])
@pytest.mark.parametrize("colour", [False, True])
def test_arrays_stored_by_column_or_with_the_images_last_are_read(
    order: str, last: bool, colour: bool, tmp_path: Path
) -> None:
    images = np.repeat(IMAGES[..., None], 3, axis=3) if colour else IMAGES
    images = images + np.arange(images.shape[-1], dtype=np.uint8)
    stored = np.asarray(np.moveaxis(images, 0, -1) if last else images, order=order)
    np.savez(tmp_path / "svhn.npz", X=stored, y=np.asarray(np.arange(24)[:, None] % 2, order=order))
    planes = images.transpose(0, 3, 1, 2) if colour else images
    assert read(open_source(tmp_path / "svhn.npz")) == [
        ("all", str(i % 2), image.tobytes()) for i, image in enumerate(planes)
    ]


def test_what_the_advice_for_mat_writes_is_read(tmp_path: Path) -> None:
    from scipy.io import loadmat, savemat

    savemat(tmp_path / "own.mat", {"X": np.moveaxis(IMAGES, 0, -1), "y": np.arange(24) % 2})
    with pytest.raises(DataFormatError, match=r"numpy\.savez\('images\.npz', X=images, y=labels\)"):
        open_source(tmp_path / "own.mat")
    loaded = loadmat(tmp_path / "own.mat")
    np.savez(tmp_path / "images.npz", X=loaded["X"], y=loaded["y"])
    assert read(open_source(tmp_path / "images.npz")) == expected_numbers()


def test_pairs_of_files_are_read(folder: Path) -> None:
    np.save(folder / "X.npy", IMAGES)
    np.save(folder / "Y.npy", np.eye(2)[np.arange(24) % 2])
    assert read(open_source(folder)) == expected_numbers()
    for name in ("X.npy", "Y.npy"):
        (folder / name).unlink()
    for part, rows in (("train", slice(0, 16)), ("test", slice(16, 24))):
        np.savez(folder / f"kmnist-{part}-imgs.npz", IMAGES[rows])
        np.savez(folder / f"kmnist-{part}-labels.npz", np.arange(24)[rows] % 2)
    found = read(open_source(folder))
    assert [part for part, *_ in found] == ["train"] * 16 + ["test"] * 8
    assert [("all", *row[1:]) for row in found] == expected_numbers()


def test_one_array_a_class_is_read(folder: Path) -> None:
    for k, name in enumerate(("cat", "dog")):
        np.save(folder / f"full_numpy_bitmap_{name}.npy", IMAGES[k::2].reshape(12, -1))
    assert sorted(read(open_source(folder))) == EXPECTED


@pytest.mark.parametrize(
    ("names", "words"),
    [
        (("X.npy", "X_2.npy", "y.npy"), "could be the images of one part"),
        (("X.npy", "X_test.npy", "y.npy"), "come in pairs such as"),
        (("cat.npy",), "it has no labels"),
        (("cat.npy", "y.npy"), "says neither images"),
    ],
)
def test_arrays_that_are_no_pairs_are_named(names: tuple[str, ...], words: str, folder: Path) -> None:
    for name in names:
        np.save(folder / name, IMAGES)
    with pytest.raises(DataFormatError, match=words):
        open_source(folder)


def test_emnist_as_own_files_is_turned_and_qmnist_has_its_labels(folder: Path) -> None:
    def idx(name: str, array: np.ndarray, code: int = 8) -> None:
        sizes = b"".join(size.to_bytes(4, "big") for size in array.shape)
        (folder / name).write_bytes(bytes((0, 0, code, array.ndim)) + sizes + array.tobytes())

    idx("emnist-letters-train-images-idx3-ubyte", IMAGES.swapaxes(1, 2))
    idx("emnist-letters-train-labels-idx1-ubyte", np.arange(24, dtype=np.uint8) % 2)
    source = open_source(folder / "emnist-letters-train-images-idx3-ubyte")
    assert read(source) == expected_numbers()
    assert any("EMNIST's images are stored column by column" in note for note in source.survey(quiet).notes)
    idx("qmnist-train-images-idx3-ubyte", IMAGES)
    labels = RNG.integers(0, 9_999, (24, 8))
    labels[:, 0] = np.arange(24) % 2
    idx("qmnist-train-labels-idx2-int", labels.astype(">i4"), 12)
    assert read(open_source(folder / "qmnist-train-images-idx3-ubyte")) == expected_numbers()


# Parquet, as the hub has it


def parquet(path: Path, rows: slice, names: list[str] | None, **more: list[str]) -> None:
    pa = pytest.importorskip("pyarrow")
    import json

    import pyarrow.parquet as pq

    contents = []
    for image in IMAGES[rows]:
        stream = io.BytesIO()
        Image.fromarray(image).save(stream, "PNG")
        contents.append({"bytes": stream.getvalue(), "path": None})
    labels = LABELS[rows] if names is None else [names.index(label) for label in LABELS[rows]]
    table = pa.table({"image": contents, "label": labels, **more})
    if names is not None:
        features = {"image": {"_type": "Image"}, "label": {"_type": "ClassLabel", "names": names}}
        table = table.replace_schema_metadata({"huggingface": json.dumps({"info": {"features": features}})})
    pq.write_table(table, path)


@pytest.mark.parametrize("names", [None, ["dog", "cat"]])
def test_parquet_of_encoded_images_is_read(names: list[str] | None, folder: Path) -> None:
    parquet(folder / "all.parquet", slice(0, 24), names)
    source = open_source(folder / "all.parquet")
    assert sorted(read(source)) == EXPECTED
    assert source.describe(3) == "all.parquet, row 3"
    if names:
        assert prepare_own(source).class_names == ("dog", "cat")


def test_parquet_in_several_files_has_their_parts(folder: Path) -> None:
    (folder / "data").mkdir()
    for name, rows in (("train-00000-of-00002", slice(0, 10)), ("train-00001-of-00002", slice(10, 16)),
                       ("test-00000-of-00001", slice(16, 24))):  # fmt: skip
        parquet(folder / "data" / f"{name}.parquet", rows, ["cat", "dog"])
    found = read(open_source(folder))
    assert [part for part, *_ in found] == ["train"] * 16 + ["test"] * 8
    assert sorted(("all", *row[1:]) for row in found) == EXPECTED


def test_parquet_that_is_damaged_or_has_no_pictures_says_what_is_there(folder: Path) -> None:
    pa = pytest.importorskip("pyarrow")
    import pyarrow.parquet as pq

    pq.write_table(pa.table({"a": [1, 2], "b": ["x", "y"]}), folder / "a.parquet")
    with pytest.raises(DataFormatError, match=r"no column of encoded pictures.*its columns are a, b"):
        open_source(folder / "a.parquet")
    (folder / "b.parquet").write_bytes(b"PAR1 and no more")
    with pytest.raises(DataFormatError, match=r"b\.parquet: expected a whole Parquet file"):
        open_source(folder / "b.parquet")
    with pytest.raises(DataNotFound):
        open_source(folder / "c.parquet")


# Frames and tensors


@pytest.mark.parametrize("library", ["pandas", "polars"])
def test_frames_are_read_as_tables(library: str) -> None:
    frames = pytest.importorskip(library)
    columns = {f"pixel{i}": IMAGES.reshape(24, -1)[:, i] for i in range(36)}
    frame = frames.DataFrame({**columns, "digit": LABELS})
    prepared = load_data(frame, name="frame")
    assert prepared.class_names == ("cat", "dog")
    assert prepared.image_shape == (1, 6, 6)
    divided = frames.DataFrame({"split": ["train"] * 16 + ["test"] * 8, **columns, "label": LABELS})
    assert len(load_data(divided).test_images().labels) == 8
    pair = load_data((frame.drop(columns=["digit"]) if library == "pandas" else frame.drop("digit"), frame["digit"]))
    assert pair.digest == prepared.digest


def test_tensors_of_a_graph_are_read() -> None:
    torch = pytest.importorskip("torch")
    images = torch.tensor(IMAGES / 255.0, requires_grad=True)
    assert load_data((images[:, None], torch.arange(24) % 2)).image_shape == (1, 6, 6)


# Tables of pixels


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("{pixels},class", "{values},{label}"),
        ("{pixels},kind", "{values},{label}"),
        ("file,{pixels},kind", "x{number}.png,{values},{label}"),
        ("", "{values},{label}"),
    ],
)
def test_the_label_may_be_in_the_last_column(header: str, row: str, folder: Path) -> None:
    lines = [header.format(pixels=",".join(f"1x{i}" for i in range(36)))] if header else []
    for number, (image, label) in enumerate(zip(IMAGES, LABELS, strict=True)):
        lines.append(row.format(values=",".join(map(str, image.ravel())), label=label, number=number))
    (folder / "a.csv").write_text("\n".join(lines))
    assert sorted(read(open_source(folder / "a.csv"))) == EXPECTED


def test_a_last_column_of_numbers_is_the_label_where_the_first_is_always_the_same(folder: Path) -> None:
    images = IMAGES.copy()
    images[:, 0, 0] = 0
    rows = [",".join(map(str, [*image.ravel(), i % 2])) for i, image in enumerate(images)]
    (folder / "a.csv").write_text("\n".join(rows))
    source = open_source(folder / "a.csv")
    assert [label for _, label, _ in read(source)] == ["0", "1"] * 12
    assert any("the last column is read as the label" in note for note in source.survey(quiet).notes)


def test_which_is_the_label_is_asked_for(folder: Path) -> None:
    rows = []
    for i, (label, image) in enumerate(zip(LABELS, IMAGES, strict=True)):
        rows.append(f"{label},{'ab'[i % 3 > 0]},{','.join(map(str, image.ravel()))}")
    (folder / "a.csv").write_text("\n".join(["species,site," + ",".join(f"p{i}" for i in range(36)), *rows]))
    with pytest.raises(DataFormatError, match="several columns could be the label: species, site; say label=COLUMN"):
        open_source(folder / "a.csv")
    assert sorted(read(open_source(folder / "a.csv", Form(label="species")))) == EXPECTED


# Pictures


def test_sixteen_bits_whose_white_is_zero_are_turned(tmp_path: Path) -> None:
    ramp = np.arange(36, dtype=np.uint16).reshape(6, 6) * 1_800
    Image.fromarray(ramp).save(tmp_path / "a.tiff")
    content = bytearray((tmp_path / "a.tiff").read_bytes())
    place = content.index(struct.pack("<HHIH", 262, 3, 1, 1))
    content[place + 8 : place + 10] = struct.pack("<H", 0)  # PhotometricInterpretation: WhiteIsZero
    (tmp_path / "b.tiff").write_bytes(content)
    black, white = (read_picture(tmp_path / name, (1, 6, 6)).pixels.astype(int) for name in ("a.tiff", "b.tiff"))
    np.testing.assert_array_equal(white, 255 - black)


def test_large_chunks_of_text_or_colour_do_not_spoil_a_picture(tmp_path: Path) -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("comment", "x" * (3 << 20), zip=True)
    Image.fromarray(IMAGES[0]).save(tmp_path / "a.png", pnginfo=info, icc_profile=bytes(2 << 20))
    np.testing.assert_array_equal(read_picture(tmp_path / "a.png", (1, 6, 6)).pixels[0], IMAGES[0])


def test_a_photograph_of_more_than_50_megapixels_is_read(tmp_path: Path) -> None:
    Image.new("L", (14_000, 14_000), 200).save(tmp_path / "a.jpg")  # 196 megapixels
    assert read_shape(tmp_path / "a.jpg").shape == (1, 14_000, 14_000)
    assert read_picture(tmp_path / "a.jpg", (1, 8, 8)).pixels.mean() == 200


def test_palettes_with_transparency_are_laid_on_black(tmp_path: Path) -> None:
    image = Image.fromarray((np.arange(36).reshape(6, 6) % 4).astype(np.uint8))
    image = image.convert("P")
    image.putpalette([0, 0, 0, 255, 0, 0, 0, 255, 0, 255, 255, 255])
    image.save(tmp_path / "a.png", transparency=bytes([255, 255, 0, 128]))
    pixels = read_picture(tmp_path / "a.png", (3, 6, 6)).pixels
    assert pixels[:, 0, :4].T.tolist() == [[0, 0, 0], [255, 0, 0], [0, 0, 0], [128, 128, 128]]


def test_a_bomb_in_a_chunk_of_text_is_not_unpacked(tmp_path: Path) -> None:
    def block(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = block(b"IHDR", struct.pack(">IIBBBBB", 4, 4, 8, 0, 0, 0, 0))
    text = block(b"zTXt", b"a\0\0" + zlib.compress(bytes(200 << 20), 9))
    (tmp_path / "a.png").write_bytes(b"\x89PNG\r\n\x1a\n" + header + text + block(b"IDAT", zlib.compress(bytes(20))))
    with pytest.raises(DataFormatError, match="cannot be used"):
        read_picture(tmp_path / "a.png", (1, 4, 4))
