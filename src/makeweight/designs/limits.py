"""Limits besides the weights: multiply–accumulate operations per image, and RAM of the exported program."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

from makeweight.errors import InvalidValue

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
_LONGEST = 32  # characters of a wrong value that an error repeats


@dataclass(frozen=True, slots=True)
class Limits:
    """What a network may cost per image, besides its weights; None is no limit.

    RAM is that of the exported C program, as :func:`makeweight.designs.memory.ram` lays it out: the image, the buffer
    in which all values lie, and the output. A value takes 1 byte in an int8 program and 4 in a float one. Weights and
    code lie in flash; the stack comes on top, and docs/export.md says how much.
    """

    max_macs: int | None = None
    max_ram: int | None = None  # bytes
    ram_type: NumberType = "int8"  # the program that max_ram is for

    def __post_init__(self) -> None:
        for name, value in (("max_macs", self.max_macs), ("max_ram", self.max_ram)):
            if value is not None and not 1 <= value <= LARGEST:
                raise InvalidValue(f"{name} {value} is not possible: give 1 to {LARGEST:,}.")
        if self.ram_type not in get_args(NumberType):
            raise InvalidValue(f"ram_type {self.ram_type!r} is unknown. Choose from: int8, fp32.")

    @property
    def any(self) -> bool:
        """Whether there is a limit."""
        return self.max_macs is not None or self.max_ram is not None

    def broken_by(self, macs: int, ram: int) -> tuple[str, ...]:
        """Names of the limits that a network breaks: macs, ram."""
        pairs = (("macs", macs, self.max_macs), ("ram", ram, self.max_ram))
        return tuple(name for name, used, most in pairs if most is not None and used > most)

    def usage(self, macs: int, ram: int) -> tuple[str, ...]:
        """Say how much of each limit a network uses."""
        rows = ((self.max_macs, macs, "MACs"), (self.max_ram, ram, f"bytes of RAM as {self.ram_type} C"))
        return tuple(f"{used:,} of at most {most:,} {unit}" for most, used, unit in rows if most is not None)

    def labels(self) -> tuple[str, ...]:
        """Short texts for a name, one per limit."""
        return (
            *((f"macs{self.max_macs}",) if self.max_macs is not None else ()),
            *((f"{self.ram_type}-{self.max_ram}B",) if self.max_ram is not None else ()),
        )


NO_LIMITS = Limits()


def parse_limits(max_macs: str | int | None = None, max_ram: str | int | None = None, ram_type: str = "int8") -> Limits:
    """Read the limits besides the weights, each as :func:`parse_limit` does.

    Raises
    ------
    InvalidValue
        If one is no whole number above 0, or the type is unknown.
    """
    return Limits(
        None if max_macs is None else parse_limit(max_macs, "macs"),
        None if max_ram is None else parse_limit(max_ram, "bytes"),
        ram_type,  # type: ignore[arg-type]
    )


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
