"""A model file may come from anywhere: what is none of makeweight's is refused in one line, and nothing is run."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper, numpy_helper

from makeweight.designs.architecture import Task
from makeweight.errors import DataFormatError, DataNotFound, InvalidValue, MakeweightError, MissingExtra
from makeweight.export import guard
from makeweight.export.onnx import onnx_model
from makeweight.export.runtime import OnnxFile, session


@pytest.fixture(scope="module")
def good(make_deployment) -> bytes:
    """A model that is opened as it is."""
    return onnx_model(make_deployment("lenet", Task((1, 12, 12), 10))).SerializeToString()


@pytest.fixture
def refusal(tmp_path: Path) -> Callable[[bytes | onnx.ModelProto], str]:
    """Write a model, and return why it is refused."""

    def write(model: bytes | onnx.ModelProto) -> str:
        path = tmp_path / "model.onnx"
        path.write_bytes(model if isinstance(model, bytes) else model.SerializeToString())
        with pytest.raises(DataFormatError) as refused:
            OnnxFile(path)
        message = str(refused.value)
        assert "\n" not in message
        assert str(path) in message
        return message

    return write


def changed(good: bytes, change: Callable[[onnx.ModelProto], object]) -> onnx.ModelProto:
    model = onnx.load_model_from_string(good)
    change(model)
    return model


def test_a_good_file_is_opened(good: bytes, tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(good)
    opened = OnnxFile(path)
    assert opened.facts.image_shape == (1, 12, 12)
    assert opened.answer(np.zeros((3, 1, 12, 12), np.uint8)).shape == (3, 10)


def outside(model: onnx.ModelProto) -> None:
    """Move a weight to another file, as the specification allows."""
    tensor = model.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")


def outside_in_an_attribute(model: onnx.ModelProto) -> None:
    node = model.graph.node[0]
    tensor = numpy_helper.from_array(np.zeros(4, np.float32), "x")
    tensor.external_data.add(key="location", value="../secret")
    node.attribute.append(helper.make_attribute("value", tensor))


def inner_graph(model: onnx.ModelProto) -> None:
    model.graph.node[0].attribute.append(helper.make_attribute("body", onnx.GraphProto(name="inner")))


def function(model: onnx.ModelProto) -> None:
    model.functions.append(helper.make_function("d", "f", [], [], [], []))


def unknown_operator(model: onnx.ModelProto) -> None:
    model.graph.node[0].op_type = "ConstantOfShape"


def unknown_domain(model: onnx.ModelProto) -> None:
    model.graph.node[0].domain = "com.evil"


def second_input(model: onnx.ModelProto) -> None:
    model.graph.input.append(helper.make_tensor_value_info("more", TensorProto.FLOAT, [1]))


def second_output(model: onnx.ModelProto) -> None:
    model.graph.output.append(helper.make_tensor_value_info("image", TensorProto.UINT8, ["n", 1, 12, 12]))


def floats(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.FLOAT


def other_shape(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.shape.dim[2].dim_value = 13


def renamed(model: onnx.ModelProto) -> None:
    model.graph.input[0].name = "pixels"


def wide_padding(model: onnx.ModelProto) -> None:
    """A few bytes that ask for terabytes."""
    graph = model.graph
    graph.node.append(next(node for node in graph.node if node.op_type == "Conv"))
    conv = graph.node[-1]
    conv.name, conv.output[:] = "wide", ["wide"]
    pads = next(attribute for attribute in conv.attribute if attribute.name == "pads")
    pads.ints[:] = [1_000_000] * 4


def outer_product(model: onnx.ModelProto) -> None:
    """Two small tensors that broadcast to a large one, behind a reshape that hides its size."""
    graph = model.graph
    graph.initializer.append(numpy_helper.from_array(np.array([1, -1], np.int64), "row"))
    graph.initializer.append(numpy_helper.from_array(np.zeros((600_000, 1), np.uint8), "column"))
    graph.node.insert(0, helper.make_node("Reshape", ["image", "row"], ["flat"]))
    graph.node.insert(1, helper.make_node("Add", ["flat", "column"], ["table"]))


def foreign_metadata(model: onnx.ModelProto) -> None:
    del model.metadata_props[:]


def metadata(**values: str) -> Callable[[onnx.ModelProto], None]:
    def change(model: onnx.ModelProto) -> None:
        kept = {entry.key: entry.value for entry in model.metadata_props}
        helper.set_model_props(model, {**kept, **values})

    return change


HOSTILE = {
    "external data": (outside, "its weights lie in other files (external data)"),
    "external data of an attribute": (outside_in_an_attribute, "its weights lie in other files (external data)"),
    "inner graph": (inner_graph, "it has graphs inside its graph"),
    "function": (function, "it has functions"),
    "operator": (unknown_operator, "it computes 'ConstantOfShape'"),
    "domain": (unknown_domain, "it computes 'Cast'"),
    "second input": (second_input, "its inputs and outputs are not one 'image' (n × 1 × 12 × 12, uint8)"),
    "second output": (second_output, "its inputs and outputs are not"),
    "floats": (floats, "its inputs and outputs are not"),
    "shape": (other_shape, "its inputs and outputs are not"),
    "name": (renamed, "its inputs and outputs are not"),
    "padding": (wide_padding, "it makes a tensor of more than 16,777,216 values"),
    "outer product": (outer_product, "it makes a tensor of more than 16,777,216 values"),
    "of somebody else": (foreign_metadata, "its metadata lack 'makeweight'"),
    "too few names": (metadata(class_names='["a"]'), "its inputs and outputs are not"),
    "names": (metadata(class_names='{"a": 1}'), "its metadata are damaged (class_names is no list of texts)"),
    "numbers for names": (metadata(class_names="[1]"), "its metadata are damaged"),
    "deep names": (metadata(class_names="[" * 100_000), "its metadata are damaged"),
    "shape of text": (metadata(image_shape='["1", 2, 3]'), "its metadata are damaged (image_shape is not three sizes)"),
    "negative shape": (metadata(image_shape="[1, -12, 12]"), "its metadata are damaged"),
    "border": (metadata(border="NaN"), "its metadata are damaged (border is no brightness"),
    "precision": (metadata(precision="int4"), "its metadata are damaged (precision is neither"),
    "seed": (metadata(seed="one"), "its metadata are damaged"),
}


@pytest.mark.parametrize(("change", "reason"), HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_model_is_refused_with_its_reason(refusal, good: bytes, change, reason: str) -> None:
    assert f"is refused: {reason}" in refusal(changed(good, change))


class Bomb:
    """Unpickled, it makes a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("suffix", [".pt", ".pkl", ".PTH", ".joblib", ".onnx", ""])
def test_a_pickle_is_refused_and_never_read(tmp_path: Path, suffix: str) -> None:
    path, trap = tmp_path / f"model{suffix}", tmp_path / "sprung"
    path.write_bytes(pickle.dumps(Bomb(trap)))
    with pytest.raises(DataFormatError, match=r"may run code when (they are|it is) read"):
        OnnxFile(path)
    assert not trap.exists()


@pytest.mark.parametrize(
    "content", [b"", b"\0", b"no model at all", b"\x08\x0a" * 50, json.dumps({"a": 1}).encode(), b"\x0a" * 1_000]
)
def test_what_is_no_model_is_refused(refusal, content: bytes) -> None:
    assert "is refused: it is no ONNX model" in refusal(content)


def test_a_huge_file_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "model.onnx"
    with path.open("wb") as file:
        file.truncate(guard.MAX_BYTES + 1)  # sparse: it takes no room
    with pytest.raises(DataFormatError, match=r"it has 67,108,865 bytes, and 67,108,864 is the most"):
        OnnxFile(path)


@pytest.mark.parametrize("name", ["none.onnx", "a\0b.onnx", "x" * 5_000 + ".onnx"])
def test_a_missing_file_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(DataNotFound, match="cannot be opened"):
        OnnxFile(tmp_path / name)


def test_a_folder_and_a_pipe_are_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.onnx")
    for path in (tmp_path, tmp_path / "pipe.onnx"):
        with pytest.raises(InvalidValue, match="is no ordinary file"):
            OnnxFile(path)


def test_without_the_extra_the_command_to_install_it_is_named(good: bytes, tmp_path: Path, monkeypatch) -> None:
    path = tmp_path / "model.onnx"
    path.write_bytes(good)
    monkeypatch.setattr("makeweight.export.runtime.find_spec", lambda name: None if name == "onnxruntime" else object())
    with pytest.raises(MissingExtra, match=r"needs onnxruntime. Run: .* -m pip install 'makeweight\[onnx\]'"):
        OnnxFile(path)


def test_onnx_runtime_prints_nothing(good: bytes, capfd: pytest.CaptureFixture[str]) -> None:
    """Its Python part prints a frame of stars about an error that it can't decode, and tries again."""
    with pytest.raises(UnicodeDecodeError):
        session(good.replace(b"image", b"\x89mage", 1))  # the name of a node's input, which the error quotes
    assert capfd.readouterr() == ("", "")


@given(data=st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_damaged_file_is_refused_or_answers(good: bytes, tmp_path: Path, data: st.DataObject) -> None:
    """Some bytes changed, cut off or doubled: a clear error or probabilities, and nothing else."""
    content = bytearray(good)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(content) - 1))
        content[place] = data.draw(st.integers(0, 255))
    path = tmp_path / "model.onnx"
    path.write_bytes(content[: data.draw(st.integers(1, len(content)) | st.just(len(content)))])
    try:
        opened = OnnxFile(path)
        answer = opened.answer(np.zeros((1, *opened.facts.image_shape), np.uint8))
    except MakeweightError:
        return
    assert answer.shape == (1, opened.facts.classes)
