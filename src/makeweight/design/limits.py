"""Limits beside the weights: multiply–accumulate operations, and the memory of activations, for one image."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction
from typing import Literal, get_args

from makeweight.design.cost import FLOAT_BYTES, Cost
from makeweight.errors import InvalidValue

ActivationType = Literal["int8", "fp32"]
_BYTES: dict[ActivationType, int] = {"int8": 1, "fp32": FLOAT_BYTES}
_UNITS = {
    "macs": {"": 1, "K": 10**3, "M": 10**6, "G": 10**9},
    "bytes": {"": 1, "K": 2**10, "KIB": 2**10, "M": 2**20, "MIB": 2**20, "G": 2**30, "GIB": 2**30},
}
HOW_TO_WRITE = {
    "macs": "write a whole number above 0 as 5M or 5000000",
    "bytes": "write a whole number above 0 as 64K or 64KiB (65,536 bytes) or 65536",
}
LARGEST = 10**15
_LONGEST = 32  # characters of a wrong value that are repeated


@dataclass(frozen=True, slots=True)
class Limits:
    """What a network may cost for one image, besides its weights; None sets no limit.

    Activation bytes are counted as in :func:`makeweight.design.cost.cost`: the largest, over the layers, of input +
    output + the shortcut kept for an addition, with element-wise layers computed in place. A value takes 1 byte in an
    int8 network and 4 in a float32 one. Weights, code and a kernel's scratch memory come on top.
    """

    max_macs: int | None = None
    max_activation_bytes: int | None = None
    activation_type: ActivationType = "int8"

    def __post_init__(self) -> None:
        for name, value in (("max_macs", self.max_macs), ("max_activation_bytes", self.max_activation_bytes)):
            if value is not None and not 1 <= value <= LARGEST:
                raise InvalidValue(f"{name} {value} is not possible: give 1 to {LARGEST:,}.")
        if self.activation_type not in get_args(ActivationType):
            raise InvalidValue(f"activation_type {self.activation_type!r} is unknown. Choose from: int8, fp32.")

    @property
    def any(self) -> bool:
        """Whether there is a limit."""
        return self.max_macs is not None or self.max_activation_bytes is not None

    @property
    def bytes_a_value(self) -> int:
        """Bytes of one activation."""
        return _BYTES[self.activation_type]

    def activation_bytes(self, cost: Cost) -> int:
        """Peak activation bytes of a network in this limit's type."""
        return cost.activation_bytes // FLOAT_BYTES * self.bytes_a_value

    def broken_by(self, cost: Cost) -> tuple[str, ...]:
        """Names of the limits that a network breaks: macs, activation_bytes."""
        broken = []
        if self.max_macs is not None and cost.macs > self.max_macs:
            broken.append("macs")
        if self.max_activation_bytes is not None and self.activation_bytes(cost) > self.max_activation_bytes:
            broken.append("activation_bytes")
        return tuple(broken)

    def usage(self, cost: Cost) -> tuple[str, ...]:
        """Say how much of each limit a network uses."""
        size = self.activation_bytes(cost)
        return tuple(
            f"{used:,} of at most {limit:,} {unit}"
            for limit, used, unit in (
                (self.max_macs, cost.macs, "MACs"),
                (self.max_activation_bytes, size, f"bytes of {self.activation_type} activations"),
            )
            if limit is not None
        )

    def labels(self) -> tuple[str, ...]:
        """Short texts for a name, one for each limit."""
        macs, size = self.max_macs, self.max_activation_bytes
        return (
            *((f"macs{macs}",) if macs is not None else ()),
            *((f"{self.activation_type}-{size}B",) if size is not None else ()),
        )


NO_LIMITS = Limits()


def parse_limits(
    max_macs: str | int | None = None,
    max_activation_bytes: str | int | None = None,
    activation_type: str = "int8",
) -> Limits:
    """Read the limits beside the weights, each as :func:`parse_limit` does.

    Raises
    ------
    InvalidValue
        If one is no whole number above 0, or the type is unknown.
    """
    return Limits(
        None if max_macs is None else parse_limit(max_macs, "macs"),
        None if max_activation_bytes is None else parse_limit(max_activation_bytes, "bytes"),
        activation_type,  # type: ignore[arg-type]
    )


def parse_limit(text: str | int, kind: Literal["macs", "bytes"]) -> int:
    """Read a limit: 5M MACs are 5,000,000, and 64K or 64KiB bytes are 65,536, as memory is sold.

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
