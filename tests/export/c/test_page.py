"""The page docs/microcontrollers.md: from photographs to an answer on an emulated chip, and the tables."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from benchmarks.chips import report
from benchmarks.settings import RESULTS
from PIL import Image
from sklearn.datasets import load_digits

from makeweight.export.c.emulate import missing_tools
from makeweight.export.c.targets import TARGETS

DOCS = Path(__file__).parents[3] / "docs" / "microcontrollers.md"


def test_the_page_ends_with_ten_right_answers_on_a_part_of_32_kb(tmp_path: Path) -> None:
    if missing := missing_tools(TARGETS["cortex-m0plus"]):
        pytest.skip(f"needs {' and '.join(missing)}")
    digits = load_digits()
    for number, (image, label) in enumerate(zip(digits.images, digits.target, strict=True)):
        if label < 4:
            folder = tmp_path / "photographs" / ["zero", "one", "two", "three"][label]
            folder.mkdir(parents=True, exist_ok=True)
            Image.fromarray((image * 15.9).astype(np.uint8)).resize((20, 20)).save(folder / f"{number}.png")
    page = re.search(
        r"^```bash\n(makeweight train.*?--name part\n.*?)^```", DOCS.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    assert page is not None
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    ran = subprocess.run(
        ["bash", "-e", "-c", page[1]], cwd=tmp_path, env={**os.environ, "PATH": path}, capture_output=True, text=True,
        timeout=600, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert ran.stdout.endswith("model_int8 self-test: 10 of 10\n")
    assert re.search(r"ram:\s+\d+ B\s+32 KB", ran.stdout + ran.stderr)


@pytest.mark.parametrize(("name", "table"), [("chips", report.table), ("chips-peers", report.peers_table)])
def test_the_tables_are_those_of_the_results(name: str, table: Callable[[Mapping[str, Any]], str]) -> None:
    record = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    assert f"\n\n{table(record)}\n\n" in DOCS.read_text(encoding="utf-8")


def test_every_program_was_given_all_images_and_agrees_on_most() -> None:
    record = json.loads((RESULTS / "chips-peers.json").read_text(encoding="utf-8"))
    rows = [row for row in record["rows"] if "refusal" not in row]
    assert {row["tool"] for row in rows} == {"makeweight", "CMSIS-NN", "onnx2c", "emx-onnx-cgen", "emlearn"}
    for row in rows:
        assert record["images"] - 5 <= row["same_class"] <= record["images"]
