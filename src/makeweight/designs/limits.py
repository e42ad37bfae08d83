"""Limits besides the weights: multiply–accumulate operations per image, and what the exported program takes."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import partial
from typing import TYPE_CHECKING, Any, Literal, get_args

from makeweight.designs.budget import MAX_BUDGET
from makeweight.errors import InvalidValue

if TYPE_CHECKING:
    from makeweight.designs.chips import Chip

NumberType = Literal["int8", "fp32"]
_UNITS = {
    "macs": {"": 1, "K": 10**3, "M": 10**6, "G": 10**9},
    "bytes": {"": 1, "K": 2**10, "KIB": 2**10, "M": 2**20, "MIB": 2**20, "G": 2**30, "GIB": 2**30},
}
HOW_TO_WRITE = {
    "macs": "write a whole number above 0 as 5M or 5000000",
    "bytes": "write a whole number above 0 as 64K or 64KiB (65,536 bytes) or 65536",
}
LARGEST = 10**15
WORDS = {"macs": "MACs", "ram": "RAM", "flash": "flash", "ms": "milliseconds"}  # what can be limited
_LONGEST = 32  # characters of a wrong value that an error repeats


@dataclass(frozen=True, slots=True)
class Limits:
    """What a network may cost per image, besides its weights; None is no limit.

    RAM is that of the exported C program, as :func:`makeweight.designs.memory.ram` lays it out: the image, the buffer
    in which all values lie, and the output. A value takes 1 byte in an int8 program and 4 in a float one. Weights and
    code lie in flash; the stack comes on top, and docs/export.md says how much. Flash and milliseconds are those of the
    int8 program on a chip, as :class:`makeweight.designs.chips.Chip` estimates them.
    """

    max_macs: int | None = None
    max_ram: int | None = None  # bytes
    ram_type: NumberType = "int8"  # the program that max_ram is for
    chip: str | None = None  # a core and perhaps its clock: cortex-m4@80MHz
    max_flash: int | None = None  # bytes
    max_ms: float | None = None

    def __post_init__(self) -> None:
        for name, value in self.most().items():
            if not 0 < value <= LARGEST or (name != "ms" and value < 1):
                raise InvalidValue(f"max_{name} {value} is not possible: give 1 to {LARGEST:,}.")
        if self.ram_type not in get_args(NumberType):
            raise InvalidValue(f"ram_type {self.ram_type!r} is unknown. Choose from: int8, fp32.")
        self._check_chip()

    def _check_chip(self) -> None:
        if self.chip is None:
            for name, value in (("flash", self.max_flash), ("ms", self.max_ms)):
                if value is not None:
                    raise InvalidValue(
                        f"max_{name}={_plain(value)} is a limit on a chip. Add one, as in chip=cortex-m4@80MHz."
                    )
            return
        clock = self.on_chip.mhz
        if self.ram_type != "int8":
            raise InvalidValue("a chip runs the int8 program: leave out ram_type=fp32, or the chip.")
        if self.max_ms is not None and clock is None:
            raise InvalidValue(
                f"max_ms={_plain(self.max_ms)} needs the chip's clock. Write it as in {self.chip}@80MHz."
            )

    @property
    def any(self) -> bool:
        """Whether there is a limit."""
        return bool(self.most())

    @property
    def on_device(self) -> bool:
        """Whether the network is for a device, whose program likes widths that are multiples of 4."""
        return not self.most().keys() <= {"macs"}

    @property
    def of_chip(self) -> bool:
        """Whether flash or milliseconds are limited."""
        return self.max_flash is not None or self.max_ms is not None

    @property
    def on_chip(self) -> Chip:
        """The chip; raises InvalidValue if there is none."""
        from makeweight.designs.chips import parse_chip  # needs NumPy, which --help doesn't wait for

        return parse_chip(self.chip or "")

    def budget(self, weights: int | None) -> int | None:
        """Return the budget of weights: the one that is given, or one for each byte of flash."""
        if weights is None and self.max_flash is not None:
            return min(self.max_flash, MAX_BUDGET)
        return weights

    def asked(self) -> dict[str, Any]:
        """Return the limits that are given, as they stand in the name of a network."""
        given = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {name: value for name, value in given.items() if value not in (None, "int8")}

    def most(self) -> dict[str, float]:
        """Return what is limited, and to what: macs, ram, flash, ms."""
        limits = {"macs": self.max_macs, "ram": self.max_ram, "flash": self.max_flash, "ms": self.max_ms}
        return {name: most for name, most in limits.items() if most is not None}

    def kinds(self) -> Limits:
        """Return what is limited, without how much: for what is counted once and kept."""
        return replace(self, **{f"max_{name}": 1 for name in self.most()})  # type: ignore[arg-type]

    def alone(self, name: str) -> Limits:
        """One of these limits without the others."""
        return Limits(ram_type=self.ram_type, chip=self.chip, **{f"max_{name}": self.most()[name]})  # type: ignore[arg-type]

    def broken_by(self, used: Mapping[str, float]) -> tuple[str, ...]:
        """Names of the limits that a network breaks, which uses so much of each."""
        return tuple(name for name, most in self.most().items() if used[name] > most)

    def usage(self, used: Mapping[str, float]) -> tuple[str, ...]:
        """Say how much of each limit a network uses."""
        return tuple(
            f"{amount(name, used[name])} of at most {amount(name, most)} {self.unit(name)}"
            for name, most in self.most().items()
        )

    def unit(self, name: str) -> str:
        """Say what a limit counts."""
        units = {"macs": "MACs", "ram": f"bytes of RAM as {self.ram_type} C", "flash": "bytes of flash", "ms": "ms"}
        return units[name] + (f" on {self.chip}" if name in ("flash", "ms") else "")

    def labels(self) -> tuple[str, ...]:
        """Short texts for a name, one per limit."""
        texts = {"macs": "macs{}", "ram": f"{self.ram_type}-{{}}B", "flash": "flash-{}B", "ms": "{}ms"}
        chip = () if self.chip is None else (self.chip.replace("@", "-"),)
        return (*(texts[name].format(_plain(most)) for name, most in self.most().items()), *chip)


def limits_of(settings: Mapping[str, Any]) -> Limits:
    """Return the limits in the stored settings of a study, a training or a tuning.

    Raises
    ------
    InvalidValue
        If they are damaged, or for a chip that this version doesn't know.
    """
    alone = settings.get("train") or settings.get("tuning") or {}
    try:
        kept = alone.get("limits", settings)
        return Limits(**{name: kept[name] for name in Limits.__dataclass_fields__ if kept.get(name) is not None})
    except (AttributeError, TypeError) as error:
        raise InvalidValue(f"the stored limits can't be read: {error}. Run the study again.") from error


def _plain(number: float) -> str:
    """Write every digit of a number, without the fraction of a whole one."""
    return repr(number).removesuffix(".0")


def amount(name: str, number: float) -> str:
    """Write how much of something that can be limited: three digits of milliseconds, all of the others.

    >>> amount("ms", 12.3456), amount("ram", 65536)
    ('12.3', '65,536')
    """
    return f"{number:,.3g}" if name == "ms" and number < 1000 else f"{number:,.0f}"


NO_LIMITS = Limits()


def parse_limits(
    max_macs: str | int | None = None,
    max_ram: str | int | None = None,
    ram_type: str = "int8",
    chip: str | None = None,
    max_flash: str | int | None = None,
    max_ms: str | float | None = None,
) -> Limits:
    """Read the limits besides the weights, each as :func:`parse_limit` does.

    Raises
    ------
    InvalidValue
        If one is no number above 0, or the type or the chip is unknown.
    """
    given = {"max_macs": max_macs, "max_ram": max_ram, "chip": chip, "max_flash": max_flash, "max_ms": max_ms}
    return Limits(**parse_each({**given, "ram_type": ram_type}))


def parse_each(given: Mapping[str, Any]) -> dict[str, Any]:
    """Read limits one by one, without asking whether they go together; None stays.

    Raises
    ------
    InvalidValue
        As :func:`parse_limits` does.
    """
    from makeweight.designs.chips import parse_chip  # needs NumPy, which --help doesn't wait for

    parsers: dict[str, Callable[[Any], Any]] = {
        "max_macs": partial(parse_limit, kind="macs"),
        "max_ram": partial(parse_limit, kind="bytes"),
        "ram_type": lambda text: Limits(ram_type=text).ram_type,
        "chip": lambda text: str(parse_chip(text)),
        "max_flash": partial(parse_limit, kind="bytes"),
        "max_ms": parse_milliseconds,
    }
    return {name: None if value is None else parsers[name](value) for name, value in given.items()}


def parse_milliseconds(text: str | float) -> float:
    """Read a limit of milliseconds: 100, 2.5 or 100ms.

    Raises
    ------
    InvalidValue
        If it is no number above 0.
    """
    try:
        number = float(str(text).strip().lower().removesuffix("ms"))
    except ValueError:
        number = 0.0
    if isinstance(text, bool) or not 0 < number <= LARGEST:  # neither is what isn't a number
        raise InvalidValue(
            f"a limit of {str(text)[:_LONGEST]!r} ms is not possible: write a number above 0, as 100 or 2.5."
        )
    return number


def parse_limit(text: str | int, kind: Literal["macs", "bytes"]) -> int:
    """Read a limit: 5M MACs are 5,000,000, and 64K or 64KiB bytes are 65,536, as usual for memory.

    Raises
    ------
    InvalidValue
        If it is no whole number above 0.

    >>> parse_limit("5M", "macs"), parse_limit("64K", "bytes"), parse_limit("1.5K", "bytes")
    (5000000, 65536, 1536)
    """
    written = str(text).strip()
    match = re.fullmatch(r"(\d{1,15}(?:\.\d{1,6})?)\s*([KMG]?(?:IB)?)", written.upper().replace("_", ""))
    value = Fraction(match[1]) * _UNITS[kind].get(match[2], 0) if match else Fraction(0)
    if value.denominator != 1 or not 1 <= value <= LARGEST:
        raise InvalidValue(f"a limit of {written[:_LONGEST]!r} {kind} is not possible: {HOW_TO_WRITE[kind]}.")
    return int(value)
