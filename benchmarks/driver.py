"""How many workers one driver can feed: results written a second, and what follows for large studies.

Workers that compute nothing hand over one real result again and again, so that the driver's part alone is measured:
the runner, the executor's messages and the store, with every result on the disk before the next job goes out. From
the rate and the length of a job a simulation follows how the wall time falls with workers.
"""

from __future__ import annotations

import heapq
import math
import os
import random
import statistics
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from benchmarks.output import progress, save, table
from benchmarks.settings import Settings
from makeweight.data.dataset import PreparedDataset, prepare
from makeweight.jobs.executors.base import EpochDone, Event, Finished
from makeweight.jobs.executors.ray import RayExecutor, connect
from makeweight.jobs.executors.ray_worker import RayWorker
from makeweight.jobs.executors.worker import events_of
from makeweight.jobs.job import Assignment
from makeweight.store.rows import StudyRow
from makeweight.store.store import Store
from makeweight.studies.plan import plan
from makeweight.studies.runner import JobDone, Runner
from makeweight.studies.spec import StudySpec
from makeweight.training.precision import Hardware

JOBS, QUICK_JOBS = 1_000, 40  # a study has a thousand seeds at most
SLOTS = 8
HARDWARE = Hardware("cpu", "fp32", 1)
SIZES = (("digits, 166 weights", "digits", 170), ("FashionMNIST, 100K weights", "fashion-mnist", 100_000))
# Of the simulation. A job's length is log-normal around the median, as trainings of several budgets are.
JOB_SECONDS, SPREAD, START_SECONDS = 20.0, 0.5, 10.0
STUDIES, WORKERS = (1_000, 10_000, 100_000, 1_000_000), (1, 2, 8, 64, 512, 4_096)
TEMPLATE = "MAKEWEIGHT_BENCHMARK_TEMPLATE"
Template = list[Event]


class Instant:
    """An executor in this process, whose jobs are done as soon as they are submitted."""

    slots = SLOTS

    def __init__(self, template: Template) -> None:
        self._template, self._events = template, list[Event]()

    def submit(self, assignment: Assignment) -> None:
        """Have all of a job's events ready."""
        self._events += _for(self._template, assignment)

    def events(self, timeout: float) -> list[Event]:
        """Return them."""
        events, self._events = self._events, []
        return events

    def cancel(self, key: str) -> None:
        """Nothing runs."""

    def stop(self) -> None:
        """Nothing runs."""

    def close(self) -> None:
        """Nothing runs."""


class InstantWorker(RayWorker):
    """A Ray worker that answers with what lies in a file."""

    def run(self, assignment: Assignment, turn: int, files: list[Any]) -> Iterator[Event]:
        """Yield a job's events without any training."""
        import pickle

        if not hasattr(self, "_read"):
            self._read: Template = pickle.loads(Path(os.environ[TEMPLATE]).read_bytes())
        yield from _for(self._read, assignment)


def run(settings: Settings) -> None:
    """Measure, simulate, print and save."""
    jobs = QUICK_JOBS if settings.quick else JOBS
    measured: list[dict[str, Any]] = []
    for title, name, budget in SIZES:
        dataset = prepare(name, progress=progress)
        template = _template(dataset, budget)
        for round_ in range(settings.rounds):
            for kind in ("in process", "Ray"):
                rate = _rate(kind, dataset, template, jobs)
                measured.append({"result": title, "executor": kind, "round": round_, "results_per_second": rate})
                progress(f"{title}, {kind}: {rate:.0f} results/s")
    rates = {
        (title, kind): statistics.median(
            m["results_per_second"] for m in measured if (m["result"], m["executor"]) == (title, kind)
        )
        for title, *_ in SIZES
        for kind in ("in process", "Ray")
    }
    table(
        f"Results written a second, {jobs} jobs, median of {settings.rounds}", ["result", "in process", "Ray"],
        [[title, *(f"{rates[title, kind]:.0f}" for kind in ("in process", "Ray"))] for title, *_ in SIZES],
    )  # fmt: skip
    rate = rates[SIZES[-1][0], "Ray"]
    studies = STUDIES[:1] if settings.quick else STUDIES
    hours = {n: {w: simulate(n, w, rate) / 3_600 for w in WORKERS} for n in studies}
    table(
        f"Hours of a study, jobs of {JOB_SECONDS:.0f} s, {rate:.0f} results/s", ["jobs", *map(str, WORKERS)],
        [[f"{n:,}", *(f"{hours[n][w]:.3g}" for w in WORKERS)] for n in studies],
    )  # fmt: skip
    save("driver", settings, {
        "jobs": jobs, "slots": SLOTS, "measured": measured,
        "simulation": {
            "job_seconds": JOB_SECONDS, "spread": SPREAD, "start_seconds": START_SECONDS,
            "results_per_second": rate, "hours": hours,
        },
    })  # fmt: skip


def simulate(jobs: int, workers: int, rate: float) -> float:
    """Return the seconds of a study: each worker gets its next job when the driver has written its last result.

    Parameters
    ----------
    jobs, workers : int
    rate : float
        Results that the driver writes a second, one after the other.
    """
    draw = random.Random(0)
    waiting, driver = jobs, 0.0
    busy: list[float] = []
    for _ in range(min(workers, jobs)):
        heapq.heappush(busy, START_SECONDS + draw.lognormvariate(math.log(JOB_SECONDS), SPREAD))
        waiting -= 1
    while busy:
        driver = max(driver, heapq.heappop(busy)) + 1 / rate
        if waiting:
            heapq.heappush(busy, driver + draw.lognormvariate(math.log(JOB_SECONDS), SPREAD))
            waiting -= 1
    return driver


def _template(dataset: PreparedDataset, budget: int) -> Template:
    [job] = plan(_spec(dataset, budget, 1), dataset)
    return list(events_of(Assignment(job, dataset.path, HARDWARE), lambda: False))


def _spec(dataset: PreparedDataset, budget: int, seeds: int) -> StudySpec:
    return StudySpec(dataset=dataset.name, families=("fcn",), budgets=(budget,), seeds=seeds, recipe={"epochs": 1})


def _for(template: Template, assignment: Assignment) -> Iterator[Event]:
    for event in template:
        if not isinstance(event, (EpochDone, Finished)):
            raise TypeError(f"the template holds {event}")
        yield replace(event, key=assignment.job.key)


def _rate(kind: str, dataset: PreparedDataset, template: Template, jobs: int) -> float:
    import pickle

    budget = SIZES[0][2] if dataset.name == SIZES[0][1] else SIZES[1][2]
    with tempfile.TemporaryDirectory() as folder:
        os.environ[TEMPLATE] = str(Path(folder) / "template")  # before Ray starts, whose workers inherit it
        Path(os.environ[TEMPLATE]).write_bytes(pickle.dumps(template))
        if kind == "Ray":
            connect(None, SLOTS)
            executor: Any = RayExecutor(SLOTS, hardware=HARDWARE, ends_ray=True, worker=InstantWorker)
        else:
            executor = Instant(template)
        try:
            with Store.create(Path(folder) / "study") as store:
                spec = _spec(dataset, budget, jobs)
                row = StudyRow("driver", spec.to_json(), dataset.name, dataset.digest, dataset.class_names, "")
                store.plan(row, plan(spec, dataset))
                times = [
                    time.monotonic()
                    for event in Runner(store, executor, dataset.path, HARDWARE).run()
                    if isinstance(event, JobDone)
                ]
        finally:
            executor.close()
    if len(times) != jobs:
        raise RuntimeError(f"{len(times)} of {jobs} results were written.")
    first = SLOTS * 4  # by then all workers are up
    return (len(times) - first) / (times[-1] - times[first - 1])
