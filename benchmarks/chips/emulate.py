"""Compile a program for a chip, and count in an emulator what it executes."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.chips.targets import Chip

SECONDS = 600  # for one run of a compiler or the emulator
MAIN = """\
#include <stdint.h>
{includes}
void print(const char *text);
void start_counting(void);
uint32_t counted(void);
static const uint8_t image[] = {{
{image}
}};
static void tell(uint32_t number)
{{
    char text[12] = {{0}}, *p = text + 11;
    *--p = ' ';
    do
        *--p = (char)('0' + number % 10);
    while (number /= 10);
    print(p);
}}
int main(void)
{{
    uint32_t count, k, predicted;
    for (k = 0; k < sizeof image; k++)
        ((uint8_t *){input})[k] = image[k];
    start_counting();
    predicted = (uint32_t){predict}();
    count = counted();
    tell(count);
    tell(predicted);
    for (k = 0; k < sizeof {output}; k++)
        tell(((uint8_t *){output})[k]);
    print("\\n");
    return 0;
}}
"""


@dataclass(frozen=True)
class Count:
    """What one image took on a chip."""

    instructions: int
    predicted: int
    output: bytes
    code_bytes: int  # of all functions and constants that were linked


def main_program(includes: str, image: Iterable[int], source: str, output: str, predict: str) -> str:
    """Return a program that predicts one image, and prints instructions, the class, and the bytes of an output."""
    values = ", ".join(map(str, image))
    return MAIN.format(includes=includes, image=values, input=source, output=output, predict=predict)


def count(chip: Chip, folder: Path, main: str, options: Sequence[str], library: Path | None = None) -> Count:
    """Compile, link and run a program of :func:`main_program`."""
    for name, content in {"start.c": chip.start, "main.c": main, "chip.ld": chip.linker}.items():
        (folder / name).write_text(content, encoding="ascii")
    program = folder / "firmware.elf"
    linking = ("-nostartfiles", "-ffunction-sections", "-fdata-sections", "-Wl,--gc-sections", f"-T{folder}/chip.ld")
    files = [str(folder / "start.c"), str(folder / "main.c"), *([str(library)] if library else [])]
    _run([chip.compiler, *chip.options, *options, *linking, *files, "-o", str(program), "-lm"])
    screen = ("-display", "none", "-monitor", "none", "-serial", "stdio")
    printed = _run([*chip.emulator, *screen, "-icount", "shift=0", "-kernel", str(program)])
    instructions, predicted, *output = map(int, re.findall(r"\d+", printed))
    return Count(instructions, predicted, bytes(output), _text_bytes(chip, program))


def build_library(chip: Chip, folder: Path, sources: Sequence[Path], options: Sequence[str]) -> Path:
    """Compile sources, and put them into an archive."""
    library = folder / "library.a"
    library.unlink(missing_ok=True)
    own = ("-ffunction-sections", "-fdata-sections", "-c")
    done = subprocess.run(
        [chip.compiler, *chip.options, *options, *own, *map(str, sources)],
        cwd=folder, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    if done.returncode:
        raise RuntimeError(f"{chip.compiler} ended with code {done.returncode}: {done.stderr[-3000:]}")
    objects = [str(folder / source.with_suffix(".o").name) for source in sources]
    _run([chip.compiler.replace("gcc", "ar"), "rc", str(library), *objects])
    return library


def version(command: str) -> str:
    """Return the first line of what a program says about its version."""
    return _run([command, "--version"]).splitlines()[0]


def _text_bytes(chip: Chip, program: Path) -> int:
    sizes = _run([chip.compiler.replace("gcc", "size"), "-A", str(program)])
    return sum(map(int, re.findall(r"^\.text\S*\s+(\d+)", sizes, flags=re.MULTILINE)))


def _run(command: list[str]) -> str:
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=SECONDS, check=False, stdin=subprocess.DEVNULL
    )
    if done.returncode:
        raise RuntimeError(f"{Path(command[0]).name} ended with code {done.returncode}: {done.stderr[-3000:]}")
    return done.stdout + done.stderr
