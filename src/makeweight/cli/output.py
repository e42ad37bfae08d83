"""Where output goes: results to stdout, everything else to stderr."""

from __future__ import annotations

import json
import re
import shlex
import sys
import textwrap
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from makeweight.errors import ARGUMENT
from makeweight.face.console import PIPE_WIDTH
from makeweight.face.console import remark as remark
from makeweight.face.console import stderr as stderr
from makeweight.text import visible, visible_lines

if TYPE_CHECKING:
    from rich.console import Console

_OTHERWISE = {"files": "--data", "widths": "--width"}  # where the command line has another word


@cache
def stdout() -> Console:
    """Console for results; NO_COLOR and pipes are respected by rich."""
    from rich.console import Console

    return Console(highlight=False, width=None if sys.stdout.isatty() else PIPE_WIDTH)


def complain(message: str) -> None:
    """Print an error on one line."""
    print(f"error: {visible(' '.join(message.split()))}", file=sys.stderr)


def put(*lines: object) -> None:
    """Print results as they are, each on lines of its own: paths, and what other programs read."""
    print(*(visible_lines(str(line)) for line in lines), sep="\n", flush=True)


def print_json(record: dict[str, Any]) -> None:
    """Print one JSON object; NaN and infinity, which JSON lacks, become null."""
    put(json.dumps(_finite(record), indent=2, allow_nan=False))


def _finite(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _finite(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(inner) for inner in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value


def print_text(console: Console, text: str, style: str = "", indent: str = "") -> None:
    """Print prose, wrapped between words on a terminal, ``indent`` before all lines but the first.

    A word that is longer than a line stays whole.
    """
    from rich.text import Text

    lines = textwrap.wrap(
        visible_lines(text), console.width, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False
    )  # fmt: skip
    console.print(Text("\n".join(lines), style=style), soft_wrap=True)


def say(*sentences: str) -> None:
    """Print results in words, each sentence on a new line."""
    for sentence in sentences:
        print_text(stdout(), sentence)


def print_next(store: Path, *commands: tuple[tuple[str, ...], str]) -> None:
    """Print the next commands for what is in a store, each with its purpose if there is room."""
    option = () if store == Path("studies") else ("--store", str(store))
    lines = [(shlex.join(["makeweight", *words, *option]), purpose) for words, purpose in commands]
    longest = max(len(line) for line, _ in lines)
    say("", "Next:")
    for line, purpose in lines:
        whole = f"  {line:{longest}}  # {purpose}"
        put(whole if len(whole) <= stdout().width else f"  {line}")


def examples(*lines: str, note: str = "") -> str:
    """Write a command's examples for its help, one a line, as a block of code in Markdown."""
    block = "\n".join(f"    {line}" for line in lines)
    return "\n\n".join(filter(None, ("Examples:" if len(lines) > 1 else "Example:", block, note)))


def with_flags(message: str) -> str:
    """Write the arguments in a message as flags.

    >>> with_flags("try invert=True, or leave out invert=False.")
    'try --invert, or leave out --no-invert.'
    >>> with_flags("Check free memory, or use workers=1.")
    'Check free memory, or use --workers 1.'
    >>> with_flags("image_size=HEIGHTxWIDTH, or skip_unreadable=True; kernel_x=5 stays")
    '--image-size HEIGHTxWIDTH, or --skip-unreadable; kernel_x=5 stays'
    >>> with_flags("--set epochs=x is not possible: cnn-10k-kernel=5 and 'kernel=5' stay")
    "--set epochs=x is not possible: cnn-10k-kernel=5 and 'kernel=5' stay"
    """
    return ARGUMENT.sub(_flag, message)


def _flag(argument: re.Match[str]) -> str:
    name, value = argument.groups()
    flag = _OTHERWISE.get(name, f"--{name.replace('_', '-')}")
    if flag not in _flags():
        return argument[0]
    return flag if value == "True" else f"--no-{name}" if value == "False" else f"{flag} {value}"


@cache
def _flags() -> frozenset[str]:
    """All flags of all commands."""
    import typer

    from makeweight.cli.app import app

    def of(command: Any) -> set[str]:
        own = {flag for parameter in command.params for flag in parameter.opts}
        return own.union(*(of(inner) for inner in getattr(command, "commands", {}).values()))

    return frozenset(of(typer.main.get_command(app)))
