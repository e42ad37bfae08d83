"""Images and labels in memory, from Python."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from makeweight.data.form import Form
from makeweight.data.sources.block import PairBlock
from makeweight.data.sources.block_source import BlockSource
from makeweight.data.sources.parts import PARTS, WORDS, divided, part_of_usage
from makeweight.data.sources.source import Part, Source
from makeweight.data.sources.table_columns import columns_named
from makeweight.errors import InvalidValue

Pair = tuple[ArrayLike, ArrayLike]


@dataclass(frozen=True)
class Held:
    """An array in memory."""

    name: str
    array: NDArray[Any]

    @property
    def shape(self) -> tuple[int, ...]:
        """(n, …)."""
        return self.array.shape

    @property
    def dtype(self) -> np.dtype[Any]:
        """Type of its values."""
        return self.array.dtype

    def pieces(self, rows: int) -> Iterator[NDArray[Any]]:
        """Give so many rows at once, without a copy."""
        for start in range(0, len(self.array), rows):
            yield self.array[start : start + rows]


def arrays_source(
    data: Any, form: Form | None = None, *,
    name: str = "arrays", class_names: Sequence[str] | None = None,
) -> Source:  # fmt: skip
    """Make a source of images and labels in memory.

    Parameters
    ----------
    data : pair, mapping or frame
        ``(X, y)``: images (n, h, w), (n, h, w, c), (n, c, h, w) or (n, d), and labels (n,), (n, 1) or (n, k); such
        pairs by part: ``{"train": (X, y), "validation": …, "test": …}``; or a frame of pandas or polars with columns as
        a CSV.
    form : Form or None
        What the prepared images shall be.
    name : str
        What to call the data set.
    class_names : sequence of str or None
        Names of the classes 0, 1, …

    Returns
    -------
    Source

    Raises
    ------
    InvalidValue
        When it is no pair of arrays, or a part has another name.
    DataFormatError
        When the arrays can be no images and labels.
    """
    pairs = _pairs(_of_frame(data, name, form) if hasattr(data, "columns") else data)
    names = divided(pairs)
    blocks = [PairBlock(names[part], *pairs[part]) for part in pairs]
    return BlockSource(name, blocks, form or Form(), partial(_digest, pairs, tuple(class_names or ())), class_names)


def _pairs(data: Any) -> dict[Part, tuple[Held, Held]]:
    """Images and labels of each part, in the order of the parts."""
    if not isinstance(data, Mapping):
        return {"all": _pair("", data)}
    found: dict[Part, tuple[Held, Held]] = {}
    for word, pair in data.items():
        part = WORDS.get(str(word).lower())
        if part is None or part in found:
            raise InvalidValue(f"the part {word!r} is not possible here: name train, validation and test, each once.")
        found[part] = _pair(f"{word} ", pair)
    if not found:
        raise InvalidValue("no part is given: name train, validation and test, each with a pair of arrays.")
    return {part: found[part] for part in PARTS if part in found}


def _pair(prefix: str, pair: Any) -> tuple[Held, Held]:
    if not isinstance(pair, tuple | list) or len(pair) != 2:
        raise InvalidValue(f"{prefix}images and labels are a pair (X, y), got {type(pair).__name__}; give both.")
    return _held(f"{prefix}X", pair[0]), _held(f"{prefix}y", pair[1])


def _held(name: str, values: Any) -> Held:
    if hasattr(values, "detach"):  # a tensor, perhaps of a graph or on another device
        values = values.detach().cpu()
    try:
        array = np.asarray(values)
    except (ValueError, TypeError) as error:  # rows of several lengths
        raise InvalidValue(f"{name} cannot be made an array: {str(error)[:120]}; give rows of one length.") from error
    return Held(name, _texts(array))


def _of_frame(frame: Any, name: str, form: Form | None) -> Pair | dict[str, Pair]:
    """Divide a frame into pixels and labels, by the names of its columns, and into parts where a column names them."""
    keys = list(frame.columns)
    values = [list(map(str, np.asarray(frame[key][:50]).tolist())) for key in keys]
    columns = columns_named([str(key) for key in keys], ",", values, name, form.label if form else None)
    if columns is None or columns.packed is not None:
        raise InvalidValue(f"the frame needs a column of labels beside one column a pixel, but it has {keys[:6]}.")
    labels = np.asarray(frame[keys[columns.label]])
    pixels = np.stack([np.asarray(frame[key]) for i, key in enumerate(keys) if i not in columns.special], axis=1)
    if columns.usage is None:
        return pixels, labels
    parts = np.array([part_of_usage(str(word)) or "" for word in np.asarray(frame[keys[columns.usage]])])
    if "" in parts:
        raise InvalidValue(f"the column {keys[columns.usage]!r} names no part in row {int(np.argmax(parts == ''))}.")
    return {part: (pixels[parts == part], labels[parts == part]) for part in np.unique(parts).tolist()}


def _texts(array: NDArray[Any]) -> NDArray[Any]:
    """Give objects that are all text, as pandas has them, as text; others stay, and are refused with their type."""
    if array.dtype.kind in "OT" and array.ndim == 1 and all(isinstance(value, str) for value in array):
        return array.astype(np.str_)
    return array


def _digest(pairs: Mapping[Part, tuple[Held, Held]], class_names: tuple[str, ...]) -> str:
    """SHA-256 over the content of all arrays."""
    digest = hashlib.sha256(repr(class_names).encode())
    for part, pair in pairs.items():
        for held in pair:
            digest.update(f"{part} {held.name} {held.dtype.str} {held.shape}".encode())
            for piece in held.pieces(1_000):
                digest.update(piece.tobytes())
    return digest.hexdigest()
