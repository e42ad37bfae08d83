"""From ``--dataset`` and ``--data`` to a prepared data set."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from makeweight.cli.output import remark, stderr
from makeweight.errors import InvalidValue

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from makeweight.data.dataset import PreparedDataset
    from makeweight.data.own.form import Form

DEFAULT = "fashion-mnist"
_QUIET_SECONDS = 5.0  # between two lines where there is no terminal for a bar


def ready(
    dataset: str | None,
    data: Path | None,
    image_size: str | None = None,
    channels: int | None = None,
    skip_unreadable: bool = False,
) -> PreparedDataset:
    """Return a data set of the catalogue, or the user's own.

    ``--data`` alone is the user's own data; with ``--dataset`` it is the folder with the original files of that one.

    Raises
    ------
    InvalidValue
        If options for own data are given without them.
    DataNotFound, DataFormatError, StoreError
        As preparing does.
    """
    from makeweight.data.dataset import open_prepared, prepare
    from makeweight.data.fetch import published
    from makeweight.data.meta import FILE_NAME

    if data is None or dataset is not None:
        _refuse_own_options(image_size, channels, skip_unreadable)
        return prepare(dataset or DEFAULT, data, progress=remark)
    if (data / FILE_NAME).is_file():  # what `data prepare` and makeweight.prepare_data have made
        _refuse_own_options(image_size, channels, skip_unreadable)
        return open_prepared(data)
    known = published(data) if data.is_dir() else None
    if known is not None:
        _refuse_own_options(image_size, channels, skip_unreadable)
        remark(f"{data} holds the published files of {known.name}, which is used as such.")
        return prepare(known.name, data, progress=remark)
    return ready_own(data, form(image_size, channels), skip_unreadable=skip_unreadable)


def ready_own(
    data: Path, wanted: Form, *, skip_unreadable: bool = False, workers: int | None = None, seed: int = 0
) -> PreparedDataset:
    """Prepare a user's own data, and say what was done to them. Raises as `prepare_own` does."""
    from makeweight.data.own.detect import open_source
    from makeweight.data.own.prepare import prepare_own

    source = open_source(data, wanted, workers)
    with preparing() as view:
        found = prepare_own(
            source, wanted, say=view.say, skip_unreadable=skip_unreadable, seed=seed, origin=str(data.absolute())
        )
    for note in found.notes:
        remark(f"{found.name}: {note}.")
    return found


def form(image_size: str | None, channels: int | None) -> Form:
    """Read the options on the form of own images."""
    from makeweight.data.own.form import Form, parse_size

    return Form(None if image_size is None else parse_size(image_size), channels)


def _refuse_own_options(image_size: str | None, channels: int | None, skip_unreadable: bool) -> None:
    for option, value in (
        ("--image-size", image_size),
        ("--channels", channels),
        ("--skip-unreadable", skip_unreadable),
    ):
        if value not in (None, False):
            raise InvalidValue(
                f"{option} is for own images that are not prepared yet, and none are given: add --data PATH or drop it."
            )


class PreparingView:
    """Shows how far reading is: a bar on a terminal, a line now and then elsewhere."""

    def __init__(self) -> None:
        self._bars: Progress | None = None
        self._task: TaskID | None = None
        self._said, self._what = time.monotonic(), ""

    def say(self, what: str, done: int, total: int | None) -> None:
        """Show that ``done`` of ``total`` are done; as `makeweight.data.own.source.Progress`."""
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
def preparing() -> Iterator[PreparingView]:
    """Give a view for as long as the block runs."""
    view = PreparingView()
    try:
        yield view
    finally:
        view.close()
