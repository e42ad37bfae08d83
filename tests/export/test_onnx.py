"""What stands in an ONNX file: no more than older runtimes, and compilers to C, can take."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import onnx
import onnxruntime
import pytest

from makeweight.designs.architecture import Task
from makeweight.export import quantize
from makeweight.export.deployment import Deployment
from makeweight.export.formats import write_onnx
from makeweight.export.quantize import WAYS

GRAY, COLOUR = Task((1, 12, 12), 10), Task((3, 17, 12), 3)
NETWORKS = {
    "gelu": ("fcn", GRAY, {"activation": "gelu"}, 14, 7),
    "max pooling": ("cnn", GRAY, {}, 14, 7),
    "average of colours": ("cnn", COLOUR, {"head": "average", "activation": "gelu"}, 18, 8),
    "prelu": ("fcn", COLOUR, {"activation": "prelu"}, 16, 8),
}
Written = Callable[..., tuple[onnx.ModelProto, onnx.ModelProto]]


@pytest.fixture
def written(make_deployment: Callable[..., Deployment], tmp_path: Path) -> Written:
    """Write a network, and read the float32 and the int8 file."""

    def write(family: str, task: Task, options: dict[str, object]) -> tuple[onnx.ModelProto, onnx.ModelProto]:
        whole, small = write_onnx(make_deployment(family, task, **options), tmp_path, True)
        return onnx.load(whole.files[0]), onnx.load(small.files[0])

    return write


@pytest.mark.parametrize(("family", "task", "options", "opset", "ir"), NETWORKS.values(), ids=NETWORKS)
def test_a_file_declares_what_its_operators_need(
    family: str, task: Task, options: dict[str, object], opset: int, ir: int, written: Written
) -> None:
    for model in written(family, task, options):
        assert [(entry.domain, entry.version) for entry in model.opset_import] == [("", opset)]
        assert model.ir_version == ir
        assert model.graph.input[0].type.tensor_type.shape.dim[0].dim_param == "batch"
        for node in model.graph.node:
            schema = onnx.defs.get_schema(node.op_type, opset)
            assert schema.since_version == onnx.defs.get_schema(node.op_type, 18).since_version
            for attribute in node.attribute:
                assert attribute.name not in ("storage_order", "allowzero")
                default = schema.attributes[attribute.name].default_value
                assert attribute.SerializeToString() != default.SerializeToString()


def test_gray_pixels_go_into_an_int8_network_as_they_are(written: Written) -> None:
    whole, small = written("cnn", GRAY, {})
    assert [node.op_type for node in readers(whole, "image")] == ["Cast"]
    [decoded] = readers(small, "image")
    assert decoded.op_type == "DequantizeLinear"
    assert [node.op_type for node in readers(small, decoded.output[0])] == ["Conv"]
    assert not {"Cast", "Sub", "Div"} & {node.op_type for node in small.graph.node}


def test_colours_are_normalised_channel_by_channel(written: Written) -> None:
    _, small = written("cnn", COLOUR, {})
    assert {"Cast", "Sub", "Div"} < {node.op_type for node in small.graph.node}


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_onnx_runtime_computes_an_int8_network_in_integers(activation: str, written: Written, tmp_path: Path) -> None:
    whole, small = (optimised(model, tmp_path) for model in written("fcn", GRAY, {"activation": activation}))
    assert {"Gemm", "QGemm"} & set(whole) == {"Gemm"}
    assert {"Gemm", "QGemm"} & set(small) == {"QGemm"}
    for steps in (whole, small):
        assert ("Gelu" in steps) is (activation == "gelu")
        assert not {"Erf", "Mul"} & set(steps)


def readers(model: onnx.ModelProto, name: str) -> list[onnx.NodeProto]:
    return [node for node in model.graph.node if name in node.input]


def optimised(model: onnx.ModelProto, folder: Path) -> list[str]:
    """Return the kinds of the nodes that ONNX Runtime makes of a model."""
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(folder / "optimised.onnx")
    options.log_severity_level = 4
    onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    return [node.op_type for node in onnx.load(folder / "optimised.onnx").graph.node]


def test_ranges_are_those_that_lose_least_on_training_images(
    make_deployment: Callable[..., Deployment],
    tmp_path: Path,
    capfd: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(quantize, "WAYS", {"median": ("Percentile", {"CalibPercentile": 50.0})} | WAYS)
    whole, small = write_onnx(make_deployment("cnn", GRAY), tmp_path, True)
    assert capfd.readouterr().out == ""
    assert whole.quantisation == ""
    losses = re.findall(r"(median|min–max|percentile [\d.]+),? (\d\.\de-\d+)", small.quantisation)
    assert [way for way, _ in losses[1:]] == [way for way in ("median", *WAYS) if way != losses[0][0]]
    assert losses[0][0] in WAYS
    assert float(losses[0][1]) == min(float(lost) for _, lost in losses)
    assert small.quantisation.startswith(f"ranges by {losses[0][0]}, ")
    assert " on 35 other training images " in small.quantisation
