"""A trained mobile network through all that comes after training; the finished study has other families."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod
from pathlib import Path

import numpy as np
import pytest
import torch
from tests.export.test_formats import EACH
from torch.nn import functional

from makeweight.data.dataset import PreparedDataset
from makeweight.designs.shapes import place
from makeweight.diagnosis.diagnose import judged
from makeweight.diagnosis.stored import subject_of_run
from makeweight.export.deployment import deployment_of
from makeweight.export.formats import FORMATS
from makeweight.export.verify import answers
from makeweight.inspection.activations import default_layers, inspect
from makeweight.inspection.data import chosen_tests
from makeweight.jobs.job import Assignment, run_job
from makeweight.measuring.measure import measure
from makeweight.nets.load import load_network
from makeweight.report.figures.feature_drawings import feature_drawings
from makeweight.store.rows import JobRow, StudyRow
from makeweight.store.store import Store
from makeweight.training.precision import Hardware

ABOUT_THE_NETWORK = {
    "missing-nonlinearity", "bad-initialisation", "dead-relu", "vanishing-gradients", "exploding-gradients",
    "small-receptive-field", "image-discarded", "budget-imbalance", "dead-classes",
}  # fmt: skip


@pytest.fixture(scope="module")
def store(make_job, digits: PreparedDataset, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    job = make_job("mobile", 3_000, epochs=5, precision="fp32")
    *_, result = run_job(Assignment(job, digits.path, Hardware("cpu", "fp32", 1)))
    with Store.create(tmp_path_factory.mktemp("mobile") / "mobile") as opened:
        opened.plan(StudyRow("mobile", "{}", "digits", digits.digest, digits.class_names, str(digits.path)), [job])
        opened.finish(job.key, result)
        yield opened


@pytest.fixture(scope="module")
def row(store: Store) -> JobRow:
    [row] = store.jobs()
    return row


@pytest.mark.parametrize("name", EACH)
def test_every_format_scores_what_torch_scores(
    name: str, store: Store, row: JobRow, digits: PreparedDataset, tmp_path: Path
) -> None:
    deployment, test = deployment_of(store, row, digits), digits.test_images()
    assert row.result is not None
    whole, *small = FORMATS[name].write(deployment, tmp_path, FORMATS[name].int8)
    expected = answers(deployment.answer, test.images)
    np.testing.assert_allclose(answers(whole.answer, test.images), expected, atol=1e-5)
    for artefact in small:
        answered = answers(artefact.answer, test.images)
        np.testing.assert_allclose(answered, expected, atol=0.15)
        accuracy = (answered.argmax(1) == np.asarray(test.labels)).mean()
        assert accuracy == pytest.approx(row.result.test_accuracy, abs=0.02)


def test_a_depthwise_layer_is_looked_at_like_a_convolution(store: Store, row: JobRow, digits: PreparedDataset) -> None:
    found = inspect(store, row, digits, chosen_tests(digits, [0, 1]))
    layers = {layer.layer: layer for layer in found.layers}
    assert tuple(layers) == default_layers(row.job.architecture)
    before, layer = layers["stage1.block1.expand"], layers["stage1.block1.depthwise"]
    assert (layer.kind, layer.shape, layer.sees) == ("depthwise", before.shape, (5, 5))
    modules = dict(load_network(row.job.architecture, store.weights(row)).layers.named_children())
    with torch.inference_mode():
        weights = modules["stage1_block1_depthwise"].weight
        maps = functional.conv2d(torch.from_numpy(before.maps), weights, padding=1, groups=len(weights))
        expected = functional.relu(modules["stage1_block1_depthwise_norm"](maps))
    np.testing.assert_allclose(layer.maps, expected, rtol=1e-4, atol=1e-5)
    drawn = {drawing.name: drawing for drawing in feature_drawings(found)}
    assert {"maps-stage1-block1-depthwise", "maps-stage1-block1-project", "first-filters"} <= set(drawn)
    assert len(drawn["maps-stage1-block1-depthwise"].draw().axes[0].images) >= 2 * min(16, layer.shape[0])


def test_a_diagnosis_has_nothing_to_say_against_it(store: Store, row: JobRow, digits: PreparedDataset) -> None:
    diagnosis = judged(subject_of_run(store, row, digits), 4)
    assert not ABOUT_THE_NETWORK & {found.code for found in diagnosis.findings}


def test_it_is_measured(store: Store, row: JobRow, digits: PreparedDataset) -> None:
    cost = measure(store, row)
    assert 0 < cost.latency_p50_ms <= cost.latency_p95_ms
    assert cost.peak_activation_bytes is not None
    widest = max(prod(layer.output_shape) for layer in place(row.job.architecture.layers, digits.image_shape))
    assert cost.peak_activation_bytes >= 4 * widest
