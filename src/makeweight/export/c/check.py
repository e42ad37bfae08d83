"""A written int8 program on a chip's core: compiled, linked, and run over test images in an emulator."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from makeweight.designs.architecture import Architecture
from makeweight.designs.chips import Chip
from makeweight.designs.limits import amount
from makeweight.errors import MissingExtra
from makeweight.export.c.emulate import OPTIONS, Firmware, Run, missing_tools, run, version
from makeweight.export.c.targets import TARGETS
from makeweight.wording import plural

MAX_IMAGES = 50
MAX_BYTES = 2**20  # of images, which lie in the program's flash
MAX_INSTRUCTIONS = 2_000_000_000  # of all images: about a minute in the emulator
PACKAGES = {
    "arm-none-eabi-gcc": "gcc-arm-none-eabi and libnewlib-arm-none-eabi",
    "qemu-system-arm": "qemu-system-arm",
    "riscv64-unknown-elf-gcc": "gcc-riscv64-unknown-elf and picolibc-riscv64-unknown-elf",
    "qemu-system-riscv32": "qemu-system-misc",
}
_EMPTY = Firmware("static uint8_t pixels[4];\nstatic int nothing(void) { return pixels[0]; }", "pixels", "nothing")


@dataclass(frozen=True)
class OnChip:
    """What a program takes on a core: bytes by the linker, instructions by the emulator, milliseconds by the clock."""

    chip: str  # core and clock
    compiler: str  # with its version and options
    emulator: str
    flash_bytes: int  # functions and constants of the network, with what the compiler's library adds
    ram_bytes: int  # static
    stack_bytes: int  # that a prediction went down to
    images: int  # test images that were run
    same_class: int  # of them, as on this machine
    instructions: int  # for one image, the median
    cycles_per_instruction: float
    milliseconds: float | None  # instructions at the clock, with zero wait states; None without a clock
    designed_flash_bytes: int  # the design's estimate
    designed_instructions: int

    @property
    def agrees(self) -> bool:
        """Whether every image got the class that it gets on this machine."""
        return self.same_class == self.images

    @property
    def sentences(self) -> tuple[str, ...]:
        """What was seen, in words."""
        time = "" if self.milliseconds is None else (
            f", {amount('ms', self.milliseconds)} ms at {self.cycles_per_instruction:g} cycles per instruction with "
            "zero wait states"
        )  # fmt: skip
        return (
            f"On {self.chip}: {self.flash_bytes:,} bytes of flash, {self.ram_bytes:,} of RAM and {self.stack_bytes:,} "
            f"of stack, as linked by {self.compiler}.",
            f"{self.instructions:,} instructions per image{time}: counted in an emulator ({self.emulator}), not "
            "measured on a device.",
            f"{self.same_class} of {plural(self.images, 'test image')} got the same class as on this machine.",
            f"The design estimated {self.designed_flash_bytes:,} bytes of flash and {self.designed_instructions:,} "
            "instructions with weights of 8 bits.",
        )


def require_tools(chip: Chip) -> None:
    """Make sure that compiler and emulator of a chip's core are installed.

    Raises
    ------
    MissingExtra
        With the names of Debian's packages.
    """
    missing = missing_tools(TARGETS[chip.core.name])
    if missing:
        packages = ", ".join(PACKAGES[tool] for tool in missing)
        raise MissingExtra(
            f"a check on {chip.core.name} needs {' and '.join(missing)}: install them (Debian: {packages}), or export "
            "without a chip."
        )


def check_on(
    chip: Chip, source: Path, architecture: Architecture, images: NDArray[np.uint8], classes: NDArray[np.int64]
) -> OnChip:
    """Compile, link and run a written ``NAME.c`` with as many of (n, c, h, w) test images as a minute allows.

    Parameters
    ----------
    classes : (n,) int
        What the program answers on this machine.

    Raises
    ------
    DataFormatError
        If a tool refuses the program, or the program doesn't end.
    """
    target, name = TARGETS[chip.core.name], source.stem
    designed = round(chip.instructions(architecture))
    count = max(1, min(MAX_IMAGES, len(images), MAX_BYTES // images[0].nbytes, MAX_INSTRUCTIONS // designed))
    pixels = np.array(images[:count]).transpose(0, 2, 3, 1).reshape(count, -1)  # as a camera gives them
    firmware = Firmware(f'#include "{source.name}"', f"{name}_image()", f"{name}_predict")
    with tempfile.TemporaryDirectory(prefix="makeweight-") as temporary:
        folder = Path(temporary)
        for path in source.parent.glob("*.[ch]"):
            shutil.copy(path, folder)
        empty = run(target, folder, _EMPTY, np.zeros((1, 4), np.uint8))
        result = run(target, folder, firmware, pixels)
    instructions = int(np.median(result.instructions))
    cycles = chip.core.cycles
    return OnChip(
        chip=str(chip),
        compiler=" ".join((version(target.compiler), *(o for o in target.options if "specs" not in o), *OPTIONS)),
        emulator=version(target.emulator[0]),
        flash_bytes=_stored(result) - pixels.size - (_stored(empty) - 4),
        ram_bytes=result.sizes.bss - (empty.sizes.bss - 4),
        stack_bytes=result.stack,
        images=count,
        same_class=int((np.array(result.predicted) == classes[:count]).sum()),
        instructions=instructions,
        cycles_per_instruction=cycles,
        milliseconds=None if chip.mhz is None else instructions * cycles / (1000 * chip.mhz),
        designed_flash_bytes=int(chip.flash(architecture)),
        designed_instructions=designed,
    )


def _stored(result: Run) -> int:
    return result.sizes.text + result.sizes.data
