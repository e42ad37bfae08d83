"""What an import costs, what it brings in, and that the linter of the import directions can fail."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tarfile
import time
import tomllib
import zipfile
from pathlib import Path

import pytest

import makeweight

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "scipy.stats", "optuna", "ray", "starlette", "onnx", "onnxruntime", "matplotlib", "sklearn")


def _run(*command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command, capture_output=True, text=True, encoding="utf-8", check=False, env={**os.environ, **variables}
    )


def _best_of_three(*command: str) -> float:
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        done = _run(*command)
        seconds.append(time.perf_counter() - start)
        assert done.returncode == 0, done.stderr
    return min(seconds)


def _brought_in(module: str) -> set[str]:
    """Modules that are there after an import, in a fresh process."""
    done = _run(sys.executable, "-c", f"import sys, {module}\nprint(*sys.modules)")
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


@pytest.mark.slow
def test_importing_makeweight_costs_little_more_than_starting_python() -> None:
    """A ratio within one run, as machines differ: 300 ms where this was written."""
    assert _best_of_three(sys.executable, "-c", "import makeweight") < 5 * _best_of_three(sys.executable, "-c", "")


def test_importing_makeweight_brings_in_nothing_heavy() -> None:
    assert _brought_in("makeweight").isdisjoint(HEAVY)


@pytest.mark.parametrize(
    "module",
    [
        "makeweight.errors",
        "makeweight.designs",
        "makeweight.designs.solver",
        "makeweight.designs.families",
        "makeweight.stats",
        "makeweight.stats.intervals",
        "makeweight.store",
        "makeweight.store.store",
        "makeweight.cli.app",
    ],
)
def test_design_statistics_store_and_command_line_do_without_torch(module: str) -> None:
    brought_in = _brought_in(module)
    assert module in brought_in
    assert brought_in.isdisjoint(HEAVY)


@pytest.mark.slow
def test_help_takes_little_longer_than_what_prints_it() -> None:
    """A ratio within one run, as machines differ: half a second where this was written."""
    printing = _best_of_three(sys.executable, "-c", "import typer.rich_utils")
    assert _best_of_three(str(BIN / "makeweight"), "--help") < 2.5 * printing


@pytest.mark.parametrize("variables", [{}, {"LC_ALL": "C", "PYTHONUTF8": "0"}, {"PYTHONWARNINGS": "error"}])
def test_help_is_shown_without_a_traceback(variables: dict[str, str]) -> None:
    done = _run(str(BIN / "makeweight"), "--help", **variables)
    assert done.returncode == 0
    assert "study" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stderr == ""


def test_the_console_script_is_this_version() -> None:
    first = _run(str(BIN / "makeweight"), "--version").stdout.splitlines()[0]
    assert re.fullmatch(rf"makeweight {re.escape(makeweight.__version__)}( \(commit [0-9a-f]{{12}}\))?", first)


FORBIDDEN = {
    "none": (None, "", None),
    "upwards": ("designs/cost.py", "import makeweight.training.recipe", "data flows one way"),
    "sideways": ("nets/modules.py", "import makeweight.data.split", "data flows one way"),
    "torch in statistics": ("stats/intervals.py", "import torch", "without torch"),
    "statistics that know of designs": (
        "stats/intervals.py",
        "import makeweight.designs.layers",
        "statistics know arrays",
    ),
}


@pytest.mark.parametrize(("module", "statement", "contract"), FORBIDDEN.values(), ids=FORBIDDEN)
def test_the_linter_finds_an_import_in_the_wrong_direction(
    module: str | None, statement: str, contract: str | None, tmp_path: Path
) -> None:
    shutil.copytree(ROOT / "src", tmp_path / "src", ignore=shutil.ignore_patterns("__pycache__", "*.egg-info"))
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    if module is not None:
        path = tmp_path / "src" / "makeweight" / module
        path.write_text(f"{path.read_text(encoding='utf-8')}\n{statement}\n", encoding="utf-8")
    done = subprocess.run(
        [BIN / "lint-imports", "--no-cache"],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(tmp_path / "src")},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    broken = set(re.findall(r"^(.+) BROKEN\b", done.stdout, flags=re.MULTILINE))
    if contract is None:
        assert done.returncode == 0, done.stdout + done.stderr
        assert not broken
    else:
        assert done.returncode == 1
        assert any(contract in name for name in broken), done.stdout
        assert statement.split()[1].split(".")[-1] in done.stdout


def test_no_command_imports_another() -> None:
    folder = ROOT / "src" / "makeweight" / "cli"
    commands = {path.stem for path in folder.glob("*.py") if re.search(r"^EXAMPLES\b", path.read_text(), re.MULTILINE)}
    assert {"study", "train", "resume", "tune", "serve"} <= commands
    for name in commands:
        imported = set(re.findall(r"makeweight\.cli(?:\.| import )(\w+)", (folder / f"{name}.py").read_text()))
        # `data check` is a command of `data`.
        assert imported & commands <= ({"data_check"} if name == "data" else set()), name


def test_every_file_of_the_package_is_installed() -> None:
    globs = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["setuptools"]["package-data"]["makeweight"]
    package = ROOT / "src" / "makeweight"
    assert (package / "shipped" / "frontier").resolve() == ROOT / "results" / "frontier"
    files = {path for path in package.rglob("*") if path.is_file() and path.suffix not in {".py", ".pyc"}}
    assert sorted(files - {path for glob in globs for path in package.glob(glob)}) == []
    assert [glob for glob in globs if not list(package.glob(glob))] == []


def test_a_wheel_has_the_networks_of_the_zoo(tmp_path: Path) -> None:
    """Also one that is built from the source archive; the link to results/frontier becomes the files themselves."""
    copy = tmp_path / "copy"
    shutil.copytree(
        ROOT / "src", copy / "src", symlinks=True, ignore=shutil.ignore_patterns("__pycache__", "*.egg-info")
    )
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, copy)
    network = copy / "results" / "frontier" / "cnn-1k"
    network.mkdir(parents=True)
    for name in ("network.json", "seed-0.safetensors", "README.md"):
        (network / name).write_text(name)
    build = "import sys, setuptools.build_meta as b; print(getattr(b, f'build_{sys.argv[1]}')(sys.argv[2]))"
    archive = _built(build, "sdist", copy, tmp_path)
    with tarfile.open(archive) as opened:
        opened.extractall(tmp_path / "unpacked", filter="data")
    [unpacked] = (tmp_path / "unpacked").iterdir()
    for source in (copy, unpacked):
        with zipfile.ZipFile(_built(build, "wheel", source, tmp_path)) as wheel:
            names = {name for name in wheel.namelist() if name.startswith("makeweight/shipped/frontier/cnn-1k/")}
            assert {Path(name).name for name in names} == {"network.json", "seed-0.safetensors", "README.md"}
            assert wheel.read("makeweight/shipped/frontier/cnn-1k/network.json") == b"network.json"


def _built(program: str, kind: str, source: Path, folder: Path) -> Path:
    done = subprocess.run(
        [sys.executable, "-c", program, kind, str(folder)], cwd=source, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return folder / done.stdout.splitlines()[-1]
