"""The command ``makeweight`` as a user starts it, with the time of each of its lines."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.memory import Sampler
from benchmarks.settings import ROOT


@dataclass(frozen=True, slots=True)
class Line:
    """A line on stderr."""

    seconds: float  # since the command was started
    text: str


@dataclass(frozen=True)
class Finished:
    """A command at its end."""

    seconds: float  # wall clock, from its start to its end
    lines: tuple[Line, ...]
    record: dict[str, Any]  # what it printed with --json


def makeweight(
    arguments: Sequence[str], on_line: Callable[[int, Line], None] | None = None, memory: Sampler | None = None
) -> Finished:
    """Run a command with ``--json``.

    Parameters
    ----------
    on_line
        Called with the process's id and each line as it comes.
    memory
        Watches the process and all that it starts.

    Raises
    ------
    RuntimeError
        If the command fails.
    """
    program = Path(sys.executable).with_name("makeweight")  # beside this Python, or in none of its environments
    lines: list[Line] = []
    start = time.monotonic()
    process = subprocess.Popen(
        [program, *arguments, "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        cwd=ROOT,
    )
    with process, nullcontext() if memory is None else memory.watching(process.pid):
        try:
            for text in process.stderr:
                lines.append(Line(time.monotonic() - start, text.rstrip()))
                if on_line is not None:
                    on_line(process.pid, lines[-1])
            printed = process.stdout.read()
        except BaseException:
            process.terminate()  # it ends its workers
            raise
    seconds = time.monotonic() - start
    if process.returncode != 0:
        last = lines[-1].text if lines else "it said nothing"
        raise RuntimeError(f"makeweight {' '.join(arguments)} ended with code {process.returncode}: {last}")
    return Finished(seconds, tuple(lines), json.loads(printed))
