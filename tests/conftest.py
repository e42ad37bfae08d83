"""What several rooms share: prepared digits, small jobs, the real command, and one finished study."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

# Before torch is imported, for the tests' processes and the commands they start. pytest-xdist keeps all processors
# busy, and OpenMP's threads wait for each other actively: the tests of augmentation took 122 s, and take 6.
os.environ.setdefault("OMP_NUM_THREADS", "1")

import hypothesis
import pytest

from makeweight.data.dataset import PreparedDataset, prepare
from makeweight.designs.architecture import Task
from makeweight.designs.families import family_named
from makeweight.designs.solver import fit
from makeweight.jobs.result import Job
from makeweight.studies.plan import job_for

# `make test-slow` draws many examples of every property, `make test` a few.
hypothesis.settings.register_profile("quick", max_examples=12, deadline=None)
hypothesis.settings.register_profile("thorough", max_examples=200, deadline=None)
hypothesis.settings.load_profile("quick")

Run = Callable[..., "subprocess.CompletedProcess[str]"]

# Two families, two seeds; the convolutional recipe uses all that a checkpoint must hold to go on bit by bit.
STUDY = """
dataset = "digits"
families = ["fcn", "cnn"]
budgets = ["2K", "3K"]
seeds = 2

[recipe]
epochs = 4
batch_size = 64
precision = "fp32"

[recipe.cnn]
ema = 0.9
crop = 1
flip = true
"""


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of prepared data for the whole run of the tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session")
def digits(cache: Path) -> PreparedDataset:
    return prepare("digits", cache_dir=cache)


@pytest.fixture(scope="session")
def make_job(digits: PreparedDataset) -> Callable[..., Job]:
    """Make a small real job on the digits; keywords change its recipe."""

    def make(family: str = "fcn", budget: int = 2_000, seed: int = 0, **changes: Any) -> Job:
        design = fit(family_named(family), Task(digits.image_shape, digits.classes), budget)
        return job_for(design, digits, {"batch_size": 64, **changes}, split_seed=0, seed=seed)

    return make


@pytest.fixture(scope="session")
def environment(cache: Path, digits: PreparedDataset) -> dict[str, str]:
    """Environment variables for the command: the tests' cache, and nothing of the user's that changes output."""
    changed = {"MAKEWEIGHT_DATA", "NO_COLOR", "FORCE_COLOR", "PYTHONWARNINGS", "LC_ALL", "COLUMNS", "TERM"}
    kept = {name: value for name, value in os.environ.items() if name not in changed}
    return {**kept, "MAKEWEIGHT_CACHE": str(cache), "PYTHONDONTWRITEBYTECODE": "1"}


@pytest.fixture(scope="session")
def command() -> str:
    """The installed console script."""
    path = Path(sys.executable).parent / "makeweight"
    assert path.is_file(), "install the package first: make setup"
    return str(path)


@pytest.fixture(scope="session")
def run_command(command: str, environment: dict[str, str]) -> Run:
    """Run the real command to its end."""

    def run(
        *arguments: str | Path, cwd: Path, timeout: float = 280, **variables: str
    ) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [command, *map(str, arguments)],
            cwd=cwd,
            env={**environment, **variables},
            capture_output=True,
            text=True,
            timeout=timeout,
            stdin=subprocess.DEVNULL,
        )

    return run


@dataclass(frozen=True)
class FinishedStudy:
    """A study that the real command ran without disturbance; read it, and copy it before any change."""

    folder: Path
    file: Path
    arguments: tuple[str, ...]  # with which a study of the same bits is made
    output: subprocess.CompletedProcess[str]


@pytest.fixture(scope="session")
def finished(tmp_path_factory: pytest.TempPathFactory, run_command: Run) -> FinishedStudy:
    folder = tmp_path_factory.mktemp("finished")
    file = folder / "small.toml"
    file.write_text(STUDY)
    arguments = ("study", str(file), "--workers", "2", "--threads", "1", "--json")
    output = run_command(*arguments, "--store", folder / "studies", cwd=folder)
    assert output.returncode == 0, output.stderr
    return FinishedStudy(folder / "studies" / "small", file, arguments, output)


@pytest.fixture(scope="session")
def other(make_job: Callable[..., Job], digits: PreparedDataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A second finished study, of one network with another recipe; read it, and copy it before any change."""
    from makeweight.jobs.job import Assignment, run_job
    from makeweight.store.rows import StudyRow
    from makeweight.store.store import Store
    from makeweight.training.precision import Hardware

    folder, job = tmp_path_factory.mktemp("second") / "other", make_job(epochs=2)
    *_, result = run_job(Assignment(job, digits.path, Hardware("cpu", "fp32", 1)))
    with Store.create(folder) as store:
        store.plan(StudyRow("other", "{}", "digits", digits.digest, digits.class_names, str(digits.path)), [job])
        store.finish(job.key, result)
    return folder


def _is_alive(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return stat.rpartition(")")[2].split()[0] not in "ZX"  # a zombie runs no more; some containers reap late


@pytest.fixture(scope="session")
def all_end() -> Callable[..., bool]:
    """Whether processes end within some seconds."""
    if not Path("/proc/self/stat").is_file():
        pytest.skip("needs /proc to see processes")

    def check(pids: list[int], seconds: float = 15) -> bool:
        deadline = time.monotonic() + seconds
        while any(map(_is_alive, pids)):
            if time.monotonic() > deadline:
                return False
            time.sleep(0.02)
        return True

    return check


@pytest.fixture(scope="session")
def children_of() -> Callable[[int], list[int]]:
    """Process ids of the living descendants of a process."""

    def find(pid: int) -> list[int]:
        parents: dict[int, list[int]] = {}
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                fields = path.read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents.setdefault(int(fields[1]), []).append(int(path.parent.name))
        found, new = [], [pid]
        while new:
            new = [child for parent in new for child in parents.get(parent, [])]
            found += new
        return found

    return find
