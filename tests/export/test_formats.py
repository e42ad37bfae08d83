"""The contract of every format: the file computes what the network does, for any number of images."""

from __future__ import annotations

from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import numpy as np
import pytest
import torch

from makeweight.designs.architecture import Architecture, Task
from makeweight.designs.families import FAMILIES
from makeweight.designs.layers import ACTIVATIONS, Activation, Conv2d, Flatten, Linear
from makeweight.errors import DataFormatError, InvalidValue
from makeweight.export.c.compiler import find_compiler
from makeweight.export.deployment import CALIBRATION_IMAGES, Deployable, Deployment, Int8, int8_from
from makeweight.export.formats import FORMATS, format_named, write_device
from makeweight.export.runtime import OnnxFile
from makeweight.nets.build import build

needs_compiler = pytest.mark.skipif(find_compiler() is None, reason="needs a C compiler")
needs_litert = pytest.mark.skipif(find_spec("litert_torch") is None, reason="needs the extra tflite: make test-slow")
EACH = [pytest.param(name, marks={"c": needs_compiler, "tflite": needs_litert}.get(name, ())) for name in FORMATS]
GRAY, COLOUR = Task((1, 12, 12), 10), Task((3, 17, 12), 3)
NETWORKS = {
    "fcn gelu": ("fcn", GRAY, {"activation": "gelu", "shrink": 1}),
    "fcn shrunk": ("fcn", COLOUR, {"shrink": 3}),
    "fcn prelu without norm": ("fcn", COLOUR, {"activation": "prelu", "norm": "none"}),
    "cnn flatten": ("cnn", COLOUR, {"head": "flatten", "dropout": 0.2}),
    "cnn average leaky": ("cnn", GRAY, {"head": "average", "pool": "average", "activation": "leaky_relu"}),
    "lenet": ("lenet", COLOUR, {}),
    "mobile": ("mobile", COLOUR, {"expand": 2}),
    "cnn even filters": ("cnn", GRAY, {"kernel": 4}),
}
MORE = {
    f"{family} {activation}": (family, COLOUR, {"activation": activation})
    for family in FAMILIES
    for activation in ACTIVATIONS
} | {
    "cnn prelu without norm": ("cnn", GRAY, {"activation": "prelu", "norm": "none"}),
    "cnn stride": ("cnn", Task((1, 28, 28), 10), {"stride": 2}),
    "cnn blocks": ("cnn", Task((3, 32, 32), 100), {"blocks": 2}),
    "cnn deep": ("cnn", Task((1, 28, 28), 2), {"stages": 4}),
    "mobile without expansion": ("mobile", GRAY, {"expand": 1, "kernel": 5, "head": "max"}),
    **{f"cnn kernel {kernel}": ("cnn", GRAY, {"kernel": kernel}) for kernel in (2, 4, 6)},
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
@pytest.mark.parametrize("name", EACH)
@pytest.mark.parametrize(("family", "task", "options"), MORE.values(), ids=MORE)
def test_all_networks_compute_the_same_in_all_formats(
    make_deployment, family, task, options, name, tmp_path: Path
) -> None:
    check(make_deployment(family, task, **options), name, tmp_path)


@needs_compiler
@pytest.mark.parametrize("case", ["cnn average leaky", "fcn gelu", "mobile", "cnn even filters"])
def test_c_computes_what_the_network_does(make_deployment, case: str, tmp_path: Path) -> None:
    family, task, options = NETWORKS[case]
    check(make_deployment(family, task, **options), "c", tmp_path)


@needs_litert
@pytest.mark.parametrize("case", ["fcn gelu", "fcn shrunk", "cnn flatten", "cnn average leaky", "mobile"])
def test_litert_computes_what_the_network_does(make_deployment, case: str, tmp_path: Path, capfd) -> None:
    family, task, options = NETWORKS[case]
    check(make_deployment(family, task, **options), "tflite", tmp_path)
    assert capfd.readouterr() == ("", "")  # converter and runtime print a lot


@needs_litert
def test_litert_tells_layers_of_one_shape_apart(make_deployment, tmp_path: Path) -> None:
    """The converter took one layer's weights for those of another, whose memory it had freed."""
    layers = [layer for i in range(12) for layer in (Conv2d(f"c{i}", 4, 3, 1, 1, bias=True), Activation(f"r{i}"))]
    network = Architecture("any", GRAY.input_shape, GRAY.classes, (*layers, Flatten("flat"), Linear("logits", 10)))
    module = Deployable(build(network, torch.Generator().manual_seed(0))).eval()
    check(replace(make_deployment("cnn", GRAY), module=module), "tflite", tmp_path)


@pytest.mark.parametrize("case", ["cnn flatten", "fcn prelu without norm", "mobile"])
def test_a_program_computes_what_the_network_does(make_deployment, case: str, tmp_path: Path) -> None:
    family, task, options = NETWORKS[case]
    check(make_deployment(family, task, **options), "torch", tmp_path)


@pytest.mark.parametrize("name", EACH)
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


@needs_compiler
def test_c_has_its_memory_measured_and_its_origin_told(deployment: Deployment, tmp_path: Path) -> None:
    whole, small = write_device(deployment, tmp_path, True)
    assert [path.name for path in whole.files] == ["model.c", "model.h"]
    assert [path.name for path in small.files] == ["model_int8.c", "model_int8.h"]
    assert (whole.precision, whole.timed, small.precision, small.timed) == ("float32", False, "int8", False)
    assert whole.memory is not None
    assert small.memory is not None
    assert small.memory.flash_bytes < 0.4 * whole.memory.flash_bytes
    assert small.memory.ram_bytes < 0.4 * whole.memory.ram_bytes
    assert 4 * deployment.facts.weights < whole.memory.flash_bytes < 4 * deployment.facts.weights + 400
    header = (tmp_path / "model_int8.h").read_text()
    assert f"#define MODEL_INT8_FLASH_BYTES {small.memory.flash_bytes} " in header
    assert f"#define MODEL_INT8_RAM_BYTES {small.memory.ram_bytes} " in header
    facts, source = deployment.facts, (tmp_path / "model.c").read_text()
    assert f" * CNN 2K, run {facts.run}, seed 0; a budget of 2,000 weights.\n" in source
    assert f" * Data: digits\n * SHA-256 of the prepared data: {facts.data_digest}\n" in source
    assert " of the test images right.\n" in source
    assert str(Path(__file__).parents[2]) not in source


def test_what_the_compiler_refuses_is_not_written(
    deployment: Deployment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken, folder = tmp_path / "cc", tmp_path / "export"
    broken.write_text("#!/bin/sh\necho 'model.c:1: error: no such luck' >&2\nexit 1\n")
    broken.chmod(0o755)
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    with pytest.raises(DataFormatError, match=r"model\.c was not compiled: cc refused it: .*no such luck\. Nothing"):
        write_device(deployment, folder, True)
    assert not list(folder.iterdir())


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
    with pytest.raises(InvalidValue, match=r"format 'gguf' is not possible: give one of onnx, torch, tflite, c"):
        format_named("gguf", None)
    with pytest.raises(InvalidValue, match=r"int8=True is not possible with format=torch: it is for onnx, tflite, c"):
        format_named("torch", Int8())
    with pytest.raises(InvalidValue, match=r"bits=4 is not possible with format=onnx: it is for c"):
        format_named("onnx", Int8(4))


def test_few_bits_and_fine_tuning_are_for_int8() -> None:
    assert int8_from(False, None, None) is None
    assert int8_from(True, None, None) == Int8(8, None)
    assert [Int8(*values).fine_tuning for values in ((8,), (4,), (4, 0), (8, 3))] == [0, 5, 0, 3]
    for values, said in (
        ((False, 4, None), "bits=4 is for int8: add int8=True"),
        ((False, None, 2), "qat=2 is for int8: add int8=True"),
        ((True, 3, None), "bits=3 is not possible: give 8, 6 or 4"),
        ((True, 4, -1), "qat=-1 is not possible: give 0 to 1,000 epochs"),
    ):
        with pytest.raises(InvalidValue, match=said):
            int8_from(*values)
