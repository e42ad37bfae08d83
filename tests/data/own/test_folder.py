"""A folder of pictures: what is found in it, what becomes of it, and that nothing outside it is touched."""

from __future__ import annotations

import io
import os
import shutil
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from makeweight.data.form import Form, choose_shape
from makeweight.data.prepare import prepare_own
from makeweight.data.sources.folder import folder_source
from makeweight.data.sources.source import Chunk
from makeweight.errors import DataFormatError, DataNotFound

MakeFolder = Callable[..., Path]
SHAPE = (3, 24, 32)


def silent(what: str, done: int, total: int | None) -> None:
    pass


def read(folder: Path, shape: tuple[int, int, int] = SHAPE, workers: int | None = 1) -> list[Chunk]:
    return list(folder_source(folder, Form(workers=workers)).read(shape, silent))


def test_pictures_come_class_by_class_in_natural_order(make_folder: MakeFolder) -> None:
    source = folder_source(make_folder(count=12))
    (chunk,) = source.read(SHAPE, silent)
    assert source.class_names == ("flower", "temple")
    assert [source.describe(row) for row in (0, 2, 11, 12)] == [
        "flower/0.png", "flower/2.png", "flower/11.png", "temple/0.png",
    ]  # fmt: skip
    assert chunk.part == "all"
    np.testing.assert_array_equal(chunk.codes, [0] * 12 + [1] * 12)
    with Image.open(make_folder() / "flower" / "2.png") as image:
        np.testing.assert_array_equal(chunk.images[2], np.asarray(image).transpose(2, 0, 1))


def test_parts_are_those_of_the_folders(make_folder: MakeFolder) -> None:
    for part, first in (("train", 0), ("val", 30), ("test", 50)):
        make_folder(f"divided/{part}", count=5, first=first)
    source = folder_source(make_folder("divided/train", count=5).parent)
    assert source.survey(silent).parts == ("train", "validation", "test")
    chunks = list(source.read(SHAPE, silent))
    assert [(chunk.part, len(chunk.codes)) for chunk in chunks] == [("train", 10), ("validation", 10), ("test", 10)]
    np.testing.assert_array_equal(np.concatenate([chunk.rows for chunk in chunks]), np.arange(30))


def test_several_processes_read_the_same_as_one(make_folder: MakeFolder) -> None:
    folder = make_folder(count=70)
    alone, together = ([chunk.images.tobytes() for chunk in read(folder, workers=workers)] for workers in (1, 2))
    assert len(alone) == 3
    assert alone == together


def test_clutter_is_passed_over_and_other_files_are_said(make_folder: MakeFolder) -> None:
    folder = make_folder(count=4)
    for name in (".DS_Store", "Thumbs.db", "notes.txt"):
        (folder / "temple" / name).write_text("no picture")
    (folder / "__MACOSX").mkdir()
    (folder / "empty class").mkdir()
    source = folder_source(folder)
    assert source.class_names == ("flower", "temple")
    assert source.survey(silent).notes == (
        "passed over, being no pictures: 1 .txt", "without pictures, and so no classes: empty class",
    )  # fmt: skip


def test_pictures_deeper_in_a_class_belong_to_it(make_folder: MakeFolder) -> None:
    folder = make_folder(count=4)
    (folder / "temple" / "monday").mkdir()
    (folder / "temple" / "0.png").rename(folder / "temple" / "monday" / "0.png")
    source = folder_source(folder)
    assert source.describe(7) == "temple/monday/0.png"


@pytest.mark.parametrize(
    ("sizes", "shape"),
    [
        ([(24, 32)], (3, 24, 32)),
        ([(64, 40)], (3, 64, 40)),
        ([(120, 160)], (3, 24, 32)),
        ([(24, 32), (40, 40)], (3, 32, 32)),
    ],
)
def test_default_size(make_folder: MakeFolder, sizes: list[tuple[int, int]], shape: tuple[int, int, int]) -> None:
    for size in sizes:
        folder = make_folder("/".join(["sizes", "x"]).removesuffix("/x"), count=3, size=size, ending=f"{size[0]}.png")
    assert choose_shape(folder_source(folder).survey(silent), Form()) == shape


def test_gray_where_no_picture_has_colour_and_as_asked_for(make_folder: MakeFolder) -> None:
    folder = make_folder(count=3)
    for path in folder.rglob("*.png"):
        Image.open(path).convert("L").save(path)
    survey = folder_source(folder).survey(silent)
    assert choose_shape(survey, Form()) == (1, 24, 32)
    assert choose_shape(survey, Form((10, 20), 3)) == (3, 10, 20)


def write_deep(folder: Path, highest: int) -> Path:
    """Six pictures of 16 bits that go from black to a highest value, and one of 8 bits beside them."""
    ramp = np.linspace(0, highest, 28 * 28).reshape(28, 28).astype(np.uint16)
    for axis, name in enumerate(("a", "b")):
        (folder / name).mkdir(parents=True)
        for number in range(3):
            Image.fromarray(np.roll(ramp, 5 * number + 1, axis)).save(folder / name / f"{number}.png")
    Image.fromarray(np.full((28, 28), 200, np.uint8)).save(folder / "a" / "plain.png")
    return folder


@pytest.mark.parametrize(("highest", "factor"), [(4_095, "16"), (2_100, "16"), (1_000, "64"), (255, "256")])
def test_twelve_bits_in_sixteen_are_said_and_how_to_convert_them(highest: int, factor: str, tmp_path: Path) -> None:
    folder = write_deep(tmp_path / "dim", highest)
    prepared = prepare_own(folder_source(folder), cache_dir=tmp_path / "cache")
    (note,) = (note for note in prepared.notes if "nearly black" in note)
    assert note.startswith(f"no value of 16 bits is above {highest:,}, so")
    assert f"multiply their values by {factor} first" in note
    for path in folder.glob("*/?.png"):
        Image.fromarray(np.asarray(Image.open(path)) * int(factor)).save(path)
    prepared = prepare_own(folder_source(folder), cache_dir=tmp_path / "cache")
    bright = prepared.training_images()
    assert bright.images[bright.labels == 1].max() >= 127
    assert not any("nearly black" in note for note in prepared.notes)


def test_pictures_that_use_sixteen_bits_or_none_are_not_called_dim(tmp_path: Path) -> None:
    for highest in (0, 4_096, 65_535):
        source = folder_source(write_deep(tmp_path / str(highest), highest))
        list(source.read((1, 28, 28), silent))
        assert source.notes == ()


def write_mixture(folder: Path) -> None:
    """The same left-dark, right-bright picture in every kind that fault 29 names."""
    bright = np.zeros((24, 32), np.uint8)
    bright[:, 16:] = 255
    gray = Image.fromarray(bright)
    folder.mkdir(parents=True)
    gray.save(folder / "gray.png")
    gray.convert("RGB").save(folder / "rgb.png")
    gray.convert("P").save(folder / "palette.png")
    gray.convert("LA").save(folder / "gray-alpha.png")
    Image.merge("RGBA", [Image.new("L", (32, 24), 255)] * 3 + [gray]).save(folder / "alpha.png")
    Image.fromarray(bright.astype(np.uint16) * 257).save(folder / "sixteen.png")
    exif = Image.Exif()
    exif[0x0112] = 6  # lies on its side: turn a quarter clockwise to see it upright
    gray.rotate(90, expand=True).save(folder / "turned.png", exif=exif)


def test_fault_29_a_mixture_of_kinds_becomes_one_form(tmp_path: Path) -> None:
    write_mixture(tmp_path / "mix" / "a")
    write_mixture(tmp_path / "mix" / "b")
    source = folder_source(tmp_path / "mix")
    survey = source.survey(silent)
    assert set(survey.shapes) == {(1, 24, 32), (3, 24, 32)}
    assert survey.notes == (
        "2 of 14 pictures have 16 bits, of which the upper 8 are taken",
        "4 of 14 pictures have transparency, which is laid on black",
    )
    (chunk,) = source.read((1, 24, 32), silent)
    assert len(chunk.images) == 14
    for image in chunk.images:
        np.testing.assert_array_equal(image, chunk.images[0])


def test_fault_30_all_corrupt_pictures_are_listed_and_skipping_is_asked_for(
    make_folder: MakeFolder, tmp_path: Path
) -> None:
    folder = make_folder(count=20)
    (folder / "temple" / "3.png").write_bytes(b"no picture at all")
    whole = (folder / "flower" / "5.png").read_bytes()
    (folder / "flower" / "5.png").write_bytes(whole[: len(whole) // 2])
    (folder / "flower" / "6.png").write_bytes(b"")
    with pytest.raises(DataFormatError, match=r"^3 images cannot be used") as caught:
        prepare_own(folder_source(folder), cache_dir=tmp_path / "cache")
    for name in (
        "temple/3.png: it is no picture",
        "flower/5.png: ",
        "flower/6.png: it is no picture",
        "skip_unreadable=True",
    ):
        assert name in str(caught.value)
    kept = prepare_own(folder_source(folder), cache_dir=tmp_path / "cache", skip_unreadable=True)
    assert len(kept.training_images().labels) + len(kept.test_images().labels) == 37
    assert "left out: 3 entries that cannot be used (flower/5.png, flower/6.png, temple/3.png)" in kept.notes


def png_bomb() -> bytes:
    """A PNG of some hundred bytes that promises 60,000 × 60,000 pixels."""

    def block(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    rows = zlib.compress(bytes(1_000))
    return b"\x89PNG\r\n\x1a\n" + block(b"IHDR", header) + block(b"IDAT", rows) + block(b"IEND", b"")


def test_fault_22_a_bomb_is_refused_before_it_is_decoded(make_folder: MakeFolder) -> None:
    folder = make_folder(count=2)
    (folder / "temple" / "bomb.png").write_bytes(png_bomb())
    icon = io.BytesIO()
    Image.new("RGB", (16, 16)).save(icon, "ICO")
    (folder / "temple" / "icon.png").write_bytes(icon.getvalue())
    (chunk,) = read(folder)
    reasons = {problem.name: problem.reason for problem in chunk.problems}
    assert "60,000 × 60,000 pixels, and 110,000,000 in all is the most" in reasons["temple/bomb.png"]
    assert "no picture in a format" in reasons["temple/icon.png"]


def test_fault_31_links_that_escape_or_loop_are_named_all_at_once(make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder(count=4)
    outside = tmp_path / "outside.png"
    shutil.copy(folder / "temple" / "0.png", outside)
    targets = {"out.png": outside, "self.png": folder / "temple" / "self.png", "gone.png": Path("gone")}
    for name, target in targets.items():
        (folder / "temple" / name).symlink_to(target)
    (folder / "temple" / "again").symlink_to(folder / "temple", target_is_directory=True)
    (chunk,) = read(folder)
    reasons = {problem.name: problem.reason for problem in chunk.problems}
    assert "leads out of the folder" in reasons["temple/out.png"]
    assert "nowhere or in a circle" in reasons["temple/self.png"]
    assert "nowhere" in reasons["temple/gone.png"]
    assert "in a circle" in reasons["temple/again"]
    with pytest.raises(DataFormatError, match=r"4 images .*follow_links=True"):
        prepare_own(folder_source(folder), cache_dir=tmp_path / "cache")
    followed = list(folder_source(folder, Form(follow_links=True)).read(SHAPE, silent))
    assert len(followed[0].images) == 9


def test_a_link_within_the_folder_is_followed(make_folder: MakeFolder) -> None:
    folder = make_folder(count=2)
    (folder / "temple" / "link.png").symlink_to(folder / "temple" / "0.png")
    assert len(folder_source(folder).survey(silent).shapes) == 1
    (chunk,) = read(folder)
    assert len(chunk.images) == 5


@pytest.mark.skipif(os.geteuid() == 0, reason="the superuser may read everything")
def test_a_folder_without_rights_is_named(make_folder: MakeFolder) -> None:
    folder = make_folder(count=2)
    (folder / "temple").chmod(0)
    try:
        with pytest.raises(DataNotFound, match="temple cannot be read"):
            read(folder)
    finally:
        (folder / "temple").chmod(0o755)


def test_a_folder_without_classes_is_told_what_is_expected(tmp_path: Path) -> None:
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    with pytest.raises(DataFormatError, match="one sub-folder a class, optionally below train/"):
        read(tmp_path)


def test_names_that_are_no_utf8_can_be_written_down(make_folder: MakeFolder, tmp_path: Path) -> None:
    folder = make_folder(count=6)
    (folder / "temple").rename(os.fsdecode(os.fsencode(folder) + b"/t\xe9mple"))
    prepared = prepare_own(folder_source(folder), cache_dir=tmp_path / "cache")
    assert prepared.class_names == ("flower", "t\N{REPLACEMENT CHARACTER}mple")


def test_fingerprint_follows_every_file(make_folder: MakeFolder) -> None:
    folder = make_folder(count=3)
    before = folder_source(folder).fingerprint()
    assert folder_source(folder).fingerprint() == before
    shutil.copy(folder / "temple" / "0.png", folder / "temple" / "9.png")
    with_one_more = folder_source(folder).fingerprint()
    os.utime(folder / "temple" / "1.png", ns=(0, 1))
    assert len({before, with_one_more, folder_source(folder).fingerprint()}) == 3
