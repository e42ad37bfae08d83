"""Labels of any usual kind to codes, and the classes' names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makeweight.data.sources.rows import BadRow, first_row, shown
from makeweight.data.split import MAX_CLASSES
from makeweight.errors import DataFormatError

#: Kinds of NumPy types that labels may have: bool, integers, floats, text, bytes.
KINDS = "biufUS"
#: Longer than any class is called; a path or a sentence is no label.
MAX_CHARACTERS = 200


class Labels:
    """Gives labels their codes in the order in which they first come, or by the names that a file has.

    Parameters
    ----------
    names : sequence of str or None
        The names of the classes 0, 1, …; None where labels name themselves.
    name : str
        Of the data set, for messages.
    """

    def __init__(self, names: Sequence[str] | None = None, name: str = "labels") -> None:
        given = [_checked_name(text, name) for text in names or ()]
        self._codes = {text: code for code, text in enumerate(given)}
        self._given = names is not None
        if len(self._codes) < len(given):
            twice = next(text for text in given if given.count(text) > 1)
            raise DataFormatError(f"{name}: two classes are called {twice!r}; give each a name of its own.")

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the classes so far, by code."""
        return tuple(self._codes)

    def codes(self, labels: NDArray[Any]) -> NDArray[np.int64]:
        """Give labels their codes.

        Parameters
        ----------
        labels : numpy.ndarray
            (n,) or (n, 1) whole numbers or text, or (n, k) with one 1 a row and 0 elsewhere.

        Returns
        -------
        numpy.ndarray
            (n,) int64.

        Raises
        ------
        BadRow
            For the first row whose label is none, or of several classes.
        """
        flat = _hot(labels) if labels.ndim == 2 and labels.shape[1] != 1 else labels.reshape(-1)
        if flat.dtype.kind in "US":
            return self._coded(flat, [self._of_text(label) for label in _distinct(flat)[0]])
        whole = _whole(flat)
        return self._coded(whole, [self._of_number(int(label)) for label in _distinct(whole)[0]])

    def _coded(self, labels: NDArray[Any], found: Sequence[int | str]) -> NDArray[np.int64]:
        """Put the codes found for the distinct labels in their places; a text is the reason that there is none."""
        _, first, inverse = _distinct(labels)
        wrong = [(int(row), code) for row, code in zip(first, found, strict=True) if isinstance(code, str)]
        if wrong:
            raise BadRow(*min(wrong))
        return np.array(found, dtype=np.int64)[inverse]

    def _of_number(self, label: int) -> int | str:
        if not self._given:
            return self._new(str(label))
        most = len(self._codes) - 1
        return label if label <= most else f"its label is {label}, but the names of the classes go from 0 to {most}."

    def _of_text(self, label: str | bytes) -> int | str:
        try:
            text = short_text(label)
            if self._given:
                return self._codes.get(text, f"its label {text!r} is none of the names of the classes.")
            return self._new(number_in(text) or text)
        except ValueError as error:
            return f"its label {error}."

    def _new(self, text: str) -> int | str:
        code = self._codes.setdefault(text, len(self._codes))
        return code if code < MAX_CLASSES else f"it has a new label, but {MAX_CLASSES:,} classes is the most."


def _distinct(labels: NDArray[Any]) -> tuple[list[Any], NDArray[np.int64], NDArray[np.int64]]:
    """Distinct labels in the order in which they come, their first rows, and for each row the place among them."""
    values, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(first)
    place = np.empty_like(order)
    place[order] = np.arange(len(order))
    return values[order].tolist(), first[order], place[inverse]


def short_text(text: str | bytes) -> str:
    """Give a text without its margins.

    Raises
    ------
    ValueError
        If it can name no class; says why as the rest of the sentence "its label …".
    """
    try:
        stripped = (text.decode("utf-8") if isinstance(text, bytes) else text).strip()
    except UnicodeDecodeError as error:
        raise ValueError(f"{text[:40]!r} is no UTF-8; save the labels in UTF-8") from error
    if not stripped:
        raise ValueError("is blank; give each image a class")
    if len(stripped) > MAX_CHARACTERS or any(ord(character) < 32 for character in stripped):
        raise ValueError(f"{stripped[:40]!r} has control characters or more than {MAX_CHARACTERS}; use short names")
    return stripped


def number_in(text: str) -> str | None:
    """Write the whole number in a text as it is usual (3 for 3.0 and 03), or return None where it holds no number.

    Raises
    ------
    ValueError
        If it is a number, but no class's; as `short_text` does.
    """
    try:
        number = float(text.replace("_", "·"))  # Python alone reads 1_0 as ten
    except ValueError:
        return None
    if not (0 <= number < MAX_CLASSES and number == int(number)):
        raise ValueError(_rule(text))
    return str(int(number))


def _checked_name(text: str, name: str) -> str:
    try:
        return short_text(text)
    except ValueError as error:
        raise DataFormatError(f"{name}: the name of a class {error}.") from error


def _rule(value: str) -> str:
    return f"is {value}; labels are text or whole numbers from 0 to {MAX_CLASSES - 1:,}"


def _whole(labels: NDArray[Any]) -> NDArray[np.int64]:
    """Labels (n,) of any numeric type as int64."""
    numbers = labels.astype(np.uint8) if labels.dtype.kind == "b" else labels
    good = (numbers >= 0) & (numbers < MAX_CLASSES)
    if numbers.dtype.kind == "f":
        good &= numbers == np.floor(numbers)
    if not good.all():
        row, place = first_row(~good)
        raise BadRow(row, f"its label {_rule(shown(labels[place]))}.")
    return np.asarray(numbers, dtype=np.int64)


def _hot(labels: NDArray[Any]) -> NDArray[np.int64]:
    """Columns (n,) of the ones in labels (n, k)."""
    if labels.dtype.kind in "US":
        raise BadRow(0, f"it has {labels.shape[1]} labels; give each image one.")
    ones = (labels == 1).sum(axis=1)
    wrong = (ones != 1) | ((labels == 0).sum(axis=1) != labels.shape[1] - 1)
    if not wrong.any():
        return np.asarray(np.argmax(labels == 1, axis=1), dtype=np.int64)
    row = int(np.argmax(wrong))
    raise BadRow(
        row, f"{ones[row]} of its {labels.shape[1]} label columns are 1, but one must be and the others 0: "
        "a set with several labels an image (multi-label) is not supported; give each image one class."
    )  # fmt: skip
