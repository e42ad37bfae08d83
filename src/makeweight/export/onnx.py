"""A network as one ONNX file: uint8 images in, probabilities out, its facts in the metadata."""

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


def onnx_model(deployment: Deployment) -> onnx.ModelProto:
    """Translate a network, for any number of images at once.

    The translator folds batch normalisation into the layer before it. What it notes about each node is taken out: it
    quotes the source code with the paths of this machine.
    """
    import onnx

    example = torch.from_numpy(deployment.calibration[:2])  # of one image, the translator would take 1 for a constant
    with _quiet():
        program = torch.onnx.export(
            deployment.module,
            (example,),
            dynamo=True,
            dynamic_shapes=({0: torch.export.Dim("n")},),
            input_names=[INPUT],
            output_names=[OUTPUT],
            verbose=False,
        )
    assert program is not None  # it is None only where a file is written at once
    model = program.model_proto
    _strip(model)
    describe(model, deployment.facts)
    onnx.checker.check_model(model)
    return model


def describe(model: onnx.ModelProto, facts: Facts) -> None:
    """Replace a model's metadata by its facts."""
    import onnx

    model.producer_name, model.producer_version = "makeweight", facts.makeweight
    onnx.helper.set_model_props(model, facts.to_metadata())


def _strip(model: onnx.ModelProto) -> None:
    graph = model.graph
    graph.name = "makeweight"
    for part in (*graph.node, *graph.initializer, *graph.input, *graph.output):
        part.doc_string = ""
        del part.metadata_props[:]
    del graph.metadata_props[:]
    del graph.value_info[:]  # runtimes infer the shapes themselves


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
