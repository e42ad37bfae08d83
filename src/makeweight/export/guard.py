"""Refuse a file before it can do harm: what is opened here may come from anywhere.

Nothing is unpickled, no second file is read, and no node can make a tensor larger than MAX_VALUES out of a small file.
"""

from __future__ import annotations

import math
import stat
from pathlib import Path
from typing import TYPE_CHECKING

from makeweight.errors import DataFormatError, DataNotFound, InvalidValue, MakeweightError
from makeweight.export.facts import INPUT, OUTPUT, Facts

if TYPE_CHECKING:
    import onnx

MAX_BYTES = 64 * 2**20  # sixteen million float32 weights; budgets end at two million
MAX_VALUES = 16 * 2**20  # of one tensor for one image: 64 MB in float32
MAX_NODES = 10_000
PICKLED = (".pt", ".pt2", ".pth", ".pkl", ".pickle", ".joblib", ".ckpt", ".npy", ".npz")
REMEDY = "Give an ONNX file that makeweight export wrote."
# What networks of makeweight are made of, in several versions of the translator. The sizes of what these make follow
# from the weights and the image alone, so they can be known, and bounded, before anything is computed.
OPERATORS = frozenset(
    ("Add", "AveragePool", "BatchNormalization", "Cast", "Conv", "DequantizeLinear", "Div", "Erf", "Flatten", "Gelu",
     "Gemm", "GlobalAveragePool", "GlobalMaxPool", "Identity", "LeakyRelu", "MatMul", "MaxPool", "Mul", "PRelu",
     "QuantizeLinear", "ReduceMean", "Relu", "Reshape", "Softmax", "Sub")
)  # fmt: skip


def read_capped(path: Path, remedy: str = REMEDY) -> bytes:
    """Read a file of a model, up to MAX_BYTES.

    Raises
    ------
    DataNotFound
        If it cannot be opened.
    InvalidValue
        If it is a folder or a device.
    DataFormatError
        If it is too large, or a format that runs code when it is read.
    """
    if path.suffix.lower() in PICKLED:
        raise _refused(
            path, f"{path.suffix} files may run code when they are read, and makeweight never reads them", remedy
        )
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):
            raise InvalidValue(f"the model {path} is no ordinary file. {remedy}")
        if status.st_size > MAX_BYTES:
            raise _refused(path, f"it has {status.st_size:,} bytes, and {MAX_BYTES:,} is the most", remedy)
        content = path.read_bytes()
    except MakeweightError:
        raise
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise DataNotFound(f"the model {path} cannot be opened: {reason}. {remedy}") from error
    if content[:2] in (b"PK", b"\x80\x02", b"\x80\x03", b"\x80\x04", b"\x80\x05"):
        raise _refused(path, "it is an archive or a pickle, which may run code when it is read", remedy)
    return content


def checked_model(content: bytes, path: Path) -> Facts:
    """Check that a file is an ONNX model as `makeweight.export.onnx` writes them, and return its facts.

    Raises
    ------
    DataFormatError
        If it is not; says why.
    """
    model = _parsed(content, path)
    try:
        _check_graph(model)
        facts = Facts.from_metadata({entry.key: entry.value for entry in model.metadata_props})
        _check_interface(model, facts)
        _check_sizes(model)
    except DataFormatError as error:
        raise _refused(path, str(error)) from error
    return facts


def _parsed(content: bytes, path: Path) -> onnx.ModelProto:
    import onnx

    try:
        model = onnx.load_model_from_string(content)
    except Exception as error:  # protobuf's DecodeError, from whichever of its implementations
        raise _refused(path, "it is no ONNX model") from error
    if not model.graph.node:  # protobuf takes nearly anything for an empty message
        raise _refused(path, "it is no ONNX model")
    return model


def _check_graph(model: onnx.ModelProto) -> None:
    import onnx

    graph = model.graph
    if model.functions or graph.sparse_initializer or len(graph.node) > MAX_NODES:
        raise DataFormatError("it has functions, sparse weights or too many nodes, which no model of makeweight's has")
    tensors = [*graph.initializer]
    for node in graph.node:
        if node.domain not in ("", "ai.onnx") or node.op_type not in OPERATORS:
            raise DataFormatError(f"it computes {node.op_type[:40]!r}, which no network of makeweight's needs")
        for attribute in node.attribute:
            if attribute.HasField("g") or attribute.graphs or attribute.sparse_tensors:
                raise DataFormatError("it has graphs inside its graph, which no model of makeweight's has")
            tensors += [attribute.t, *attribute.tensors]
    if any(tensor.data_location == onnx.TensorProto.EXTERNAL or tensor.external_data for tensor in tensors):
        raise DataFormatError("its weights lie in other files (external data), and a model is one file")


def _check_interface(model: onnx.ModelProto, facts: Facts) -> None:
    import onnx

    weights = {tensor.name for tensor in model.graph.initializer}
    actual = [
        (value.name, value.type.tensor_type.elem_type, _sizes(value))
        for value in (*(i for i in model.graph.input if i.name not in weights), *model.graph.output)
    ]
    wanted = [
        (INPUT, onnx.TensorProto.UINT8, [None, *facts.image_shape]),
        (OUTPUT, onnx.TensorProto.FLOAT, [None, facts.classes]),
    ]
    if actual != wanted:
        shape = " × ".join(map(str, facts.image_shape))
        raise DataFormatError(
            f"its inputs and outputs are not one {INPUT!r} (n × {shape}, uint8) and "
            f"one {OUTPUT!r} (n × {facts.classes}, float32)"
        )


def _check_sizes(model: onnx.ModelProto) -> None:
    """Infer all shapes for one image; ``_check_interface`` comes first."""
    import onnx

    one = onnx.ModelProto()
    one.CopyFrom(model)
    del one.graph.value_info[:]
    for value in (*one.graph.input, *one.graph.output):
        value.type.tensor_type.shape.dim[0].dim_value = 1
    try:
        inferred = onnx.shape_inference.infer_shapes(one, check_type=True, strict_mode=True, data_prop=True).graph
    except Exception as error:  # InferenceError, and whatever else its checks stumble over
        raise DataFormatError("its shapes do not fit together") from error
    made = {value.name: _sizes(value) for value in (*inferred.value_info, *inferred.output)}
    for name in (output for node in inferred.node for output in node.output if output):
        sizes = made.get(name, [None])
        if None in sizes:
            raise DataFormatError(f"the size of {name[:40]!r} in it is not known")
        if math.prod(size or 0 for size in sizes) > MAX_VALUES:
            raise DataFormatError(f"it makes a tensor of more than {MAX_VALUES:,} values")


def _sizes(value: onnx.ValueInfoProto) -> list[int | None]:
    """Sizes of a tensor; None where one has a name, as the number of images does."""
    return [size.dim_value if size.HasField("dim_value") else None for size in value.type.tensor_type.shape.dim]


def _refused(path: Path, reason: str, remedy: str = REMEDY) -> DataFormatError:
    return DataFormatError(f"the model {path} is refused: {reason}. {remedy}")
