"""Studies in several states."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from makeweight.data.dataset import PreparedDataset
from makeweight.report.analysis import analyse
from makeweight.report.contents import Contents
from makeweight.report.summary import StudySummary, summarise
from makeweight.report.verdict import verdict
from makeweight.store.rows import StudyRow
from makeweight.store.store import Store


@pytest.fixture
def copy(finished, tmp_path: Path) -> Path:
    """A copy of the finished study, to damage."""
    return Path(shutil.copytree(finished.folder, tmp_path / "copy"))


@pytest.fixture(scope="session")
def folder(finished, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The finished study where no other test looks at its test images, which a report counts."""
    return Path(shutil.copytree(finished.folder, tmp_path_factory.mktemp("report") / "small"))


@pytest.fixture(scope="session")
def summary(folder: Path) -> StudySummary:
    return summarise(folder)


@pytest.fixture(scope="session")
def contents(summary: StudySummary, digits: PreparedDataset) -> Contents:
    """The finished study with its test images, without a look inside its networks."""
    return replace(contents_of(summary), test_images=digits.test_images().images)


@pytest.fixture(scope="session")
def small_contents(summary: StudySummary, digits: PreparedDataset) -> Contents:
    """Two of its networks, where every figure must be drawn several times."""
    fcn, _, cnn, _ = summary.networks
    return replace(contents_of(replace(summary, networks=(fcn, cnn))), test_images=digits.test_images().images)


def contents_of(summary: StudySummary) -> Contents:
    analysis = analyse(summary)
    return Contents(analysis, verdict(analysis))


@pytest.fixture
def hostile(tmp_path: Path, make_job, digits: PreparedDataset) -> Path:
    """A study without results, whose name and failure try to be more than text."""
    folder, jobs = tmp_path / "hostile", [make_job(seed=seed) for seed in range(2)]
    with Store.create(folder) as store:
        store.plan(StudyRow("<script>alert(1)</script>", "{}", "<img src=x onerror=alert(2)>", digits.digest), jobs)
        store.fail(jobs[0].key, "</p><script src='https://evil.example/x.js'></script>[bold]")
    return folder


@pytest.fixture
def hostile_contents(hostile: Path) -> Contents:
    return contents_of(summarise(hostile))


@pytest.fixture(scope="session")
def with_hostile_names(contents: Contents) -> Contents:
    """A finished study whose name and classes try to be more than text."""
    names = ("<b>&amp;", "$x_1$ \\input{/etc/passwd}", "a|b`c`", "%", *(f"#{i}" for i in range(6)))
    summary = contents.analysis.summary
    name = "<script>alert(1)</script> \\end{document}"
    hostile = replace(summary, name=name, class_names=names, networks=summary.networks[1:3])
    return contents_of(hostile)
