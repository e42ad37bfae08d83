"""The allocator's peak against what can be counted by hand."""

from __future__ import annotations

import os
from collections.abc import Callable

import pytest
import torch

from makeweight.designs import layers
from makeweight.measuring.forward import ForwardPass
from makeweight.measuring.memory import peak_activation_bytes
from makeweight.training.precision import Hardware

GELU = layers.Activation("gelu", "gelu")  # not in place: its input and its output live at once


def test_the_peak_is_the_two_maps_that_live_at_once(forward: Callable[..., ForwardPass]) -> None:
    # (1, 28, 28) is given and not counted; 1·14·14 before and after the activation; ten logits come when one is gone.
    assert peak_activation_bytes(forward(layers.Pool("pool", 2, "average"), GELU)) == 2 * 196 * 4


def test_features_are_counted_in_the_bytes_of_their_precision(forward: Callable[..., ForwardPass]) -> None:
    # In bfloat16 without a linear layer to cast: pooled map and its activation, of two bytes a value.
    call = forward(layers.Pool("pool", 2, "average"), GELU, hardware=Hardware("cpu", "bf16", 1))
    with_logits = peak_activation_bytes(call)
    call.network.layers = torch.nn.Sequential(*list(call.network.layers)[:2])
    # ... and the end of a pass turns what came out into float32: 196 values of two and of four bytes.
    assert peak_activation_bytes(call) == 196 * (2 + 4)
    assert with_logits is not None
    assert with_logits >= 1_960 * 2  # the weights of the logits, cast


def test_a_convolution_holds_its_input_and_its_output(forward: Callable[..., ForwardPass]) -> None:
    peak = peak_activation_bytes(forward(layers.Conv2d("one", 8, 3, 1, 1), layers.Conv2d("two", 16, 3, 1, 1)))
    assert peak is not None
    assert peak >= (8 + 16) * 784 * 4


@pytest.mark.parametrize("width", [100, 1_000])
def test_ten_times_the_features_take_ten_times_the_memory(forward: Callable[..., ForwardPass], width: int) -> None:
    body = (layers.Flatten("flat"), layers.Linear("hidden", width), GELU)
    assert peak_activation_bytes(forward(*body)) == 2 * width * 4


def test_a_batch_takes_as_many_times_the_memory(forward: Callable[..., ForwardPass]) -> None:
    body = (layers.Pool("pool", 2, "average"), GELU)
    assert peak_activation_bytes(forward(*body, images=7)) == 7 * 2 * 196 * 4


def test_two_measurements_agree_and_say_nothing(
    forward: Callable[..., ForwardPass], capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("KINETO_LOG_LEVEL", raising=False)
    call, before = forward(layers.Conv2d("conv", 8, 3)), dict(os.environ)
    assert peak_activation_bytes(call) == peak_activation_bytes(call)
    assert capfd.readouterr() == ("", "")
    assert dict(os.environ) == before


def test_a_profiler_that_tells_nothing_is_no_measurement_of_zero(
    forward: Callable[..., ForwardPass], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("makeweight.measuring.memory.MEMORY_EVENT", "[renamed]")
    assert peak_activation_bytes(forward()) is None
