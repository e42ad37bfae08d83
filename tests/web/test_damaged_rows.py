"""The dashboard on studies with damaged rows: they are named, and all pages of the rest are shown."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from makeweight.store.trials import open_storage

RUN = "family = 'fcn' AND budget = 2000 AND seed = 1"
JOB = f"job = (SELECT key FROM job WHERE {RUN})"
STATEMENTS = {
    "accuracy": f"UPDATE result SET test_accuracy = 90 WHERE {JOB}",
    "loss": f"UPDATE epoch SET training_loss = 1e308 WHERE {JOB}",
    "recipe": f"UPDATE job SET recipe = 'none' WHERE {RUN}",
    "architecture": f"UPDATE job SET architecture = '[]' WHERE {RUN}",
    "variant": f"UPDATE job SET variant = '[]' WHERE {RUN}",
    "names": "UPDATE study SET class_names = '7'",
}
PAGES = ("", "/charts", "/networks/fcn-2k", "/networks/fcn-2k/curves", "/networks/cnn-3k")


@pytest.fixture
def damaged(finished, tmp_path: Path) -> Path:
    """A store with a study for each damage."""
    for name, statement in STATEMENTS.items():
        folder = Path(shutil.copytree(finished.folder, tmp_path / name))
        with closing(sqlite3.connect(folder / "study.db")) as connection:
            assert connection.execute(statement).rowcount > 0
            connection.commit()
    return tmp_path


def test_all_pages_of_studies_with_damaged_rows_are_shown(damaged: Path, serve: Callable[..., Any]) -> None:
    with serve(damaged) as served, served.enter() as client:
        listed = client.get("/").text
        for name in STATEMENTS:
            assert f"/studies/{name}" in listed
            for page in PAGES:
                answer = client.get(f"/studies/{name}{page}")
                assert answer.status_code == 200, (name, page, answer.text)
            compared = client.get(f"/compare?network={name}/fcn-2k&network={name}/cnn-3k")
            assert compared.status_code == 200, (name, compared.text)
        assert "test_accuracy is 90.0" in client.get("/studies/accuracy").text


def test_a_damaged_tuning_is_explained(damaged: Path, serve: Callable[..., Any]) -> None:
    folder = damaged / "names"
    storage = open_storage(folder)
    storage.set_study_user_attr(storage.create_new_study([], "tuning"), "settings", {"family": 7})
    storage.engine.dispose()
    with serve(damaged) as served, served.enter() as client:
        answer = client.get("/studies/names/tuning")
        assert answer.status_code == 400
        assert "cannot be used: " in answer.text
        assert client.get("/studies/names").status_code == 200
