"""The system's C compiler, where there is one."""

from __future__ import annotations

import platform
import re
import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from makeweight.errors import MissingExtra

STRICT = ("-std=c99", "-Wall", "-Wextra", "-Werror", "-pedantic")
SECONDS = 120  # for one run of the compiler; a network of two million weights takes 5
_FOR_SIZE = "-Os"


@dataclass(frozen=True)
class NotCompiled:
    """Why there is no program, for the user."""

    reason: str


@dataclass(frozen=True)
class Code:
    """What the functions take when compiled for this machine; a microcontroller's are of the same order."""

    bytes: int
    compiler: str  # with option and machine, such as "gcc -Os, x86_64"


def find_compiler() -> str | None:
    """Return the path of the first of cc, gcc and clang that there is."""
    return next((path for path in map(shutil.which, ("cc", "gcc", "clang")) if path), None)


def require_compiler(purpose: str) -> None:
    """Make sure that there is a C compiler.

    Raises
    ------
    MissingExtra
        If there is none.
    """
    if find_compiler() is None:
        raise MissingExtra(f"{purpose} needs a C compiler (gcc or clang) to check the file: install one.")


def version() -> str:
    """Return name and version of the compiler in its own words, such as "gcc (Debian 12.2.0-14) 12.2.0"."""
    compiler = find_compiler()
    if compiler is None:
        return "no C compiler"
    command = [compiler, "--version"]
    done = subprocess.run(command, capture_output=True, text=True, errors="replace", timeout=SECONDS, check=False)
    return next(iter(done.stdout.splitlines()), Path(compiler).name)[:80]


def compile_c(sources: Sequence[Path], output: Path, options: Sequence[str] = ("-O2",)) -> NotCompiled | None:
    """Compile C99 with all warnings as errors; return why not, or None when all went well."""
    compiler = find_compiler()
    if compiler is None:
        return NotCompiled("not compiled: no C compiler. Install gcc or clang to have the C file checked.")
    libraries = () if "-c" in options else ("-lm",)
    command = [compiler, *STRICT, *options, *map(str, sources), "-o", str(output), *libraries]
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=SECONDS,
            check=False,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return NotCompiled(f"not compiled: {Path(compiler).name} did not run: {error}.")
    if done.returncode:
        line = next((text for text in done.stderr.splitlines() if "error" in text), done.stderr.strip()[:200])
        return NotCompiled(f"not compiled: {Path(compiler).name} refused it: {line}")
    return None


def measure(source: Path) -> Code | None:
    """Compile for size, and read the size of the functions; None where compiler or ``size`` is not there."""
    tool, compiler = shutil.which("size"), find_compiler()
    if tool is None or compiler is None:
        return None
    with tempfile.TemporaryDirectory(prefix="makeweight-") as folder:
        target = Path(folder) / "model.o"
        if compile_c([source], target, (_FOR_SIZE, "-c")) is not None:
            return None
        done = subprocess.run([tool, "-A", str(target)], capture_output=True, text=True, timeout=SECONDS, check=False)
    sizes = re.findall(r"^\.text\S*\s+(\d+)", done.stdout, flags=re.MULTILINE)
    if done.returncode or not sizes:
        return None
    return Code(sum(map(int, sizes)), f"{Path(compiler).name} {_FOR_SIZE}, {platform.machine()}")
