"""A process that may not have the memory that a network needs."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

JOBS = """
import os, resource, sys
from makeweight.data.dataset import open_prepared
from makeweight.designs.architecture import Task
from makeweight.designs.families import family_named
from makeweight.designs.solver import fit
from makeweight.jobs.executors.worker import events_of
from makeweight.jobs.job import Assignment
from makeweight.studies.plan import job_for
from makeweight.training.precision import Hardware

data = open_prepared(sys.argv[1])
task = Task(data.image_shape, data.classes)
for budget, room in ((2_000, None), (100_000_000, 2**28), (2_000, None)):
    job = job_for(fit(family_named("fcn"), task, budget), data, {"epochs": 1}, split_seed=0, seed=0)
    if room:
        with open("/proc/self/statm") as file:
            size = int(file.read().split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (size + room, resource.RLIM_INFINITY))
    *_, last = events_of(Assignment(job, data.path, Hardware("cpu", "fp32", 1)), lambda: False)
    print(type(last).__name__, getattr(last, "reason", ""))
"""


def test_a_training_without_memory_fails_and_the_next_one_runs(digits, environment: dict[str, str]) -> None:
    if sys.platform != "linux":
        pytest.skip("needs /proc and a limit of memory that is kept")
    ran = subprocess.run(
        [sys.executable, "-c", JOBS, digits.path], env=environment | {"PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True, text=True, timeout=200,
    )  # fmt: skip
    assert ran.stdout.splitlines() == [
        "Finished ",
        "Failed out of memory. Use a smaller batch_size, or fewer workers.",
        "Finished ",
    ], ran.stderr
