"""A training that is captured and restored goes on as if nothing had happened."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from itertools import islice

import pytest
import safetensors.torch
import torch

from makeweight.designs.architecture import Architecture
from makeweight.training.checkpoint import capture, restore
from makeweight.training.images import TrainingData
from makeweight.training.loop import train
from makeweight.training.precision import Hardware, Precision
from makeweight.training.recipe import Recipe
from makeweight.training.records import EpochRecord
from makeweight.training.state import TrainingState, begin

Design = Callable[..., Architecture]
RECIPE = Recipe(epochs=4, batch_size=32, learning_rate=0.01, flip=True, crop=1, erase=0.5, skip_easy=0.5)


def _begin(architecture: Architecture, recipe: Recipe, precision: Precision, seed: int = 3) -> TrainingState:
    return begin(architecture, recipe, seed, Hardware("cpu", precision, threads=1))


def _without_seconds(records: list[EpochRecord]) -> list[EpochRecord]:
    return [dataclasses.replace(record, train_seconds=1.0, validation_seconds=0.0) for record in records]


@pytest.mark.parametrize("after", [1, 3])
@pytest.mark.parametrize("ema", [0.0, 0.9])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
@pytest.mark.parametrize(("family", "precision"), [("fcn", "fp32"), ("cnn", "fp32"), ("cnn", "bf16")])
def test_going_on_gives_the_same_bits_as_never_stopping(
    family: str,
    precision: Precision,
    optimizer: str,
    ema: float,
    after: int,
    digits: TrainingData,
    digit_network: Design,
) -> None:
    recipe = dataclasses.replace(RECIPE, optimizer=optimizer, ema=ema)  # type: ignore[arg-type]
    architecture = digit_network(family, dropout=0.2)
    whole = _begin(architecture, recipe, precision)
    undisturbed = list(train(whole, recipe, digits))

    stopped = _begin(architecture, recipe, precision)
    records = list(islice(train(stopped, recipe, digits), after))
    checkpoint = capture(stopped)
    resumed = _begin(architecture, recipe, precision)
    restore(resumed, checkpoint)
    assert resumed.epoch == after
    records += train(resumed, recipe, digits)

    assert _without_seconds(records) == _without_seconds(undisturbed)
    assert capture(resumed) == capture(whole)


def test_sgd_without_momentum_goes_on_too(digits: TrainingData, digit_network: Design) -> None:
    recipe = dataclasses.replace(RECIPE, optimizer="sgd", momentum=0.0, epochs=2)
    whole, stopped, resumed = (_begin(digit_network("fcn"), recipe, "fp32") for _ in range(3))
    list(train(whole, recipe, digits))
    next(train(stopped, recipe, digits))
    restore(resumed, capture(stopped))
    list(train(resumed, recipe, digits))
    assert capture(resumed) == capture(whole)


def test_capturing_changes_nothing(digits: TrainingData, digit_network: Design) -> None:
    states = [_begin(digit_network("cnn"), RECIPE, "fp32") for _ in range(2)]
    for _ in train(states[0], RECIPE, digits):
        capture(states[0])
    list(train(states[1], RECIPE, digits))
    assert capture(states[0]) == capture(states[1])


def test_a_fresh_state_can_be_captured_and_restored(digits: TrainingData, digit_network: Design) -> None:
    fresh = _begin(digit_network("cnn"), RECIPE, "fp32")
    other = _begin(digit_network("cnn"), RECIPE, "fp32", seed=99)
    restore(other, capture(fresh))
    for state in (fresh, other):
        list(train(state, RECIPE, digits))
    assert capture(fresh) == capture(other)


def test_restored_filters_keep_their_memory_format(digits: TrainingData, digit_network: Design) -> None:
    state = _begin(digit_network("cnn"), RECIPE, "fp32")
    next(train(state, RECIPE, digits))
    resumed = _begin(digit_network("cnn"), RECIPE, "fp32")
    restore(resumed, capture(state))
    for one, other in zip(state.network.parameters(), resumed.network.parameters(), strict=True):
        assert one.stride() == other.stride()
        moments = state.optimizer.state[one], resumed.optimizer.state[other]
        assert moments[0].keys() == moments[1].keys()
        assert all(moments[0][key].stride() == moments[1][key].stride() for key in moments[0])


def test_a_checkpoint_is_plain_safetensors(digit_network: Design) -> None:
    state = _begin(digit_network("fcn"), RECIPE, "fp32")
    tensors = safetensors.torch.load(capture(state))
    assert torch.equal(tensors["generator"], state.generator.get_state())
    assert "network.layers.logits.weight" in tensors
    assert not any(name.startswith("average.") for name in tensors)
