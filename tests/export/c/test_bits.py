"""The int8 program computes the same bits everywhere: as integers of NumPy do, on this machine and on a chip."""

from __future__ import annotations

import subprocess
from collections.abc import Callable, Mapping
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from tests.export.c import reference

from makeweight.designs.architecture import Architecture, Task
from makeweight.designs.families import family_named
from makeweight.designs.layers import Activation, Conv2d, DepthwiseConv2d, Flatten, GlobalPool, Linear, Pool
from makeweight.designs.solver import fit
from makeweight.export.c import write_c
from makeweight.export.c.compiler import STRICT, compile_c, find_compiler
from makeweight.export.c.emulate import Firmware, missing_tools, run
from makeweight.export.c.lower import lower
from makeweight.export.c.quantise import quantise
from makeweight.export.c.rounding import BITS
from makeweight.export.c.targets import TARGETS
from makeweight.nets.build import Network, build
from makeweight.nets.modules import Activation as ActivationModule
from makeweight.nets.modules import BatchNorm

DRIVER = """\
#include "model.c"
#include <stdio.h>
int main(void)
{
    while (fread(model_image(), MODEL_INPUT_BYTES, 1, stdin)) {
        model_predict();
        fwrite(ram.output, sizeof ram.output, 1, stdout);
    }
    return 0;
}
"""
# Each core with two networks in every run, and everything on every core in the slow ones.
QUICK = [(name, core, of) for core in TARGETS for name, of in (("mobile", "-O2"), ("slopes below 0", "-Os"))]
ON_CHIPS = ("cnn in colour", "mobile", "slopes below 0", "a mean of one, which multiplies by 1")
SLOW = [case for case in product(ON_CHIPS, TARGETS, ("-O2", "-Os")) if case not in QUICK]
OPTIONS = [("-O2",), ("-Os",), ("-O1", "-fsanitize=address,undefined", "-fno-sanitize-recover=all")]


def _layers(shape: tuple[int, int, int], *layers: Any) -> Architecture:
    last = () if isinstance(layers[0], Flatten) or isinstance(layers[-1], GlobalPool) else (Flatten("flat"),)
    return Architecture("any", shape, 7, (*layers, *last, Linear("logits", 7)))


def _family(name: str, shape: tuple[int, int, int], options: Mapping[str, Any] | None = None) -> Architecture:
    return fit(family_named(name), Task(shape, 7), 8_000, options or {}).architecture


ARCHITECTURES: dict[str, Callable[[], Architecture]] = {  # made when they are asked for
    "cnn": partial(_family, "cnn", (1, 20, 20)),
    "cnn in colour": partial(_family, "cnn", (3, 24, 20), {"stride": 2}),
    "cnn whose rows end inside a block of weights": partial(
        _layers, (1, 9, 9), Conv2d("a", 21, 3, 1, 1), Activation("r"), Conv2d("b", 6, 3, 1, 1), Pool("p", 2)
    ),
    "slopes below 0": partial(_family, "cnn", (1, 16, 12), {"activation": "prelu"}),
    "gelu": partial(_family, "cnn", (3, 16, 17), {"activation": "gelu", "pool": "average"}),
    "mobile": partial(_family, "mobile", (1, 16, 16)),
    "lenet": partial(_family, "lenet", (3, 28, 28)),
    "fcn": partial(_family, "fcn", (1, 20, 20)),
    "fully connected in colour": partial(_layers, (3, 9, 7), Flatten("first"), Linear("a", 10), Activation("r")),
    "large windows of colour, padded": partial(_layers, (3, 13, 12), Conv2d("a", 6, 9, 1, 4), Activation("r")),
    "large windows of gray, padded": partial(_layers, (1, 15, 14), Conv2d("a", 5, 13, 2, 6), Activation("r")),
    "large windows without padding": partial(_layers, (3, 12, 12), Conv2d("a", 6, 8, 2, 0), Activation("r")),
    "scores that are int8 before": partial(
        Architecture, "any", (1, 8, 8), 7, (Conv2d("a", 7, 3, 1, 1), GlobalPool("p", "max"))
    ),
    "nothing but padding in some windows": partial(
        _layers, (3, 8, 8), Conv2d("a", 5, 2, 3, 5), Conv2d("b", 9, 1, 1, 2)
    ),
    "a mean of one, which multiplies by 1": partial(
        _layers, (1, 8, 8), Pool("first", 1, "average"), DepthwiseConv2d("d", 3, 1, 1), GlobalPool("p", "average")
    ),
}


def _network(architecture: Architecture) -> Network:
    generator = torch.Generator().manual_seed(0)
    network = build(architecture, generator).eval()
    for module in network.modules():
        if isinstance(module, BatchNorm):
            module.get_buffer("running_mean").normal_(generator=generator)
            module.get_buffer("running_var").uniform_(0.5, 2, generator=generator)
        if isinstance(module, ActivationModule) and module.weight is not None:
            module.weight.data.uniform_(-0.5, 0.5, generator=generator)
    network.get_buffer("mean").uniform_(50, 200, generator=generator)
    network.get_buffer("std").uniform_(30, 90, generator=generator)
    return network


def _images(architecture: Architecture) -> NDArray[np.uint8]:
    images = np.random.default_rng(0).integers(0, 256, (6, *architecture.input_shape), dtype=np.uint8)
    images[0], images[1] = 0, 255
    return images


def _case(name: str) -> tuple[Network, NDArray[np.uint8]]:
    architecture = ARCHITECTURES[name]()
    return _network(architecture), _images(architecture)


def _expected(network: Network, images: NDArray[np.uint8], bits: int) -> NDArray[np.float32]:
    program = lower(network)
    coded = quantise(program, images, bits)
    return np.stack([reference.logits(program, coded, image) for image in images])


@pytest.mark.skipif(find_compiler() is None, reason="no C compiler")
@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_c_file_computes_what_integers_give(name: str, bits: int, tmp_path: Path) -> None:
    network, images = _case(name)
    write_c(network, [f"class {k}" for k in range(7)], tmp_path, images, int8=True, bits=bits)
    (tmp_path / "driver.c").write_text(DRIVER)
    for options in OPTIONS:
        assert compile_c([tmp_path / "driver.c"], tmp_path / "driver", options) is None
        pixels = images.transpose(0, 2, 3, 1).tobytes()
        done = subprocess.run([tmp_path / "driver"], input=pixels, capture_output=True, check=True, timeout=60)
        assert done.stdout == _expected(network, images, bits).tobytes(), options


@pytest.mark.parametrize("bits", BITS)
@pytest.mark.parametrize(
    ("name", "core", "optimisation"), [*QUICK, *(pytest.param(*case, marks=pytest.mark.slow) for case in SLOW)]
)
def test_a_chip_computes_the_same_bits(name: str, core: str, optimisation: str, bits: int, tmp_path: Path) -> None:
    target = TARGETS[core]
    missing = missing_tools(target)
    if missing:
        pytest.skip(f"needs {' and '.join(missing)}")
    network, images = _case(name)
    write_c(network, [f"class {k}" for k in range(7)], tmp_path, images, int8=True, bits=bits)
    pixels = images[3:4].transpose(0, 2, 3, 1).reshape(1, -1)
    firmware = Firmware('#include "model.c"', "model_image()", "model_predict", "ram.output")
    strict = (*STRICT[1:4], "-Wconversion", "-Wsign-conversion", "-Wshadow", "-Wcast-qual")
    result = run(target, tmp_path, firmware, pixels, (optimisation, *strict))
    assert result.output == _expected(network, images, bits)[3].tobytes()
