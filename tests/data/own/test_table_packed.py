"""CSV in FER2013's layout: pixels in one text, and a column that says which part a line is for (faults 24, 35)."""

from __future__ import annotations

import gzip
import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from makeweight.data.form import Form
from makeweight.data.sources import table_lines
from makeweight.data.sources.source import Source
from makeweight.data.sources.table import table_source
from makeweight.errors import DataFormatError


def quiet(what: str, done: int, total: int | None) -> None:
    """Progress for nobody."""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "own.csv"


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("packed") / "own.csv"


def opened(path: Path, content: str) -> Source:
    path.write_text(content, encoding="utf-8", newline="")
    return table_source(path, Form())


def read(source: Source) -> list[tuple[str, list[int], str, str]]:
    """Part, pixels, class and name of each image."""
    [shape] = source.survey(quiet).shapes
    return [
        (chunk.part, image.reshape(-1).tolist(), source.class_names[code], source.describe(int(row)))
        for chunk in source.read(shape, quiet)
        for image, code, row in zip(chunk.images, chunk.codes, chunk.rows, strict=True)
    ]


@pytest.mark.parametrize(
    "content",
    [
        "emotion,pixels\n7,0 10 20 255\n3,5 6 7 8\n",
        "emotion, pixels\n7, 0  10 20 255 \n3,5 6 7 8",
        "pixels,label\n0 10 20 255,7\n5 6 7 8,3\n",
        '\ufeff"emotion";"Pixels"\r\n"7";"0 10 20 255"\r\n3;5 6 7 8\r\n\r\n',
        "emotion\tpixels\n7\t0 10 20 255\n3.0\t5 6 7.0 8\n",
        ",emotion,pixels\n0,7,0 10 20 255\n1,3,5 6 7 8\n",
        "age,label,pixels,name\n30,7,0 10 20 255,Ann\n31,3,5 6 7 8,Bob\n",
    ],
)
def test_pixels_in_one_text_are_read(content: str, path: Path) -> None:
    assert read(opened(path, content)) == [
        ("all", [0, 10, 20, 255], "7", "own.csv, line 2"),
        ("all", [5, 6, 7, 8], "3", "own.csv, line 3"),
    ]


def test_columns_that_are_left_out_are_said(path: Path) -> None:
    source = opened(path, "id,age,label,pixels,name\n0,30,7,0 10 20 255,Ann\n")
    assert "columns that are left out: age, name" in source.survey(quiet).notes


USAGE = (
    "emotion, Usage, pixels\n7,PrivateTest,0 1 2 255\n3,Training,5 6 7 8\n7, PublicTest ,9 9 9 9\n2,training,1 1 1 1\n"
)


def test_usage_says_which_part_a_line_is_for(path: Path) -> None:
    expected = [
        ("train", [5, 6, 7, 8], "3", "own.csv, line 3"),
        ("train", [1, 1, 1, 1], "2", "own.csv, line 5"),
        ("validation", [9, 9, 9, 9], "7", "own.csv, line 4"),
        ("test", [0, 1, 2, 255], "7", "own.csv, line 2"),
    ]
    source = opened(path, USAGE)
    assert source.survey(quiet).parts == ("train", "validation", "test")
    assert read(source) == expected
    assert read(table_source(path.parent, Form())) == expected


def test_one_usage_alone_is_no_division(path: Path) -> None:
    source = opened(path, "emotion,pixels,Usage\n7,0 1 2 255,Training\n3,5 6 7 8,Training\n")
    assert source.survey(quiet).parts == ("all",)


def test_files_of_a_folder_are_parts_whatever_their_lines_say(tmp_path: Path) -> None:
    for part in ("train", "test"):
        (tmp_path / f"{part}.csv").write_text(USAGE)
    assert [part for part, *_ in read(table_source(tmp_path, Form()))] == ["train"] * 4 + ["test"] * 4


def test_pixels_without_labels_are_left_out_of_a_folder(tmp_path: Path) -> None:
    (tmp_path / "train.csv").write_text("emotion,pixels\n7,0 1 2 255\n3,5 6 7 8\n")
    (tmp_path / "test.csv").write_text("pixels\n0 1 2 255\n")
    source = table_source(tmp_path, Form())
    assert "test.csv is left out: it has no label column" in source.survey(quiet).notes
    assert len(read(source)) == 2
    with pytest.raises(DataFormatError, match=r"test\.csv: it has no label column"):
        table_source(tmp_path / "test.csv", Form())


@given(
    images=hnp.arrays(np.uint8, st.tuples(st.integers(1, 12), st.sampled_from([4, 9, 25]))),
    data=st.data(),
    piece=st.integers(1, 90),
    packed=st.booleans(),
)
@settings(deadline=None, max_examples=60)
def test_what_is_written_is_read(
    images: np.ndarray, data: st.DataObject, piece: int, packed: bool, scratch: Path
) -> None:
    images[0, 0] = 255  # so that it is not scaled
    words = {"Training": "train", "PublicTest": "validation", "PrivateTest": "test"}
    count = len(images)
    usages = data.draw(st.lists(st.sampled_from(sorted(words)), min_size=count, max_size=count))
    labels = data.draw(st.lists(st.integers(0, 6), min_size=count, max_size=count))
    order = data.draw(st.permutations(["emotion", "pixels", "Usage"]))
    rows = [
        {"emotion": str(label), "pixels": " ".join(map(str, image)), "Usage": usage}
        for label, image, usage in zip(labels, images.tolist(), usages, strict=True)
    ]
    content = "\n".join([",".join(order), *(",".join(row[name] for name in order) for row in rows)]).encode()
    scratch.write_bytes(gzip.compress(content) if packed else content)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table_lines, "PIECE_BYTES", piece)
        found = read(table_source(scratch, Form()))
    parts = [words[usage] if len(set(usages)) > 1 else "all" for usage in usages]
    lines = [f"own.csv, line {number}" for number in range(2, count + 2)]
    expected = zip(parts, images.tolist(), map(str, labels), lines, strict=True)
    assert sorted(found, key=lambda one: int(one[3].split()[-1])) == list(expected)
    assert [one[0] for one in found] == sorted(parts, key=["all", "train", "validation", "test"].index)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("3,1 2 nan 4,Training", "a pixel is nan"),
        ("3,1 2 -3 4,Training", "a pixel is -3, outside 0 to 255"),
        ("3,1 2 256 4,Training", "a pixel is 256, outside 0 to 255"),
        ("3,1 2 x 4,Training", "its pixel 3 is 'x'; pixels are numbers"),
        ("3,1 2 1_0 4,Training", "its pixel 3 is '1_0'"),
        ("3,1 2 3,Training", "it has 3 pixels instead of 4"),
        ("3,1 2 3 4 5,Training", "it has 5 pixels instead of 4"),
        ("3,,Training", "it has 0 pixels instead of 4"),
        ("3,  ,Training", "it has 0 pixels instead of 4"),
        ("3,1 2 3 4", "it has 2 fields instead of 3"),
        ("3,1 2 3 4,Training,5", "it has 4 fields instead of 3"),
        ("3,1 2 3 4,Trianing", "its Usage is 'Trianing'; it is a word such as train, val or test"),
        ("3,1 2 3 4,", "its Usage is ''"),
        ("", "it is blank"),
        ('"3,1 2 3 4,Training', "it has 1 fields|its quotes are damaged"),
        (",1 2 3 4,Training", "its label is blank"),
        ("-1,1 2 3 4,Training", "its label is -1"),
        ("3,1 2 3 4\x00,Training", "NUL"),
    ],
)
@pytest.mark.parametrize("row", [1, 1_500])
def test_faults_24_and_35_a_bad_line_is_named_by_its_number(line: str, words: str, row: int, path: Path) -> None:
    good = ["7,1 2 3 4,Training", "7,1 2 3 4,PrivateTest"]
    lines = ["emotion,pixels,Usage", *(good[place % 2] for place in range(row)), line, *good]
    with pytest.raises(DataFormatError, match=words) as caught:
        read(opened(path, "\n".join(lines)))
    assert str(caught.value).startswith(f"own.csv, line {row + 2}: ")
    assert "\n" not in str(caught.value)


def test_fault_35_what_is_no_utf8_is_named_by_its_line(path: Path) -> None:
    path.write_bytes(b"emotion,pixels,Usage\n7,1 2 3 4,Training\n\xfc,1 2 3 4,Training\n")
    with pytest.raises(DataFormatError, match=r"own\.csv, line 3: its byte 0xfc is no UTF-8"):
        table_source(path, Form())


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("emotion,pixels\n", "own.csv: it has no images"),
        ("emotion,pixels\n3\n", "own.csv, line 2: it has 1 fields instead of 2"),
        ("emotion,pixels\n3,\n", "own.csv, line 2: it has 0 pixels"),
        ("emotion,pixels\n3,1 2 3\n", "3 values a row make no square image"),
        (
            "age,gender,pixels\n3,1,1 2 3 4\n",
            "line 1: several columns could be the label: age, gender; say label=COLUMN",
        ),
    ],
)
def test_a_file_that_is_no_table_of_images_is_named(content: str, words: str, path: Path) -> None:
    with pytest.raises(DataFormatError, match=words):
        opened(path, content)


def test_fault_35_memory_stays_flat(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(table_lines, "PIECE_BYTES", 1 << 14)
    pixels = " ".join(["200"] * 576)
    with path.open("w") as file:
        file.write("emotion,pixels,Usage\n")
        for number in range(2_000):  # 4.6 MB
            file.write(f"{number % 7},{pixels},{('Training', 'PublicTest', 'PrivateTest')[number % 3]}\n")
    tracemalloc.start()
    try:
        source = table_source(path, Form())
        source.survey(quiet)
        assert sum(len(chunk.rows) for chunk in source.read((1, 24, 24), quiet)) == 2_000
        assert tracemalloc.get_traced_memory()[1] < 1 << 20
    finally:
        tracemalloc.stop()
