"""The command in environments that are not those of its developers: it works, or says in one line why not.

python -m benchmarks.reliability.environments [--into FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.output import progress

STUDY = ("study", "--dataset", "digits", "--families", "fcn", "--budgets", "2K", "--seeds", "2", "--set", "epochs=2")
SOURCE = Path(__file__).parents[2] / "src"
SMALL = 'mount -t tmpfs -o size=64m tmpfs /dev/shm && exec "$@"'
MOUNTED = 'mount --bind {0} {0} && mount -o remount,bind,ro {0} && exec "$@"'


@dataclass(frozen=True)
class Environment:
    """Where the command runs."""

    name: str
    around: tuple[str, ...] = ()  # a command that runs the one behind it
    variables: dict[str, str] = field(default_factory=dict)
    needs: tuple[str, ...] = ()  # a command that must succeed, or this can't be tried here
    may_refuse: bool = False  # one clear line is enough
    python: str = sys.executable


def shell(script: str) -> tuple[str, ...]:
    """Run the command by a shell's script."""
    return "sh", "-c", script, "sh"


ENVIRONMENTS = (
    Environment("/dev/shm of 64 MB", ("unshare", "-m", *shell(SMALL)), needs=("unshare", "-m", "true")),
    Environment("one processor", ("taskset", "-c", "0"), needs=("taskset", "-c", "0", "true")),
    Environment("4 GB of address space", shell('ulimit -v 4000000; exec "$@"'), may_refuse=True),
    Environment("an installation that can't be written", ("unshare", "-m", *shell(MOUNTED.format(SOURCE))),
                needs=("unshare", "-m", "true")),
    Environment("64 open files", shell('ulimit -n 64; exec "$@"')),
    Environment("the C locale", variables={"LC_ALL": "C"}),
    Environment("no locale and ASCII for output", variables={"LC_ALL": "POSIX", "PYTHONIOENCODING": "ascii"}),
    Environment("closed standard streams", shell('exec "$@" <&- >&- 2>&-')),
    Environment("a pipe whose reader goes after a line", shell('"$@" | head -n 1')),
    Environment("a HOME that is no folder", variables={"HOME": "/dev/null"}),
    Environment("warnings as errors", variables={"PYTHONWARNINGS": "error"}),
    Environment("a terminal that can do nothing", variables={"TERM": "dumb", "COLUMNS": "20"}),
    *(
        Environment(f"Python {version}", needs=(f"python{version}", "-c", "import torch"), python=f"python{version}")
        for version in ("3.12", "3.13", "3.14")
    ),
)  # fmt: skip


def tried(environment: Environment) -> str:
    """Run a study; return what happened."""
    if environment.needs and not _succeeds(environment.needs):
        return "not here"
    with tempfile.TemporaryDirectory() as folder:
        ran = subprocess.run(
            [*environment.around, environment.python, "-m", "makeweight", *STUDY, "--store", f"{folder}/studies"],
            env={**os.environ, "MAKEWEIGHT_CACHE": f"{folder}/cache", **environment.variables}, cwd=folder,
            capture_output=True, text=True, errors="replace", timeout=600, check=False,
        )  # fmt: skip
        done = len(list(Path(folder).glob("studies/*/weights/*.test.safetensors")))
    if "Traceback" in ran.stderr:
        return f"traceback: {ran.stderr[-300:]}"
    if ran.returncode == 0 and done == 2:
        return "works"
    lines = ran.stderr.strip().splitlines() or [f"exit code {ran.returncode}"]
    refused = environment.may_refuse and lines[-1].startswith("error: ")
    return ("one line: " if refused else "failed: ") + lines[-1]


def _succeeds(command: tuple[str, ...]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except OSError:
        return False


def main() -> None:
    """Try all environments, say what was found, and write it to a file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability.environments")
    parser.add_argument("--into", type=Path)
    options = parser.parse_args()
    found = {}
    for environment in ENVIRONMENTS:
        found[environment.name] = tried(environment)
        progress(f"{environment.name}: {found[environment.name]}")
        if options.into:
            options.into.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    raise SystemExit(any(said.startswith(("traceback", "failed")) for said in found.values()))


if __name__ == "__main__":
    main()
