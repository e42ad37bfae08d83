"""What filters respond to, against a search over all test images at once."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from makeweight.data.dataset import PreparedDataset
from makeweight.designs.receptive import receptive_fields
from makeweight.inspection import responses
from makeweight.inspection.responses import TOP, find_responses, most_varied
from makeweight.nets.load import load_network
from makeweight.nets.taps import activations, tap_named
from makeweight.store.rows import JobRow
from makeweight.store.store import Store


@pytest.mark.parametrize(("family", "layer"), [("cnn", "stem"), ("cnn", "stage2.conv"), ("fcn", "hidden2")])
def test_the_strongest_images_and_their_places(
    store: Store, rows: dict[str, JobRow], digits: PreparedDataset, family: str, layer: str
) -> None:
    row, images = rows[family], np.array(digits.test_images().images)
    network = load_network(row.job.architecture, store.weights(row))
    tap = tap_named(row.job.architecture, layer)
    [found] = find_responses(network, images, [tap], [2, 0])
    maps = activations(network, network.normalise(torch.from_numpy(images), torch.float32), [layer])[layer]
    maps = maps.reshape(*maps.shape[:2], *(maps.shape[2:] or (1, 1))).numpy()
    field = receptive_fields(row.job.architecture)[tap.shown]
    assert (found.layer, found.filters, found.indices.shape) == (layer, (2, 0), (2, TOP))
    for place, number in enumerate(found.filters):
        strengths = maps[:, number].max(axis=(1, 2))
        np.testing.assert_allclose(found.strengths[place], np.sort(strengths)[::-1][:TOP], rtol=1e-4)
        np.testing.assert_allclose(strengths[found.indices[place]], found.strengths[place], rtol=1e-4)
        np.testing.assert_array_equal(found.pixels[place], images[found.indices[place]])
        for box, index in zip(found.boxes[place], found.indices[place], strict=True):
            of_image = maps[index, number]  # of which several places may be as strong, but for rounding
            assert tuple(box) in {field.box(int(y), int(x)) for y, x in np.argwhere(of_image > of_image.max() - 1e-4)}


def test_batches_change_nothing(
    store: Store, rows: dict[str, JobRow], digits: PreparedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    row, images = rows["cnn"], digits.test_images().images
    network, tap = load_network(row.job.architecture, store.weights(row)), tap_named(row.job.architecture, "stem")
    [whole] = find_responses(network, images, [tap])
    monkeypatch.setattr(responses, "BATCH", 7)
    [parts] = find_responses(network, images, [tap])
    assert parts.filters == whole.filters
    np.testing.assert_allclose(parts.strengths, whole.strengths, rtol=1e-5)


def test_fewer_images_than_the_top_are_all_shown(
    store: Store, rows: dict[str, JobRow], digits: PreparedDataset
) -> None:
    row = rows["cnn"]
    network, tap = load_network(row.job.architecture, store.weights(row)), tap_named(row.job.architecture, "stem")
    [found] = find_responses(network, digits.test_images().images[:3], [tap], [1])
    assert sorted(found.indices[0]) == [0, 1, 2]
    assert found.boxes.shape == (1, 3, 4)


def test_filters_that_vary_most_are_chosen_in_the_order_of_their_numbers() -> None:
    strengths = np.zeros((4, 5), np.float32)
    strengths[:, 0], strengths[0, 3], strengths[1, 1] = 100, 2, 3  # the first is strong, and always the same
    assert most_varied(strengths, 2) == (1, 3)
    assert most_varied(strengths, 9) == (0, 1, 2, 3, 4)
