"""The energy of a forward pass, read from a counter in the hardware; where there is none, there is no number."""

from __future__ import annotations

import importlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

POWERCAP = Path("/sys/class/powercap")
MIN_SECONDS = 1.0  # RAPL's counters advance about every millisecond, NVML's about every 100
UJ_PER_MJ = 1_000


@dataclass(frozen=True)
class Register:
    """One counter of microjoules, which starts again from 0 at the end of its range."""

    read_uj: Callable[[], int]
    range_uj: int

    def spent_uj(self, before: int, after: int) -> int:
        """Return what was spent between two readings less than a range apart; a range lasts minutes."""
        return after - before if after >= before else after - before + self.range_uj


@dataclass(frozen=True)
class EnergyCounter:
    """All registers of what does the work."""

    source: str
    registers: tuple[Register, ...]


@dataclass(frozen=True, slots=True)
class Energy:
    """What one image takes."""

    millijoules: float
    source: str


def energy_per_image(
    call: Callable[[], object], images: int, counter: EnergyCounter | None, seconds: float = MIN_SECONDS
) -> Energy | None:
    """Measure the energy of one image while ``call`` takes ``images`` of them at once, for at least ``seconds``.

    It is all that the processor package or the card took in that time, divided by the images: what idles there and
    what else runs there is included, and nothing is subtracted.

    Returns None, "not measured", without a counter and where it cannot be read or stands still.
    """
    if counter is None:
        return None
    try:
        before = [register.read_uj() for register in counter.registers]
        calls = _repeat(call, seconds)
        after = [register.read_uj() for register in counter.registers]
    except (OSError, ValueError):
        return None
    spent_uj = sum(r.spent_uj(*readings) for r, *readings in zip(counter.registers, before, after, strict=True))
    return Energy(spent_uj / UJ_PER_MJ / (calls * images), counter.source) if spent_uj else None


def find_counter(device: str, powercap: Path = POWERCAP) -> EnergyCounter | None:
    """Find the counter of a device: RAPL of all processor packages, or NVML of the current CUDA card."""
    return nvml_counter() if device == "cuda" else rapl_counter(powercap)


def rapl_counter(powercap: Path) -> EnergyCounter | None:
    """Return the counter of all processor packages together, where Linux lets all of them be read.

    Zones are as in the kernel's Documentation/power/powercap: one named "package-0" is a processor (of AMD's as well),
    those below it ("core", "dram") are parts that it includes, and "psys" is the whole board.
    """
    packages: dict[str, Register] = {}
    try:
        for zone in sorted(powercap.glob("intel-rapl:*")):
            name = _read(zone / "name")
            if name.startswith("package"):
                packages[name] = _register(zone)
    except (OSError, ValueError):  # since CVE-2020-8694 most systems let only root read energy
        return None
    return EnergyCounter(f"RAPL {' + '.join(packages)}", tuple(packages.values())) if packages else None


def nvml_counter() -> EnergyCounter | None:
    """Return the counter of the current CUDA card (Volta and later), where the package ``pynvml`` is installed."""
    try:
        nvml = importlib.import_module("pynvml")
    except ImportError:
        return None
    try:
        nvml.nvmlInit()
        properties = torch.cuda.get_device_properties(torch.cuda.current_device())
        card = nvml.nvmlDeviceGetHandleByUUID(f"GPU-{properties.uuid}")
        nvml.nvmlDeviceGetTotalEnergyConsumption(card)
    except nvml.NVMLError:
        return None
    # Millijoules since the driver was loaded, in 64 bits.
    register = Register(lambda: UJ_PER_MJ * int(nvml.nvmlDeviceGetTotalEnergyConsumption(card)), UJ_PER_MJ * 2**64)
    return EnergyCounter(f"NVML {properties.name}", (register,))


def _register(zone: Path) -> Register:
    def read_uj() -> int:
        return int(_read(zone / "energy_uj"))

    read_uj()  # where it cannot be read, this says so before any work
    return Register(read_uj, int(_read(zone / "max_energy_range_uj")))


def _read(path: Path) -> str:
    return path.read_text(encoding="ascii").strip()


def _repeat(call: Callable[[], object], seconds: float) -> int:
    calls, end = 0, time.perf_counter() + seconds
    while calls == 0 or time.perf_counter() < end:
        call()
        calls += 1
    return calls
