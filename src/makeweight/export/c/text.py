"""Names, numbers and strings as C99 text that means exactly what it should, whatever it is made of."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makeweight.errors import InvalidValue

WIDTH = 110
INT8 = "_int8"  # what makes the name of a network that of its int8 version
MAX_NAME = 1_000  # bytes of a class name; compilers need not take string literals of more than 4,095 (C99 5.2.4.1)
MAX_REMARK = 200  # characters from outside in a comment
# A network of such a name would stand before that header in an #include, or replace the export's own main.c.
_TAKEN = re.compile(
    "arduino|assert|complex|ctype|errno|fenv|float|inttypes|iso646|limits|locale|main|math|setjmp|signal|stdalign|"
    "stdarg|stdatomic|stdbool|stddef|stdint|stdio|stdlib|stdnoreturn|string|tgmath|threads|time|uchar|wchar|wctype",
    re.IGNORECASE,
)
# Without ? there is no trigraph, and without * no end of a comment.
_UNSAFE_IN_COMMENT = re.compile(r"[^A-Za-z0-9 .,:;=+()<>%#@_/-]")
_PLAIN = frozenset(range(0x20, 0x7F)) - frozenset(b'"\\?')


def check_name(name: str) -> None:
    """Check a network's name: that of its files, and in C the prefix of all that they define.

    Raises
    ------
    InvalidValue
        If it is no C identifier of at most 24 letters, or the name of a standard header or of ``main.c``.
    """
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_]{0,23}", name):
        raise InvalidValue(
            f"the name {name[:60]!r} cannot stand in C: use a letter and then at most 23 letters, digits and _."
        )
    if _TAKEN.fullmatch(name):
        raise InvalidValue(f"the name {name!r} is taken, by {name.lower()}.h or main.c. Use another, like model.")


def identifier(number: int, name: str) -> str:
    """Return the prefix of all that belongs to a step: its number keeps it unique, the name is for the reader."""
    return f"s{number}_{re.sub(r'[^A-Za-z0-9]+', '_', name)[:40]}"


def string(text: str) -> str:
    """Return the inside of a string literal: UTF-8, with octal escapes, which end after three digits.

    Names of more than 1,000 bytes are cut, which shows by three dots.
    """
    content = text.encode("utf-8", "replace")
    if len(content) > MAX_NAME:
        content = content[: MAX_NAME - 3].decode("utf-8", "ignore").encode() + b"..."
    return "".join(chr(byte) if byte in _PLAIN else f"\\{byte:03o}" for byte in content)


def comment(text: str) -> str:
    """Return one line for a comment, with _ in place of all that could end it."""
    return _UNSAFE_IN_COMMENT.sub("_", text)[:MAX_REMARK]


def floating(value: float) -> str:
    """Return the shortest literal of a float32 that gives exactly that float32 again."""
    return f"{np.float32(value)}f"


def bits(values: NDArray[np.float32]) -> str:
    """Return the bits of float32 numbers as unsigned ones, in rows."""
    return _rows(f"0x{value:08X}u" for value in values.reshape(-1).view(np.uint32).tolist())


def numbers(values: NDArray[Any]) -> str:
    """Return the numbers in rows, floats exactly."""
    flat = values.reshape(-1)
    texts = [floating(value) for value in flat] if flat.dtype == np.float32 else map(str, flat.tolist())
    return _rows(texts)


def _rows(texts: Iterable[str]) -> str:
    return textwrap.fill(", ".join(texts), WIDTH, initial_indent="    ", subsequent_indent="    ")
