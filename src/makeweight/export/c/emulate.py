"""Compile a program for a core, and count in an emulator what it executes."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from makeweight.errors import DataFormatError
from makeweight.export.c.targets import Target

SECONDS = 600  # for one run of a compiler or the emulator
OPTIONS = ("-O2",)
STACK = 8192  # bytes that are painted below the caller, to see how deep the program's calls go
MAIN = """\
#include <stdint.h>
{includes}
void print(const char *text);
void start_counting(void);
uint32_t counted(void);
__asm__(".section .rodata.images\\n.balign 4\\nimages: .incbin \\"{images}\\"\\n.text");
extern const uint8_t images[];
static void tell(uint32_t number)
{{
    char text[12] = {{0}}, *p = text + 11;
    *--p = ' ';
    do
        *--p = (char)('0' + number % 10);
    while (number /= 10);
    print(p);
}}
/* Paint the stack below this frame; then see how much of the paint is gone. */
static volatile uint8_t *bottom;
static void paint(void)
{{
    volatile uint8_t *here = __builtin_frame_address(0);
    __asm__("" : "+r"(here)); /* so that the compiler doesn't know where it points */
    bottom = here - {stack};
    for (volatile uint8_t *p = bottom; p < here - 64; p++)
        *p = 0xA5;
}}
static uint32_t unpainted(void)
{{
    uint32_t n = 0;
    while (n < {stack} && bottom[n] == 0xA5)
        n++;
    return {stack} - n;
}}
int main(void)
{{
    for (uint32_t n = 0; n < {count}; n++) {{
        uint32_t count, k, predicted;
        for (k = 0; k < {size}; k++)
            ((uint8_t *){input})[k] = images[n * {size} + k];
        paint();
        start_counting();
        predicted = (uint32_t){predict}();
        count = counted();
        tell(count);
        tell(unpainted());
        tell(predicted);
        {tell_output}
        print("\\n");
    }}
    return 0;
}}
"""


@dataclass(frozen=True)
class Firmware:
    """A program around the function that predicts."""

    includes: str  # lines that bring the function
    input: str  # where the image goes, in C
    predict: str  # the function
    output: str | None = None  # an array in C, whose bytes are told
    stack: int = STACK  # bytes that are painted; what goes deeper isn't seen


@dataclass(frozen=True)
class Sizes:
    """Bytes of a linked program, as the linker's sections have them."""

    text: int  # functions and constants
    data: int
    bss: int


@dataclass(frozen=True)
class Run:
    """What images took on a core."""

    instructions: tuple[int, ...]  # of each image
    stack: int  # bytes, the deepest
    predicted: tuple[int, ...]
    output: bytes  # of the last image
    sizes: Sizes


def missing_tools(target: Target) -> list[str]:
    """Name the programs that are needed for a core and are not installed."""
    return [tool for tool in (target.compiler, target.emulator[0]) if shutil.which(tool) is None]


def run(
    target: Target,
    folder: Path,
    firmware: Firmware,
    images: NDArray[np.uint8],
    options: Sequence[str] = OPTIONS,
    library: Path | None = None,
) -> Run:
    """Compile and link a program with (n, bytes) images in it, and run it.

    Raises
    ------
    DataFormatError
        If a tool refuses the program, or the program doesn't end.
    """
    program = link(target, folder, firmware, images, options, library)
    screen = ("-display", "none", "-monitor", "none", "-serial", "stdio")
    printed = command([*target.emulator, *screen, "-icount", "shift=0", "-kernel", str(program)])
    lines = [[int(number) for number in re.findall(r"\d+", line)] for line in printed.splitlines()]
    if len(lines) != len(images):
        raise DataFormatError(f"the program for {target.core} answered for {len(lines)} of {len(images)} images.")
    counts, stacks, predicted, *_ = zip(*(line[:3] for line in lines), strict=True)
    return Run(
        tuple(count * target.tick for count in counts),
        max(stacks),
        predicted,
        bytes(lines[-1][3:]),
        sizes(target, program),
    )


def link(
    target: Target,
    folder: Path,
    firmware: Firmware,
    images: NDArray[np.uint8],
    options: Sequence[str] = OPTIONS,
    library: Path | None = None,
) -> Path:
    """Compile and link a program; parameters and errors are those of :func:`run`."""
    output = firmware.output
    told = f"for (k = 0; k < sizeof {output}; k++) tell(((uint8_t *){output})[k]);" if output else ""
    main = MAIN.format(
        includes=firmware.includes, images=folder / "images.bin", stack=firmware.stack, count=len(images),
        size=images[0].size, input=firmware.input, predict=firmware.predict, tell_output=told,
    )  # fmt: skip
    (folder / "images.bin").write_bytes(images.tobytes())
    for name, content in {"start.c": target.start, "main.c": main, "chip.ld": target.linker}.items():
        (folder / name).write_text(content, encoding="utf-8")
    program = folder / "firmware.elf"
    linking = ("-nostartfiles", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections", f"-T{folder}/chip.ld")
    files = [str(folder / "start.c"), str(folder / "main.c"), *([str(library)] if library else [])]
    command([target.compiler, *target.options, *options, *linking, *files, "-o", str(program), "-lm"])
    return program


def sizes(target: Target, program: Path) -> Sizes:
    """Read the sizes of a linked program's sections."""
    listed = command([target.compiler.replace("gcc", "size"), "-A", str(program)])

    def total(*names: str) -> int:
        return sum(map(int, re.findall(rf"^\.(?:{'|'.join(names)})\S*\s+(\d+)", listed, flags=re.MULTILINE)))

    return Sizes(total("text", "rodata", "ARM"), total("data", "sdata"), total("bss", "sbss"))


def version(program: str) -> str:
    """Return the first line of what a program says about its version."""
    return command([program, "--version"]).splitlines()[0]


def command(arguments: list[str], folder: Path | None = None) -> str:
    """Run a tool and return what it printed.

    Raises
    ------
    DataFormatError
        If it fails or takes more than ``SECONDS``.
    """
    name = Path(arguments[0]).name
    try:
        done = subprocess.run(
            arguments, cwd=folder, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False,
            stdin=subprocess.DEVNULL,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise DataFormatError(f"{name} took more than {SECONDS} s. Give fewer or smaller images.") from None
    if done.returncode:
        raise DataFormatError(f"{name} ended with code {done.returncode}: {done.stderr[-3000:]}")
    return done.stdout + done.stderr
