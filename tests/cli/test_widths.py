"""Every table and every line of prose in terminals of several widths: nothing too long, no word or number broken."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from rich.cells import cell_len

from makeweight.cli import export_view, output, tables
from makeweight.cli.tables import GAP, fit
from makeweight.html import Column

WIDTHS = (40, 60, 80, 120)
MADE_TO_COPY = ("makeweight ", "report: ")  # commands, paths and digests stay in one piece, whatever their length
LEFT_OUT = "Left out: To see them: a terminal wider than columns, or --json."

COMMANDS = {
    "design": ("design", "-f", "cnn", "-b", "20K", "--max-ram", "64K"),
    "families": ("design", "-b", "20K"),
    "data list": ("data", "list"),
    "data show": ("data", "show", "digits"),
    "data check": ("data", "check", "own"),
    "dry run": ("study", "--dataset", "digits", "--families", "cnn,lenet", "--budgets", "20K", "--dry-run"),
    "finished study": ("study", "small.toml"),
    "show": ("show",),
    "all pairs": ("compare", "small"),
    "two networks": ("compare", "cnn-2k", "fcn-3k"),
    "figures": ("figure", "--list"),
    "features": ("features", "cnn-2k"),
    "measure": ("measure",),
    "predict": ("predict", "cnn-2k", "own"),
    "six classes": ("predict", "cnn-2k", "own", "--top", "6"),
    "train": ("train", "-f", "fcn", "-b", "2K", "--dataset", "digits", "--epochs", "1", "--max-macs", "5M"),
}


@pytest.fixture
def set_width(monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[int], None]]:
    """Give both consoles a width, as a terminal would."""

    def to(width: int) -> None:
        monkeypatch.setattr(output, "PIPE_WIDTH", width)
        output.stdout.cache_clear()
        output.stderr.cache_clear()

    yield to
    monkeypatch.undo()
    output.stdout.cache_clear()
    output.stderr.cache_clear()


@pytest.fixture
def work(finished, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The finished study and some pictures, where the commands look for them."""
    shutil.copytree(finished.folder, tmp_path / "studies" / "small")
    shutil.copy(finished.file, tmp_path)
    for number, name in enumerate(("ankle boots of children", "shirts", "a-class-with-quite-a-long-name")):
        (tmp_path / "own" / name).mkdir(parents=True)
        for i in range(10):
            pixels = np.random.default_rng((number, i)).integers(0, 256, (8, 8), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / "own" / name / f"picture-{i}.png")
    monkeypatch.setattr("makeweight.studies.estimate.study_seconds", lambda *_: 150.0)
    monkeypatch.setattr("makeweight.report.figures.style.save_drawing", lambda *_: None)


def assert_fits(text: str, whole: str, width: int) -> None:
    """Assert that no line is too long, and that every word is one of the output that no width has cut."""
    known = {word.rstrip(",.") for word in f"{whole} {LEFT_OUT} {width}".split()}
    for line in text.splitlines():
        last = line.split()[-1] if line.strip() else ""
        if not line.strip().startswith(MADE_TO_COPY) and not re.fullmatch(r"\S*/\S*|[0-9a-f]{40,}", last):
            assert cell_len(line.rstrip()) <= width, line
    assert {word.rstrip(",.") for word in text.split() if set(word) != {"─"}} <= known


@pytest.mark.parametrize("name", COMMANDS)
def test_a_terminal_of_any_width_breaks_nothing(cli: Callable, work: None, set_width: Any, name: str) -> None:
    whole = cli(*COMMANDS[name])
    assert whole.out, whole.err
    for width in WIDTHS:
        set_width(width)
        ran = cli(*COMMANDS[name])
        assert ran.code == whole.code, ran.err
        assert_fits(ran.out, whole.out, width)


@pytest.mark.parametrize("options", [("--int8",), ("--format", "c", "--int8")])
def test_an_export_breaks_nothing(
    cli: Callable, work: None, set_width: Any, monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str], options: tuple[str, ...],
) -> None:  # fmt: skip
    reports: list[Any] = []  # one of them, as its times would differ
    show = export_view.show_export
    monkeypatch.setattr(export_view, "show_export", reports.append)
    assert cli("export", "cnn-2k", *options).code == 0
    texts = []
    for width in (output.PIPE_WIDTH, *WIDTHS):
        set_width(width)
        show(reports[0])
        texts.append(capfd.readouterr().out)
    for text, width in zip(texts[1:], WIDTHS, strict=True):
        assert_fits(text, texts[0], width)


def test_a_narrow_terminal_is_told_what_is_left_out(cli: Callable, work: None, set_width: Any) -> None:
    set_width(40)
    said = " ".join(cli("show").out.split())
    assert "Left out: MACs, seeds, train s. To see them: a terminal wider than 40 columns, or --json." in said
    set_width(80)
    assert "Left out" not in cli("show").out


def test_a_name_longer_than_the_terminal_makes_blocks(capfd: pytest.CaptureFixture[str], set_width: Any) -> None:
    set_width(40)
    name = "a-picture-of-a-name-that-is-longer-than-a-whole-line.png"
    tables.print_table(output.stdout(), [Column("image", False), Column("class", False)], [(name, "shirt")])
    assert capfd.readouterr().out == f"\n{name}\n  class  shirt\n\n"


@given(
    headings=st.lists(st.tuples(st.text("abc 1", min_size=1, max_size=12), st.booleans()), min_size=1, max_size=8),
    ranks=st.lists(st.integers(0, 9), min_size=8, max_size=8),
    cells=st.lists(st.text("ab,1 ", max_size=30), min_size=24, max_size=24),
    width=st.integers(10, 120),
)
def test_what_is_fitted_fits(headings: list[tuple[str, bool]], ranks: list[int], cells: list[str], width: int) -> None:
    columns = [Column(heading, right, rank) for (heading, right), rank in zip(headings, ranks, strict=False)]
    rows = [cells[8 * i : 8 * i + len(columns)] for i in range(3)]
    fitted = fit(columns, rows, width)
    if fitted is None:
        return
    assert sum(fitted.widths) + GAP * (len(fitted.widths) - 1) <= width
    for i, column_width in zip(fitted.kept, fitted.widths, strict=True):
        words = [word for row in rows for word in ([row[i]] if columns[i].right else row[i].split())]
        assert all(len(word) <= column_width for word in words)
    dropped = [column.rank for i, column in enumerate(columns) if i not in fitted.kept]
    assert all(rank > 0 for rank in dropped)
    assert max((columns[i].rank for i in fitted.kept), default=0) <= min(dropped, default=9)
