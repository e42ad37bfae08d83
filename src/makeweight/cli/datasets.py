"""From ``--dataset`` and ``--data`` to a prepared data set."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from makeweight.cli.counting import counting
from makeweight.cli.output import remark
from makeweight.errors import InvalidValue

if TYPE_CHECKING:
    from makeweight.data.dataset import PreparedDataset
    from makeweight.data.own.form import Form

DEFAULT = "fashion-mnist"


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
    with counting() as view:
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
