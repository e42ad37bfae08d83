"""How the text of options is read."""

from __future__ import annotations

import re
from typing import Any

from makeweight.errors import InvalidValue


def present(**values: Any) -> dict[str, Any]:
    """Keep the options that have a value."""
    return {name: value for name, value in values.items() if value is not None}


def widths(text: str | None) -> tuple[int, ...] | None:
    """Read exact widths: one number, or several, comma-separated."""
    if text is None:
        return None
    try:
        return tuple(int(part) for part in text.split(","))
    except ValueError:
        raise InvalidValue(
            f"width {text!r} is not possible: give one number or several, as in 223 or 16,24,48."
        ) from None


def input_shape(text: str) -> tuple[int, int, int]:
    """Read an input shape: 1x28x28 is 1 channel, height 28, width 28."""
    match = re.fullmatch(r"(\d{1,6})[x×,](\d{1,6})[x×,](\d{1,6})", text.strip().lower())
    if match is None:
        raise InvalidValue(f"input {text!r} is not possible: write channels, height and width as in 1x28x28.")
    c, h, w = (int(part) for part in match.groups())
    return c, h, w


def recipe_changes(settings: list[str] | None, **direct: Any) -> dict[str, Any]:
    """Read ``FIELD=VALUE`` texts into recipe fields; direct options win."""
    from makeweight.studies.spec import RECIPE_FIELDS, check_field

    changes: dict[str, Any] = {}
    for text in settings or ():
        name, separator, value = text.partition("=")
        name = name.strip().replace("-", "_")
        if not separator or name not in RECIPE_FIELDS:
            raise InvalidValue(
                f"--set {text!r} is not possible: write FIELD=VALUE with a field of: {', '.join(RECIPE_FIELDS)}."
            )
        changes[name] = _literal(value.strip())
        check_field("--set", name, changes[name], name)
    return {**changes, **present(**direct)}


def varied(texts: list[str] | None) -> dict[str, tuple[Any, ...]]:
    """Read ``NAME=VALUE,VALUE`` texts; the study checks names and values.

    >>> varied(["kernel=3,5", "learning-rate=0.01", "flip=true,false", "norm=batch"])
    {'kernel': (3, 5), 'learning_rate': (0.01,), 'flip': (True, False), 'norm': ('batch',)}
    """
    values_by_name: dict[str, tuple[Any, ...]] = {}
    for text in texts or ():
        name, _, values = text.partition("=")
        if not name.strip() or not all(value.strip() for value in values.split(",")):
            raise InvalidValue(f"--vary {text!r} is not possible: write NAME=VALUE,VALUE as in 'kernel=3,5,7'.")
        key = name.strip().replace("-", "_")
        values_by_name[key] = values_by_name.get(key, ()) + tuple(
            _literal(value.strip()) for value in values.split(",")
        )
    return values_by_name


def _literal(text: str) -> bool | int | float | str:
    """Guess a value's type from its text."""
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


def check_figure(format_: str, theme: str) -> None:
    """Check the options that every command with figures has.

    Raises
    ------
    InvalidValue
        If there is no such format or theme.
    """
    from makeweight.report.figures.style import FORMATS, THEMES

    for option, value, allowed in (("format", format_, FORMATS), ("theme", theme, THEMES)):
        if value not in allowed:
            raise InvalidValue(f"{option} {value!r} is not possible: give one of {', '.join(allowed)}.")
