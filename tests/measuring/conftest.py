"""Small networks with random weights, and a copy of the finished study."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import torch

from makeweight.designs import layers
from makeweight.designs.architecture import Architecture
from makeweight.measuring.forward import ForwardPass
from makeweight.nets.build import build
from makeweight.store.store import Store
from makeweight.training.precision import Hardware

HARDWARE = Hardware("cpu", "fp32", 1)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def forward() -> Callable[..., ForwardPass]:
    """Make the pass of some 1×28×28 images through layers that end in ten logits."""

    def make(*body: layers.Layer, images: int = 1, hardware: Hardware = HARDWARE) -> ForwardPass:
        flat = any(isinstance(layer, layers.Flatten) for layer in body)
        end = (*(() if flat else (layers.Flatten("flatten"),)), layers.Linear("logits", 10))
        network = build(Architecture("cnn", (1, 28, 28), 10, (*body, *end)), torch.Generator().manual_seed(0))
        return ForwardPass(network.eval(), images, hardware)

    return make


@pytest.fixture
def store(finished, tmp_path: Path) -> Iterator[Store]:
    """A copy of the finished study, open for writing."""
    with Store.create(Path(shutil.copytree(finished.folder, tmp_path / "small"))) as opened:
        yield opened
