"""Few bits: fine-tuning wins back what rounding costs, opens no test image, and its result is what the files hold."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from makeweight.export.c.compiler import find_compiler
from makeweight.export.deployment import Int8, deployment_of
from makeweight.export.finetune import Rounded, fine_tune
from makeweight.export.formats import FORMATS
from makeweight.export.session import export_run
from makeweight.jobs.job import training_data
from makeweight.nets.build import Network
from makeweight.training.evaluate import logits_of, loss_and_accuracy
from makeweight.training.images import Images

needs_compiler = pytest.mark.skipif(find_compiler() is None, reason="needs a C compiler")


@pytest.fixture(scope="module")
def tuned(store, row, digits) -> Network:
    return fine_tune(deployment_of(store, row, digits).module.network, row.job, digits, bits=3, epochs=6)


def _rounded(network: Network, bits: int) -> Network:
    rounded = copy.deepcopy(network)
    for module in rounded.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            module.weight.data = Rounded(bits)(module.weight.data)
    return rounded


def test_weights_are_rounded_to_codes_and_the_gradient_passes() -> None:
    weights = torch.tensor([[0.7, -0.34, 0.04], [0.0, 0.0, 0.0]], requires_grad=True)
    rounded = Rounded(4)(weights)
    np.testing.assert_allclose(rounded.detach(), [[0.7, -0.3, 0.0], [0.0, 0.0, 0.0]], atol=1e-7)
    rounded.sum().backward()
    assert weights.grad is not None
    assert (weights.grad == 1).all()


def test_fine_tuning_wins_back_what_rounding_costs(store, row, digits, tuned: Network) -> None:
    """With 3 bits, where rounding alone costs most; on the images that both were trained on."""
    data = training_data(digits, row.job)

    def loss(network: Network) -> float:
        images = Images(network, data.images, data.labels, data.train, "cpu", torch.float32)
        return loss_and_accuracy(logits_of(network, images), images.labels)[0]

    before = deployment_of(store, row, digits).module.network
    assert loss(_rounded(tuned, 3)) < loss(_rounded(before, 3))


def test_fine_tuning_opens_no_test_image_and_leaves_the_network_alone(store, row, digits, monkeypatch) -> None:
    def forbidden(self: object) -> None:
        raise AssertionError("the test images were opened")

    monkeypatch.setattr(type(digits), "test_images", forbidden)
    network = deployment_of(store, row, digits).module.network
    before = copy.deepcopy(network.state_dict())
    told = []
    result = fine_tune(network, row.job, digits, 4, 2, lambda epoch, accuracy: told.append((epoch, accuracy)))
    assert [epoch for epoch, _ in told] == [1, 2]
    assert all(0 <= accuracy <= 1 for _, accuracy in told)
    assert all(torch.equal(before[name], tensor) for name, tensor in network.state_dict().items())
    assert list(result.state_dict()) == list(before)  # plain weights again
    assert any(not torch.equal(before[name], tensor) for name, tensor in result.state_dict().items())


@needs_compiler
def test_four_bits_halve_the_flash_and_compute_what_was_fine_tuned(store, row, digits, tuned, tmp_path: Path) -> None:
    deployment = replace(deployment_of(store, row, digits), int8=Int8(4), fine_tuned=tuned)
    for bits in (8, 4):
        (tmp_path / str(bits)).mkdir()
    _, eight = FORMATS["c"].write(deployment_of(store, row, digits), tmp_path / "8", True)
    whole, four = FORMATS["c"].write(deployment, tmp_path / "4", True)
    images = np.asarray(digits.training_images().images[:200])
    expected = deployment.for_int8.answer(images)
    assert eight.memory is not None
    assert four.memory is not None
    assert four.memory.flash_bytes < 0.7 * eight.memory.flash_bytes  # biases and multipliers stay as they are
    np.testing.assert_allclose(whole.answer(images), deployment.answer(images), atol=2e-6)
    agreed = (four.answer(images).argmax(1) == _answers(_rounded(tuned, 4), images).argmax(1)).mean()
    assert agreed > 0.95
    assert np.abs(four.answer(images) - expected).max() > 1e-4  # they are rounded
    assert "weights of 4 bits" in (tmp_path / "4" / "model_int8.c").read_text()


def _answers(network: Network, images: np.ndarray) -> np.ndarray:
    with torch.inference_mode():
        return np.asarray(network.eval()(network.normalise(torch.from_numpy(images.copy()), torch.float32)).softmax(1))


@needs_compiler
def test_report_and_card_say_how_int8_was_made(store, row, digits, tmp_path: Path) -> None:
    said: list[str] = []
    folder = tmp_path / "export"
    export_run(store, row, digits, folder, format_="c", int8=Int8(4, 1), say=said.append)
    how = "weights of 4 bits, from a copy of the network that was trained for 1 more epoch with its weights rounded"
    assert json.loads((folder / "report.json").read_text())["files"][1]["quantisation"] == how
    assert how in (folder / "README.md").read_text()
    assert how in " ".join((folder / "model_int8.c").read_text().replace("\n *", "").split())
    assert any(line.startswith("epoch 1/1: validation ") for line in said)
