"""One training from start to end: what jobs, classifiers and time estimates all run."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from makeweight.designs.architecture import Architecture
from makeweight.designs.cost import cost
from makeweight.training.checkpoint import restore
from makeweight.training.images import TrainingData
from makeweight.training.loop import train
from makeweight.training.precision import Hardware, threads_of_torch
from makeweight.training.recipe import Recipe
from makeweight.training.records import EpochRecord
from makeweight.training.state import TrainingState, begin


@contextmanager
def training(
    architecture: Architecture,
    recipe: Recipe,
    seed: int,
    hardware: Hardware,
    data: TrainingData,
    checkpoint: bytes | None = None,
) -> Iterator[tuple[TrainingState, Iterator[EpochRecord]]]:
    """Start a training, or take it up from a checkpoint; torch keeps to its threads while the block runs.

    Parameters
    ----------
    hardware : Hardware
        What there is; a small network takes fewer threads, and a recipe may set the precision.

    Yields
    ------
    state, epochs
        The state, and its epochs as they are trained; iterate to the end, or stop after any epoch.
    """
    hardware = hardware.for_training(cost(architecture).macs, recipe)
    with threads_of_torch(hardware.threads):
        state = begin(architecture, recipe, seed, hardware)
        if checkpoint is not None:
            restore(state, checkpoint)
        yield state, train(state, recipe, data)
