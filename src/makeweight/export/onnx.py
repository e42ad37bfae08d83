"""A network as one ONNX file: uint8 images in, probabilities out, its facts in the metadata.

A file says what its operators need and nothing newer, so that older runtimes and compilers take it: the opset is the
newest in which one of them was changed, and the version of the format the oldest that holds that opset.
"""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from makeweight.export.deployment import Deployment
from makeweight.export.facts import INPUT, OUTPUT, Facts

if TYPE_CHECKING:
    import onnx

OPSET = 18  # the oldest that the translator writes
BATCH = "batch"  # the number of images; emx-onnx-cgen 1.4 takes "n" for a loop's variable of its own, and pools nothing
PREFIX = "network.layers."  # of every weight's name, from how the module is put together
# Attributes that say something about shapes and modes which no network has. The compiler onnx2c refuses them even where
# they change nothing, as they never do here: a shape is never 0, and no index of a maximum is asked for.
WITHOUT_EFFECT = (("MaxPool", "storage_order"), ("Reshape", "allowzero"))


def onnx_model(deployment: Deployment) -> onnx.ModelProto:
    """Translate a network, for any number of images at once.

    The translator folds batch normalisation into the layer before it. What it notes about each node is taken out: it
    quotes the source code with the paths of this machine.
    """
    example = torch.from_numpy(deployment.calibration[:2])  # of one image, the translator would take 1 for a constant
    with _quiet():
        program = torch.onnx.export(
            deployment.module,
            (example,),
            dynamo=True,
            opset_version=OPSET,
            dynamic_shapes=({0: torch.export.Dim(BATCH)},),
            input_names=[INPUT],
            output_names=[OUTPUT],
            verbose=False,
        )
    assert program is not None  # it is None only where a file is written at once
    model = program.model_proto
    _shorten_names(model.graph)
    _order_gelu(model.graph)
    return finished(model, deployment.facts)


def finished(model: onnx.ModelProto, facts: Facts) -> onnx.ModelProto:
    """Leave nothing in a model but what is needed, say whose it is, and check it."""
    import onnx

    _strip(model.graph)
    _drop_attributes(model.graph)
    _declare_versions(model)
    model.producer_name, model.producer_version = "makeweight", facts.makeweight
    onnx.helper.set_model_props(model, facts.to_metadata())
    onnx.checker.check_model(model)
    return model


def _strip(graph: onnx.GraphProto) -> None:
    graph.name = "makeweight"
    for part in (*graph.node, *graph.initializer, *graph.input, *graph.output):
        part.doc_string = ""
        del part.metadata_props[:]
    del graph.metadata_props[:]
    del graph.value_info[:]  # runtimes infer the shapes themselves


def _shorten_names(graph: onnx.GraphProto) -> None:
    for tensor in graph.initializer:
        tensor.name = tensor.name.removeprefix(PREFIX)
    for node in graph.node:
        node.input[:] = [name.removeprefix(PREFIX) for name in node.input]


def _order_gelu(graph: onnx.GraphProto) -> None:
    """Turn the products of GELU, x · (½ · (1 + erf)), into (x · (1 + erf)) · ½, which ONNX Runtime makes one step."""
    made = {node.output[0]: node for node in graph.node}
    for outer in graph.node:
        inner = made.get(outer.input[-1])
        if inner and outer.op_type == inner.op_type == "Mul":
            half, x = inner.input[0], outer.input[0]
            inner.input[0] = x
            outer.input[:] = [inner.output[0], half]


def _drop_attributes(graph: onnx.GraphProto) -> None:
    """Drop attributes that have their default, or no effect."""
    import onnx

    for node in graph.node:
        defaults = onnx.defs.get_schema(node.op_type, OPSET).attributes
        needed = [
            attribute
            for attribute in node.attribute
            if (node.op_type, attribute.name) not in WITHOUT_EFFECT
            and onnx.helper.get_attribute_value(attribute) != _value(defaults[attribute.name].default_value)
        ]
        del node.attribute[:]
        node.attribute.extend(needed)


def _value(default: onnx.AttributeProto) -> object:
    import onnx

    return onnx.helper.get_attribute_value(default) if default.type else None


def _declare_versions(model: onnx.ModelProto) -> None:
    """Say the oldest opset in which every operator means what it does in OPSET, and the oldest format that holds it."""
    import onnx

    newest = max(onnx.defs.get_schema(node.op_type, OPSET).since_version for node in model.graph.node)
    del model.opset_import[:]
    model.opset_import.append(onnx.helper.make_opsetid("", newest))
    model.ir_version = onnx.helper.find_min_ir_version_for(list(model.opset_import))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep from the user what torch says to its own developers: deprecations inside it, that torchvision is missing."""
    logger = logging.getLogger("torch.onnx")
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        logger.setLevel(before)
