"""Text that others chose, made harmless: in a terminal, in Markdown, LaTeX, CSV and YAML.

Control characters could steer a terminal, marks of direction turn the text around them, and a half of a surrogate pair,
as Python reads bytes of a file's name that aren't UTF-8, can't be written at all. All are shown as Python escapes
them.
"""

from __future__ import annotations

import re
from typing import Any

MAX_SHOWN = 80  # characters of a name
FORMULA = ("=", "+", "-", "@")  # spreadsheets compute cells that start with these
# What LaTeX reads as more than text, and what its standard fonts lack.
LATEX = {
    "\\": r"\textbackslash{}",
    **{character: f"\\{character}" for character in "&%$#_{}"},
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': r"\textquotedbl{}",
    "−": "$-$",
    "×": r"$\times$",
    "±": r"$\pm$",
    "–": "--",
    "—": "---",
    "…": r"\ldots{}",
    "’": "'",
}


def visible(text: str, most: int | None = None) -> str:
    r"""Show what cannot be seen, and cut what is too long.

    >>> visible("a\x1b[31mb\u202ec")
    'a\\x1b[31mb\\u202ec'
    """
    cut = most is not None and len(text) > most
    text = text[:most]
    return (text if text.isprintable() else "".join(map(_shown, text))) + "…" * cut


def visible_lines(text: str) -> str:
    """Show what cannot be seen in text of several lines, which stay lines."""
    return text if text.isprintable() else "\n".join(map(visible, text.split("\n")))


def shown(value: Any) -> Any:
    """Make a value in a page visible; what is markup already stays."""
    return visible_lines(value) if type(value) is str else value


def yaml_text(text: str) -> str:
    r"""Write a text as YAML 1.2 has it in double quotes, on one line.

    >>> yaml_text('say "hi"')
    '"say \\"hi\\""'
    """
    quoted = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{visible(quoted)}"'


def markdown_name(text: str) -> str:
    r"""Write a name so that Markdown, and the HTML in it, reads nothing but text.

    >>> markdown_name("<b>|*")
    '\\<b\\>\\|\\*'
    """
    return re.sub(r"([\\`*_\[\]<>(){}|#&~$!:@.])", r"\\\1", visible(text, MAX_SHOWN))


def markdown_text(text: str) -> str:
    """Escape what Markdown or the HTML in it would read as more than text."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", visible(" ".join(text.split())))


def latex_text(text: str) -> str:
    r"""Escape text for LaTeX.

    >>> print(latex_text("95 % of $1_000 − 2"))
    95 \% of \$1\_000 $-$ 2
    """
    return "".join(LATEX.get(character, character) for character in visible(" ".join(text.split())))


def csv_text(text: str) -> str:
    """Keep spreadsheets from computing a cell.

    >>> csv_text("=cmd()"), csv_text("shirt")
    ("'=cmd()", 'shirt')
    """
    return "'" * text.lstrip().startswith(FORMULA) + visible(text)


def _shown(char: str) -> str:
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
