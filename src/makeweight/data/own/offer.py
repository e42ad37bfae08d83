"""What the package offers for a user's own images: one function."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

from makeweight.data.dataset import PreparedDataset
from makeweight.data.own.arrays import Pair, arrays_source
from makeweight.data.own.detect import open_source
from makeweight.data.own.form import Form
from makeweight.data.own.prepare import prepare_own
from makeweight.errors import InvalidValue


def prepare_data(
    data: str | os.PathLike[str] | Pair | Mapping[str, Pair],
    *,
    name: str | None = None,
    class_names: Sequence[str] | None = None,
    image_size: tuple[int, int] | None = None,
    channels: int | None = None,
    skip_unreadable: bool = False,
    seed: int = 0,
) -> PreparedDataset:
    """Prepare your own images, once; ``makeweight study --data PATH`` takes the ``path`` of what is returned.

    Parameters
    ----------
    data : path, pair of arrays, or mapping
        A folder with one sub-folder a class; .npz, .csv, idx or CIFAR files; ``(X, y)`` with images (n, h, w),
        (n, h, w, c), (n, c, h, w) or (n, d) and labels (n,); or such pairs under "train", "validation" and "test".
    name : str, optional
        What to call arrays; a path has a name.
    class_names : sequence of str, optional
        Of the labels 0, 1, … of arrays.
    image_size : (height, width), optional
        By default a size that all images share up to 64 pixels, else 32 on the longer side.
    channels : int, optional
        1 (gray) or 3; by default 3 where any image has colour.
    skip_unreadable : bool
        Leave out pictures that cannot be read.
    seed : int
        Of the division 80/10/10, where the data have none.

    Raises
    ------
    InvalidValue, DataNotFound, DataFormatError, StoreError
        In one line: the rule, the value, the remedy.
    """
    form = Form(image_size, channels)
    if not isinstance(data, str | os.PathLike):
        source = arrays_source(data, form, name=name or "arrays", class_names=class_names)
        return prepare_own(source, form, skip_unreadable=skip_unreadable, seed=seed, origin="arrays in memory")
    if name is not None or class_names is not None:
        raise InvalidValue("name and class_names are for arrays, and a path is given: leave them out.")
    path = Path(data)
    return prepare_own(
        open_source(path, form), form, skip_unreadable=skip_unreadable, seed=seed, origin=str(path.absolute())
    )
