"""The images of an epoch: each once, in an order of its own, and fewer of the easy ones where that is asked for."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from makeweight.designs.architecture import Task
from makeweight.designs.families import FAMILIES
from makeweight.designs.solver import fit
from makeweight.training.order import epoch_batches
from makeweight.training.precision import Hardware
from makeweight.training.recipe import Recipe
from makeweight.training.state import TrainingState, begin

NETWORK = fit(FAMILIES["fcn"], Task((1, 8, 8), 10), 2_000).architecture
SKIPPING = Recipe(epochs=5, batch_size=50, skip_easy=0.7)


def _state(images: int, seed: int = 0, epoch: int = 0) -> TrainingState:
    state = begin(NETWORK, Recipe(), seed, Hardware("cpu", "fp32", threads=1))
    state.losses, state.epoch = torch.zeros(images), epoch
    return state


@given(count=st.integers(2, 700), batch_size=st.integers(2, 300), seed=st.integers(0, 99))
def test_an_epoch_takes_every_image_once(count: int, batch_size: int, seed: int) -> None:
    batches = epoch_batches(_state(count, seed), Recipe(batch_size=batch_size))
    assert torch.cat(batches).sort().values.tolist() == list(range(count))
    sizes = [len(batch) for batch in batches]
    assert min(sizes) > 1
    single = count % batch_size == 1 and count > batch_size
    assert len(batches) == math.ceil(count / batch_size) - single
    assert all(size == batch_size for size in sizes[:-1])
    assert sizes[-1] <= batch_size + single


@pytest.mark.parametrize(("count", "batch_size", "steps"), [(54_000, 512, 106), (60_000, 128, 469), (100, 100, 1)])
def test_an_epoch_has_a_step_for_each_batch_the_short_one_included(count: int, batch_size: int, steps: int) -> None:
    assert len(epoch_batches(_state(count), Recipe(batch_size=batch_size))) == steps


def test_every_epoch_has_another_order() -> None:
    state = _state(100)
    first, second = (torch.cat(epoch_batches(state, Recipe(batch_size=10))) for _ in range(2))
    assert not torch.equal(first, second)


@pytest.mark.parametrize("epoch", [0, 4])
def test_the_first_and_the_last_epoch_take_all_images(epoch: int) -> None:
    state = _state(1_000, epoch=epoch)
    state.losses = torch.linspace(0, 1, 1_000)
    assert len(torch.cat(epoch_batches(state, SKIPPING))) == 1_000


@pytest.mark.parametrize("epoch", [1, 3])
def test_the_epochs_between_leave_out_a_share_of_the_images_below_the_mean_loss(epoch: int) -> None:
    state = _state(10_000, epoch=epoch)
    state.losses[::4] = 1.0  # a quarter is hard
    chosen = torch.cat(epoch_batches(state, SKIPPING))
    hard = chosen % 4 == 0
    assert hard.sum() == 2_500
    # 7,500 draws with probability 0.3: five standard deviations are 198.
    assert abs(int((~hard).sum()) - 0.3 * 7_500) < 198


def test_other_easy_images_are_left_out_each_time() -> None:
    state = _state(1_000, epoch=1)
    state.losses[0] = 1.0
    first, second = (set(torch.cat(epoch_batches(state, SKIPPING)).tolist()) for _ in range(2))
    assert first != second


def test_nothing_is_left_out_where_the_recipe_skips_nothing() -> None:
    state = _state(1_000, epoch=1)
    state.losses = torch.linspace(0, 1, 1_000)
    assert len(torch.cat(epoch_batches(state, Recipe()))) == 1_000
