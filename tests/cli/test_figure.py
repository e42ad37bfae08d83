"""``makeweight figure`` and the formats of ``makeweight report`` on a real study."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest


@pytest.fixture
def study(finished, tmp_path: Path) -> Path:
    return Path(shutil.copytree(finished.folder, tmp_path / "studies" / "small"))


def test_a_figure_is_drawn_by_its_name(cli: Callable, study: Path, tmp_path: Path) -> None:
    ran = cli("figure", "curves-cnn-2k")
    assert (ran.code, ran.out) == (0, "curves-cnn-2k.png\n")
    assert (tmp_path / "curves-cnn-2k.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(("format_", "magic"), [("svg", b"<?xml"), ("pdf", b"%PDF"), ("png", b"\x89PNG")])
def test_several_by_a_pattern_in_every_format(
    cli: Callable, study: Path, tmp_path: Path, format_: str, magic: bytes
) -> None:
    options = ("--format", format_, "--theme", "dark", "--output", "drawn", "--json")
    record = json.loads(cli("figure", "accuracy-*", "small", *options).out)
    names = [figure["name"] for figure in record["figures"]]
    assert names == ["accuracy-against-weights", "accuracy-against-macs", "accuracy-against-time"]
    assert record["files"] == [f"drawn/{name}.{format_}" for name in names]
    assert all((tmp_path / file).read_bytes().startswith(magic) for file in record["files"])


def test_the_list_draws_nothing(cli: Callable, study: Path, tmp_path: Path) -> None:
    ran = cli("figure", "--list")
    assert ran.code == 0
    for name in ("verdict-matrix", "mistakes-fcn-3k", "confusion-cnn-2k", "budget-share", "reliability"):
        assert name in ran.out
    assert [path.name for path in tmp_path.iterdir() if path.suffix] == []


def test_without_the_data_the_rest_is_drawn(
    cli: Callable, study: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import sqlite3
    from contextlib import closing

    with closing(sqlite3.connect(study / "study.db")) as database, database:
        database.execute("UPDATE study SET dataset = 'fashion-mnist', data_path = '/nowhere'")
    monkeypatch.setenv("MAKEWEIGHT_CACHE", str(tmp_path / "empty"))
    monkeypatch.setenv("MAKEWEIGHT_DATA", str(tmp_path / "nothing"))
    ran = cli("figure", "--list")
    assert ran.code == 0, ran.err
    assert "mistakes" not in ran.out
    assert "curves-cnn-2k" in ran.out
    assert "Without images of mistakes" in ran.err
    ran = cli("figure", "curves-cnn-2k")
    assert (ran.code, ran.err.count("\n")) == (0, 1)  # what needs no images does not look for them


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("figure",), "name is missing"),
        (("figure", "nope"), "there is no figure 'nope'"),
        (("figure", "curves", "--format", "gif"), "format 'gif' is not possible: give one of svg, png, pdf"),
        (("figure", "curves", "--theme", "blue"), "theme 'blue' is not possible: give one of light, dark"),
        (("figure", "curves", "--output", "small.txt/x"), "cannot write small.txt/x"),
        (("report", "--format", "docx"), "format 'docx' is not possible: give one of html, md, latex, pdf"),
        (("report", "--format", "md", "--output", "small.txt/x"), "cannot write small.txt/x"),
    ],
)
def test_what_cannot_be_drawn_is_said(
    cli: Callable, study: Path, tmp_path: Path, arguments: tuple[str, ...], words: str
) -> None:
    (tmp_path / "small.txt").write_text("a file, and no folder")
    ran = cli(*arguments)
    assert (ran.code, ran.out) == (2, "")
    assert words in ran.err
    assert "Traceback" not in ran.err


@pytest.mark.parametrize(
    ("format_", "file"), [("md", "report-md/report.md"), ("latex", "report-latex/report.tex"), ("pdf", "report.pdf")]
)
def test_a_report_is_written_in_every_format(cli: Callable, study: Path, format_: str, file: str) -> None:
    ran = cli("report", "--format", format_)
    assert ran.code == 0, ran.err
    assert ran.out == f"studies/small/{file}\n"
    assert (study / file).stat().st_size > 1_000


def test_a_damaged_weight_file_costs_only_its_own_feature_maps(cli: Callable, study: Path) -> None:
    from makeweight.store.store import Store

    with Store.open(study) as store:
        key = next(row.job.key for row in store.jobs() if (row.job.family, row.job.budget) == ("cnn", 2_000))
    (study / "weights" / f"{key}.safetensors").write_bytes(b"damaged")
    ran = cli("report")
    assert ran.code == 0, ran.err
    assert "Without feature maps of CNN 2K" in ran.err
    page = (study / "report.html").read_text(encoding="utf-8")
    assert "Without feature maps of CNN 2K" in page
    viewer = re.search(r'<script type="application/json" id="viewer-data">(.*?)</script>', page, flags=re.DOTALL)
    assert list(json.loads(viewer[1])["networks"]) == ["FCN 2K", "FCN 3K", "CNN 3K"]


def test_a_report_goes_where_it_is_told(cli: Callable, study: Path, tmp_path: Path) -> None:
    assert cli("report", "small", "--output", "course").out == "course/report.html\n"
    assert (tmp_path / "course" / "report.html").is_file()
