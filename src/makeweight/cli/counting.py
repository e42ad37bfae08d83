"""How far something countable is, such as images that are read: on stderr."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from makeweight.cli.output import remark, stderr

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

_QUIET_SECONDS = 5.0  # between two lines where there is no terminal for a bar


class CountView:
    """Shows how far something is: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self._bars: Progress | None = None
        self._task: TaskID | None = None
        self._said, self._what = time.monotonic(), ""

    def say(self, what: str, done: int, total: int | None) -> None:
        """Show that ``done`` of ``total`` are done; None where it is not known."""
        if stderr().is_terminal:
            self._advance(what, done, total)
        elif time.monotonic() - self._said > _QUIET_SECONDS:
            self._said = time.monotonic()
            remark(f"{what}: {done:,}" + (f" of {total:,}" if total else ""))

    def close(self) -> None:
        """Take the bar away."""
        if self._bars:
            self._bars.stop()

    def _advance(self, what: str, done: int, total: int | None) -> None:
        from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

        if self._bars is None or self._task is None:
            columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
            self._bars = Progress(*columns, console=stderr(), transient=True)
            self._bars.start()
            self._task = self._bars.add_task(what, total=total)
        if what != self._what:
            self._bars.reset(self._task, description=what, total=total)
            self._what = what
        self._bars.update(self._task, completed=done, total=total)


@contextmanager
def counting() -> Iterator[CountView]:
    """Give a view for as long as the block runs."""
    view = CountView()
    try:
        yield view
    finally:
        view.close()
