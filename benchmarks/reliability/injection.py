"""Run a piece of work in a fork of this process, and let its n-th change of a folder kill it or fail."""

from __future__ import annotations

import ctypes
import os
import subprocess
import sys
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from pathlib import Path

from makeweight.errors import MakeweightError

SOURCE = Path(__file__).with_name("faults.c")
PRELOADED = "MAKEWEIGHT_FAULTS"  # the library's path, in the process that has it


class Mode(IntEnum):
    """What happens at the n-th operation; the numbers are those of faults.c."""

    COUNT = 0
    KILL = 1  # SIGKILL, in the middle of a write
    FAIL_ONCE = 2
    FULL = 3  # all that needs room fails from then on


@dataclass(frozen=True)
class Fault:
    """An operation and what happens to it."""

    mode: Mode
    when: int = 0  # counted from 1
    error: int = 0  # errno
    journal: int = -1  # descriptor of a file in which all operations are noted, with what they write


@dataclass(frozen=True)
class Outcome:
    """How a piece of work ended."""

    killed: bool
    code: int  # 0: finished; REFUSED: an error of ours, in one line; else a traceback
    text: str  # what it said at the end: the operations that it did, or the error


REFUSED, BROKEN = 3, 4


def preloaded() -> bool:
    """Say whether this process has the library before all others."""
    return PRELOADED in os.environ


def run_preloaded(arguments: list[str], folder: Path) -> int:
    """Compile the library and run a module with it; return the exit code."""
    library = folder / "faults.so"
    compiler = os.environ.get("CC", "cc")
    subprocess.run([compiler, "-shared", "-fPIC", "-O1", "-o", library, SOURCE, "-ldl"], check=True)
    # Torch with one thread works after a fork, as no thread pool is lost.
    variables = {PRELOADED: str(library), "LD_PRELOAD": str(library), "OMP_NUM_THREADS": "1"}
    return subprocess.run([sys.executable, "-m", *arguments], env={**os.environ, **variables}, check=False).returncode


@cache
def _library() -> ctypes.CDLL:
    library = ctypes.CDLL(os.environ[PRELOADED])
    library.counted.restype = ctypes.c_long
    return library


def arm(folder: Path, fault: Fault) -> None:
    """From here on this process's changes below a folder are counted, and one of them is disturbed."""
    _library().arm(os.fsencode(folder), int(fault.mode), ctypes.c_long(fault.when), fault.error, fault.journal)


def disarm() -> int:
    """Undo `arm`, and return how many operations were counted."""
    _library().disarm()
    return int(_library().counted())


def in_fork(work: Callable[[], str]) -> Outcome:
    """Do something in a fork of this process, and say how it ended."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        try:
            code, text = 0, work()
        except MakeweightError as error:
            code, text = REFUSED, str(error)
        except BaseException:
            code, text = BROKEN, traceback.format_exc(limit=-3)
        os.write(writing, text.encode()[-60_000:])
        os._exit(code)
    os.close(writing)
    with os.fdopen(reading, encoding="utf-8", errors="replace") as pipe:
        text = pipe.read()
    _, status = os.waitpid(pid, 0)
    return Outcome(os.WIFSIGNALED(status), os.WEXITSTATUS(status) if os.WIFEXITED(status) else -1, text)
