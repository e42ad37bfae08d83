"""Microcontrollers: instructions, milliseconds and flash of the exported int8 program, before anything is trained.

The numbers of a core stand in ``cores.json``, which ``python -m benchmarks.chips.fit`` writes: how many instructions
each loop of the program takes, fitted to programs that ran in an emulator, and how many bytes its functions take,
fitted to what the linker said. docs/microcontrollers.md says how far they are off on networks that were not fitted.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

import numpy as np

from makeweight.designs.architecture import Architecture
from makeweight.designs.workload import constants, parts, work
from makeweight.errors import InvalidValue

FASTEST = 2000.0  # MHz
_SHORT = {"m0plus": "cortex-m0plus", "m4": "cortex-m4", "m33": "cortex-m33", "m7": "cortex-m7", "rv32": "rv32imc"}
_SHORT |= {"m0+": "cortex-m0plus", "cortex-m0+": "cortex-m0plus", "m4f": "cortex-m4", "cortex-m4f": "cortex-m4"}


@dataclass(frozen=True)
class Core:
    """A processor core, and what the int8 program takes there, compiled with GCC 12.2 -O2."""

    name: str
    cycles: float  # per instruction, with zero wait states; benchmarks/chips/cycles.py has the sources
    instructions: Mapping[str, float]  # for each count of makeweight.designs.workload.work
    code: Mapping[str, float]  # bytes for each count of makeweight.designs.workload.parts
    spare_code: int  # bytes by which a program exceeded those at most; the estimate adds them
    error: float  # of the instructions, relative, median over held-out networks
    largest_error: float


@dataclass(frozen=True)
class Chip:
    """A core at a clock."""

    core: Core
    mhz: float | None = None

    def __str__(self) -> str:
        if self.mhz is None:
            return self.core.name
        return f"{self.core.name}@{f'{self.mhz:.3f}'.rstrip('0').rstrip('.')}MHz"

    def instructions(self, architecture: Architecture) -> Any:
        """Estimate the instructions for one image; an array where the widths are arrays.

        >>> from makeweight.designs.layers import Flatten, Linear
        >>> small = Architecture("any", (1, 8, 8), 10, (Flatten("flat"), Linear("logits", 10)))
        >>> bool(1_000 < parse_chip("cortex-m4").instructions(small) < 10_000)
        True
        """
        return _sum(self.core.instructions, work(architecture))

    def milliseconds(self, architecture: Architecture) -> Any:
        """Estimate the milliseconds for one image: instructions times cycles per instruction, zero wait states.

        Raises
        ------
        InvalidValue
            If the clock isn't known.
        """
        if self.mhz is None:
            raise InvalidValue(f"milliseconds on {self} need its clock. Write it as in {self}@80MHz.")
        return self.instructions(architecture) * self.core.cycles / (1000 * self.mhz)

    def flash(self, architecture: Architecture) -> Any:
        """Estimate the bytes of flash: constant arrays, which are exact, and functions with what the compiler adds."""
        code = _sum(self.core.code, parts(architecture)) + self.core.spare_code
        return constants(architecture) + np.ceil(code).astype(int)


@cache
def cores() -> Mapping[str, Core]:
    """All cores, by name."""
    text = (resources.files("makeweight.designs") / "cores.json").read_text(encoding="utf-8")
    return {name: Core(name, **numbers) for name, numbers in json.loads(text)["cores"].items()}


def parse_chip(text: str) -> Chip:
    """Read a core, with or without its clock.

    Raises
    ------
    InvalidValue
        If the core is unknown, or the clock is not a number of MHz above 0.

    >>> str(parse_chip("m4@80MHz")), str(parse_chip("Cortex-M0+"))
    ('cortex-m4@80MHz', 'cortex-m0plus')
    """
    text = str(text)
    written, _, clock = text.strip().lower().partition("@")
    name = _SHORT.get(written, written)
    if name not in cores():
        raise InvalidValue(
            f"chip {text[:32]!r} is unknown. Choose from: {', '.join(cores())}; with a clock, as in m4@80MHz."
        )
    if not clock and "@" not in text:
        return Chip(cores()[name])
    match = re.fullmatch(r"(\d{1,4}(?:\.\d{1,3})?)\s*(?:mhz)?", clock)
    if not match or not 0 < float(match[1]) <= FASTEST:
        raise InvalidValue(
            f"the clock in {text[:32]!r} is not possible: give MHz above 0 and up to {FASTEST:g}, with three decimals "
            f"at most, as in {name}@80MHz."
        )
    return Chip(cores()[name], float(match[1]))


def _sum(numbers: Mapping[str, float], counts: Mapping[str, Any]) -> Any:
    return sum(numbers.get(name, 0.0) * count for name, count in counts.items())
