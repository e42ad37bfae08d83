"""Augmentation of whole batches: each image by itself, and only by what its generator draws."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional

from makeweight.data.augment import ERASED_ASPECT, ERASED_SHARE, augment, crop, erase, flip

Change = Callable[[Tensor, torch.Generator], Tensor]

BLANK = torch.tensor([-7.0, -8.0, -9.0])
CHANGES: dict[str, Change] = {
    "flip": flip,
    "crop": lambda images, generator: crop(images, 2, BLANK[: images.shape[1]], generator),
    "erase": lambda images, generator: erase(images, 0.7, BLANK[: images.shape[1]], generator),
}
every_change = pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
sizes = st.tuples(st.integers(1, 12), st.sampled_from([1, 3]), st.integers(1, 9), st.integers(1, 9))


def _seeded(seed: int) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def _random(shape: tuple[int, int, int, int], seed: int = 0) -> Tensor:
    """Values from 1 upwards, which no blank value is."""
    return 1 + torch.rand(shape, generator=_seeded(seed))


@every_change
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@given(shape=sizes, seed=st.integers(0, 99))
@settings(max_examples=30, deadline=None)
def test_shape_and_type_are_kept_and_the_input_is_left_alone(
    change: Change, dtype: torch.dtype, shape: tuple[int, int, int, int], seed: int
) -> None:
    images = _random(shape).to(dtype)
    before = images.clone()
    changed = change(images, _seeded(seed))
    assert changed.shape == images.shape
    assert changed.dtype == dtype
    assert torch.equal(images, before)


@every_change
def test_the_generator_decides_everything(change: Change) -> None:
    images = _random((32, 3, 9, 8))
    before = torch.get_rng_state()
    first, second, other = (change(images, _seeded(seed)) for seed in (1, 1, 2))
    assert torch.equal(first, second)
    assert not torch.equal(first, other)
    assert torch.equal(torch.get_rng_state(), before)


@every_change
def test_the_same_image_many_times_comes_out_in_many_ways(change: Change) -> None:
    image = _random((1, 1, 9, 9))
    changed = change(image.expand(200, 1, 9, 9), _seeded(3))
    ways = len(torch.unique(changed.flatten(1), dim=0))
    assert ways == 2 if change is flip else ways >= 20


@every_change
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_a_draw_does_not_depend_on_the_other_images(change: Change, dtype: torch.dtype) -> None:
    images, others = _random((16, 3, 9, 8), 1).to(dtype), _random((16, 3, 9, 8), 2).to(dtype)
    others[5] = images[5]
    assert torch.equal(change(images, _seeded(4))[5], change(others, _seeded(4))[5])


@given(shape=sizes, seed=st.integers(0, 99))
@settings(max_examples=50, deadline=None)
def test_a_flipped_image_is_itself_or_its_mirror_image(shape: tuple[int, int, int, int], seed: int) -> None:
    images = _random(shape)
    for before, after in zip(images, flip(images, _seeded(seed)), strict=True):
        assert torch.equal(after, before) or torch.equal(after, before[:, :, torch.arange(shape[3] - 1, -1, -1)])


def test_half_of_the_images_are_flipped() -> None:
    images = _random((2_000, 1, 2, 3))
    flipped = (flip(images, _seeded(0)) != images).flatten(1).any(1)
    assert float(flipped.double().mean()) == pytest.approx(0.5, abs=0.06)  # five standard deviations


@given(shape=sizes, padding=st.integers(1, 4), seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_a_cropped_image_is_a_window_of_the_padded_one(
    shape: tuple[int, int, int, int], padding: int, seed: int
) -> None:
    _, c, h, w = shape
    images = _random(shape)
    for before, after in zip(images, crop(images, padding, BLANK[:c], _seeded(seed)), strict=True):
        padded = torch.stack(
            [functional.pad(plane, [padding] * 4, value=float(BLANK[i])) for i, plane in enumerate(before)]
        )
        windows = [
            padded[:, row : row + h, column : column + w]
            for row in range(2 * padding + 1)
            for column in range(2 * padding + 1)
        ]
        assert any(torch.equal(after, window) for window in windows)


def test_every_shift_is_equally_likely() -> None:
    image = torch.zeros(1, 1, 9, 9)
    image[0, 0, 4, 4] = 1
    moved = crop(image.expand(9_000, 1, 9, 9), 1, torch.zeros(1), _seeded(0)).sum(0)[0]
    assert float(moved.sum()) == 9_000
    assert float(moved[3:6, 3:6].sum()) == 9_000
    assert bool(((moved[3:6, 3:6] - 1_000).abs() < 6 * (9_000 / 9 * 8 / 9) ** 0.5).all())


@given(
    n=st.integers(1, 12),
    c=st.sampled_from([1, 3]),
    h=st.integers(1, 30),
    w=st.integers(1, 30),
    seed=st.integers(0, 99),
    probability=st.floats(0, 1),
)
@settings(max_examples=60, deadline=None)
def test_only_a_rectangle_is_erased_and_its_share_is_within_limits(
    n: int, c: int, h: int, w: int, seed: int, probability: float
) -> None:
    images = _random((n, c, h, w))
    for before, after in zip(images, erase(images, probability, BLANK[:c], _seeded(seed)), strict=True):
        erased = after[0] == BLANK[0]
        assert torch.equal(after, torch.where(erased, BLANK[:c].view(c, 1, 1), before))
        if not erased.any():
            continue
        rows, columns = erased.any(1).nonzero().flatten(), erased.any(0).nonzero().flatten()
        height, width = (int(places.max() - places.min()) + 1 for places in (rows, columns))
        assert int(erased.sum()) == height * width
        for length, side in ((height, h), (width, w)):
            longest = (ERASED_SHARE[1] * ERASED_ASPECT[1]) ** 0.5
            shortest = (ERASED_SHARE[0] * ERASED_ASPECT[0]) ** 0.5
            assert length <= max(1, longest * side + 0.5 + 1e-4)
            assert length >= min(side, shortest * side - 0.5 - 1e-4)


def test_rectangles_have_the_shares_asked_for_and_lie_everywhere() -> None:
    images = _random((3_000, 1, 64, 64))
    erased = (erase(images, 1.0, BLANK[:1], _seeded(0)) == BLANK[0])[:, 0]
    share = erased.double().mean((1, 2))
    assert float(share.min()) > ERASED_SHARE[0] * 0.8  # rounded to whole pixels
    assert float(share.max()) < ERASED_SHARE[1] * 1.1
    assert float(share.mean()) == pytest.approx(sum(ERASED_SHARE) / 2, rel=0.05)
    assert bool(erased.any(0).all())


def test_how_much_is_erased_does_not_depend_on_how_often() -> None:
    images = _random((6_000, 1, 64, 64))
    share = (erase(images, 0.3, BLANK[:1], _seeded(0)) == BLANK[0]).double().mean((1, 2, 3))
    assert float(share[share > 0].mean()) == pytest.approx(sum(ERASED_SHARE) / 2, rel=0.05)


@pytest.mark.parametrize("probability", [0.0, 0.3, 1.0])
def test_images_are_erased_as_often_as_asked_for(probability: float) -> None:
    images = _random((3_000, 1, 8, 8))
    changed = (erase(images, probability, BLANK[:1], _seeded(0)) != images).flatten(1).any(1)
    assert float(changed.double().mean()) == pytest.approx(probability, abs=0.05 if 0 < probability < 1 else 0)


@pytest.mark.parametrize("draws", [{}, {"flipped": True}, {"padding": 1}, {"erased": 0.5}])
def test_augment_does_what_is_asked_for_and_no_more(draws: dict[str, object]) -> None:
    images = _random((64, 3, 6, 5))
    asked = {"flipped": False, "padding": 0, "erased": 0.0, **draws}
    generator = _seeded(0)
    before = generator.get_state()
    changed = augment(images, BLANK, generator, **asked)  # type: ignore[arg-type]
    assert changed.is_contiguous(memory_format=torch.channels_last)
    assert torch.equal(changed, images) == (not draws)
    assert torch.equal(generator.get_state(), before) == (not draws)


def test_augmentations_are_applied_in_the_documented_order() -> None:
    images = _random((64, 3, 6, 5))
    generator = _seeded(5)
    wanted = erase(flip(crop(images, 2, BLANK, generator), generator), 0.5, BLANK, generator)
    assert torch.equal(augment(images, BLANK, _seeded(5), flipped=True, padding=2, erased=0.5), wanted)
