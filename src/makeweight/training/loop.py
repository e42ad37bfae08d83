"""The training loop: a generator of epoch records over resident data, with no callbacks.

The caller shows, stores, prunes or stops; between two records the state is consistent and can be checkpointed.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterator

import torch
from torch import Tensor

from makeweight.data.augment import augment
from makeweight.errors import TrainingDiverged
from makeweight.training.evaluate import BATCH, logits_of, loss_and_accuracy
from makeweight.training.images import Images, Rows, TrainingData, balanced, channel_statistics
from makeweight.training.order import epoch_batches
from makeweight.training.recipe import Recipe, one_cycle
from makeweight.training.records import EpochRecord
from makeweight.training.slices import Slices, open_slices
from makeweight.training.state import MovingAverage, TrainingState


def train(state: TrainingState, recipe: Recipe, data: TrainingData) -> Iterator[EpochRecord]:
    """Train up to the recipe's epochs, from the current state.

    Yields
    ------
    EpochRecord
        After each epoch, with the validation of ``state.result``.

    Raises
    ------
    TrainingDiverged
        If the loss becomes NaN or infinite, with the epoch and step.
    """
    _normalise_by(state, data)
    data = balanced(data) if recipe.class_weight == "balanced" else data
    held_out = len(data.validation) > 0
    checked = data.validation if held_out else data.train[:BATCH]  # a few show whether the network has diverged
    training, validation = (_images(state, data, rows) for rows in (data.train, checked))
    if state.epoch == 0:
        state.losses = torch.zeros(len(training), device=state.hardware.device)
    with open_slices(state, recipe) as slices:
        while state.epoch < recipe.epochs:
            start = time.perf_counter()
            losses, learning_rate = _epoch(state, recipe, training, slices)
            mean_loss = _mean(losses, state)
            trained = time.perf_counter()
            state.epoch += 1
            loss, accuracy = _validate(state, validation, held_out=held_out)
            yield EpochRecord(
                epoch=state.epoch,
                training_loss=mean_loss,
                validation_loss=loss,
                validation_accuracy=accuracy,
                learning_rate=learning_rate,
                images=sum(map(len, losses)),
                train_seconds=trained - start,
                validation_seconds=time.perf_counter() - trained,
            )


def _normalise_by(state: TrainingState, data: TrainingData) -> None:
    mean, std = channel_statistics(data.images, data.train)
    for network in filter(None, (state.network, state.average)):
        network.get_buffer("mean").copy_(mean)
        network.get_buffer("std").copy_(std)


def _images(state: TrainingState, data: TrainingData, rows: Rows) -> Images:
    hardware = state.hardware
    return Images(state.network, data.images, data.labels, rows, hardware.device, hardware.dtype, data.weights)


def _epoch(state: TrainingState, recipe: Recipe, images: Images, slices: Slices) -> tuple[list[Tensor], float]:
    """One epoch: the losses (b,) of each step, and the last learning rate."""
    batches = epoch_batches(state, recipe)
    slices.begin_epoch(state.generator)
    average = MovingAverage(state, recipe.ema)
    losses = []
    for i, chosen in enumerate(batches):
        step = state.epoch * len(batches) + i
        share = one_cycle((state.epoch + i / len(batches)) / recipe.epochs, recipe.warmup, recipe.final)
        for group in state.optimizer.param_groups:
            group["lr"] = recipe.learning_rate * share
        weights = None if images.weights is None else images.weights[chosen]
        batch = augment(
            images.batch(chosen),
            images.blank,
            state.generator,
            flipped=recipe.flip,
            padding=recipe.crop,
            erased=recipe.erase,
        )
        losses.append(slices.backward(batch, images.labels[chosen], weights))
        state.optimizer.step()
        average.follow(step)
    # Once per epoch: a small network's step is so short that every operation counts.
    state.losses[torch.cat(batches)] = torch.cat(losses)
    return losses, recipe.learning_rate * share


def _validate(state: TrainingState, images: Images, *, held_out: bool) -> tuple[float, float]:
    """Loss and accuracy of the result, NaN if nothing is held out; a diverged network is refused.

    The last step can ruin a network whose training losses were all finite.
    """
    loss, accuracy = loss_and_accuracy(logits_of(state.result, images), images.labels)
    of = "validation loss" if held_out else "loss after training"
    _require_finite(loss, f"{of} became {loss:g} in epoch {state.epoch}")
    return (loss, accuracy) if held_out else (math.nan, math.nan)


def _mean(losses: list[Tensor], state: TrainingState) -> float:
    """Mean over the images; the error names the step at which it became infinite or NaN."""
    mean = float(torch.cat(losses).double().mean())
    if not math.isfinite(mean):
        for step, of_step in enumerate(losses, 1):
            loss = float(of_step.mean())
            _require_finite(
                loss, f"training loss became {loss:g} in epoch {state.epoch + 1}, step {step} of {len(losses)}"
            )
    return mean


def _require_finite(loss: float, what: str) -> None:
    if not math.isfinite(loss):
        raise TrainingDiverged(f"the {what}. Use a smaller learning rate, or a longer warm-up.")
