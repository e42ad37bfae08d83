"""The notebook of examples/ runs from its first cell to its last, and shows something in each."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).parents[2] / "examples" / "notebook.ipynb"


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory, environment: dict[str, str]) -> dict[str, set[str]]:
    """Kinds of output (MIME types) by the first line of each cell."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    folder = tmp_path_factory.mktemp("notebook")
    client = NotebookClient(notebook, timeout=280, resources={"metadata": {"path": str(folder)}})
    client.execute(env=environment)
    cells = [cell for cell in notebook.cells if cell.cell_type == "code"]
    return {cell.source.splitlines()[0]: _kinds(cell) for cell in cells}


def _kinds(cell: Any) -> set[str]:
    return {kind for output in cell.outputs for kind in output.get("data", {})}


def test_every_cell_shows_its_value(shown: dict[str, set[str]]) -> None:
    assert len(shown) >= 15
    assert [cell for cell, kinds in shown.items() if not kinds] == ["import makeweight as mw"]


@pytest.mark.parametrize(
    ("begins", "kind"),
    [
        ("data = mw.load_data", "text/html"),
        ("mw.design", "text/html"),
        ("study = mw.study", "text/html"),
        ("study.verdict", "text/html"),
        ("study.plot.curves", "image/png"),
        ("study.plot.interactive", "application/vnd.plotly.v1+json"),
        ("study.to_pandas", "text/html"),
        ("run.features", "text/html"),
        ("run.diagnose", "text/html"),
        ("mw.tune", "text/html"),
    ],
)
def test_values_are_drawn(shown: dict[str, set[str]], begins: str, kind: str) -> None:
    [kinds] = [kinds for cell, kinds in shown.items() if cell.startswith(begins)]
    assert kind in kinds
