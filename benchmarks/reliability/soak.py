"""Thousands of tiny trainings while workers and the runner are killed at random, beside readers that never stop.

python -m benchmarks.reliability.soak [--trainings N] [--into FILE]
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import httpx

from benchmarks.output import progress
from benchmarks.web.serving import megabytes, said, serving
from makeweight.data.dataset import prepare
from makeweight.errors import MakeweightError
from makeweight.face.gather import gather
from makeweight.report.page.page import write_report
from makeweight.report.summary import summarise
from makeweight.store.store import FINAL_SCORE
from makeweight.studies.interrupt import interruption
from makeweight.studies.plan import plan
from makeweight.studies.session import Machine, StudyPlan, run_study
from makeweight.studies.spec import make_spec

NAME = "soak"
PAGES = 3  # that listen to the dashboard


def soak_plan(store: Path, trainings: int) -> StudyPlan:
    """One network of 1K weights, trained for one epoch with as many seeds."""
    recipe = {"epochs": 1, "batch_size": 512, "precision": "fp32"}
    spec = make_spec(
        {"dataset": "digits", "families": ["fcn"], "budgets": ["1K"], "seeds": 1, "recipe": recipe}, "the soak"
    )
    data = prepare("digits")
    [job] = plan(spec, data)
    jobs = [replace(job, seed=seed) for seed in range(trainings)]
    return StudyPlan(store / NAME, NAME, spec.to_json(), data, jobs)


def run(store: Path, trainings: int) -> None:
    """Run what is missing, as a process of its own."""
    with interruption() as interrupted:
        for _ in run_study(soak_plan(store, trainings), Machine(workers=2, threads=1), interrupted.requested):
            pass


@dataclass
class Seen:
    """What was done and seen."""

    kills: Counter[str] = field(default_factory=Counter)
    reads: Counter[str] = field(default_factory=Counter)
    errors: Counter[str] = field(default_factory=Counter)
    processes: dict[str, list[tuple[float, int]]] = field(default_factory=dict)  # megabytes and descriptors, in order

    def sample(self, name: str, pid: int) -> None:
        """Note what a process holds."""
        with suppress(OSError):
            self.processes.setdefault(name, []).append((megabytes(pid), len(os.listdir(f"/proc/{pid}/fd"))))  # noqa: PTH208


def soak(store: Path, trainings: int, seconds: float, chance: random.Random) -> dict[str, Any]:
    """Run the study to its end, or until time is over, whatever is killed, and count."""
    seen, start, folder, over = Seen(), time.monotonic(), store / NAME, threading.Event()
    soak_plan(store, trainings)  # prepares the data
    with serving(store) as (client, server):
        runner = _start(store, trainings)
        readers = [threading.Thread(target=_read, args=(folder, seen, over), daemon=True)]
        readers += [threading.Thread(target=_listen, args=(client, seen, over), daemon=True) for _ in range(PAGES)]
        for thread in readers:
            thread.start()
        next_kill = 1
        while (done := _done(folder)) < trainings and (share := (time.monotonic() - start) / seconds) < 1:
            time.sleep(chance.uniform(0.0, 0.5))
            seen.sample("dashboard", server)
            if runner.poll() is not None:
                runner = _start(store, trainings)
            elif max(done / trainings, share) >= 0.75:  # the last quarter shows whether one runner's memory grows
                seen.sample("runner", runner.pid)
            elif done >= next_kill or chance.random() < 0.002:  # some of those that are just starting, too
                victim = "runner" if chance.random() < 0.15 else "worker"
                seen.kills[victim] += _kill(runner, victim, chance)
                next_kill = done + chance.randint(1, 60)
                progress(f"{done} of {trainings} done, killed {dict(seen.kills)}")
        if done < trainings:
            runner.terminate()  # it saves and stops
        runner.wait(120)
        over.set()
        readers[0].join(60)
    took = round(time.monotonic() - start)
    return {"asked": trainings, "trainings": _done(folder), "seconds": took, **_verdict(folder, seen)}


def _start(store: Path, trainings: int) -> subprocess.Popen[bytes]:
    arguments = ["-m", "benchmarks.reliability.soak", "--run", str(store), "--trainings", str(trainings)]
    return subprocess.Popen([sys.executable, *arguments], stderr=subprocess.DEVNULL)


def _done(folder: Path) -> int:
    if not (folder / "study.db").exists():
        return 0
    with closing(sqlite3.connect(f"{(folder / 'study.db').as_uri()}?mode=ro", uri=True)) as database:
        return int(database.execute("SELECT count(*) FROM job WHERE state = 'done'").fetchone()[0])


def _kill(runner: subprocess.Popen[bytes], victim: str, chance: random.Random) -> int:
    pids = [runner.pid]
    if victim == "worker":
        pids = [int(pid) for pid in Path(f"/proc/{runner.pid}/task/{runner.pid}/children").read_text().split()]
    with suppress(ProcessLookupError, IndexError):
        os.kill(chance.choice(pids), signal.SIGKILL)
        return 1
    return 0


def _read(folder: Path, seen: Seen, over: threading.Event) -> None:
    """Summarise the study and write its report, again and again."""
    while not over.is_set():
        try:
            summarise(folder)
            seen.reads["summaries"] += 1
            if seen.reads["summaries"] % 10 == 0:
                write_report(gather(folder), folder, interactive=False)
                seen.reads["reports"] += 1
        except MakeweightError as error:
            begun = "there is no study" in str(error) or "has not been planned" in str(error)
            seen.errors.update([] if begun else [str(error)[:200]])
        over.wait(1)


def _listen(client: httpx.Client, seen: Seen, over: threading.Event) -> None:
    """Be a page that shows the study live, and comes back as a browser does."""
    while not over.is_set():
        with suppress(httpx.HTTPError), client.stream("GET", f"/studies/{NAME}/events") as stream:
            if stream.status_code != 200:
                over.wait(1)
                continue
            for _ in said(stream):
                seen.reads["live events"] += 1
                if over.is_set():
                    return


def _verdict(folder: Path, seen: Seen) -> dict[str, Any]:
    with closing(sqlite3.connect(folder / "study.db")) as database:
        results = database.execute("SELECT count(*), count(DISTINCT job) FROM result").fetchone()
        looks = database.execute(
            "SELECT count(*), count(DISTINCT job) FROM test_access WHERE purpose = ?", (FINAL_SCORE,)
        )
        found = {
            "results": results[0],
            "different": results[1],
            "test_scores": looks.fetchone()[0],
            "integrity": database.execute("PRAGMA integrity_check").fetchone()[0],
        }
    names = [path.name for path in (folder / "weights").iterdir()]
    found["files"], found["debris"] = len(names), sum("tmp" in name or "checkpoint" in name for name in names)
    held = {name: _held(samples) for name, samples in seen.processes.items()}
    return {**found, "kills": dict(seen.kills), "reads": dict(seen.reads), "errors": dict(seen.errors), "held": held}


def _held(samples: list[tuple[float, int]]) -> dict[str, float]:
    """Medians of the second and of the last quarter: the first is a process's beginning."""
    quarter = max(1, len(samples) // 4)

    def middle(part: list[tuple[float, int]], column: int) -> float:
        values = sorted(sample[column] for sample in part)
        return round(values[len(values) // 2], 1)

    early, late = samples[quarter : 2 * quarter] or samples, samples[-quarter:]
    names = {
        "mb_early": (early, 0),
        "mb_late": (late, 0),
        "descriptors_early": (early, 1),
        "descriptors_late": (late, 1),
    }
    return {name: middle(*part) for name, part in names.items()}


def main() -> None:
    """Soak, or be the runner that is killed."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.reliability.soak")
    parser.add_argument("--trainings", type=int, default=2_000)
    parser.add_argument("--seconds", type=float, default=3_600, help="at most")
    parser.add_argument("--run", type=Path)
    parser.add_argument("--into", type=Path)
    options = parser.parse_args()
    if options.run:
        run(options.run, options.trainings)
        return
    with tempfile.TemporaryDirectory() as folder:
        found = soak(Path(folder).resolve(), options.trainings, options.seconds, random.Random(0))
    progress(json.dumps(found, indent=1))
    if options.into:
        options.into.write_text(json.dumps(found, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    one_each = found["results"] == found["different"] == found["test_scores"] == found["trainings"]
    raise SystemExit(not one_each or bool(found["errors"]) or found["integrity"] != "ok" or found["debris"] > 0)


if __name__ == "__main__":
    main()
