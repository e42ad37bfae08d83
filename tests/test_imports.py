"""What an import costs, what it brings in, and that the linter of the import directions can fail."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

import makeweight

BIN = Path(sys.executable).parent
ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "optuna", "ray", "starlette", "onnx", "onnxruntime", "matplotlib", "sklearn")


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


def test_importing_makeweight_takes_less_than_300_ms() -> None:
    assert _best_of_three(sys.executable, "-c", "import makeweight") < 0.3


def test_importing_makeweight_brings_in_nothing_heavy() -> None:
    assert _brought_in("makeweight").isdisjoint(HEAVY)


@pytest.mark.parametrize(
    "module",
    [
        "makeweight.errors",
        "makeweight.design",
        "makeweight.design.solver",
        "makeweight.design.families",
        "makeweight.stats",
        "makeweight.stats.intervals",
        "makeweight.store",
        "makeweight.store.store",
        "makeweight.cli.main",
    ],
)
def test_design_statistics_store_and_command_line_do_without_torch(module: str) -> None:
    brought_in = _brought_in(module)
    assert module in brought_in
    assert brought_in.isdisjoint(HEAVY)


def test_help_takes_less_than_half_a_second() -> None:
    assert _best_of_three(str(BIN / "makeweight"), "--help") < 0.5


@pytest.mark.parametrize("variables", [{}, {"LC_ALL": "C", "PYTHONUTF8": "0"}, {"PYTHONWARNINGS": "error"}])
def test_help_is_shown_without_a_traceback(variables: dict[str, str]) -> None:
    done = _run(str(BIN / "makeweight"), "--help", **variables)
    assert done.returncode == 0
    assert "study" in done.stdout
    assert "Traceback" not in done.stdout + done.stderr
    assert done.stderr == ""


def test_the_console_script_is_this_version() -> None:
    assert _run(str(BIN / "makeweight"), "--version").stdout.strip() == makeweight.__version__


FORBIDDEN = {
    "none": (None, "", None),
    "upwards": ("design/cost.py", "import makeweight.training.recipe", "data flows one way"),
    "sideways": ("nets/modules.py", "import makeweight.data.split", "data flows one way"),
    "torch in statistics": ("stats/intervals.py", "import torch", "without torch"),
    "statistics that know of designs": (
        "stats/intervals.py",
        "import makeweight.design.layers",
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
