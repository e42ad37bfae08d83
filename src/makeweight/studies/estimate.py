"""How long jobs will take, by timing a few steps of each network on this machine."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Sequence
from contextlib import suppress

import numpy as np

from makeweight.errors import MakeweightError
from makeweight.jobs.result import Job
from makeweight.studies.pace import Pace, whole_epochs
from makeweight.studies.plan import epoch_cost
from makeweight.studies.session import Machine, StudyPlan, choose_hardware
from makeweight.training.images import TrainingData
from makeweight.training.precision import Hardware
from makeweight.training.session import training

STEPS = 6  # measured, after as many to warm up


def seconds_per_image(job: Job, hardware: Hardware, steps: int = STEPS) -> float:
    """Time a few training steps on random images of the right shape."""
    count = steps * job.recipe.batch_size
    random = np.random.default_rng(0)
    data = TrainingData(
        images=random.integers(0, 256, (count + 2, *job.architecture.input_shape), dtype=np.uint8),
        labels=random.integers(0, job.architecture.classes, count + 2),
        train=np.arange(count),
        validation=np.arange(count, count + 2),
    )
    recipe = dataclasses.replace(job.recipe, epochs=2)  # the first warms up
    with training(job.architecture, recipe, 0, hardware, data) as (_, epochs):
        next(epochs)
        start = time.perf_counter()
        next(epochs)
        return (time.perf_counter() - start) / count


def study_seconds(jobs: list[Job], images: int, workers: int, hardware: Hardware) -> float:
    """Estimate the wall-clock seconds of jobs on some workers, with ``images`` training images an epoch."""
    measured: dict[str, float] = {}
    total = 0.0
    for job in jobs:
        digest = job.architecture.digest + job.recipe.to_json()
        if digest not in measured:
            measured[digest] = seconds_per_image(job, hardware)
        total += measured[digest] * images * whole_epochs(job.recipe)
    return total / workers


def pace_of(plan: StudyPlan, machine: Machine, unfinished: Sequence[Job]) -> Pace:
    """Start timing a study: two steps of its first network tell roughly how fast this machine is."""
    workers, hardware = choose_hardware(machine, len(plan.jobs))
    first, rate = unfinished[0], None
    if machine.executor == "local":
        images = len(plan.dataset.split(first.recipe.validation, first.split_seed).train)
        with suppress(MakeweightError, MemoryError, RuntimeError):  # the training itself will report it
            rate = seconds_per_image(first, hardware, steps=2) * images / epoch_cost(first)
    return Pace(unfinished, workers, rate)
