"""Slices: the same gradient as the whole batch where no layer mixes images, and the same bits every time."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from makeweight.designs.architecture import Architecture
from makeweight.training.checkpoint import capture, restore
from makeweight.training.images import TrainingData
from makeweight.training.loop import train
from makeweight.training.precision import Hardware, Precision
from makeweight.training.recipe import Recipe
from makeweight.training.slices import MIN_IMAGES, open_slices, slices_of
from makeweight.training.state import TrainingState, begin

Design = Callable[..., Architecture]
RECIPE = Recipe(epochs=3, batch_size=64, learning_rate=0.01)


@pytest.fixture(autouse=True)
def two_threads(one_thread: None) -> None:
    """What a job of two threads sets; ``one_thread`` puts it back."""
    torch.set_num_threads(2)


def _begin(architecture: Architecture, precision: Precision = "fp32", threads: int = 2) -> TrainingState:
    return begin(architecture, RECIPE, 0, Hardware("cpu", precision, threads))


def _batch(images: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(images, 1, 8, 8, generator=generator), torch.randint(10, (images,), generator=generator)


def _gradients(state: TrainingState, batch: Tensor, labels: Tensor) -> tuple[Tensor, list[Tensor]]:
    with open_slices(state, RECIPE) as slices:
        slices.begin_epoch(state.generator)
        losses = slices.backward(batch, labels)
    return losses, [p.grad for p in state.network.parameters() if p.grad is not None]


def test_a_convolutional_network_uses_a_slice_a_thread_and_a_fully_connected_one_none(digit_network: Design) -> None:
    convolutional, connected = (_begin(digit_network(family)).network for family in ("cnn", "fcn"))
    assert slices_of(convolutional, 128, "cpu", threads=2) == 2
    assert slices_of(convolutional, 128, "cpu", threads=1) == 1
    assert slices_of(convolutional, 128, "cpu", threads=64) == 128 // MIN_IMAGES
    assert slices_of(convolutional, 8, "cpu", threads=2) == 1
    assert slices_of(convolutional, 128, "cuda", threads=2) == 1
    assert slices_of(connected, 512, "cpu", threads=2) == 1


@pytest.mark.parametrize("images", [64, 97, 33, 2])
def test_the_gradient_is_that_of_the_mean_loss_of_the_batch(images: int, digit_network: Design) -> None:
    state = _begin(digit_network("cnn", norm="none"))
    batch, labels = _batch(images)
    losses, gradients = _gradients(state, batch, labels)

    expected = functional.cross_entropy(
        state.network(batch), labels, label_smoothing=RECIPE.label_smoothing, reduction="none"
    )
    torch.testing.assert_close(losses, expected.detach())
    whole = torch.autograd.grad(expected.mean(), list(state.network.parameters()))
    torch.testing.assert_close(gradients, list(whole), rtol=1e-4, atol=1e-6)


def test_running_statistics_are_those_of_the_first_slice(digit_network: Design) -> None:
    architecture = digit_network("cnn")
    state, alone = _begin(architecture), _begin(architecture, threads=1)
    batch, labels = _batch(64)
    _gradients(state, batch, labels)
    _gradients(alone, batch[:32], labels[:32])
    for name, buffer in state.network.named_buffers():
        torch.testing.assert_close(buffer, alone.network.get_buffer(name))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_two_threads_give_the_same_bits_every_time_and_after_a_checkpoint(
    precision: Precision, digits: TrainingData, digit_network: Design
) -> None:
    recipe = dataclasses.replace(RECIPE, skip_easy=0.5)
    architecture = digit_network("cnn", dropout=0.2)
    states = [begin(architecture, recipe, 0, Hardware("cpu", precision, 2)) for _ in range(3)]
    for state in states[:2]:
        assert len(list(train(state, recipe, digits))) == recipe.epochs
    interrupted = begin(architecture, recipe, 0, Hardware("cpu", precision, 2))
    next(train(interrupted, recipe, digits))
    restore(states[2], capture(interrupted))
    list(train(states[2], recipe, digits))
    one, *others = (state.network.state_dict() for state in states)
    for other in others:
        assert all(torch.equal(one[name], other[name]) for name in one)


def test_replicas_share_the_weights(digit_network: Design) -> None:
    state = _begin(digit_network("cnn"))
    with open_slices(state, RECIPE) as slices:
        first, second = slices._replicas
    assert all(p is q for p, q in zip(first.parameters(), second.parameters(), strict=True))
    assert all(b is not c for b, c in zip(first.buffers(), second.buffers(), strict=True))


@pytest.mark.parametrize("family", ["fcn", "cnn"])
def test_a_weight_multiplies_the_loss_of_its_image_in_the_gradient(family: str, digit_network: Design) -> None:
    options = {"input_dropout": 0.0} if family == "fcn" else {}
    state = _begin(digit_network(family, norm="none", **options))
    batch, labels = _batch(97)
    weights = torch.rand(97, generator=torch.Generator().manual_seed(2))
    with open_slices(state, RECIPE) as slices:
        slices.begin_epoch(state.generator)
        losses = slices.backward(batch, labels, weights)
    gradients = [p.grad for p in state.network.parameters() if p.grad is not None]

    expected = functional.cross_entropy(
        state.network(batch), labels, label_smoothing=RECIPE.label_smoothing, reduction="none"
    )
    torch.testing.assert_close(losses, expected.detach())
    whole = torch.autograd.grad((weights * expected).mean(), list(state.network.parameters()))
    torch.testing.assert_close(gradients, list(whole), rtol=1e-4, atol=1e-6)
