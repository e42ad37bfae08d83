"""Markdown, LaTeX and PDF: whole, the same twice, and no name is more than text."""

from __future__ import annotations

import re
import resource
import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from makeweight.errors import StoreError
from makeweight.files import TEMPORARY
from makeweight.html import Table
from makeweight.report.contents import Contents
from makeweight.report.documents.document import document
from makeweight.report.documents.latex import write_latex
from makeweight.report.documents.markdown import write_markdown
from makeweight.report.documents.pdf import write_pdf
from makeweight.report.figures.style import Drawing
from makeweight.report.statistics_tables import all_tables
from makeweight.text import latex_text, markdown_text

WRITERS = {"md": write_markdown, "latex": write_latex, "pdf": write_pdf}


def _figures(contents: Contents) -> set[str]:
    return {block.name for block in document(contents) if isinstance(block, Drawing)}


@pytest.mark.parametrize("name", WRITERS)
def test_the_same_study_gives_the_same_files(small_contents: Contents, tmp_path: Path, name: str) -> None:
    trees = []
    for folder in (tmp_path / "a", tmp_path / "b"):
        folder.mkdir()
        WRITERS[name](small_contents, folder)
        trees.append({p.relative_to(folder): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()})
    assert trees[0] == trees[1]
    assert trees[0]


@pytest.mark.parametrize("name", WRITERS)
def test_a_study_without_results_has_a_document(hostile_contents: Contents, tmp_path: Path, name: str) -> None:
    path = WRITERS[name](hostile_contents, tmp_path)
    assert path.stat().st_size > 100


def test_markdown_names_every_figure_that_it_wrote(small_contents: Contents, tmp_path: Path) -> None:
    text = write_markdown(small_contents, tmp_path).read_text(encoding="utf-8")
    named = re.findall(r"\]\(figures/(.+?)\.svg\)", text)
    assert set(named) == _figures(small_contents) == {path.stem for path in (tmp_path / "figures").iterdir()}
    assert text.startswith("# small: digits\n")
    assert markdown_text(small_contents.verdict.headline) in text
    for table in all_tables(small_contents.analysis):
        assert f"### {table.title}\n" in text


def test_latex_takes_in_every_table_and_figure_that_it_wrote(small_contents: Contents, tmp_path: Path) -> None:
    text = write_latex(small_contents, tmp_path).read_text(encoding="utf-8")
    figures = re.findall(r"\{figures/(.+?)\}", text)
    tables = re.findall(r"\\input\{tables/(.+?)\}", text)
    assert set(figures) == _figures(small_contents) == {path.stem for path in (tmp_path / "figures").glob("*.pdf")}
    assert set(tables) == {path.stem for path in (tmp_path / "tables").glob("*.tex")}
    for path in (tmp_path / "tables").iterdir():
        table = path.read_text(encoding="utf-8")
        assert table.count("{") == table.count("}")
        assert table.index(r"\toprule") < table.index(r"\midrule") < table.index(r"\bottomrule")
        assert f"\\label{{tab:{path.stem}}}" in table


def test_the_pdf_has_the_figures_and_the_verdict(small_contents: Contents, tmp_path: Path) -> None:
    content = write_pdf(small_contents, tmp_path).read_bytes()
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    assert content.count(b"/Subtype /Image") >= len(_figures(small_contents))


def test_names_with_markup_are_inert_in_markdown(with_hostile_names: Contents, tmp_path: Path) -> None:
    text = write_markdown(with_hostile_names, tmp_path).read_text(encoding="utf-8")
    assert "<script>" not in re.sub(r"\\[<>]", "", text)
    assert not re.search(r"(?<!\\)<[a-z/]", text)
    rows = [line for line in text.splitlines() if line.startswith("|")]
    cells = {re.sub(r"\\.", "", row).count("|") for row in rows}
    assert cells <= {len(table.columns) + 1 for table in _tables(with_hostile_names)}


def test_names_with_markup_are_inert_in_latex(with_hostile_names: Contents, tmp_path: Path) -> None:
    text = write_latex(with_hostile_names, tmp_path).read_text(encoding="utf-8")
    assert text.count(r"\end{document}") == 1
    everything = text + "".join(path.read_text(encoding="utf-8") for path in (tmp_path / "tables").iterdir())
    assert r"\input{/etc" not in everything
    assert latex_text("$x_1$ \\input{/etc/passwd}") in everything


@pytest.mark.parametrize("name", WRITERS)
def test_a_full_disk_is_one_clear_error(small_contents: Contents, tmp_path: Path, name: str) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1_000, limits[1]))  # writes beyond it fail as on a full disk
    try:
        with pytest.raises(StoreError, match=r"cannot write .*: File too large"):
            WRITERS[name](small_contents, tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not [path for path in tmp_path.rglob("*") if path.suffix in (TEMPORARY, ".pdf", ".svg")]


def test_signs_that_cannot_be_seen_are_shown_in_every_document(small_contents: Contents, tmp_path: Path) -> None:
    analysis = small_contents.analysis
    bad = "gr\u202een\x1b[2J"
    hostile = replace(small_contents, analysis=replace(analysis, summary=replace(analysis.summary, name=bad)))
    texts = [WRITERS[name](hostile, tmp_path).read_text("utf-8") for name in ("md", "latex")]
    assert all("\u202e" not in text and "\x1b" not in text and "u202een" in text for text in texts)


@pytest.mark.skipif(shutil.which("pdflatex") is None, reason="needs a LaTeX engine, which is not here")
@pytest.mark.parametrize("study", ["small_contents", "with_hostile_names", "hostile_contents"])
def test_latex_compiles(tmp_path: Path, study: str, request: pytest.FixtureRequest) -> None:
    path = write_latex(request.getfixturevalue(study), tmp_path)
    command = ["pdflatex", "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", path.name]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, errors="replace", timeout=120)
    assert done.returncode == 0, done.stdout[-2_000:]
    assert path.with_suffix(".pdf").stat().st_size > 10_000


def _tables(contents: Contents) -> list[Table]:
    return [block for block in document(contents) if isinstance(block, Table)]


def test_every_table_is_whole(contents: Contents) -> None:
    for table in _tables(contents):
        assert table.rows, table.name
        assert {len(row) for row in table.rows} == {len(table.columns)}, table.name
        assert all(cell for row in table.rows for cell in row), table.name
    assert {table.name for table in _tables(contents)} == {"networks", "comparisons", "fit", "calibration", "classes"}
