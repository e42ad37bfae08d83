"""The example of the page runs."""

from __future__ import annotations

import re
from pathlib import Path

PAGE = (Path(__file__).parents[2] / "docs" / "scikit-learn.md").read_text(encoding="utf-8")


def test_the_example_runs_and_classifies(capsys):
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, flags=re.DOTALL)
    exec(compile(example, "scikit-learn.md", "exec"), {})  # the page is ours
    assert float(capsys.readouterr().out) > 0.9
