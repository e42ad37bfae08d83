"""What a network takes of everything that is limited."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from makeweight.designs.architecture import Architecture
from makeweight.designs.cost import totals
from makeweight.designs.limits import Limits, amount
from makeweight.designs.memory import peak, ram
from makeweight.designs.shapes import place
from makeweight.wording import percent


def demand(architecture: Architecture, limits: Limits) -> dict[str, float]:
    """Count what a network takes of each limit, in the limits' order; RAM is exactly what the linker reserves."""
    counted = least_demand(architecture, limits)
    return {**counted, "ram": ram(architecture, limits.ram_type)} if "ram" in counted else counted


def least_demand(architecture: Architecture, limits: Limits) -> dict[str, Any]:
    """Do the same for widths that may be arrays, one element for each of many networks; RAM is a lower bound."""
    counters: dict[str, Callable[[], Any]] = {
        "macs": lambda: totals(place(architecture.layers, architecture.input_shape))[1],
        "ram": lambda: peak(architecture, limits.ram_type),
        "flash": lambda: limits.on_chip.flash(architecture),
        "ms": lambda: limits.on_chip.milliseconds(architecture),
    }
    return {name: counters[name]() for name in limits.most()}


@dataclass(frozen=True)
class OnDevice:
    """What the exported program takes; flash and time are None where no chip is chosen, time where its clock isn't."""

    ram_bytes: int
    flash_bytes: int | None = None
    instructions: int | None = None
    milliseconds: float | None = None

    @property
    def cells(self) -> tuple[str, str, str]:
        """RAM, flash and milliseconds for a table."""
        flash = "–" if self.flash_bytes is None else f"{self.flash_bytes:,}"
        return f"{self.ram_bytes:,}", flash, "–" if self.milliseconds is None else amount("ms", self.milliseconds)


def on_device(architecture: Architecture, limits: Limits) -> OnDevice:
    """Estimate what the exported program takes on the limits' chip; RAM, which is exact, without one too."""
    needed = ram(architecture, limits.ram_type)
    if limits.chip is None:
        return OnDevice(needed)
    chip = limits.on_chip
    time = None if chip.mhz is None else float(chip.milliseconds(architecture))
    return OnDevice(needed, int(chip.flash(architecture)), round(chip.instructions(architecture)), time)


def sentences(device: OnDevice, limits: Limits) -> list[str]:
    """Say what the exported program takes, with the error that the estimate had on other networks."""
    said = [f"{device.ram_bytes:,} bytes of RAM as {limits.ram_type} C"]
    if device.flash_bytes is None or device.instructions is None:
        return said
    core = limits.on_chip.core
    time = "" if device.milliseconds is None else f", {amount('ms', device.milliseconds)} ms"
    said.append(
        f"on {limits.chip} about {device.flash_bytes:,} bytes of flash and {device.instructions:,} instructions per "
        f"image{time} (estimates: instructions were off by {percent(core.error)} in the median and "
        f"{percent(core.largest_error)} at most on held-out networks; {core.cycles:g} cycles per instruction, zero "
        "wait states)"
    )
    return said
