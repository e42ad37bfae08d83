"""How long jobs will take, from timing a few steps of each network on this machine."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import torch

from makeweight.jobs.result import Job
from makeweight.training.images import TrainingData
from makeweight.training.loop import train
from makeweight.training.precision import Hardware
from makeweight.training.recipe import Recipe
from makeweight.training.state import begin

STEPS = 6  # measured, after as many to warm up
EASY = 0.77  # share of FashionMNIST's images whose loss is below the mean: 0.76 for CNNs, 0.79 for FCNs


def seconds_per_image(job: Job, hardware: Hardware) -> float:
    """Time a few training steps on random images of the right shape."""
    torch.set_num_threads(hardware.threads)
    count = STEPS * job.recipe.batch_size
    random = np.random.default_rng(0)
    data = TrainingData(
        images=random.integers(0, 256, (count + 2, *job.architecture.input_shape), dtype=np.uint8),
        labels=random.integers(0, job.architecture.classes, count + 2),
        train=np.arange(count),
        validation=np.arange(count, count + 2),
    )
    recipe = dataclasses.replace(job.recipe, epochs=2)  # the first warms up
    state = begin(job.architecture, recipe, 0, hardware)
    epochs = train(state, recipe, data)
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
            measured[digest] = seconds_per_image(job, hardware.with_precision(job.recipe.precision))
        total += measured[digest] * images * _whole_epochs(job.recipe)
    return total / workers


def _whole_epochs(recipe: Recipe) -> float:
    """Count the epochs as if each had all images: the first and the last have, the others skip easy ones."""
    between = max(0, recipe.epochs - 2)
    return recipe.epochs - between * EASY * recipe.skip_easy
