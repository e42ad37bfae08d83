"""The controls of the playground, made from each family's own description of its options.

A range may go beyond what fits an image, so that the reader meets the geometry's error.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from makeweight.designs.families import FAMILIES, Family, family_named
from makeweight.designs.families.base import OptionInfo
from makeweight.errors import ARGUMENT, InvalidValue

STEPS = 20  # at least, of a slider for fractions
REACH = 10  # a slider ends at this multiple of the largest value that the option names, if its rule allows more
LABELS = {
    "family": "Family",
    "budget": "Budget, weights",
    "dataset": "Images",
    "scale": "Scale of the numbers",
    "layout": "Layout of the folders",
    "label": "Label column",
    "image_size": "Image size",
    "channels": "Channels",
    "skip_unreadable": "Unreadable pictures",
    "max_macs": "Most MACs per image",
    "max_ram": "RAM of the C program, int8",
    "chip": "Chip and its clock",
    "max_flash": "Flash on the chip",
    "max_ms": "Milliseconds on the chip",
}


@dataclass(frozen=True, slots=True)
class Slider:
    """A number to choose by moving."""

    name: str  # of the option
    label: str
    help: str
    unset: str  # what is shown while it has not been moved
    low: float
    high: float
    step: float
    first: float  # where it stands before it is moved


@dataclass(frozen=True, slots=True)
class Choice:
    """A choice from a few words."""

    name: str
    label: str
    help: str
    unset: str
    values: tuple[str, ...]


Control = Slider | Choice


def default_family() -> str:
    """Name the family that the playground opens with: the last of the default study."""
    return [family.name for family in FAMILIES.values() if family.in_default_study][-1]


def controls_of(family: Family) -> tuple[Control, ...]:
    """Make a control of each option."""
    return tuple(map(_control, family.infos))


def _control(info: OptionInfo) -> Control:
    if info.choices:
        return Choice(info.name, info.label, info.help, _unset(info), info.choices)
    low, high = _ends(info)
    step = 1 if info.kind is int or low == high else _round_down((high - low) / STEPS)
    first = next((value for value in (info.default, *info.tries) if value is not None), low)
    low, high = low + step * (not info.includes_low), high - step * (high == info.high and not info.includes_high)
    about = f"{info.help} Auto: {info.unset}." if info.unset and not info.tries else info.help
    return Slider(info.name, info.label, about, _unset(info), _plain(low), _plain(high), _plain(step), first)


def _unset(info: OptionInfo) -> str:
    """Say what an option is while nobody chooses."""
    if info.tries or info.default is None:
        return "auto"  # by the solver, or by the budget
    return f"{info.default:g} (default)" if info.kind is float else f"{info.default} (default)"


def _ends(info: OptionInfo) -> tuple[float, float]:
    """Return the ends of an option's range, without what nobody would try."""
    search = (info.search.low, info.search.high, *info.search.choices) if info.search else ()
    named = [abs(value) for value in (info.default, *info.tries, *search) if isinstance(value, int | float) and value]
    far = REACH * (max(named) if named else max(1, abs(info.low) if math.isfinite(info.low) else 1))
    return max(info.low, -far), min(info.high, far)


def _round_down(width: float) -> float:
    """Round to 1, 2 or 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(width))
    return next(digit for digit in (5, 2, 1) if digit * power <= width * (1 + 1e-9)) * power


def _plain(number: float) -> float:
    """Drop digits left by rounding: 0.95, not 0.9500000000000001; a whole number becomes an integer."""
    rounded = float(f"{number:.10g}")
    return int(rounded) if rounded.is_integer() else rounded


def options_of(family: str, texts: Mapping[str, str]) -> dict[str, Any]:
    """Read a family's options from the texts of an address; the family itself checks their values.

    Raises
    ------
    InvalidValue
        If a text isn't a number where one is needed, or a name isn't an option of the family.
    """
    kinds = {info.name: info.kind for info in family_named(family).infos}
    options: dict[str, Any] = {}
    for name, text in texts.items():
        if name not in kinds:
            raise InvalidValue(f"family {family!r} has no option {name!r}. It has: {', '.join(kinds)}.")
        try:
            options[name] = kinds[name](text)
        except ValueError:
            raise InvalidValue(f"{name}={text[:20]!r} is not possible: give a number.") from None
    return options


def in_labels(message: str) -> str:
    """Write the arguments in an error as the form of the playground labels them.

    >>> in_labels("Use padding=4, or max_macs=5M; workers=1 stays")
    'Use “Padding, pixels” 4, or “Most MACs per image” 5M; workers=1 stays'
    """
    labels = {info.name: info.label for family in FAMILIES.values() for info in family.infos} | LABELS

    def label(argument: re.Match[str]) -> str:
        name, value = argument.groups()
        return f"“{labels[name]}” {value}" if name in labels else argument[0]

    return ARGUMENT.sub(label, message)
