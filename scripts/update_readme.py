#!/usr/bin/env python3
"""Put a finished study into the repository: the README's table and verdict, and the numbers behind them.

Usage: scripts/update_readme.py [STUDY]   (by default the study `fashion` in studies/)
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results"


def makeweight(*arguments: str) -> str:
    command = [ROOT / ".venv" / "bin" / "makeweight", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def main() -> None:
    study = sys.argv[1] if len(sys.argv) > 1 else "fashion"
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "fashion.json").write_text(makeweight("show", study, "--json"))
    readme = ROOT / "README.md"
    text = replaced(readme.read_text(), "table", makeweight("show", study, "--md").strip())
    readme.write_text(replaced(text, "verdict", verdict(study)))


def verdict(study: str) -> str:
    """Return what stands in the Markdown report before its tables."""
    with tempfile.TemporaryDirectory() as folder:
        path = makeweight("report", study, "--format", "md", "--output", folder).strip()
        report = Path(path).read_text()
    words = report.split("\n", 1)[1].partition("\n## Accuracy for its cost\n")[0]
    return re.sub(r"^## (.+)$", r"**\1**", words, flags=re.MULTILINE).strip()


def replaced(text: str, name: str, new: str) -> str:
    """Put something between the two marks of a name."""
    pattern = rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)"
    return re.sub(pattern, lambda match: f"{match[1]}\n{new}\n\n{match[2]}", text, flags=re.DOTALL)


main()
