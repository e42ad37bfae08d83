#!/usr/bin/env python3
"""Run what the README shows, and write its output into it, with the numbers behind it into docs/results.

Usage: scripts/update_readme.py [PART ...]   (first, table, verdict, refusal; by default all)

`first` trains the small study of the README, a few minutes the first time; `table` and `verdict` read the study
`fashion` of `make study`. Finished studies are read and not trained again, so a second call changes nothing.
"""

import json
import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[1]
RESULTS = ROOT / "docs" / "results"
FIRST = "study --families fcn,cnn --budgets 5K --seeds 2 --name first"
PREDICT = "predict first/cnn-5k examples/pictures --top 1"
REFUSAL = "design --family fcn --depth 2 --width 223 --budget 100K"


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "makeweight", *arguments]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def makeweight(*arguments: str) -> str:
    ran = run(*arguments)
    if ran.returncode:
        sys.exit(ran.stderr)
    return ran.stdout


def console(command: str) -> str:
    """Return a command and all that it prints, as a block of Markdown."""
    ran = run(*shlex.split(command))
    output = "\n".join(line.rstrip() for line in (ran.stdout or ran.stderr).strip().splitlines())
    return f"```console\n$ makeweight {command}\n{output}\n```"


def first() -> str:
    """Return the small study, how long it took, and what its network says about three pictures."""
    makeweight(*shlex.split(FIRST))
    study = makeweight("show", "first", "--json")
    (RESULTS / "first.json").write_text(study)
    record = json.loads(study)
    took = f"The first study took {record['wall_seconds']:.0f} s of training here ({record['environment']})."
    return f"{took}\n\n{console(FIRST)}\n\n{console(PREDICT)}"


def table() -> str:
    (RESULTS / "fashion.json").write_text(makeweight("show", "fashion", "--json"))
    return makeweight("show", "fashion", "--md").strip()


def verdict() -> str:
    """Return what stands in the Markdown report before its tables."""
    with tempfile.TemporaryDirectory() as folder:
        path = makeweight("report", "fashion", "--format", "md", "--output", folder).strip()
        report = Path(path).read_text()
    words = report.split("\n", 1)[1].partition("\n## Accuracy for its cost\n")[0]
    return re.sub(r"^## (.+)$", r"**\1**", words, flags=re.MULTILINE).strip()


def refusal() -> str:
    return console(REFUSAL)


def replaced(text: str, name: str, new: str) -> str:
    """Put something between the two marks of a name."""
    pattern = rf"(<!-- {name} -->\n).*?(<!-- end of {name} -->)"
    return re.sub(pattern, lambda match: f"{match[1]}\n{new}\n\n{match[2]}", text, flags=re.DOTALL)


def main() -> None:
    parts = {part.__name__: part for part in (first, table, verdict, refusal)}
    RESULTS.mkdir(parents=True, exist_ok=True)
    readme = ROOT / "README.md"
    for name in sys.argv[1:] or parts:
        if name not in parts:
            sys.exit(f"error: no part {name!r}; parts: {', '.join(parts)}.")
        readme.write_text(replaced(readme.read_text(), name, parts[name]()))


if __name__ == "__main__":
    main()
