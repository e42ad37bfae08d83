#!/usr/bin/env python3
"""Put a finished study into the repository: the README's table, its figure, and the numbers behind them.

Usage: scripts/update_readme.py [STUDY]   (by default the study `report` in studies/)
"""

import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results"
FIGURE = "accuracy-against-weights"


def makeweight(*arguments: str) -> str:
    command = [ROOT / ".venv" / "bin" / "makeweight", *arguments]
    return subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout


def main() -> None:
    study = sys.argv[1] if len(sys.argv) > 1 else "report"
    RESULTS.mkdir(parents=True, exist_ok=True)
    (RESULTS / "report.json").write_text(makeweight("show", study, "--json"))
    table = makeweight("show", study, "--md").strip()
    readme = ROOT / "README.md"
    text = re.sub(
        r"(<!-- table -->\n).*?(<!-- end of table -->)",
        lambda match: f"{match[1]}\n{table}\n\n{match[2]}",
        readme.read_text(),
        flags=re.DOTALL,
    )
    readme.write_text(text)
    figures = ROOT / "docs" / "figures"
    makeweight("report", study, "--figures", str(figures))
    for file in figures.iterdir():
        if file.name != f"{FIGURE}.png":
            file.unlink()


main()
