"""Commands on a study with one damaged row: they name it, and go on with the rest."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from PIL import Image

DAMAGES = {
    "an accuracy of 90": ("UPDATE result SET test_accuracy = 90 WHERE job = ?", "test_accuracy is 90.0"),
    "a loss of 1e308": ("UPDATE epoch SET training_loss = 1e308 WHERE job = ?", "training_loss is 1e+308"),
    "no architecture": ("UPDATE job SET architecture = '[]' WHERE key = ?", "its row is damaged (not an architecture"),
    "no class names": ("UPDATE study SET class_names = '7' WHERE ? != ''", "the stored class names are damaged"),
}


@pytest.fixture
def study(finished, tmp_path: Path) -> Path:
    """A copy of the finished study, to damage."""
    return Path(shutil.copytree(finished.folder, tmp_path / "studies" / "small"))


def damage(study: Path, statement: str) -> None:
    """Damage the run of the first network with seed 1."""
    with closing(sqlite3.connect(study / "study.db")) as connection:
        [key] = connection.execute("SELECT key FROM job WHERE family = 'fcn' AND budget = 2000 AND seed = 1").fetchone()
        assert connection.execute(statement, (key,)).rowcount > 0
        connection.commit()


@pytest.mark.parametrize(("statement", "named"), DAMAGES.values(), ids=DAMAGES.keys())
def test_a_damaged_row_is_named_and_everything_else_stays_usable(
    cli: Callable, study: Path, tmp_path: Path, statement: str, named: str
) -> None:
    damage(study, statement)
    Image.new("L", (8, 8), 200).save(tmp_path / "picture.png")
    shown = cli("show", "small")
    assert "FCN 2K" in shown.out
    assert named in " ".join((shown.out + shown.err).split())
    for command in (
        ("report", "small"), ("compare", "small"), ("predict", "fcn-2k#0", "picture.png"), ("show", "small", "--json"),
    ):  # fmt: skip
        ran = cli(*command)
        assert ran.code == 0, ran.err
        assert "Traceback" not in ran.err


def test_a_run_that_is_damaged_is_refused_by_name(cli: Callable, study: Path, tmp_path: Path) -> None:
    damage(study, DAMAGES["no architecture"][0])
    Image.new("L", (8, 8), 200).save(tmp_path / "picture.png")
    ran = cli("predict", "fcn-2k#1", "picture.png")
    assert (ran.code, ran.out) == (2, "")
    assert "its row is damaged" in ran.err.splitlines()[-1]
