"""A network as a LiteRT file (``.tflite``), by Google's own converter: one uint8 image in, probabilities out.

An image is (1, h, w, c), as cameras give it and as LiteRT for microcontrollers expects; the normalisation is part of
the file. In int8, weights are symmetric for each output channel, activations have one range a tensor, from the smallest
to the largest value of the calibration images, and the softmax stays float.
"""

from __future__ import annotations

import copy
import json
import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch

from makeweight.export.deployment import Deployment
from makeweight.export.facts import Answer, Facts, Pixels, Probabilities

if TYPE_CHECKING:
    from ai_edge_litert.interpreter import Interpreter

METADATA = "makeweight"  # the name of the facts inside the file


def litert_bytes(deployment: Deployment) -> bytes:
    """Translate a network for one image."""
    with _quiet():
        import litert_torch

        module = copy.deepcopy(deployment.module)
        for tensor in (*module.parameters(), *module.buffers()):
            # The converter makes copies of others, and may take one for another that had its address before.
            tensor.data = tensor.data.contiguous()
        module = litert_torch.to_channel_last_io(module, args=[0])
        image = torch.from_numpy(_channels_last(deployment.calibration[:1]))
        content = litert_torch.convert(module.eval(), (image,)).model_content()
    return _with_facts(content, deployment.facts)


def quantised(content: bytes, facts: Facts, calibration: Pixels) -> bytes:
    """Quantise a file, with the ranges that its values have over (n, c, h, w) uint8 images."""
    with _quiet():
        from ai_edge_quantizer import quantizer, recipe
        from ai_edge_quantizer.algorithm_manager import AlgorithmName
        from ai_edge_quantizer.calibrator import Calibrator
        from ai_edge_quantizer.qtyping import TFLOperationName
        from ai_edge_quantizer.recipe_manager import RecipeManager
        from ai_edge_quantizer.utils.qsv_utils import min_max_update

        job = quantizer.Quantizer(content, recipe.static_wi8_ai8())
        # In int8 their steps would be 1/256, and probabilities below half of that 0.
        for float_ in (TFLOperationName.SOFTMAX, TFLOperationName.OUTPUT):
            job.update_quantization_recipe(".*", float_, algorithm_key=AlgorithmName.NO_QUANTIZE)
        [(signature, names)] = _interpreter(content).get_signature_list().items()
        images = _channels_last(calibration)
        seen = [{names["inputs"][0]: images[number : number + 1]} for number in range(len(images))]
        steps = RecipeManager()
        steps.load_quantization_recipe(job.get_quantization_recipe())
        # By default ranges are moving averages, which cut off the outermost values.
        ranges = Calibrator(content, num_threads=1, qsv_update_func=min_max_update)
        ranges.calibrate({signature: seen}, steps)
        small = bytes(job.quantize(ranges.get_model_qsvs()).quantized_model)
    return _with_facts(small, facts.as_int8())


def answer_of(content: bytes) -> Answer:
    """Load a file that was just written, and answer with it, an image at a time."""
    with _quiet():
        interpreter = _interpreter(content)
        interpreter.allocate_tensors()
    [given], [found] = interpreter.get_input_details(), interpreter.get_output_details()

    def answer(images: Pixels) -> Probabilities:
        parts = []
        for image in _channels_last(images):
            interpreter.set_tensor(given["index"], image[None])
            interpreter.invoke()
            parts.append(interpreter.get_tensor(found["index"]))
        return np.concatenate(parts)

    return answer


def engine() -> str:
    """Name what answers, with its version."""
    return f"LiteRT {metadata.version('ai-edge-litert')}"


def _channels_last(images: Pixels) -> Pixels:
    return np.ascontiguousarray(images.transpose(0, 2, 3, 1))


def _interpreter(content: bytes) -> Interpreter:
    from ai_edge_litert.interpreter import Interpreter

    return Interpreter(model_content=content, num_threads=1)


def _with_facts(content: bytes, facts: Facts) -> bytes:
    """Put the facts into a file's metadata, in place of what another step put there."""
    from ai_edge_litert import schema_py_generated as schema
    from ai_edge_litert.tools import flatbuffer_utils

    model = flatbuffer_utils.read_model_from_bytearray(bytearray(content))
    model.description = f"{facts.network} by makeweight {facts.makeweight}"
    entry, buffer = schema.MetadataT(), schema.BufferT()
    entry.name, entry.buffer = METADATA, len(model.buffers)
    buffer.data = np.frombuffer(json.dumps(facts.to_metadata()).encode(), np.uint8)
    model.buffers.append(buffer)
    model.metadata = [*(e for e in model.metadata or () if e.name != METADATA.encode()), entry]
    return bytes(flatbuffer_utils.convert_object_to_bytearray(model))


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep from the user what converter and runtime print, in Python and in C++."""
    level = logging.root.manager.disable
    logging.disable(logging.CRITICAL)
    with (
        Path(os.devnull).open("w") as nowhere,
        redirect_stdout(nowhere),
        redirect_stderr(nowhere),
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore")
        kept = {number: os.dup(number) for number in (1, 2)}
        try:
            for number in kept:
                os.dup2(nowhere.fileno(), number)
            yield
        finally:
            for number, copy in kept.items():
                os.dup2(copy, number)
                os.close(copy)
            logging.disable(level)
