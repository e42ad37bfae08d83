"""The convolution rule and shape inference, against torch's own layers, and errors whose remedy works."""

from __future__ import annotations

import dataclasses
import re

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch.nn import functional

from makeweight.designs.architecture import Architecture
from makeweight.designs.layers import (
    Activation,
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    Pool,
    Residual,
)
from makeweight.designs.shapes import conv_output, place
from makeweight.errors import GeometryError
from makeweight.nets.build import build

sizes = st.integers(1, 40)


def _output(layer: Layer, shape: tuple[int, ...]) -> tuple[int, ...]:
    return place((layer,), shape)[-1].output_shape


@given(
    h=sizes,
    w=sizes,
    kernel=st.integers(1, 12),
    stride=st.integers(1, 6),
    padding=st.integers(0, 8),
)
def test_convolutions_come_out_as_torch_computes_them(h: int, w: int, kernel: int, stride: int, padding: int) -> None:
    layer = Conv2d("conv", 3, kernel, stride, padding)
    if min(h, w) + 2 * padding < kernel:
        assert min(conv_output(n, kernel, stride, padding) for n in (h, w)) <= 0
        with pytest.raises(GeometryError):
            _output(layer, (2, h, w))
        return
    real = functional.conv2d(torch.zeros(1, 2, h, w), torch.zeros(3, 2, kernel, kernel), None, stride, padding)
    assert _output(layer, (2, h, w)) == tuple(real.shape[1:])
    assert real.shape[2] == conv_output(h, kernel, stride, padding)


@given(h=sizes, w=sizes, kernel=st.integers(1, 12), kind=st.sampled_from(["max", "average"]))
def test_pooling_comes_out_as_torch_computes_it(h: int, w: int, kernel: int, kind: str) -> None:
    layer = Pool("pool", kernel, kind)  # type: ignore[arg-type]
    if kernel > min(h, w):
        with pytest.raises(GeometryError):
            _output(layer, (2, h, w))
        return
    pool = functional.max_pool2d if kind == "max" else functional.avg_pool2d
    assert _output(layer, (2, h, w)) == tuple(pool(torch.zeros(1, 2, h, w), kernel).shape[1:])


map_layers = st.one_of(
    st.builds(
        Conv2d,
        st.just("conv"),
        st.integers(1, 4),
        st.integers(1, 4),
        st.integers(1, 3),
        st.integers(0, 2),
        st.booleans(),
    ),
    st.builds(Pool, st.just("pool"), st.integers(1, 3), st.sampled_from(["max", "average"])),
    st.builds(BatchNorm, st.just("norm"), st.booleans(), st.booleans()),
    st.builds(Activation, st.just("act"), st.sampled_from(["relu", "leaky_relu", "prelu", "gelu"])),
    st.builds(Dropout, st.just("drop"), st.just(0.5)),
)


@given(
    body=st.lists(map_layers, max_size=6),
    end=st.sampled_from([Flatten("flat"), GlobalPool("global", "max"), GlobalPool("global", "average")]),
    h=st.integers(3, 20),
    w=st.integers(3, 20),
)
def test_every_shape_is_the_one_the_network_has(body: list[Layer], end: Layer, h: int, w: int) -> None:
    named = [dataclasses.replace(layer, name=f"{layer.name}{i}") for i, layer in enumerate(body)]
    layers = (*named, end, Linear("logits", 5))
    try:
        placed = place(layers, (2, h, w))
    except GeometryError:
        assume(False)
    network = build(Architecture("any", (2, h, w), 5, layers), torch.Generator()).eval()
    x = torch.zeros(1, 2, h, w)
    for position, (expected, module) in enumerate(zip(placed, network.layers, strict=True), 1):
        assert expected.position == position
        assert expected.input_shape == tuple(x.shape[1:])
        x = module(x)
        assert expected.output_shape == tuple(x.shape[1:])


def test_a_residual_follows_its_body_and_keeps_its_input_meanwhile() -> None:
    body = (Conv2d("conv", 4, 3, padding=1), Activation("act"))
    placed = place((BatchNorm("norm"), Residual("block", body), GlobalPool("pool")), (4, 6, 5))
    assert [(p.position, p.layer.name) for p in placed] == [
        (1, "norm"),
        (2, "conv"),
        (3, "act"),
        (4, "block"),
        (5, "pool"),
    ]
    assert [p.shortcut for p in placed] == [None, (4, 6, 5), (4, 6, 5), None, None]
    assert placed[3].output_shape == (4, 6, 5)
    assert placed[4].output_shape == (4,)


def test_a_filter_that_does_not_fit_is_explained_in_full() -> None:
    layers = (Conv2d("stem", 8, 6), Activation("act"), Conv2d("stage2.conv1", 8, 5))
    with pytest.raises(GeometryError) as refused:
        place(layers, (1, 8, 8))
    assert str(refused.value) == (
        "conv layer 3 ('stage2.conv1'): a 5×5 filter does not fit a 3×3 input "
        "(n + 2p − f must be ≥ 0; 3 + 0 − 5 = −2). Use padding=1 or a filter of at most 3."
    )


@given(h=sizes, w=sizes, kernel=st.integers(2, 60), stride=st.integers(1, 4), padding=st.integers(0, 8))
def test_the_remedy_printed_makes_the_filter_fit(h: int, w: int, kernel: int, stride: int, padding: int) -> None:
    assume(min(h, w) + 2 * padding < kernel)
    layer = Conv2d("conv", 3, kernel, stride, padding)
    with pytest.raises(GeometryError) as refused:
        place((layer,), (1, h, w))
    remedy = re.search(r"Use padding=(\d+) or a filter of at most (\d+)\.", str(refused.value))
    assert remedy is not None
    wider, smaller = int(remedy[1]), int(remedy[2])
    place((dataclasses.replace(layer, padding=wider),), (1, h, w))
    place((dataclasses.replace(layer, kernel=smaller),), (1, h, w))
    for too_little in (dataclasses.replace(layer, padding=wider - 1), dataclasses.replace(layer, kernel=smaller + 1)):
        with pytest.raises(GeometryError):
            place((too_little,), (1, h, w))


def test_the_window_named_is_the_largest_that_fits() -> None:
    with pytest.raises(GeometryError, match=r"^pool layer 2 \('pool'\): a 9×9 window .* 6×7 input .*at most 6\b"):
        place((Activation("act"), Pool("pool", 9)), (1, 6, 7))
    assert _output(Pool("pool", 6), (1, 6, 7)) == (1, 1, 1)


@pytest.mark.parametrize(
    ("conv", "shape"),
    [(Conv2d("conv", 3, 3, padding=1), "3×8×8"), (Conv2d("conv", 4, 3), "4×6×6"), (Conv2d("conv", 4, 1, 2), "4×4×4")],
)
def test_a_branch_of_another_shape_is_refused_and_the_remedy_fits(conv: Conv2d, shape: str) -> None:
    with pytest.raises(GeometryError, match=rf"^residual layer 3 \('block'\): .* 4×8×8 into {shape}, .*equal"):
        place((Activation("act"), Residual("block", (conv,))), (4, 8, 8))
    fitting = dataclasses.replace(conv, out_channels=4, stride=1, padding=conv.kernel // 2)
    place((Residual("block", (fitting,)),), (4, 8, 8))


@pytest.mark.parametrize("between", [Flatten("between"), GlobalPool("between")])
def test_a_linear_layer_on_a_map_is_refused_and_the_remedies_fit(between: Layer) -> None:
    linear = Linear("logits", 10)
    with pytest.raises(GeometryError, match=r"^linear layer 1 \('logits'\): .* 3×8×5 map. Put a flatten or a global"):
        place((linear,), (3, 8, 5))
    assert place((between, linear), (3, 8, 5))[-1].output_shape == (10,)


@pytest.mark.parametrize("layer", [Conv2d("late", 3, 3), Pool("late", 2), GlobalPool("late"), Flatten("late")])
def test_a_layer_for_maps_on_a_vector_is_refused(layer: Layer) -> None:
    with pytest.raises(GeometryError, match=r"layer 2 \('late'\): needs a .* map and gets a vector of 64"):
        place((Flatten("flatten"), layer), (1, 8, 8))
