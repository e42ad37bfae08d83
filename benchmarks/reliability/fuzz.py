"""Fuzzing: damaged files and requests go to every parser; only one of our own errors may come back, in time and memory.

python -m benchmarks.reliability.fuzz [--runs N] [--seconds S] [--seed N] [--into FILE] [TARGET …]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import shutil
import signal
import tempfile
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.output import progress
from makeweight.errors import MakeweightError

HANG_SECONDS = 5  # of processor time: on a busy machine anything may take longer
WAIT_SECONDS = 60  # by the clock
ROOM = 2**30  # bytes that an execution may allocate
BATCH = 20_000  # executions of one process


class Hang(BaseException):
    """An execution took too long."""


def _hang(number: int, frame: object) -> None:
    raise Hang


def batch(
    target: Any, seeds: list[bytes], runs: int, until: float, chance: random.Random, folder: Path
) -> dict[str, Any]:
    """Run so many damaged inputs in this process."""
    from benchmarks.reliability.mutate import mutated

    for number in (signal.SIGALRM, signal.SIGPROF):
        signal.signal(number, _hang)
    found, place = Counter[str](), folder / "input"
    before, slowest, executions = _limit(), 0.0, 0
    examples: dict[str, str] = {}
    while executions < runs and time.monotonic() < until:
        content, start = mutated(seeds, chance, target.mutations), time.process_time()
        (folder / "current").write_bytes(content)
        kind = one(target, content, _empty(place))
        slowest = max(slowest, time.process_time() - start)
        executions += 1
        found[kind if kind in ("accepted", "refused") else "findings"] += 1
        if kind not in ("accepted", "refused") and kind not in examples:
            examples[kind] = content[:20_000].hex()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024 - before
    return {"executions": executions, **found, "slowest": slowest, "peak": peak, "examples": examples}


def one(target: Any, content: bytes, folder: Path) -> str:
    """Give a parser one input; return what came of it."""
    signal.setitimer(signal.ITIMER_PROF, HANG_SECONDS)
    signal.setitimer(signal.ITIMER_REAL, WAIT_SECONDS)
    try:
        target.use(content, folder)
        return "accepted"
    except MakeweightError:
        return "refused"
    except Hang:
        return f"took over {HANG_SECONDS} s"
    except Exception as error:
        last = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__} in {Path(last.filename).name}:{last.lineno}: {str(error)[:150]}"
    finally:
        for timer in (signal.ITIMER_PROF, signal.ITIMER_REAL):
            signal.setitimer(timer, 0)


def _empty(folder: Path) -> Path:
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    return folder


def _limit() -> int:
    """Let this process allocate ROOM more than it has, and return what it has at most had."""
    size = int(Path("/proc/self/statm").read_text().split()[0]) * os.sysconf("SC_PAGE_SIZE")
    resource.setrlimit(resource.RLIMIT_AS, (size + ROOM, resource.RLIM_INFINITY))
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def fuzz(name: str, runs: int, seconds: float, seed: int) -> dict[str, Any]:
    """Fuzz one target in processes of its own, so that a crash costs one input."""
    from benchmarks.reliability.targets import TARGETS

    total, examples = Counter[str](), dict[str, str]()
    slowest = peak = 0.0
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        seeds = list(TARGETS[name].seeds())
        for content in seeds:
            TARGETS[name].use(content, _empty(Path(folder) / "input"))  # undamaged, it must be read
        start = time.monotonic()
        while total["executions"] < runs and time.monotonic() < start + seconds:
            seed += 1
            left = min(BATCH, runs - total["executions"])
            found = _in_process(TARGETS[name], seeds, left, start + seconds, seed, Path(folder))
            slowest, peak = max(slowest, found.pop("slowest")), max(peak, found.pop("peak"))
            examples |= found.pop("examples")
            total.update(found)
    return {
        **total, "slowest_seconds": round(slowest, 2), "peak_mb": round(peak / 2**20), "findings": examples,
        "seconds": round(time.monotonic() - start),
    }  # fmt: skip


def _in_process(target: Any, seeds: list[bytes], runs: int, until: float, seed: int, folder: Path) -> dict[str, Any]:
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.close(reading)
        try:
            warnings.simplefilter("ignore")
            found = batch(target, seeds, runs, until, random.Random(seed), folder)
            with os.fdopen(writing, "w") as pipe:
                json.dump(found, pipe)
            os._exit(0)
        except BaseException:
            traceback.print_exc()
            os._exit(1)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        told = pipe.read()
    _, status = os.waitpid(pid, 0)
    if told:
        return json.loads(told)
    content = (folder / "current").read_bytes() if (folder / "current").exists() else b""
    crash = {f"the process ended with status {status}": content[:20_000].hex()}
    return {"executions": 1, "slowest": 0.0, "peak": 0.0, "examples": crash}


def main() -> None:
    """Fuzz, say what was found, and write it to a file."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability.fuzz")
    parser.add_argument("names", nargs="*")
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=120, help="of each target")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--into", type=Path)
    options = parser.parse_args()
    from benchmarks.reliability.targets import TARGETS

    record = {}
    for name in options.names or TARGETS:
        record[name] = fuzz(name, options.runs, options.seconds, options.seed)
        shown = {key: value for key, value in record[name].items() if key != "findings"}
        progress(f"{name}: {shown}, findings: {list(record[name]['findings'])}")
        if options.into:
            options.into.write_text(json.dumps(record, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    raise SystemExit(any(found["findings"] for found in record.values()))


if __name__ == "__main__":
    main()
