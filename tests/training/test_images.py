"""Normalised images: by the training split's statistics, the same whether they fit in memory or not."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from makeweight.designs.architecture import Architecture
from makeweight.nets.build import build
from makeweight.training import images as images_module
from makeweight.training.images import Images, TrainingData, channel_statistics


@given(seed=st.integers(0, 1_000), n=st.integers(1, 40), c=st.sampled_from([1, 3]), h=st.integers(1, 9))
def test_statistics_are_numpys(seed: int, n: int, c: int, h: int) -> None:
    rng = np.random.default_rng(seed)
    scale = rng.integers(2, 256, (1, c, 1, 1))
    images = rng.integers(0, scale, (n, c, h, 7)).astype(np.uint8)
    rows = np.sort(rng.choice(n, rng.integers(1, n + 1), replace=False))
    mean, std = channel_statistics(images, rows)
    chosen = images[rows].astype(np.float64)
    np.testing.assert_allclose(mean, chosen.mean((0, 2, 3)), rtol=1e-5)
    np.testing.assert_allclose(std, np.maximum(chosen.std((0, 2, 3)), 1), rtol=1e-5)


def test_statistics_do_not_depend_on_how_the_images_are_read(
    monkeypatch: pytest.MonkeyPatch, digits: TrainingData
) -> None:
    whole = channel_statistics(digits.images, digits.train)
    monkeypatch.setattr(images_module, "CHUNK", 7)
    for one, other in zip(whole, channel_statistics(digits.images, digits.train), strict=True):
        assert torch.equal(one, other)


def test_images_of_one_colour_are_not_divided_by_zero() -> None:
    images = np.full((3, 1, 4, 4), 200, dtype=np.uint8)
    mean, std = channel_statistics(images, np.arange(3))
    assert mean.tolist() == [200.0]
    assert std.tolist() == [1.0]


def _images(data: TrainingData, architecture: Architecture, dtype: torch.dtype) -> Images:
    network = build(architecture, torch.Generator())
    mean, std = channel_statistics(data.images, data.train)
    network.get_buffer("mean").copy_(mean)
    network.get_buffer("std").copy_(std)
    return Images(network, data.images, data.labels, data.train, "cpu", dtype)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=["fp32", "bf16"])
def test_a_set_larger_than_memory_gives_the_same_batches(
    dtype: torch.dtype,
    digits: TrainingData,
    digit_network: Callable[..., Architecture],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    np.save(tmp_path / "images.npy", digits.images)
    mapped = dataclasses.replace(digits, images=np.load(tmp_path / "images.npy", mmap_mode="r"))
    resident = _images(digits, digit_network("fcn"), dtype)
    monkeypatch.setattr(images_module, "RESIDENT_BYTES", 0)
    streamed = _images(mapped, digit_network("fcn"), dtype)
    for chosen in torch.randperm(len(digits.train), generator=torch.Generator().manual_seed(0)).split(50):
        one, other = resident.batch(chosen), streamed.batch(chosen)
        assert one.dtype == dtype
        assert torch.equal(one, other)
        assert all(batch.is_contiguous(memory_format=torch.channels_last) for batch in (one, other))
        assert torch.equal(resident.labels[chosen], streamed.labels[chosen])


def test_a_batch_is_the_images_asked_for(digits: TrainingData, digit_network: Callable[..., Architecture]) -> None:
    images = _images(digits, digit_network("fcn"), torch.float32)
    chosen = torch.tensor([5, 0, 319])
    rows = digits.train[chosen.numpy()]
    pixels = digits.images[rows].astype(np.float64)
    every = digits.images[digits.train].astype(np.float64)
    np.testing.assert_allclose(images.batch(chosen), (pixels - every.mean()) / every.std(), rtol=1e-4, atol=1e-5)
    assert images.labels[chosen].tolist() == digits.labels[rows].tolist()
    assert len(images) == 320
    assert images.shape == (1, 8, 8)


def test_training_images_have_mean_zero_and_sd_one(
    digits: TrainingData, digit_network: Callable[..., Architecture]
) -> None:
    everything = _images(digits, digit_network("fcn"), torch.float32).batch(torch.arange(320))
    assert float(everything.mean()) == pytest.approx(0, abs=1e-5)
    assert float(everything.std(correction=0)) == pytest.approx(1, abs=1e-5)


def test_floats_are_taken_as_they_are_and_their_black_is_the_smallest_value(
    digit_network: Callable[..., Architecture],
) -> None:
    rng = np.random.default_rng(0)
    values = rng.normal(size=(30, 1, 8, 8)).astype(np.float32)
    rows = np.arange(5, 25)
    mean, std = channel_statistics(values, rows)
    assert (mean.item(), std.item()) == (0, 1)
    network = build(digit_network("fcn"), torch.Generator().manual_seed(0))
    network.get_buffer("mean").copy_(mean)
    network.get_buffer("std").copy_(std)
    images = Images(network, values, np.zeros(30, dtype=np.int64), rows, "cpu", torch.float32)
    np.testing.assert_array_equal(images.batch(torch.arange(20)).numpy(), values[rows])
    assert images.blank.item() == values[rows].min()
