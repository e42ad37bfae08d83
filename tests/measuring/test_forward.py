"""What is timed is the network's own work on normalised images."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch

from makeweight.designs import layers
from makeweight.measuring.forward import ForwardPass
from makeweight.training.precision import Hardware


@pytest.mark.parametrize(("precision", "dtype"), [("fp32", torch.float32), ("bf16", torch.bfloat16)])
def test_images_are_normalised_beforehand_in_the_precision_of_the_training(
    forward: Callable[..., ForwardPass], precision: str, dtype: torch.dtype
) -> None:
    call = forward(layers.Conv2d("conv", 4, 3), images=256, hardware=Hardware("cpu", precision, 1))
    assert (call.batch.shape, call.batch.dtype) == ((256, 1, 28, 28), dtype)
    assert call.batch.is_contiguous(memory_format=torch.channels_last)
    assert call.batch.float().std() == pytest.approx(0.58, abs=0.02)  # of even random pixels, (p − 127.5) / 127.5


def test_a_pass_gives_logits_without_a_graph(forward: Callable[..., ForwardPass]) -> None:
    logits = forward(images=3)()
    assert (logits.shape, logits.dtype) == ((3, 10), torch.float32)
    assert logits.is_inference()
    assert not torch.is_inference_mode_enabled()


def test_two_passes_see_the_same_images(forward: Callable[..., ForwardPass]) -> None:
    assert torch.equal(forward(images=3)(), forward(images=3)())
