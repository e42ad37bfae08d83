"""Names that others chose, made harmless: in a terminal, in YAML and in Markdown."""

from __future__ import annotations

import re
import unicodedata

MOST_SHOWN = 80  # characters of a name


def visible(text: str, most: int = MOST_SHOWN) -> str:
    r"""Show what cannot be seen, and cut what is too long.

    Control characters could steer a terminal, and marks of direction turn the text around them.

    >>> visible("a\x1b[31mb\u202ec")
    'a\\x1b[31mb\\u202ec'
    """
    shown = "".join(char if _can_be_seen(char) else _escaped(char) for char in text[:most])
    return shown + "…" if len(text) > most else shown


def yaml_text(text: str) -> str:
    r"""Write a text as YAML 1.2 has it in double quotes, on one line.

    >>> yaml_text('say "hi"')
    '"say \\"hi\\""'
    """
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(char if _can_be_seen(char) else _escaped(char) for char in quoted) + '"'


def markdown_name(text: str) -> str:
    r"""Write a name so that Markdown, and the HTML in it, reads nothing but text.

    >>> markdown_name("<b>|*")
    '\\<b\\>\\|\\*'
    """
    return re.sub(r"([\\`*_\[\]<>(){}|#&~$!:@.])", r"\\\1", visible(text))


def signed_points(share: float) -> str:
    """Write a difference of shares in points.

    >>> signed_points(-0.0123)
    '−1.23'
    """
    return f"{100 * share:+.2f}".replace("-", "−")


def _can_be_seen(char: str) -> bool:
    """Say whether it is no control, format, surrogate, private or unassigned character, and no line separator."""
    return char == " " or unicodedata.category(char)[0] not in "CZ"


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
