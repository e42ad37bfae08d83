"""Data sets by name, by path, or from arrays."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from makeweight.data.catalog import CATALOG, DEFAULT
from makeweight.data.dataset import PreparedDataset, open_prepared, prepare
from makeweight.data.fetch import published
from makeweight.data.form import Form, parse_size
from makeweight.data.meta import FILE_NAME
from makeweight.data.prepare import prepare_own
from makeweight.data.sources.arrays import arrays_source
from makeweight.data.sources.registry import open_source
from makeweight.data.sources.source import Source
from makeweight.errors import DataNotFound, InvalidValue
from makeweight.face.console import counting
from makeweight.face.console import remark as say


def load_data(
    data: Any = DEFAULT,
    *,
    files: str | os.PathLike[str] | None = None,
    name: str | None = None,
    class_names: Sequence[str] | None = None,
    image_size: str | int | tuple[int, int] | None = None,
    channels: int | None = None,
    scale: str | None = None,
    layout: str | None = None,
    label: str | None = None,
    follow_links: bool = False,
    skip_unreadable: bool = False,
    workers: int | None = None,
    seed: int = 0,
) -> PreparedDataset:
    """Prepare a data set, or open it if it was prepared before; progress and remarks go to stderr.

    Parameters
    ----------
    data : str, path, tuple of arrays, mapping, or PreparedDataset
        A name from the catalogue (``makeweight data list``; a ``Path`` is never one); the path of images in any format
        of docs/own-data.md; a frame of pandas or polars with the columns of a CSV; ``(X, y)`` or ``(X, y, X_test,
        y_test)`` with images (n, h, w), (n, h, w, c), (n, c, h, w) or (n, d) and labels (n,); or pairs under "train",
        "validation", "test".
    files : path, optional
        Folder with the original files of a data set in the catalogue.
    name, class_names : optional
        For arrays: what to call them, and the labels 0, 1, …
    image_size : "HEIGHTxWIDTH", side, or (height, width), optional
        For your own images; by default their common size up to 96 pixels, else 32 on the longer side.
    channels : int, optional
        1 (gray) or 3, for your own images; by default 3 if any has colour.
    scale : "LOW..HIGH" or "standardised", optional
        The numbers of black and white in arrays and tables that don't go from 0 to 255 or to 1, as in "0..16".
    layout : str, optional
        What each level of folders is: part, class or ``*``, as in "part/class".
    label : str, optional
        The column of a table that has the labels.
    follow_links : bool
        Follow links out of a folder of pictures.
    skip_unreadable : bool
        Skip pictures that can't be read or have no label.
    workers : int, optional
        Processes that read your pictures.
    seed : int
        Random seed for the 80/10/10 split, if your data have none.

    Raises
    ------
    InvalidValue, DataNotFound, DataFormatError, StoreError
        In one line: the rule, the value, the remedy.

    Examples
    --------
    >>> digits = load_data("digits")
    >>> digits.image_shape, digits.classes
    ((1, 8, 8), 10)
    """
    wanted = {"channels": channels, "scale": scale, "layout": layout, "label": label}
    links = {"follow_links": follow_links or None}
    own = {"image_size": image_size, **wanted, **links, "skip_unreadable": skip_unreadable or None}
    arrays_only = {"name": name, "class_names": class_names}
    if isinstance(data, PreparedDataset):
        _refuse({**own, **arrays_only, "files": files}, "a prepared data set already has its form")
        return data
    if not isinstance(data, str | os.PathLike):
        _refuse({"files": files}, "arrays have no files")
        form = make_form(image_size, channels=channels, scale=scale, label=label)
        return _from_arrays(data, form, name, class_names, skip_unreadable, seed)
    _refuse(arrays_only, "it is for arrays, and this is a name or path")
    path = Path(data)
    if files is not None or data in CATALOG:
        _refuse(own, "it is for your own images that aren't prepared yet")
        return prepare(str(data), None if files is None else Path(files), progress=say)
    if isinstance(data, str) and not path.exists():
        raise DataNotFound(f"there is no data set and no path {data!r}. The data sets are: {', '.join(CATALOG)}.")
    if (path / FILE_NAME).is_file():
        _refuse(own, f"the data in {path} are already prepared")
        return _said(open_prepared(path))
    known = published(path) if path.is_dir() else None
    if known is not None:
        _refuse(own, f"{path} holds the published files of {known.name}")
        say(f"{path} holds the published files of {known.name}, and is used as such.")
        return prepare(known.name, path, progress=say)
    form = make_form(image_size, follow_links=follow_links, workers=workers, **wanted)
    return _prepared(open_source(path, form), form, skip_unreadable, seed, str(path.absolute()))


def _from_arrays(
    data: Any, form: Form, name: str | None, class_names: Sequence[str] | None, skip_unreadable: bool, seed: int
) -> PreparedDataset:
    if isinstance(data, tuple | list) and len(data) == 4:
        data = {"train": (data[0], data[1]), "test": (data[2], data[3])}
    source = arrays_source(data, form, name=name or "arrays", class_names=class_names)
    return _prepared(source, form, skip_unreadable, seed, "arrays in memory")


def _prepared(source: Source, form: Form, skip_unreadable: bool, seed: int, origin: str) -> PreparedDataset:
    with counting() as view:
        data = prepare_own(source, form, say=view.say, skip_unreadable=skip_unreadable, seed=seed, origin=origin)
    return _said(data)


def _said(data: PreparedDataset) -> PreparedDataset:
    for note in data.notes:
        say(f"{data.name}: {note}.")
    return data


def make_form(image_size: str | int | tuple[int, int] | None, **wanted: Any) -> Form:
    """Make the record of what is asked for of own images; raises `InvalidValue`."""
    return Form(parse_size(str(image_size)) if isinstance(image_size, str | int) else image_size, **wanted)


def _refuse(arguments: dict[str, Any], why: str) -> None:
    for argument, value in arguments.items():
        if value is not None:
            raise InvalidValue(f"{argument}={value!r} is not possible: {why}. Leave it out.")
