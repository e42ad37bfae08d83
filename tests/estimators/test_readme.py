"""The example of the README runs."""

from __future__ import annotations

import re
from pathlib import Path

README = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")


def test_the_example_runs_and_classifies(capsys):
    (example,) = re.findall(r"## With scikit-learn\n\n```python\n(.*?)```", README, flags=re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})  # the README is ours
    assert float(capsys.readouterr().out) > 0.9
