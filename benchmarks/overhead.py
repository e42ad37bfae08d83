"""What a training costs beside training: a hundred of the smallest networks, one epoch each, on digits.

The smallest fully connected network for 8×8 images has 166 weights, and an epoch of it takes milliseconds, so nearly
all of the time is what a job costs: handing it to a worker, building, opening the data, scoring, storing. A job's
overhead is the wall time of all, times the workers, less all seconds of training and validation, by the number of
jobs; "steady" leaves out the time until the first job is done, in which the workers start.
"""

from __future__ import annotations

import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.output import progress, table
from makeweight.data.dataset import prepare
from makeweight.studies.plan import plan
from makeweight.studies.runner import JobDone
from makeweight.studies.session import Machine, StudyPlan, choose_hardware, run_study
from makeweight.studies.spec import StudySpec
from makeweight.training.records import training_seconds

JOBS = 100
QUICK_JOBS = 6
BUDGET = 170  # weights; 166 is the smallest network for 8×8 images and 10 classes


def measure(quick: bool) -> dict[str, Any]:
    """Run a study of trivial jobs, as the command does."""
    jobs = QUICK_JOBS if quick else JOBS
    spec = StudySpec(dataset="digits", families=("fcn",), budgets=(BUDGET,), seeds=jobs, recipe={"epochs": 1})
    dataset, machine = prepare("digits"), Machine()
    planned = plan(spec, dataset)
    workers, hardware = choose_hardware(machine, jobs)
    finished: list[float] = []  # seconds since the start
    trained: list[float] = []  # seconds of each job's epoch and validation
    with tempfile.TemporaryDirectory() as folder:
        study = StudyPlan(Path(folder) / "overhead", "overhead", spec.to_json(), dataset, planned)
        start = time.monotonic()
        for event in run_study(study, machine):
            if isinstance(event, JobDone):
                finished.append(time.monotonic() - start)
                trained.append(training_seconds(event.result.epochs))
        wall = time.monotonic() - start
    if len(finished) != jobs:
        raise RuntimeError(f"{len(finished)} of {jobs} trivial trainings finished. Run the tests of the studies.")
    progress(f"{jobs} trivial trainings: {wall:.1f} s")
    steady = (finished[-1] - finished[0]) * workers - sum(trained[1:])
    return {
        "jobs": jobs,
        "workers": workers,
        "threads": hardware.threads,
        "wall_seconds": wall,
        "training_seconds_of_all": sum(trained),
        "overhead_seconds_per_job": (wall * workers - sum(trained)) / jobs,
        "overhead_seconds_per_job_steady": steady / (jobs - 1),
        "first_done_seconds": finished[0],
    }


def show(found: dict[str, Any]) -> None:
    """Print it."""
    rows = [
        ["wall time", f"{found['wall_seconds']:.2f} s"],
        ["until the first is done", f"{found['first_done_seconds']:.2f} s"],
        ["training and validation of all", f"{found['training_seconds_of_all']:.2f} s"],
        ["overhead a job of a worker's time", f"{1000 * found['overhead_seconds_per_job']:.1f} ms"],
        ["the same without the workers' start", f"{1000 * found['overhead_seconds_per_job_steady']:.1f} ms"],
    ]
    table(f"{found['jobs']} trivial trainings on {found['workers']} workers", ["", ""], rows)
