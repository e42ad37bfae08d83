"""The documentation site builds without a warning, and asks nothing of any other machine."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
pytestmark = pytest.mark.slow  # 18 s of a processor; the links are checked in test_docs.py every time


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if importlib.util.find_spec("sphinx") is None:
        pytest.skip("needs the extra docs")
    folder = tmp_path_factory.mktemp("site")
    command = [
        sys.executable,
        "-m",
        "sphinx",
        "-c",
        "docs",
        "-q",
        "--fail-on-warning",
        "--keep-going",
        ".",
        str(folder),
    ]
    built = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=280)
    assert built.returncode == 0, built.stderr
    return folder


def test_every_page_is_there(site: Path) -> None:
    assert {page.stem for page in (ROOT / "docs").glob("*.md")} <= {
        page.stem for page in (site / "docs").glob("*.html")
    }
    assert (site / "examples" / "lessons" / "1-the-course-report.html").is_file()
    assert "docs/index.html" in (site / "index.html").read_text()


def test_search_knows_our_words(site: Path) -> None:
    assert "makeweight" in (site / "searchindex.js").read_text()


def test_nothing_is_asked_of_another_machine(site: Path) -> None:
    loads = re.compile(
        r"""<(?:script|img|iframe|source)[^>]+src=["'](?:https?:)?//|<link[^>]+rel=["']?stylesheet[^>]+href=["'](?:https?:)?//"""
    )
    for page in site.rglob("*.html"):
        assert not loads.search(page.read_text(encoding="utf-8")), page
    for style in site.rglob("*.css"):
        assert not re.search(r"(?:url\(|@import)\s*[\"']?(?:https?:)?//", style.read_text(encoding="utf-8")), style
