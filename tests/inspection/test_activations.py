"""A stored network, looked into: the maps, the first filters and the answers are those that torch computes."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch

from makeweight.data.dataset import PreparedDataset
from makeweight.errors import InvalidValue, StoreError
from makeweight.inspection.activations import default_layers, inspect
from makeweight.inspection.data import chosen_tests, first_of_each_class
from makeweight.inspection.records import LayerMaps
from makeweight.nets.load import load_network
from makeweight.store.rows import JobRow
from makeweight.store.store import Store


def test_by_default_the_first_image_of_each_class_and_all_convolutions(
    store: Store, rows: dict[str, JobRow], digits: PreparedDataset
) -> None:
    found, labels = inspect(store, rows["cnn"], digits), np.asarray(digits.test_images().labels)
    assert (found.network, found.seed, found.class_names) == ("CNN 2K", 0, digits.class_names)
    assert rows["cnn"].job.key.startswith(found.run)
    assert [sample.truth for sample in found.samples] == list(range(10))
    for sample in found.samples:
        index = int(sample.name.removeprefix("test image "))
        assert index == np.flatnonzero(labels == sample.truth)[0]
        np.testing.assert_array_equal(sample.pixels, digits.test_images().images[index])
    convolutions = [layer.layer for layer in found.layers]
    assert convolutions == list(default_layers(rows["cnn"].job.architecture))
    assert convolutions[0] == "stem"
    assert {layer.kind for layer in found.layers} == {"conv"}
    assert [r.layer for r in found.responses] == [convolutions[0], convolutions[-1]]
    assert found.layers[0].sees == (3, 3)


@pytest.mark.parametrize("family", ["fcn", "cnn"])
def test_answers_are_those_that_the_store_has(
    store: Store, rows: dict[str, JobRow], digits: PreparedDataset, family: str
) -> None:
    row = rows[family]
    found = inspect(store, row, digits, chosen_tests(digits, range(20)))
    stored = torch.from_numpy(store.predictions(row).logits[:20]).softmax(dim=1).numpy()
    np.testing.assert_allclose([sample.probabilities for sample in found.samples], stored, atol=1e-4)
    assert [sample.predicted for sample in found.samples] == stored.argmax(axis=1).tolist()


def test_maps_are_what_the_layers_compute(store: Store, rows: dict[str, JobRow], digits: PreparedDataset) -> None:
    found = inspect(store, rows["cnn"], digits)
    network = load_network(rows["cnn"].job.architecture, store.weights(rows["cnn"]))
    pixels = torch.from_numpy(np.stack([sample.pixels for sample in found.samples]))
    with torch.inference_mode():
        stem = network.layers[:2](network.normalise(pixels, torch.float32))
    np.testing.assert_allclose(
        next(layer for layer in found.layers if layer.layer == "stem").maps, stem.numpy(), rtol=1e-5, atol=1e-6
    )
    weights = dict(network.named_parameters())["layers.stem.weight"].detach().numpy()
    assert found.filters is not None
    np.testing.assert_array_equal(found.filters.kernels, weights)


def test_a_network_without_convolutions_shows_its_hidden_layers(
    store: Store, rows: dict[str, JobRow], digits: PreparedDataset
) -> None:
    found = inspect(store, rows["fcn"], digits)
    assert [layer.layer for layer in found.layers] == ["hidden1", "hidden2"]
    assert all(layer.is_vector and layer.sees == (8, 8) for layer in found.layers)
    assert found.filters is not None
    assert found.filters.kernels.shape == (found.layers[0].shape[0], 1, 8, 8)
    np.testing.assert_array_equal(
        found.filters.kernels.reshape(len(found.filters.kernels), -1),
        store.weights(rows["fcn"])["layers.hidden1.weight"],
    )


def test_named_layers_are_shown_once_each_with_responses(
    store: Store, rows: dict[str, JobRow], digits: PreparedDataset
) -> None:
    found = inspect(store, rows["cnn"], digits, layers=["logits", "stage2.conv", "logits"], filters=[3, 1])
    assert [layer.layer for layer in found.layers] == ["logits", "stage2.conv"]
    assert [response.filters for response in found.responses] == [(3, 1), (3, 1)]


def test_what_is_not_there_is_refused(store: Store, rows: dict[str, JobRow], digits: PreparedDataset) -> None:
    row, last = rows["cnn"], len(digits.test_images().labels) - 1
    with pytest.raises(InvalidValue, match=r"no layer 'conv9' to look at\. There are: stem, stage1\.conv, "):
        inspect(store, row, digits, layers=["conv9"])
    with pytest.raises(InvalidValue, match=r"filter 10 is not possible: layer 'logits' has 10, from 0 to 9\."):
        inspect(store, row, digits, layers=["logits"], filters=[10])
    for count in (0, 65):
        with pytest.raises(InvalidValue, match=f"{count} images to look at are not possible: give 1 to 64"):
            inspect(store, row, digits, chosen_tests(digits, range(count)))
    for index in (-1, last + 1):
        with pytest.raises(InvalidValue, match=f"sample {index} is not possible: give 0 to {last}, the test images"):
            chosen_tests(digits, [index])


def test_a_run_without_a_result_is_refused(store: Store, digits: PreparedDataset, rows: dict[str, JobRow]) -> None:
    with pytest.raises(StoreError, match="has no result yet"):
        inspect(store, dataclasses.replace(rows["fcn"], state="pending", result=None), digits)


def test_numbers_of_a_layer() -> None:
    values = np.zeros((2, 5, 10, 10), np.float32)
    values[0, 0, 0, 0], values[1, 4] = 50.0, 2.0  # one of a thousand is far out
    layer = LayerMaps("conv", "conv", values)
    assert (layer.low, layer.high, layer.shape, layer.is_vector) == (0.0, 50.0, (5, 10, 10), False)
    assert layer.mean == pytest.approx((50 + 200) / 1_000)
    assert layer.zeros == pytest.approx(0.899)
    assert layer.scale == (0.0, 2.0)
    assert LayerMaps("conv", "conv", np.zeros((1, 2, 3, 3), np.float32)).scale == (0.0, 1.0)


def test_subjects_of_each_class_are_the_first(digits: PreparedDataset) -> None:
    assert [subject.truth for subject in first_of_each_class(digits)] == list(range(10))
