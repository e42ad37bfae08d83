"""Progress and remarks, on stderr: bars on a terminal, lines elsewhere."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING

from makeweight.text import visible_lines

if TYPE_CHECKING:
    from rich.console import Console
    from rich.progress import Progress, TaskID

FRAMES_PER_SECOND = 2  # of progress bars: drawing costs time
PIPE_WIDTH = 100_000  # a pipe has no width, and must not truncate a table
QUIET_SECONDS = 5.0  # between two lines that count, where there is no bar


@cache
def stderr() -> Console:
    """Console for progress and remarks."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, width=None if sys.stderr.isatty() else PIPE_WIDTH)


def is_live() -> bool:
    """Say whether stderr can redraw lines: a terminal, not a file, pipe or notebook.

    A notebook's kernel runs commands (IPython's ``!``) on a terminal of their own and shows each frame of a bar below
    the one before. It is recognised by what jupyter_client, or else ipykernel, puts into the environment.
    """
    variables = os.environ
    of_kernel = variables.get("TERM"), variables.get("PAGER")
    in_notebook = "JPY_PARENT_PID" in variables or of_kernel == ("xterm-color", "cat")
    return sys.stderr.isatty() and variables.get("TERM") != "dumb" and not in_notebook


def remark(message: str) -> None:
    """Print a line that isn't a result."""
    print(visible_lines(message), file=sys.stderr, flush=True)


class CountView:
    """Shows progress of something countable: a bar on a terminal, an occasional line elsewhere."""

    def __init__(self) -> None:
        self._bars: Progress | None = None
        self._task: TaskID | None = None
        self._said, self._what = time.monotonic(), ""

    def say(self, what: str, done: int, total: int | None) -> None:
        """Show that ``done`` of ``total`` are done; None if the total is unknown."""
        if is_live():
            self._advance(what, done, total)
        elif time.monotonic() - self._said > QUIET_SECONDS:
            self._said = time.monotonic()
            remark(f"{what}: {done:,}" + (f" of {total:,}" if total else ""))

    def close(self) -> None:
        """Remove the bar."""
        if self._bars:
            self._bars.stop()

    def _advance(self, what: str, done: int, total: int | None) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        if self._bars is None or self._task is None:
            what_is_done = TextColumn("{task.description}", markup=False)
            columns = (what_is_done, BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bars = Progress(*columns, console=stderr(), transient=True, refresh_per_second=FRAMES_PER_SECOND)
            self._bars.start()
            self._task = self._bars.add_task(what, total=total)
        if what != self._what:
            self._bars.reset(self._task, description=what, total=total)
            self._what = what
        self._bars.update(self._task, completed=done, total=total)


@contextmanager
def counting() -> Iterator[CountView]:
    """Provide a view while the block runs."""
    view = CountView()
    try:
        yield view
    finally:
        view.close()
