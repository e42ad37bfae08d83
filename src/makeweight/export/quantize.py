"""A network in 8-bit integers: static quantisation, calibrated on training images.

Weights are symmetric for each output channel, activations one range a tensor (B. Jacob et al. 2018, arXiv:1712.05877),
taken from the values that the calibration images give: from the smallest to the largest, or without the few outermost.
The file holds pairs of QuantizeLinear and DequantizeLinear around each layer, which every runtime of ONNX understands
and the good ones compute in integers.
"""

from __future__ import annotations

import io
import tempfile
from contextlib import redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import rel_entr

from makeweight.export.facts import INPUT, OUTPUT, Facts, Pixels, Probabilities
from makeweight.export.onnx import finished
from makeweight.export.runtime import session

if TYPE_CHECKING:
    import onnx

FLOAT = ("Softmax", "Div", "Erf", "Mul")  # steps that stay float; all but Softmax are GELU's
WAYS: dict[str, tuple[str, dict[str, float]]] = {  # to take a range from values; ONNX Runtime's name, and its options
    "min–max": ("MinMax", {}),
    "percentile 99.999": ("Percentile", {"CalibPercentile": 99.999}),
    "percentile 99.99": ("Percentile", {"CalibPercentile": 99.99}),
}
TINY = 1e-9  # a probability that is taken for none: float32 has some that are 0
BATCH = 64  # images that are answered at once


def quantised(model: onnx.ModelProto, facts: Facts, calibration: Pixels) -> tuple[onnx.ModelProto, str]:
    """Quantise a float32 model, with the ranges that lose least on training images, and say which those are.

    Every other image gives the ranges. On the rest, each way's probabilities are compared with those of float32: the
    mean Kullback–Leibler divergence notices what a few hundred classes can't.

    Parameters
    ----------
    model : onnx.ModelProto
        It stays as it is.
    facts : Facts
        Of the float32 model.
    calibration : numpy.ndarray
        (n, c, h, w) uint8 training images.
    """
    seen, unseen = calibration[::2], calibration[1::2]
    models = each_way(model, facts, seen)
    expected = answer_all(model, unseen)
    lost = {way: divergence(expected, answer_all(small, unseen)) for way, small in models.items()}
    best = min(lost, key=lambda way: lost[way])
    others = ", ".join(f"{way} {lost[way]:.1e}" for way in lost if way != best)
    chosen = f"{best}, {lost[best]:.1e} from float32 on {len(unseen):,} other training images ({others})"
    return models[best], f"ranges by {chosen}; mean Kullback–Leibler divergence"


def each_way(model: onnx.ModelProto, facts: Facts, images: Pixels) -> dict[str, onnx.ModelProto]:
    """Quantise a model with the ranges that each of WAYS takes from (n, c, h, w) images."""
    import onnx
    from onnxruntime.quantization.shape_inference import quant_pre_process

    with tempfile.TemporaryDirectory(prefix="makeweight-") as name:  # the quantiser reads and writes files
        source, inferred = Path(name, "float32"), Path(name, "inferred")
        onnx.save(model, source)
        quant_pre_process(str(source), str(inferred), skip_symbolic_shape=True)
        return {way: _quantised(model, facts, inferred, images, *how) for way, how in WAYS.items()}


def _quantised(
    model: onnx.ModelProto, facts: Facts, inferred: Path, images: Pixels, method: str, options: dict[str, float]
) -> onnx.ModelProto:
    import onnx
    from onnxruntime.quantization import CalibrationMethod, QuantFormat, QuantType, quantize_static

    target = inferred.with_name("int8")
    with redirect_stdout(io.StringIO()):  # the calibrator prints what it does
        quantize_static(
            str(inferred),
            str(target),
            _Reader(images),
            quant_format=QuantFormat.QDQ,
            per_channel=True,
            activation_type=QuantType.QUInt8,
            weight_type=QuantType.QInt8,
            # 7-bit weights: on x86 without VNNI, ONNX Runtime adds pairs of 8-bit products in 16 bits, which overflow.
            # A mobile network of 5,000 weights on the digits fell from 94.4 to 91.4 % with 8 bits, and to 94.2 %, as
            # in exact arithmetic, with 7 (one seed, 359 test images, AMD EPYC with AVX2).
            reduce_range=True,
            nodes_to_exclude=[node.name for node in model.graph.node if _stays_float(node, model.graph)],
            calibrate_method=CalibrationMethod[method],
            extra_options={"TensorQuantOverrides": _codings(model.graph), **options},
        )
    small = onnx.load(target)
    for shorten in (_read_gray_pixels, _keep_sums, _drop_zero_points, _prune):
        shorten(small.graph)
    return finished(small, facts.as_int8())


def answer_all(model: onnx.ModelProto, images: Pixels) -> Probabilities:
    """(n, k) probabilities of (n, c, h, w) images."""
    answer = session(model.SerializeToString())
    parts = [answer.run([OUTPUT], {INPUT: images[start : start + BATCH]})[0] for start in range(0, len(images), BATCH)]
    return np.concatenate(parts)


def divergence(expected: Probabilities, answered: Probabilities) -> float:
    """Mean Kullback–Leibler divergence of (n, k) probabilities, in nats."""
    return float(rel_entr(expected + TINY, answered + TINY).sum(1).mean())


def _stays_float(node: onnx.NodeProto, graph: onnx.GraphProto) -> bool:
    """Whether a node isn't quantised: Softmax, whose results below 1/512 would be 0, and the nodes of GELU."""
    constants = {tensor.name for tensor in graph.initializer}
    return node.op_type in FLOAT or (node.op_type == "Add" and not constants.isdisjoint(node.input))


def _codings(graph: onnx.GraphProto) -> dict[str, list[dict[str, Any]]]:
    """Give the first layer of a gray network its scale and zero point: with them, a pixel is its own code."""
    mean, deviation = _normalisation(graph)
    if mean.size > 1:
        return {}
    scale, zero = np.array(1 / deviation.item(), np.float32), np.array(np.rint(mean.item()), np.uint8)
    return {_first_read(graph): [{"scale": scale, "zero_point": zero}]}


def _read_gray_pixels(graph: onnx.GraphProto) -> None:
    """Give the pixels to the first layer as they are.

    Colours stay normalised in float: each channel has a mean and a scale of its own, and a tensor has one of each.
    """
    if _normalisation(graph)[0].size > 1:
        return
    [quantise] = [
        node for node in graph.node if node.op_type == "QuantizeLinear" and node.input[0] == _first_read(graph)
    ]
    _rewire(graph, quantise.output[0], quantise.input[0])
    _rewire(graph, _first(graph, "Div").output[0], INPUT)


def _keep_sums(graph: onnx.GraphProto) -> None:
    """Take the sums of a fully connected layer to Softmax or GELU as they are, without a rounding to 8 bits."""
    made = {node.output[0]: node for node in graph.node}
    read = {name for node in graph.node if node.op_type in FLOAT for name in node.input}
    for decode in [node for node in graph.node if node.output[0] in read and node.op_type == "DequantizeLinear"]:
        encode = made.get(decode.input[0])
        if encode and made[encode.input[0]].op_type == "Gemm":
            _rewire(graph, decode.output[0], encode.input[0])


def _drop_zero_points(graph: onnx.GraphProto) -> None:
    """Drop the zero points of biases: they are 0, which is the default.

    Those of weights are 0 too, but without them ONNX Runtime computes fully connected layers in float.
    """
    import onnx

    biases = {tensor.name for tensor in graph.initializer if tensor.data_type == onnx.TensorProto.INT32}
    for node in graph.node:
        if node.input[0] in biases:
            del node.input[2:]


def _prune(graph: onnx.GraphProto) -> None:
    """Drop what nothing reads."""
    read, kept = {value.name for value in graph.output}, []
    for node in reversed(graph.node):
        if not read.isdisjoint(node.output):
            read.update(node.input)
            kept.append(node)
    tensors = [tensor for tensor in graph.initializer if tensor.name in read]
    del graph.node[:], graph.initializer[:]
    graph.node.extend(reversed(kept))
    graph.initializer.extend(tensors)


def _rewire(graph: onnx.GraphProto, before: str, after: str) -> None:
    for node in graph.node:
        node.input[:] = [after if name == before else name for name in node.input]


def _normalisation(graph: onnx.GraphProto) -> tuple[np.ndarray, np.ndarray]:
    """Return mean and standard deviation of the pixels, one a channel: of the first subtraction and division."""
    from onnx.numpy_helper import to_array

    tensors = {tensor.name: tensor for tensor in graph.initializer}
    mean, deviation = (_first(graph, kind).input[1] for kind in ("Sub", "Div"))
    return to_array(tensors[mean]), to_array(tensors[deviation])


def _first_read(graph: onnx.GraphProto) -> str:
    """Return the name of what the first layer reads."""
    normalised: str = _first(graph, "Div").output[0]
    reader = next(node for node in graph.node if normalised in node.input)
    shaped: str = reader.output[0]
    return shaped if reader.op_type == "Reshape" else normalised


def _first(graph: onnx.GraphProto, kind: str) -> onnx.NodeProto:
    node: onnx.NodeProto = next(node for node in graph.node if node.op_type == kind)
    return node


class _Reader:
    """Hands the calibration images over, one by one: the calibrator can't join batches of different sizes."""

    def __init__(self, images: Pixels) -> None:
        self._images = iter(images)

    def get_next(self) -> dict[str, Pixels] | None:
        """Return the next image, in a batch of its own."""
        image = next(self._images, None)
        return None if image is None else {INPUT: np.ascontiguousarray(image[None])}
