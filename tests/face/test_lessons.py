"""The lessons run from the first cell to the last; on the digits, and with few epochs, as quick as a test must be."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

ROOT = Path(__file__).parents[2]
LESSONS = ROOT / "examples" / "lessons"
NAMES = sorted(path.stem for path in LESSONS.glob("*.ipynb"))
DIGITS = 'data = mw.load_data("digits")\n'
#: What a lesson's cell of settings becomes in a test.
QUICK = {
    "1-the-course-report": f'{DIGITS}BUDGET, SEEDS, RECIPE = "2K", 2, {{"epochs": 4}}\nEPOCHS = 3',
    "2-what-a-budget-buys": f'{DIGITS}BUDGETS = ("2K", "5K", "10K")\n'
    'FORCED = {"stride": 2, "stages": 3}, {"stride": 4, "stages": 2}',
    "3-is-it-better": f'{DIGITS}BUDGET, SEEDS, RECIPE = "2K", 3, {{"epochs": 2}}',
    "4-what-went-wrong": f"{DIGITS}IMAGES, SECONDS = 600, 20",
    "5-photographs-to-a-chip": 'FOLDER, SIZE = Path("photographs"), 16\n'
    'CHIP, FLASH, RAM, MS = "cortex-m0plus@48MHz", "32K", "8K", 100\nEPOCHS = 2',
}


def read(name: str) -> Any:
    return nbformat.read(LESSONS / f"{name}.ipynb", as_version=4)


@pytest.fixture(scope="module")
def room(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the lessons read beside them."""
    folder = tmp_path_factory.mktemp("lessons")
    (folder / "docs").mkdir()
    shutil.copytree(ROOT / "docs" / "results", folder / "docs" / "results")
    (folder / "examples" / "lessons").mkdir(parents=True)
    shutil.copy(ROOT / "examples" / "photographs.py", folder / "examples")
    return folder / "examples" / "lessons"


def execute(name: str, room: Path, environment: dict[str, str]) -> str:
    """Run a lesson with its quick settings, and return all that it says."""
    notebook = read(name)
    [settings] = [cell for cell in notebook.cells if "settings" in cell.metadata.get("tags", ())]
    settings.source = QUICK[name]
    client = NotebookClient(notebook, timeout=280, resources={"metadata": {"path": str(room)}})
    client.execute(env=environment)
    return said(notebook)


def said(notebook: Any) -> str:
    outputs = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    return "\n".join(output.get("text") or output.get("data", {}).get("text/plain", "") for output in outputs)


def test_every_lesson_has_settings_for_the_tests() -> None:
    assert list(QUICK) == NAMES


def test_a_budget_buys_what_the_lesson_says(room: Path, environment: dict[str, str]) -> None:
    text = execute("2-what-a-budget-buys", room, environment)
    assert re.search(r"the solver chooses: [\d,]+ weights, 0 dead, 0 pixels unread", text)
    assert re.search(r"'stages': 3}: [\d,]+ weights, [1-9][\d,]+ dead", text)


def test_the_course_report_is_weighed(room: Path, environment: dict[str, str]) -> None:
    text = execute("1-the-course-report", room, environment)
    assert "softmax-before-loss" in text
    assert "more than the budget of 100,000" not in text, "64 pixels fit: only FashionMNIST's 784 don't"


def test_a_comparison_is_called_different_or_not(room: Path, environment: dict[str, str]) -> None:
    text = execute("3-is-it-better", room, environment)
    assert "21 pairs of equal networks: a false claim in 66% of studies" in text


def test_each_broken_program_is_recognised(room: Path, environment: dict[str, str]) -> None:
    found = re.findall(r"^\[.*\]$", execute("4-what-went-wrong", room, environment), flags=re.MULTILINE)
    healthy, *broken = found
    assert "definite" not in healthy
    codes = (
        "softmax-before-loss",
        "missing-zero-grad",
        "labels-misaligned",
        "inputs-not-normalised",
        "missing-nonlinearity",
    )
    for code, line in zip(codes, broken, strict=True):
        assert code in line


@pytest.mark.slow
def test_photographs_become_a_program_that_passes_its_self_test(room: Path, environment: dict[str, str]) -> None:
    text = execute("5-photographs-to-a-chip", room, environment)
    assert "model_int8 self-test: 10 of 10" in text


@pytest.mark.parametrize("name", NAMES)
def test_committed_outputs_are_of_a_whole_run(name: str) -> None:
    """Cells were run in order, from the first to the last, without an error, and each lesson has its exercises."""
    notebook = read(name)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    assert [cell.execution_count for cell in cells] == list(range(1, len(cells) + 1))
    assert not any(output.output_type == "error" for cell in cells for output in cell.outputs)
    assert "## Exercises" in notebook.cells[-1].source
    assert not re.search(r"/(?:home|root|tmp|work)/", said(notebook)), "a path of the machine"


def test_the_course_reports_network_is_weighed_in_the_committed_run() -> None:
    text = said(read("1-the-course-report"))
    assert "227,247 weights" in text
    assert "106 batches of 512" in text
