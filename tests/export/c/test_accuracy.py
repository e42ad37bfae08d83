"""A trained network answers in C as it does in torch."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from makeweight.data.dataset import PreparedDataset, prepare
from makeweight.designs.architecture import Task
from makeweight.designs.families import family_named
from makeweight.designs.memory import ram
from makeweight.designs.solver import fit
from makeweight.export.c import write_c
from makeweight.nets.build import Network, build
from makeweight.nets.modules import BatchNorm
from makeweight.studies.plan import job_for

FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")


def test_float_answers_as_torch_does(trained, answers, tmp_path: Path) -> None:
    scores = answers(trained.write(tmp_path).source, trained.images)
    np.testing.assert_allclose(scores.probabilities, trained.probabilities, atol=1e-5)
    assert (scores.predictions == trained.probabilities.argmax(1)).all()
    assert (scores.predictions == trained.labels).mean() > 0.9
    assert scores.seconds > 0


def test_int8_agrees_with_float_and_is_as_accurate(trained, answers, tmp_path: Path) -> None:
    scores = answers(trained.write(tmp_path, int8=True).source, trained.images)
    expected = trained.probabilities.argmax(1)
    assert (scores.predictions == expected).mean() >= 0.98
    change = (scores.predictions == trained.labels).mean() - (expected == trained.labels).mean()
    assert abs(change) <= 0.01
    assert np.abs(scores.probabilities - trained.probabilities).mean() < 0.005


@pytest.fixture(scope="module")
def fashion_mnist(cache: Path) -> PreparedDataset:
    if not FASHION_MNIST.is_dir():
        pytest.skip(f"FashionMNIST is not in {FASHION_MNIST}; install Debian's dataset-fashion-mnist")
    return prepare("fashion-mnist", data_dir=FASHION_MNIST, cache_dir=cache)


@pytest.mark.parametrize(
    ("family", "epochs", "count", "least"),
    [("fcn", 1, 1_000, 0.75), pytest.param("cnn", 1, 10_000, 0.75, marks=pytest.mark.slow)],
)
def test_fashion_mnist_is_told_apart_as_by_torch(
    family: str, epochs: int, count: int, least: float, fashion_mnist, train, answers, tmp_path: Path
) -> None:
    design = fit(family_named(family), Task((1, 28, 28), 10), 10_000)
    job = job_for(design, fashion_mnist, {"epochs": epochs, "precision": "fp32"}, split_seed=0, seed=0)
    network = train(job, fashion_mnist, count)
    expected = network.probabilities.argmax(1)
    assert (expected == network.labels).mean() > least
    exact, coarse = (
        answers(network.write(tmp_path, name=f"m{int8:d}", int8=int8).source, network.images) for int8 in (False, True)
    )
    np.testing.assert_allclose(exact.probabilities, network.probabilities, atol=1e-4)
    assert (exact.predictions == expected).mean() >= 0.999
    assert (coarse.predictions == expected).mean() >= 0.98
    assert abs((coarse.predictions == network.labels).mean() - (expected == network.labels).mean()) <= 0.005


FAMILIES = [
    ("fcn", {"shrink": 1}, (1, 28, 28)),
    ("fcn", {"shrink": 2}, (3, 9, 12)),
    ("fcn", {"activation": "leaky_relu", "norm": "none", "depth": 3}, (3, 9, 12)),
    ("cnn", {}, (3, 30, 20)),
    ("cnn", {"activation": "prelu", "head": "flatten", "stages": 2}, (1, 16, 12)),
    ("cnn", {"activation": "gelu", "pool": "average", "head": "average", "norm": "none"}, (3, 16, 17)),
    ("cnn", {"activation": "leaky_relu", "stride": 2, "kernel": 5, "padding": 1, "blocks": 2}, (1, 64, 60)),
    ("cnn", {"kernel": 2}, (1, 16, 12)),
    ("cnn", {"kernel": 4, "late_blocks": 1}, (3, 16, 17)),
    ("cnn", {"kernel": 6}, (1, 16, 12)),
    ("mobile", {"stages": 4}, (1, 28, 28)),
    ("mobile", {"activation": "gelu", "expand": 1, "kernel": 5, "blocks": 1}, (3, 30, 20)),
    ("lenet", {}, (1, 28, 28)),
    ("lenet", {"activation": "gelu", "pool": "average", "kernel": 3}, (3, 32, 32)),
]


@pytest.mark.parametrize(("family", "options", "shape"), FAMILIES)
def test_every_family_and_option_answers_as_in_torch(
    family: str, options: dict[str, object], shape: tuple[int, int, int], answers: Callable, tmp_path: Path
) -> None:
    network = _random(family, options, shape)
    images = np.random.default_rng(0).integers(0, 256, (40, *shape), dtype=np.uint8)
    with torch.no_grad():
        expected = network(network.normalise(torch.from_numpy(images), torch.float32)).softmax(1).numpy()
    names = [f"class {k}" for k in range(7)]
    files = [write_c(network, names, tmp_path, images, name=f"m{int8:d}", int8=int8) for int8 in (False, True)]
    assert [each.ram_bytes for each in files] == [ram(network.architecture, number) for number in ("fp32", "int8")]
    exact, coarse = (answers(each.source, images) for each in files)
    np.testing.assert_allclose(exact.probabilities, expected, atol=2e-5)
    assert (exact.predictions == expected.argmax(1)).all()
    assert np.abs(coarse.probabilities - expected).mean() < 0.01


def _random(family: str, options: dict[str, object], shape: tuple[int, int, int]) -> Network:
    generator = torch.Generator().manual_seed(0)
    network = build(fit(family_named(family), Task(shape, 7), 20_000, options).architecture, generator).eval()
    for module in network.modules():
        if isinstance(module, BatchNorm):
            module.get_buffer("running_mean").normal_(generator=generator)
            module.get_buffer("running_var").uniform_(0.5, 2, generator=generator)
    network.get_buffer("mean").uniform_(50, 200, generator=generator)
    network.get_buffer("std").uniform_(30, 90, generator=generator)
    return network
