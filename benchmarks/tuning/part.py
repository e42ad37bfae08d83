"""Part ``tuning``: what makeweight's search, Optuna's, KerasTuner's and chance find for the same seconds.

FashionMNIST, a fully connected network of at most 100K weights, 54,000 training and 6,000 validation images. A search
is one process of one thread, and its budget is that process's CPU seconds from the first proposal on: proposing,
designing, building, training, validating and keeping records, but neither imports nor reading the images. Each search
is written when it is over and not run again, so a benchmark that was broken off goes on where it was. The test images
stay closed.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import figures
from benchmarks.output import progress, save, show
from benchmarks.settings import ROOT, Settings
from benchmarks.tuning.arms import ARMS, OURS
from benchmarks.tuning.markdown import page
from benchmarks.tuning.summary import Run, summarise

QUICK_SECONDS = 20
ONE_THREAD = dict.fromkeys(("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"), "1")
# On torch and not on TensorFlow: on one thread an epoch takes 0.9 to 1.1 CPU seconds and 0.8 (batches of 1,024 and
# 512), but TensorFlow compiles for 1 s a trial, and most of Hyperband's trials are of few epochs.
ENVIRONMENT = {"KERAS_BACKEND": "torch", **ONE_THREAD}


@dataclass(frozen=True, slots=True)
class Search:
    """One arm, once."""

    arm: str
    repeat: int
    seconds: int
    path: Path  # of its record

    def read(self) -> Run | None:
        """Read its record; None where there is none yet."""
        if not self.path.exists():
            return None
        record: dict[str, Any] = json.loads(self.path.read_text(encoding="utf-8"))
        if record["seconds"] != self.seconds:
            raise SystemExit(
                f"{self.path.name} was given {record['seconds']:g} s, and {self.seconds} s are asked for. Use another "
                "--results, or delete that folder's tuning/ first."
            )
        return Run.of(record)


def run(settings: Settings) -> None:
    """Run what is missing, summarise, save and draw."""
    arms = _arms(settings.arms)
    seconds = QUICK_SECONDS if settings.quick else settings.seconds
    folder = settings.results / "tuning"
    folder.mkdir(parents=True, exist_ok=True)
    # Each repeat begins with another arm, so that no arm always meets the machine in the same state.
    searches = [
        Search(arm, repeat, seconds, folder / f"{arm}-{repeat}.json")
        for repeat in range(settings.rounds)
        for arm in _rotated(arms, repeat)
    ]
    missing = [search for search in searches if search.read() is None]
    progress(f"{len(searches) - len(missing)} searches of {len(searches)} are done")
    with ThreadPoolExecutor(settings.parallel) as pool:
        for done in pool.map(_run, missing):
            progress(done)
    failed = [f"{search.arm} {search.repeat}" for search in searches if search.read() is None]
    if failed:
        raise SystemExit(f"{len(failed)} searches failed: {', '.join(failed)}. The same command tries them again.")
    runs = [found for search in searches if (found := search.read()) is not None]
    facts = {
        "seconds": seconds,
        "parallel": settings.parallel,
        "arms": {name: ARMS[name].how for name in arms},
        "precision": {run.arm: run.precision for run in runs},
    }
    record = save("tuning", settings, {**facts, **summarise(runs, list(arms), seconds)})
    text = page(record)
    (settings.results / "tuning.md").write_text(text, encoding="utf-8")
    show(text)
    for ending in ("png", "svg"):
        figures.tuning(record, runs, settings.results / f"tuning.{ending}")


def _arms(asked: tuple[str, ...]) -> tuple[str, ...]:
    for name in asked:
        if name not in ARMS:
            raise SystemExit(f"arm {name!r} is unknown. Choose from: {', '.join(ARMS)}.")
    return (OURS, *(name for name in ARMS if name != OURS and (not asked or name in asked)))


def _rotated(arms: tuple[str, ...], by: int) -> tuple[str, ...]:
    first = by % len(arms)
    return (*arms[first:], *arms[:first])


def _run(search: Search) -> str:
    """Run a search in a process of its own, and say what it found."""
    where = ["--seconds", str(search.seconds), "--to", str(search.path.resolve())]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.tuning.worker", search.arm, str(search.repeat), *where],
        cwd=ROOT,
        env={**os.environ, **ENVIRONMENT},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    found = search.read()
    if found is None:
        last = done.stderr.strip().splitlines()[-1:] or ["it said nothing"]
        return f"{search.arm} {search.repeat} FAILED with code {done.returncode}: {last[0]}"
    return f"{search.arm} {search.repeat}: {found.describe()}"
