"""What is said of a file on the test set: numbers that come from it, and a verdict that follows its rule."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from makeweight.export import verify
from makeweight.export.deployment import Deployment
from makeweight.export.formats import write_onnx
from makeweight.export.records import Artefact, Memory
from makeweight.export.verify import accuracy_change, answers


@pytest.fixture(scope="module")
def checked(deployment: Deployment, digits, tmp_path_factory) -> verify.Checked:
    folder = tmp_path_factory.mktemp("export")
    return verify.verify(deployment, write_onnx(deployment, folder, True), digits.test_images())


def test_an_onnx_file_does_as_the_stored_run_did(checked: verify.Checked, store, row, digits) -> None:
    """The fixture's run was trained and scored in float32."""
    whole, small = checked.files
    stored = store.predictions(row)
    assert whole.name == "model.onnx"
    assert whole.accuracy.mean == checked.pytorch.accuracy.mean == row.result.test_accuracy
    assert whole.same_class == 1
    assert whole.largest_difference < 1e-5
    assert whole.faithful
    assert np.array_equal(checked.answers[0].argmax(1), stored.logits.argmax(1))
    assert len(checked.answers[0]) == len(digits.test_images().labels)
    assert (small.name, small.precision) == ("model-int8.onnx", "int8")
    assert 0.9 < small.same_class <= 1
    assert whole.largest_difference < small.largest_difference < 0.5


def test_files_are_timed_beside_each_other(checked: verify.Checked) -> None:
    for found in (checked.pytorch, *checked.files):
        assert found.latency is not None
        assert 0 < found.latency.p50_ms <= found.latency.p95_ms < 100
        assert found.latency.repeats >= verify.EFFORT.least


def test_size_and_digest_are_those_of_the_file(deployment: Deployment, digits, tmp_path: Path) -> None:
    import hashlib

    path, beside = tmp_path / "model.c", tmp_path / "model.h"
    path.write_bytes(b"12345")
    beside.write_bytes(b"678")
    memory = Memory(4_000, 300, None, None, 1_000)
    artefact = Artefact((path, beside), "float32", "gcc", deployment.answer, timed=False, memory=memory)
    [found] = verify.verify(deployment, [artefact], digits.test_images()).files
    assert (found.name, found.beside, found.size_bytes, found.latency) == ("model.c", ("model.h",), 8, None)
    assert found.memory is memory
    assert found.sha256 == hashlib.sha256(b"12345").hexdigest()


def test_a_file_that_computes_something_else_is_found(deployment: Deployment, digits, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(b"1")

    def turned(images: np.ndarray) -> np.ndarray:
        """Forget one step of the preprocessing."""
        return deployment.answer(255 - images)

    [found] = verify.verify(deployment, [Artefact((path,), "float32", "x", turned)], digits.test_images()).files
    assert not found.faithful
    assert found.largest_difference > 0.1
    assert found.same_class < 0.9
    assert found.change.high < 0


def test_answers_come_in_the_order_of_the_images(deployment: Deployment, digits, monkeypatch) -> None:
    images = digits.test_images().images
    together = answers(deployment.answer, images)
    monkeypatch.setattr(verify, "CHUNK_VALUES", 7 * 64 + 1)
    told = []
    parts = answers(deployment.answer, images, lambda *counts: told.append(counts))
    np.testing.assert_allclose(parts, together, atol=1e-6)
    assert [done for done, _ in told] == [*range(7, len(images), 7), len(images)]
    assert {total for _, total in told} == {len(images)}


def test_the_change_is_paired_over_the_images() -> None:
    labels = np.zeros(1_000, np.int64)
    right, wrong = np.array([0.9, 0.1], np.float32), np.array([0.1, 0.9], np.float32)
    before = np.stack([right] * 900 + [wrong] * 100)
    after = np.stack([right] * 890 + [wrong] * 110)
    change = accuracy_change(after, before, labels)
    assert change.mean == pytest.approx(-0.01)
    assert change.low < -0.01 < change.high < 0  # unpaired, the interval would reach far beyond 0
