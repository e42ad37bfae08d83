"""CSV in Kaggle's layout: what headers mean, and lines named for what is wrong with them (faults 18, 21, 24, 35)."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image

from makeweight.data.form import Form
from makeweight.data.sources import table_lines
from makeweight.data.sources.source import Source
from makeweight.data.sources.table import recognises, table_source
from makeweight.data.sources.table_columns import columns_of
from makeweight.errors import DataFormatError, DataNotFound


def quiet(what: str, done: int, total: int | None) -> None:
    """Progress for nobody."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "own.csv"


def opened(path: Path, content: str | bytes) -> Source:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return table_source(path, Form())


def read(source: Source) -> tuple[np.ndarray, list[str]]:
    """All pixels (n, d) and the name of each image's class."""
    [shape] = source.survey(quiet).shapes
    chunks = list(source.read(shape, quiet))
    images = np.concatenate([chunk.images for chunk in chunks])
    return images.reshape(len(images), -1), [source.class_names[code] for c in chunks for code in c.codes]


ROWS = [[0, 10, 20, 255], [5, 6, 7, 8]]


@pytest.mark.parametrize(
    "content",
    [
        "label,p0,p1,p2,p3\n7,0,10,20,255\n3,5,6,7,8\n",
        "p0,p1,Label,p2,p3\n0,10,7,20,255\n5,6,3,7,8\n",
        "p0,p1,p2,p3,class\n0,10,20,255,7\n5,6,7,8,3\n",
        "7,0,10,20,255\n3,5,6,7,8",
        "\ufefflabel;p0;p1;p2;p3\r\n7;0;10;20;255\r\n3;5;6;7;8\r\n\r\n",
        "target\ta\tb\tc\td\n7\t0\t10\t20\t255\n3\t5\t6\t7\t8\n\n\n",
        "id,y,p0,p1,p2,p3\n100,7,0,10,20,255\n101,3,5,6,7,8\n",
        ",label,p0,p1,p2,p3\n0,7,0,10,20,255\n1,3,5,6,7,8\n",
        "0,1,2,3,4\n7,0,10,20,255\n3,5,6,7,8\n",
        "digit,p0,p1,p2,p3\n7,0,10,20,255\n3,5,6,7,8\n",
        '"label","p0","p1","p2","p3"\n"7","0","10","20","255"\n3,5,6,7,8\n',
        "label, p0, p1, p2, p3\n 7, 0.0, 1e1, 20, 255.0\n3.0,5,6,7,8\n",
    ],
)
def test_headers_and_separators_of_every_usual_kind(content: str, path: Path) -> None:
    images, names = read(opened(path, content))
    assert images.tolist() == ROWS
    assert names == ["7", "3"]


def test_text_labels_beside_numbers(path: Path) -> None:
    images, names = read(opened(path, 'label,a,b,c,d\ncat,0,10,20,255\n3,5,6,7,8\n"a, b",5,6,7,8\nKatze ü,1,2,3,4\n'))
    assert images.tolist() == [*ROWS, [5, 6, 7, 8], [1, 2, 3, 4]]
    assert names == ["cat", "3", "a, b", "Katze ü"]


@pytest.mark.parametrize(
    ("content", "images", "names"),
    [
        ("cat,0,10,20,255\n3,5,6,7,8\n", ROWS, ["cat", "3"]),
        ("0,10,20,255,cat\n5,6,7,8,dog\n", ROWS, ["cat", "dog"]),
        ("label,0,1,2,3\n3,5,6,7,8\n", ROWS[1:], ["3"]),
        ("digit,0,1,2,3\n3,5,6,7,8\n", ROWS[1:], ["3"]),
        ("1,2,3,4,kind\n5,6,7,8,dog\n", ROWS[1:], ["dog"]),
        ("class,9,7,5,3\n3,5,6,7,8\n", ROWS[1:], ["3"]),
    ],
)
def test_a_first_line_with_one_text_is_a_row_unless_it_numbers_the_columns(
    content: str, images: list[list[int]], names: list[str], path: Path
) -> None:
    read_images, read_names = read(opened(path, content))
    assert read_images.tolist() == images
    assert read_names == names


@given(content=st.binary(max_size=200))
@example(content=b"\t")  # two columns without a name, once
@settings(deadline=None, max_examples=200)
def test_any_bytes_are_read_or_refused_in_one_line(content: bytes, scratch: Path) -> None:
    reason = refusal(scratch, content)
    assert reason is None or (reason.count("\n") == 0 and "own.csv" in reason)


@given(data=st.data())
@settings(deadline=None, max_examples=150)
def test_any_flipped_byte_is_read_or_refused_in_one_line(data: st.DataObject, scratch: Path) -> None:
    content = bytearray('label,a,b,c,d\ncat,0,10.5,20,255\n3,5,6,7,8\n"ü, x",1,2,3,4\n'.encode())
    content[data.draw(st.integers(0, len(content) - 1))] = data.draw(st.integers(0, 255))
    reason = refusal(scratch, bytes(content))
    assert reason is None or (reason.count("\n") == 0 and "own.csv" in reason)


def refusal(path: Path, content: bytes) -> str | None:
    try:
        images, names = read(opened(path, content))
    except DataFormatError as error:
        return str(error)
    assert len(images) == len(names) > 0
    return None


words = st.text(st.characters(codec="utf-8", exclude_categories=("C", "Z")), min_size=1, max_size=6)
names_ = st.one_of(st.integers(0, 65_535).map(str), words.map(lambda text: f"x{text}"))


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("table") / "own.csv"


@given(
    images=hnp.arrays(np.uint8, st.tuples(st.integers(1, 12), st.sampled_from([4, 9, 25, 12, 27]))),
    data=st.data(),
    unit=st.booleans(),
    header=st.booleans(),
    piece=st.integers(1, 90),
)
@settings(deadline=None)
def test_what_is_written_is_read(
    images: np.ndarray, data: st.DataObject, unit: bool, header: bool, piece: int, scratch: Path
) -> None:
    labels = data.draw(st.lists(names_, min_size=len(images), max_size=len(images)))
    separator, end = data.draw(st.sampled_from(",;\t")), data.draw(st.sampled_from(["\n", "\r\n"]))
    place = data.draw(st.integers(0, images.shape[1])) if header else 0
    images[0, 0] = 255  # so that the scale is the same whatever the rest
    rows = (images / 255 if unit else images).tolist()
    fields = [
        [*map(str, row[:place]), '"' + label.replace('"', '""') + '"', *map(str, row[place:])]
        for row, label in zip(rows, labels, strict=True)
    ]
    top = [[*(f"p{i}" for i in range(place)), "label", *(f"p{i}" for i in range(place, images.shape[1]))]]
    content = end.join(separator.join(row) for row in (top if header else []) + fields)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table_lines, "PIECE_BYTES", piece)
        if not header and columns_of([separator.join(fields[0])], "").header:
            return  # numbered as columns are
        read_images, read_names = read(opened(scratch, content))
    np.testing.assert_array_equal(np.sort(read_images, axis=1), np.sort(images, axis=1))
    if images.shape[1] not in (12, 27):  # colour moves the channels to the front
        np.testing.assert_array_equal(read_images, images)
    assert read_names == labels


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("3,1,2,nan,4", "a pixel is nan"),
        ("3,1,2,inf,4", "a pixel is inf"),
        ("3,1,2,-3,4", "a pixel is -3, outside 0 to 255"),
        ("3,1,2,256,4", "a pixel is 256, outside 0 to 255"),
        ("3,1,2,99999999999,4", "a pixel is 1e\\+11, outside"),
        ("3,1,2,,4", "column 'p2' is blank"),
        ("3,1,2,abc,4", "column 'p2' holds 'abc', which is no number|column 'p2' holds 'abc'; pixels are numbers"),
        ("3,1,2,1_0,4", "column 'p2' holds '1_0'"),
        ("3,1,2,0x10,4", "column 'p2' holds '0x10'"),
        ("3,1,2,3", "it has 4 fields instead of 5"),
        ("3,1,2,3,4,5", "it has 6 fields instead of 5"),
        ("cat,1,2", "it has 3 fields instead of 5"),
        ("cat", "it has 1 fields instead of 5"),
        ("", "it is blank"),
        ("   ", "it is blank"),
        ('"3,1,2,3,4', "its quotes are damaged|it has 1 fields"),
        ("nan,1,2,3,4", "its label is nan"),
        (",1,2,3,4", "its label is blank"),
        ("2.5,1,2,3,4", "its label is 2.5"),
        ("-1,1,2,3,4", "its label is -1"),
        ("65536,1,2,3,4", "its label is 65536"),
        ("cat\x01,1,2,3,4", "control characters"),
        ("3,1,2,3\x00,4", "NUL"),
    ],
)
@pytest.mark.parametrize("row", [0, 2_500])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_faults_24_and_35_a_bad_line_is_named_by_its_number(
    line: str, words: str, row: int, end: str, path: Path
) -> None:
    lines = ["label,p0,p1,p2,p3", *(["7,1,2,3,4"] * row), line, *(["8,1,2,3,4"] * 600)]
    with pytest.raises(DataFormatError, match=words) as caught:
        read(opened(path, end.join(lines)))
    assert str(caught.value).startswith(f"own.csv, line {row + 2}: ")
    assert "\n" not in str(caught.value)


def test_fault_35_bad_lines_are_named_up_to_one_that_is_no_line(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_lines, "PIECE_BYTES", 100)
    lines = ["label,a,b,c,d", "1,1,2,3,4", "2,nan,6,7,8", *["1,1,2,3,4"] * 100, "-1,1,2,3,4", "1,inf,2,3,4"]
    with pytest.raises(DataFormatError, match=r"line 3: a pixel is nan;.* own\.csv, line 104, own\.csv, line 105\.$"):
        read(opened(path, "\n".join(lines)))
    lines[-2] = "1,2"
    with pytest.raises(DataFormatError, match=r"^own\.csv, line 3: a pixel is nan;.*the image\.$"):
        read(opened(path, "\n".join(lines)))


def test_fault_35_what_is_no_utf8_is_named_by_its_line(path: Path) -> None:
    start = b"label,a,b,c,d\ncat,1,2,3,4\n"
    with pytest.raises(DataFormatError, match=r"own\.csv, line 3: its byte 0xfc is no UTF-8"):
        read(opened(path, start + "Gemüse,1,2,3,4\n".encode("latin-1")))
    with pytest.raises(DataFormatError, match=r"own\.csv, line 1: it (has NUL bytes|is no UTF-8)"):
        opened(path, "label,a,b,c,d\n1,1,2,3,4\n".encode("utf-16"))


def test_fault_35_a_line_without_end_is_refused_and_not_held(path: Path) -> None:
    with path.open("wb") as file:
        file.write(b"label,a,b,c,d\n1,2,3,4,5\n")
        file.seek(1 << 30)
        file.write(b"\n")
    tracemalloc.start()
    try:
        with pytest.raises(DataFormatError, match=r"own\.csv, line 3: it does not end within 16,777,216 bytes"):
            read(table_source(path, Form()))
        assert tracemalloc.get_traced_memory()[1] < 5 * table_lines.MAX_LINE_BYTES
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("filling", [b"1,", b"\n", b" "])
def test_fault_21_a_gzip_bomb_stops_at_the_cap(filling: bytes, tmp_path: Path) -> None:
    path = tmp_path / "own.csv.gz"
    with gzip.open(path, "wb", compresslevel=1) as file:
        file.write(b"label,a,b,c,d\n1,2,3,4,5\n")
        for _ in range(40):
            file.write(filling * ((1 << 20) // len(filling)))
    with pytest.raises(DataFormatError, match=r"own\.csv\.gz, line 3: it does not end"):
        read(table_source(path, Form()))


def test_fault_21_what_a_gzip_unpacks_to_is_capped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_lines, "MAX_BYTES", 1 << 20)
    path = tmp_path / "own.csv.gz"
    path.write_bytes(gzip.compress(b"1,2,3,4,5\n" * 300_000))
    with pytest.raises(DataFormatError, match=r"own\.csv\.gz: expected at most 1,048,576 bytes when unpacked"):
        read(table_source(path, Form()))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", "it is empty"),
        ("\n\n", "it is empty"),
        ("label,a,b,c,d\n", "it has no images"),
        ("label\n1\n", "line 1: a line is a label and its pixels"),
        ("pixel0,pixel1,pixel2,pixel3\n1,2,3,4\n", "no label column"),
        ("label,a,b\n1,2,3\n", "2 values a row make no square image"),
    ],
)
def test_a_file_that_is_no_table_of_images_is_named(content: str, words: str, path: Path) -> None:
    with pytest.raises(DataFormatError, match=words) as caught:
        opened(path, content).survey(quiet)
    assert "own.csv" in str(caught.value)


def test_the_size_of_rows_can_be_said(path: Path) -> None:
    path.write_text("label,a,b,c,d,e,f\n1,1,2,3,4,5,6\n")
    assert dict(table_source(path, Form((2, 3))).survey(quiet).shapes) == {(1, 2, 3): 1}
    assert dict(table_source(path, Form((2, 1))).survey(quiet).shapes) == {(3, 2, 1): 1}


def test_numbers_go_to_1_only_where_none_is_above(path: Path) -> None:
    images, _ = read(opened(path, "label,a,b,c,d\n1,0,1,0,1\n0,0,0.5,0,1\n"))
    assert images.tolist() == [[0, 255, 0, 255], [0, 128, 0, 255]]
    images, _ = read(opened(path, "label,a,b,c,d\n1,0,1,0,1\n0,0,2,0,1\n"))
    assert images.tolist() == [[0, 1, 0, 1], [0, 2, 0, 1]]


GOOD = "label,a,b,c,d\n1,1,2,3,4\n0,5,6,7,8\n"


def folder_with(folder: Path, *names: str) -> Path:
    for name in names:
        data = GOOD.encode()
        (folder / name).write_bytes(gzip.compress(data) if name.endswith(".gz") else data)
    return folder


@pytest.mark.parametrize(
    ("names", "parts"),
    [
        (("fashion-mnist_train.csv", "fashion-mnist_test.csv"), ("train", "test")),
        (("mnistTest.csv.gz", "mnistTrain.csv", "mnist-val.tsv"), ("train", "validation", "test")),
        (("train.csv", "latest.csv"), ("all",)),
        (("anything.csv",), ("all",)),
        (("train_1.csv", "train_2.csv", "train_10.csv"), ("all",)),
        (("train.csv", "train.csv.gz", "test.csv"), ("train", "test")),
    ],
)
def test_files_of_a_folder_are_parts_by_their_names(
    names: tuple[str, ...], parts: tuple[str, ...], tmp_path: Path
) -> None:
    assert recognises(folder_with(tmp_path, *names))
    assert table_source(tmp_path, Form()).survey(quiet).parts == parts


def test_what_is_left_out_of_a_folder_is_said(tmp_path: Path) -> None:
    folder_with(tmp_path, "train.csv", "train.csv.gz", "sample_submission.csv")
    (tmp_path / "test.csv").write_text("pixel0,pixel1,pixel2,pixel3\n1,2,3,4\n")  # as Kaggle's competitions have it
    source = table_source(tmp_path, Form())
    survey = source.survey(quiet)
    assert survey.parts == ("all",)
    assert sum(survey.shapes.values()) == 2
    for name in ("train.csv.gz", "sample_submission.csv", "test.csv"):
        assert any(note.startswith(f"{name} ") for note in survey.notes)


def test_files_of_one_part_are_read_in_natural_order(tmp_path: Path) -> None:
    source = table_source(folder_with(tmp_path, "train_10.csv", "train_2.csv"), Form())
    assert [source.describe(row) for row in (0, 2)] == ["train_2.csv, line 2", "train_10.csv, line 2"]


def test_a_folder_whose_files_name_no_part_is_refused(tmp_path: Path) -> None:
    with pytest.raises(DataFormatError, match="2 CSV, and no name says which part"):
        table_source(folder_with(tmp_path, "a.csv", "b.csv"), Form())


def test_a_folder_with_pictures_is_no_table(tmp_path: Path) -> None:
    folder_with(tmp_path, "labels.csv")
    (tmp_path / "cats").mkdir()
    assert recognises(tmp_path)
    Image.new("L", (4, 4)).save(tmp_path / "cats" / "a.png")
    assert not recognises(tmp_path)


def test_a_file_that_is_not_there_is_named(path: Path) -> None:
    with pytest.raises(DataNotFound, match=r"own\.csv: cannot be opened"):
        table_source(path, Form())
