"""Studies in several states."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from makeweight.data.dataset import PreparedDataset
from makeweight.report.summary import StudySummary, summarise
from makeweight.store.rows import StudyRow
from makeweight.store.store import Store


@pytest.fixture
def copy(finished, tmp_path: Path) -> Path:
    """A copy of the finished study, to damage."""
    return Path(shutil.copytree(finished.folder, tmp_path / "copy"))


@pytest.fixture(scope="session")
def summary(finished) -> StudySummary:
    return summarise(finished.folder)


@pytest.fixture
def hostile(tmp_path: Path, make_job, digits: PreparedDataset) -> Path:
    """A study without results, whose name and failure try to be more than text."""
    folder, jobs = tmp_path / "hostile", [make_job(seed=seed) for seed in range(2)]
    with Store.create(folder) as store:
        store.plan(StudyRow("<script>alert(1)</script>", "{}", "<img src=x onerror=alert(2)>", digits.digest), jobs)
        store.fail(jobs[0].key, "</p><script src='https://evil.example/x.js'></script>[bold]")
    return folder
