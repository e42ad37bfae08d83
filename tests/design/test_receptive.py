"""Receptive fields against torch: what lies outside the box never matters, and all that lies inside does."""

from __future__ import annotations

import pytest
import torch
from hypothesis import assume, given
from hypothesis import strategies as st
from torch import Tensor, nn

from makeweight.designs.architecture import Architecture
from makeweight.designs.layers import (
    Activation,
    Conv2d,
    DepthwiseConv2d,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    Pool,
    Residual,
)
from makeweight.designs.receptive import receptive_fields
from makeweight.designs.shapes import place
from makeweight.errors import GeometryError
from makeweight.nets.build import Network, build

END = (GlobalPool("pool"), Linear("logits", 2))
sides = st.integers(8, 20)


def architecture(h: int, w: int, *layers: Layer) -> Architecture:
    made = Architecture("cnn", (1, h, w), 2, (*layers, *END))
    try:
        place(made.layers, made.input_shape)
    except GeometryError:
        assume(False)
    return made


def positive(network: Network) -> Network:
    """With weights above 0 nothing cancels: what can matter does."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.ones_(module.weight)
    return network.eval()


def pixels_that_matter(network: Network, layer: str, y: int, x: int) -> Tensor:
    """(h, w) whether a pixel has a gradient from one place of a layer."""
    image = torch.rand(1, *network.architecture.input_shape, generator=torch.Generator().manual_seed(0))
    image.requires_grad_()
    kept = {}
    module = dict(network.layers.named_children())[layer]
    hook = module.register_forward_hook(lambda _module, _given, output: kept.update(output=output))
    network(image)
    hook.remove()
    kept["output"][0, :, y, x].sum().backward()
    assert image.grad is not None
    return image.grad[0, 0] != 0


@st.composite
def chains(draw: st.DrawFn, *, pools: bool) -> tuple[Layer, ...]:
    layers: list[Layer] = []
    for i in range(draw(st.integers(1, 4))):
        if pools and draw(st.booleans()):
            layers.append(Pool(f"l{i}", draw(st.integers(1, 3)), "average"))
        else:
            kernel = draw(st.integers(1, 5))
            padding = draw(st.integers(0, kernel - 1))
            # A stride beyond the filter leaves pixels out, which no box can tell.
            stride = draw(st.integers(1, min(3, kernel)))
            conv = Conv2d(f"l{i}", 2, kernel, stride, padding)
            layers.append(draw(st.sampled_from([conv, DepthwiseConv2d(f"l{i}", kernel, stride, padding)])))
    return tuple(layers)


@given(h=sides, w=sides, layers=chains(pools=True), data=st.data())
def test_the_box_of_a_chain_holds_what_matters_and_its_edges_do(
    h: int, w: int, layers: tuple[Layer, ...], data: st.DataObject
) -> None:
    made = architecture(h, w, *layers)
    *_, placed = [p for p in place(made.layers, made.input_shape) if p.layer.name.startswith("l") and p.layer in layers]
    _, rows, columns = placed.output_shape
    y, x = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, columns - 1))
    matter = pixels_that_matter(positive(build(made, torch.Generator())), layers[-1].name, y, x)
    left, top, right, bottom = receptive_fields(made)[layers[-1].name].box(y, x)
    inside = torch.zeros(h, w, dtype=torch.bool)
    inside[top:bottom, left:right] = True
    assert not (matter & ~inside).any()
    assert (right > left and bottom > top) or not matter.any()


@given(h=sides, w=sides, kernels=st.lists(st.integers(1, 5), min_size=1, max_size=3), data=st.data())
def test_the_box_is_tight_for_plain_convolutions(h: int, w: int, kernels: list[int], data: st.DataObject) -> None:
    layers = [Conv2d(f"l{i}", 1, f, 1, (f - 1) // 2) for i, f in enumerate(kernels)]
    made = architecture(h, w, *layers)
    _, rows, columns = place(made.layers, made.input_shape)[len(layers) - 1].output_shape
    y, x = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, columns - 1))
    matter = pixels_that_matter(positive(build(made, torch.Generator())), layers[-1].name, y, x)
    left, top, right, bottom = receptive_fields(made)[layers[-1].name].box(y, x)
    expected = torch.zeros(h, w, dtype=torch.bool)
    expected[top:bottom, left:right] = True
    assert torch.equal(matter, expected)


@given(side=sides, half=st.integers(0, 2), stride=st.integers(1, 3), data=st.data())
def test_a_change_outside_the_box_changes_nothing_behind_a_residual_branch(
    side: int, half: int, stride: int, data: st.DataObject
) -> None:
    n, kernel = -(-side // 2), 2 * half + 1
    # With a stride, padding keeps the size all the same, and the branch drifts away from its shortcut.
    body = (Conv2d("inner", 2, kernel, stride, -(-((n - 1) * stride + kernel - n) // 2)),)
    made = architecture(side, side, Conv2d("first", 2, 3, 2, 1), Residual("block", body), Activation("relu"))
    network = positive(build(made, torch.Generator()))
    _, rows, columns = place(made.layers, made.input_shape)[-3].output_shape
    y, x = data.draw(st.integers(0, rows - 1)), data.draw(st.integers(0, columns - 1))
    matter = pixels_that_matter(network, "block", y, x)
    left, top, right, bottom = receptive_fields(made)["block"].box(y, x)
    matter[top:bottom, left:right] = False
    assert not matter.any()


def test_sizes_of_a_known_network() -> None:
    # VGG-16's first two stages (Simonyan and Zisserman 2015): 3, 5, pooled 6, 10, 14, pooled 16.
    convs = [Conv2d(f"conv{i}", 4, 3, 1, 1) for i in range(4)]
    layers = (*convs[:2], Pool("pool1", 2), *convs[2:], Pool("pool2", 2))
    fields = receptive_fields(Architecture("cnn", (1, 32, 32), 2, (*layers, *END)))
    assert [fields[layer.name].size[0] for layer in layers] == [3, 5, 6, 10, 14, 16]
    assert [fields[layer.name].vertical.jump for layer in layers] == [1, 1, 2, 2, 2, 4]
    assert fields["conv0"].box(0, 0) == (0, 0, 2, 2)
    assert fields["conv0"].box(5, 7) == (6, 4, 9, 7)
    assert fields["pool"].box(0, 0) == fields["logits"].box(0, 0) == (0, 0, 32, 32)


def test_a_vector_sees_the_whole_image_that_is_not_square() -> None:
    made = Architecture("fcn", (1, 9, 14), 2, (Flatten("flatten"), Linear("logits", 2)))
    assert receptive_fields(made)["logits"].box(0, 0) == (0, 0, 14, 9)
    assert receptive_fields(made)["logits"].size == (9, 14)


def test_what_sees_only_padding_sees_nothing() -> None:
    made = Architecture("cnn", (1, 8, 8), 2, (Conv2d("conv", 1, 1, 1, 3), *END))
    assert receptive_fields(made)["conv"].box(0, 0) == (0, 0, 0, 0)
    assert receptive_fields(made)["conv"].box(3, 4) == (1, 0, 2, 1)


def test_a_layer_that_does_not_fit_is_refused() -> None:
    with pytest.raises(GeometryError, match="does not fit"):
        receptive_fields(Architecture("cnn", (1, 8, 8), 2, (Conv2d("conv", 1, 9), *END)))
