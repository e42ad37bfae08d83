"""Whatever the layers are: folding changes nothing, buffers never overlap, and C gives what torch gives."""

from __future__ import annotations

from math import prod
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from makeweight.designs import layout
from makeweight.designs.architecture import Architecture
from makeweight.designs.layers import (
    ACTIVATIONS,
    Activation,
    BatchNorm,
    Conv2d,
    DepthwiseConv2d,
    Dropout,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    Pool,
    Residual,
)
from makeweight.designs.layout import Layout
from makeweight.designs.limits import NumberType
from makeweight.designs.memory import VALUE_BYTES, peak, ram
from makeweight.designs.shapes import place
from makeweight.errors import GeometryError
from makeweight.export.c import write_c
from makeweight.export.c.compiler import find_compiler
from makeweight.export.c.execute import execute
from makeweight.export.c.lower import lower
from makeweight.export.c.score import CScores, run_c
from makeweight.export.c.steps import IN_PLACE, Program, inputs
from makeweight.nets.build import Network, build
from makeweight.nets.modules import BatchNorm as BatchNormModule

IMAGES = 12
SANITISERS = ("-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")
needs_compiler = pytest.mark.skipif(find_compiler() is None, reason="no C compiler")
few = settings(max_examples=6, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
many = settings(few, max_examples=60)

small = st.integers(1, 4)
elementwise: st.SearchStrategy[Layer] = st.one_of(
    st.builds(BatchNorm, st.just("norm"), st.booleans(), st.booleans()),
    st.builds(Activation, st.just("act"), st.sampled_from(ACTIVATIONS), st.sampled_from([0.01, 0.25])),
    st.builds(Dropout, st.just("drop"), st.just(0.5)),
)


def _body(inner: st.SearchStrategy[Layer]) -> st.SearchStrategy[Layer]:
    return st.builds(Residual, st.just("block"), st.lists(inner, max_size=3).map(tuple).filter(_leaves_its_input))


def _leaves_its_input(body: tuple[Layer, ...]) -> bool:
    """ReLU and leaky ReLU work in place: in torch, such a first layer of a branch changes what is added as well."""
    first = next((layer for layer in body if not isinstance(layer, Dropout)), None)
    return not (isinstance(first, Activation) and first.function in ("relu", "leaky_relu"))


same_shape = st.recursive(
    elementwise
    | st.sampled_from([Conv2d("conv", 3, 3, 1, 1), Conv2d("conv", 3, 1, bias=False), Pool("pool", 1)])
    | st.sampled_from([DepthwiseConv2d("depthwise", 3, 1, 1), DepthwiseConv2d("depthwise", 5, 1, 2, bias=False)]),
    _body,
    max_leaves=5,
)
on_maps = st.one_of(
    same_shape,
    st.builds(Conv2d, st.just("conv"), small, small, st.integers(1, 3), st.integers(0, 5), st.booleans()),
    st.builds(DepthwiseConv2d, st.just("depthwise"), small, st.integers(1, 3), st.integers(0, 5), st.booleans()),
    st.just(Conv2d("conv", 3, 3, 1, 1)),  # so that residual blocks of three channels fit
    st.builds(Pool, st.just("pool"), st.integers(1, 3), st.sampled_from(["max", "average"])),
)
to_vector = st.one_of(
    st.just(Flatten("flat")), st.builds(GlobalPool, st.just("global"), st.sampled_from(["max", "average"]))
)
on_vectors = elementwise | st.builds(Linear, st.just("dense"), small) | _body(elementwise)


@st.composite
def architectures(draw: st.DrawFn) -> Architecture:
    shape = (draw(st.sampled_from([1, 3])), draw(st.integers(8, 12)), draw(st.integers(8, 12)))
    layers = [*draw(st.lists(on_maps, max_size=6)), draw(to_vector), *draw(st.lists(on_vectors, max_size=3))]
    layers += [Linear("logits", 3), *draw(st.lists(elementwise, max_size=1))]
    try:
        place(tuple(layers), shape)
    except GeometryError:
        assume(False)
    return Architecture("any", shape, 3, _named(layers, ""))


def _named(layers: list[Layer] | tuple[Layer, ...], before: str) -> tuple[Layer, ...]:
    """The layers with names of their own, which modules need."""
    named = []
    for i, layer in enumerate(layers):
        name = f"{before}{layer.name}{i}"
        values = {field: getattr(layer, field) for field in layer.__dataclass_fields__}
        values["name"] = name
        if isinstance(layer, Residual):
            values["body"] = _named(layer.body, f"{name}.")
        named.append(type(layer)(**values))
    return tuple(named)


def _network(architecture: Architecture) -> Network:
    """Random in everything that training and data would decide, with logits of about 1."""
    generator = torch.Generator().manual_seed(0)
    network = build(architecture, generator).eval()
    for parameter in network.parameters():
        if parameter.ndim == 1:
            parameter.data.normal_(generator=generator)
    for module in network.modules():
        if isinstance(module, BatchNormModule):
            module.get_buffer("running_mean").normal_(generator=generator)
            module.get_buffer("running_var").uniform_(0.5, 2, generator=generator)
    network.get_buffer("mean").uniform_(20, 200, generator=generator)
    network.get_buffer("std").uniform_(30, 90, generator=generator)
    return network


def _images(architecture: Architecture) -> torch.Tensor:
    shape = (IMAGES, *architecture.input_shape)
    images = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(1))
    images[0], images[1] = 0, 255
    return images


@torch.no_grad()
def _logits(network: Network, images: torch.Tensor) -> torch.Tensor:
    return network.double().layers((images.double() - network.mean.view(-1, 1, 1)) / network.std.view(-1, 1, 1))


@many
@given(architecture=architectures())
def test_the_steps_compute_what_the_network_computes(architecture: Architecture) -> None:
    network, images = _network(architecture), _images(architecture)
    *_, (_, last) = execute(lower(network), images)
    torch.testing.assert_close(last.flatten(1), _logits(network, images), rtol=1e-6, atol=1e-6)


numbers = st.sampled_from(get_args(NumberType))


@many
@given(architecture=architectures(), number=numbers, patience=st.sampled_from([0, layout.PATIENCE]))
def test_no_value_is_overwritten_while_it_is_needed(
    architecture: Architecture, number: NumberType, patience: int
) -> None:
    program = lower(_network(architecture))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(layout, "PATIENCE", patience)  # 0: no placement is found, and the largest goes first
        laid_out = program.layout(number)
    places = [_bytes(laid_out, program, value, VALUE_BYTES[number]) for value in range(-1, len(program.steps))]
    assert places[0].start % 4 == 0
    memory = np.full(laid_out.bytes, -2)  # the number of the value that each byte holds; -1 is the image
    memory[places[0]] = -1
    for value, step in enumerate(program.steps):
        assert all((memory[places[source + 1]] == source).all() for source in inputs(step))
        place = places[value + 1]
        if not isinstance(step, IN_PLACE):
            assert not any((memory[place] == source).any() for source in inputs(step))
        assert place.stop <= laid_out.bytes
        memory[place] = value
    assert places[-1].start >= laid_out.buffer  # in the output, which lies behind the buffer here


def _bytes(laid_out: Layout, program: Program, value: int, value_bytes: int) -> slice:
    offset = laid_out.offsets[value + 1]
    size = prod(program.input_shape) if value < 0 else value_bytes * prod(program.steps[value].shape)
    start = laid_out.buffer if offset is None else offset
    return slice(start, start + size)


@many
@given(architecture=architectures(), number=numbers)
def test_the_design_counts_the_ram_of_the_program(architecture: Architecture, number: NumberType) -> None:
    program = lower(_network(architecture))
    assert program.layout(number).bytes == ram(architecture, number) >= peak(architecture, number)


@needs_compiler
@few
@given(architecture=architectures())
def test_float_gives_what_torch_gives(architecture: Architecture, tmp_path_factory: pytest.TempPathFactory) -> None:
    network, images = _network(architecture), _images(architecture)
    files = write_c(network, ["a", "b", "c"], tmp_path_factory.mktemp("c"))
    scores = run_c(files.source, images.numpy(), SANITISERS)
    assert isinstance(scores, CScores), scores
    logits = _logits(network, images)
    largest = max(1.0, float(logits.abs().max()))
    np.testing.assert_allclose(scores.probabilities, logits.softmax(1), atol=2e-6 * largest)
    assert (scores.predictions == scores.probabilities.argmax(1)).all()


@needs_compiler
@few
@given(architecture=architectures())
def test_int8_gives_nearly_what_torch_gives(
    architecture: Architecture, tmp_path_factory: pytest.TempPathFactory
) -> None:
    network, images = _network(architecture), _images(architecture)
    files = write_c(network, ["a", "b", "c"], tmp_path_factory.mktemp("c"), images.numpy(), int8=True)
    scores = run_c(files.source, images.numpy(), SANITISERS)
    assert isinstance(scores, CScores), scores
    difference = np.abs(scores.probabilities - _logits(network, images).softmax(1).numpy()).mean()
    assert difference < 0.05  # 0.02 was the largest of 150; probabilities of two random networks differ by 0.3
    assert (scores.predictions == scores.probabilities.argmax(1)).all()


KEPT = {
    "a rule after a convolution": [Conv2d("conv", 3, 3), Residual("block", (Activation("act", "prelu"),))],
    "a norm after a convolution": [Conv2d("conv", 3, 3), Residual("block", (BatchNorm("norm"),))],
    "a rule after a maximum": [
        Conv2d("conv", 3, 3),
        Pool("pool", 2),
        Residual("block", (Activation("act", "prelu", 0.25),)),
    ],
    "a norm after a depthwise filter": [DepthwiseConv2d("depthwise", 3), Residual("block", (BatchNorm("norm"),))],
    "a shrunk image": [Pool("pool", 2, "average"), Residual("block", (BatchNorm("norm"), Activation("act", "gelu")))],
    "the image": [Residual("block", (BatchNorm("norm"), Activation("act", "gelu")))],
}


@pytest.mark.parametrize("layers", KEPT.values(), ids=KEPT)
def test_nothing_is_folded_into_what_is_added_later(layers: list[Layer]) -> None:
    whole = Architecture("any", (1, 9, 8), 3, _named([*layers, Flatten("flat"), Linear("logits", 3)], ""))
    network, images = build(whole, torch.Generator().manual_seed(0)).eval(), _images(whole)  # slopes stay above 0
    *_, (_, last) = execute(lower(network), images)
    torch.testing.assert_close(last.flatten(1), _logits(network, images), rtol=1e-6, atol=1e-6)


ENDS = {
    "one fully connected layer": (Flatten("flat"), Linear("logits", 3)),
    "an image that is shrunk": (Pool("shrunk", 2, "average"), Flatten("flat"), Linear("logits", 3)),
    "pooled filters": (Conv2d("conv", 3, 3), GlobalPool("pool", "max")),
    "a filter of each channel": (DepthwiseConv2d("depthwise", 4, 2, 3), GlobalPool("pool", "average")),
    "a linear bottleneck that is added": (
        Conv2d("stem", 19, 1),
        Residual(
            "block",
            (
                DepthwiseConv2d("depthwise", 3, 1, 1, bias=False),
                BatchNorm("depthwise.norm"),
                Activation("act"),
                Conv2d("project", 19, 1, bias=False),
                BatchNorm("norm", scale=True),
            ),
        ),
        GlobalPool("pool", "average"),
        Linear("logits", 3),
    ),
    "averaged filters": (Conv2d("stem", 2, 3, 2, 4), Conv2d("conv", 3, 3), GlobalPool("pool", "average")),
}


@needs_compiler
@pytest.mark.parametrize("int8", [False, True], ids=["float", "int8"])
@pytest.mark.parametrize("layers", ENDS.values(), ids=ENDS)
def test_a_network_may_begin_and_end_with_any_step(layers: tuple[Layer, ...], int8: bool, tmp_path: Path) -> None:
    whole = Architecture("any", (3, 9, 8), 3, layers)
    network, images = _network(whole), _images(whole)
    files = write_c(network, ["a", "b", "c"], tmp_path, images.numpy(), int8=int8)
    scores = run_c(files.source, images.numpy(), SANITISERS)
    assert isinstance(scores, CScores), scores
    expected = _logits(network, images).softmax(1).numpy()
    np.testing.assert_allclose(scores.probabilities, expected, atol=0.1 if int8 else 1e-5)
