"""Weights, MACs and activation bytes, against a network counted by hand."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from makeweight.designs.architecture import Architecture
from makeweight.designs.cost import LayerCost, cost
from makeweight.designs.layers import Activation, BatchNorm, Conv2d, Dropout, GlobalPool, Linear, Pool, Residual


def test_a_small_network_counted_by_hand() -> None:
    block = Residual("block", (Conv2d("inner", 4, 1, bias=False), BatchNorm("norm", scale=True)))
    layers = (
        Conv2d("conv", 4, 3, padding=1),
        Pool("pool", 2),
        block,
        Activation("act", "prelu"),
        GlobalPool("global"),
        Dropout("drop", 0.5),
        Linear("logits", 3),
    )
    counted = cost(Architecture("any", (1, 8, 8), 3, layers))
    assert counted.layers == (
        # input 64 values, output 256; 9 products for each output value
        LayerCost("conv", "conv", (4, 8, 8), 4 * 9 + 4, 9 * 256, 4 * (64 + 256)),
        LayerCost("pool", "pool", (4, 4, 4), 0, 0, 4 * (256 + 64)),
        # the block's input is kept beside: 64 values in, 64 out, 64 kept
        LayerCost("inner", "conv", (4, 4, 4), 16, 4 * 64, 4 * (64 + 64 + 64)),
        # in place
        LayerCost("norm", "norm", (4, 4, 4), 8, 0, 4 * (64 + 64)),
        LayerCost("block", "residual", (4, 4, 4), 0, 0, 4 * 64),
        LayerCost("act", "activation", (4, 4, 4), 4, 0, 4 * 64),
        LayerCost("global", "global_pool", (4,), 0, 0, 4 * (64 + 4)),
        LayerCost("drop", "dropout", (4,), 0, 0, 4 * 4),
        LayerCost("logits", "linear", (3,), 15, 12, 4 * (4 + 3)),
    )
    assert counted.weights == 40 + 16 + 8 + 4 + 15
    assert counted.macs == 2_304 + 256 + 12
    assert counted.activation_bytes == 4 * 320
    assert counted.running_statistics == 8


@given(scale=st.booleans(), shift=st.booleans(), bias=st.booleans())
def test_only_what_is_trained_counts(scale: bool, shift: bool, bias: bool) -> None:
    layers = (
        Conv2d("conv", 5, 3, bias=bias),
        BatchNorm("norm", scale, shift),
        GlobalPool("pool"),
        Linear("k", 2, bias),
    )
    counted = cost(Architecture("any", (3, 8, 8), 2, layers))
    assert [layer.weights for layer in counted.layers] == [135 + 5 * bias, 5 * (scale + shift), 0, 10 + 2 * bias]
    assert counted.running_statistics == 10


@pytest.mark.parametrize(("function", "weights"), [("relu", 0), ("leaky_relu", 0), ("gelu", 0), ("prelu", 7)])
def test_prelu_has_a_slope_for_each_channel(function: str, weights: int) -> None:
    layers = (Conv2d("conv", 7, 3), Activation("act", function), GlobalPool("pool"), Linear("logits", 2))  # type: ignore[arg-type]
    assert cost(Architecture("any", (1, 9, 9), 2, layers)).layers[1].weights == weights
