#!/usr/bin/env python3
"""Run the lessons as they are written, keep their outputs, and write the times into docs/lessons.md.

Usage: scripts/run_lessons.py [LESSON ...]   (as in 3-is-it-better; by default all)
"""

import json
import os
import re
import shutil
import sys
import tempfile
import time
from pathlib import Path

import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).parents[1]
LESSONS = ROOT / "examples" / "lessons"
TIMES = ROOT / "docs" / "results" / "lessons.json"


def room(folder: Path) -> Path:
    """Lay out what the lessons read beside them, so that their studies and files stay out of the repository."""
    (folder / "docs").mkdir(parents=True)
    shutil.copytree(ROOT / "docs" / "results", folder / "docs" / "results")
    (folder / "examples" / "lessons").mkdir(parents=True)
    shutil.copy(ROOT / "examples" / "photographs.py", folder / "examples")
    return folder / "examples" / "lessons"


def run(path: Path) -> float:
    """Run a lesson, write it with its outputs, and return the seconds."""
    notebook = nbformat.read(path, as_version=4)
    with tempfile.TemporaryDirectory() as folder:
        client = NotebookClient(
            notebook, timeout=3_600, resources={"metadata": {"path": str(room(Path(folder) / "r"))}}
        )
        start = time.monotonic()
        client.execute(env={**os.environ, "NO_COLOR": "1"})
        seconds = time.monotonic() - start
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)  # times of day
        if cell.cell_type == "code":
            cell.outputs = [output for output in cell.outputs if output.get("name") != "stderr"]  # progress
    text = nbformat.writes(notebook).replace(str(Path.home()), "~")  # no folder of the machine that ran it
    path.write_text(text + "\n", encoding="utf-8")
    return seconds


def write_times() -> None:
    """Write the table of docs/lessons.md."""
    times = json.loads(TIMES.read_text())
    rows = [
        f"| {lesson['title']} | {lesson['learns']} | {_duration(lesson['seconds'])} |" for lesson in times["lessons"]
    ]
    page = ROOT / "docs" / "lessons.md"
    table = "\n".join(["| lesson | afterwards you know | as written |", "|---|---|---:|", *rows])
    pattern = r"(<!-- times -->\n).*?(<!-- end of times -->)"
    page.write_text(re.sub(pattern, lambda m: f"{m[1]}\n{table}\n\n{m[2]}", page.read_text(), flags=re.DOTALL))


def _duration(seconds: float) -> str:
    return f"{seconds:.0f} s" if seconds < 100 else f"{seconds / 60:.0f} min"


def main() -> None:
    names = [lesson["name"] for lesson in json.loads(TIMES.read_text())["lessons"]]
    for name in sys.argv[1:] or names:
        if name not in names:
            sys.exit(f"error: no lesson {name!r}; lessons: {', '.join(names)}.")
        seconds = round(run(LESSONS / f"{name}.ipynb"), 1)
        times = json.loads(TIMES.read_text())
        times["lessons"][names.index(name)]["seconds"] = seconds
        TIMES.write_text(json.dumps(times, indent=2, ensure_ascii=False) + "\n")
        write_times()


if __name__ == "__main__":
    main()
