"""The contract of every format: the file computes what the network does, for any number of images."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from makeweight.design.architecture import Task
from makeweight.design.layers import ACTIVATIONS
from makeweight.errors import InvalidValue
from makeweight.export.deployment import CALIBRATION_IMAGES, Deployment
from makeweight.export.formats import FORMATS, format_named
from makeweight.export.runtime import OnnxFile

GRAY, COLOUR = Task((1, 12, 12), 10), Task((3, 17, 12), 3)
NETWORKS = {
    "fcn gelu": ("fcn", GRAY, {"activation": "gelu"}),
    "fcn prelu without norm": ("fcn", COLOUR, {"activation": "prelu", "norm": "none"}),
    "cnn flatten": ("cnn", COLOUR, {"head": "flatten", "dropout": 0.2}),
    "cnn average leaky": ("cnn", GRAY, {"head": "average", "pool": "average", "activation": "leaky_relu"}),
    "lenet": ("lenet", COLOUR, {}),
}
MORE = {
    f"{family} {activation}": (family, COLOUR, {"activation": activation})
    for family in ("fcn", "cnn", "lenet")
    for activation in ACTIVATIONS
} | {
    "cnn prelu without norm": ("cnn", GRAY, {"activation": "prelu", "norm": "none"}),
    "cnn stride": ("cnn", Task((1, 28, 28), 10), {"stride": 2}),
    "cnn blocks": ("cnn", Task((3, 32, 32), 100), {"blocks": 2}),
    "cnn deep": ("cnn", Task((1, 28, 28), 2), {"stages": 4}),
    "vectors": ("fcn", Task((13, 1, 1), 3), {}),
}


def images_for(deployment: Deployment, count: int) -> np.ndarray:
    shape = (count, *deployment.facts.image_shape)
    return np.random.default_rng(1).integers(0, 256, shape, dtype=np.uint8)


def check(deployment: Deployment, name: str, folder: Path) -> None:
    whole, *small = FORMATS[name].write(deployment, folder, FORMATS[name].int8)
    for count in (1, 5):
        images = images_for(deployment, count)
        probabilities, expected = whole.answer(images), deployment.answer(images)
        assert probabilities.shape == (count, deployment.facts.classes)
        assert probabilities.dtype == np.float32
        np.testing.assert_allclose(probabilities, expected, atol=2e-6)
        np.testing.assert_allclose(probabilities.sum(axis=1), 1, atol=1e-5)
        for artefact in small:
            np.testing.assert_allclose(artefact.answer(images), expected, atol=0.25)
    assert np.ptp(whole.answer(images_for(deployment, 5)), axis=0).max() > 1e-3  # it looks at the image


@pytest.mark.parametrize(("family", "task", "options"), NETWORKS.values(), ids=NETWORKS)
def test_onnx_computes_what_the_network_does(make_deployment, family, task, options, tmp_path: Path) -> None:
    check(make_deployment(family, task, **options), "onnx", tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("name", FORMATS)
@pytest.mark.parametrize(("family", "task", "options"), MORE.values(), ids=MORE)
def test_all_networks_compute_the_same_in_all_formats(
    make_deployment, family, task, options, name, tmp_path: Path
) -> None:
    check(make_deployment(family, task, **options), name, tmp_path)


@pytest.mark.parametrize("case", ["cnn flatten", "fcn prelu without norm"])
def test_a_program_computes_what_the_network_does(make_deployment, case: str, tmp_path: Path) -> None:
    family, task, options = NETWORKS[case]
    check(make_deployment(family, task, **options), "torch", tmp_path)


@pytest.mark.parametrize("name", FORMATS)
def test_a_file_tells_its_facts_and_nothing_of_this_machine(make_deployment, name: str, tmp_path: Path) -> None:
    """Translators quote the source code with its paths."""
    deployment = make_deployment(*NETWORKS["lenet"][:2])
    artefacts = FORMATS[name].write(deployment, tmp_path, FORMATS[name].int8)
    root = str(Path(__file__).parents[2])
    for artefact in artefacts:
        for path in artefact.files:
            content = path.read_bytes()
            assert deployment.facts.data_digest.encode() in content
            assert root.encode() not in content
            assert b"site-packages" not in content
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        path.name for artefact in artefacts for path in artefact.files
    )


def test_the_same_network_gives_the_same_files(deployment: Deployment, tmp_path: Path) -> None:
    written = []
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
        written.append([a.files[0].read_bytes() for a in FORMATS["onnx"].write(deployment, tmp_path / name, True)])
    assert written[0] == written[1]


def test_an_onnx_file_is_one_small_file_with_integer_weights_where_asked(
    deployment: Deployment, tmp_path: Path
) -> None:
    whole, small = FORMATS["onnx"].write(deployment, tmp_path, True)
    sizes = [artefact.files[0].stat().st_size for artefact in (whole, small)]
    assert sizes[0] < 4 * deployment.facts.weights + 6_000
    assert [OnnxFile(artefact.files[0]).facts.precision for artefact in (whole, small)] == ["float32", "int8"]
    assert OnnxFile(small.files[0]).facts == deployment.facts.as_int8()

    import onnx

    kinds = {tensor.data_type for tensor in onnx.load(small.files[0]).graph.initializer if tensor.dims}
    assert onnx.TensorProto.INT8 in kinds


def test_calibration_uses_training_images_alone(deployment: Deployment, row, digits) -> None:
    from makeweight.data.split import split_indices

    labelled = digits.training_images()
    split = split_indices(labelled.labels, row.job.recipe.validation, row.job.split_seed)
    training = {image.tobytes() for image in np.asarray(labelled.images[split.train])}
    assert len(deployment.calibration) == CALIBRATION_IMAGES
    assert all(image.tobytes() in training for image in deployment.calibration)


def test_exporting_opens_no_test_image(store, row, digits, tmp_path: Path, monkeypatch) -> None:
    from makeweight.data.dataset import PreparedDataset
    from makeweight.export.deployment import deployment_of

    def forbidden(self: PreparedDataset) -> None:
        raise AssertionError("the test images were opened")

    monkeypatch.setattr(PreparedDataset, "test_images", forbidden)
    FORMATS["onnx"].write(deployment_of(store, row, digits), tmp_path, True)
    assert (tmp_path / "model-int8.onnx").is_file()


def test_an_unknown_format_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InvalidValue, match=r"format 'tflite' is not possible: give one of onnx, torch"):
        format_named("tflite", False)
    with pytest.raises(InvalidValue, match=r"--int8 is not possible with --format torch: it is for onnx"):
        format_named("torch", True)
