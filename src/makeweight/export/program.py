"""A network as a ``torch.export`` program: for those who stay with PyTorch and do without makeweight."""

from __future__ import annotations

import copy
import io
import json
import warnings

import torch

from makeweight.export.deployment import Deployment
from makeweight.export.facts import Answer, Pixels, Probabilities

FACTS = "facts.json"  # the name of the metadata inside the archive


def program_bytes(deployment: Deployment) -> bytes:
    """Trace a network, for any number of images at once, into an archive with its facts beside it."""
    module = copy.deepcopy(deployment.module)
    module.to(memory_format=torch.contiguous_format)  # type: ignore[call-overload]  # the archive wants whole rows
    example = torch.from_numpy(deployment.calibration[:2])
    program = torch.export.export(module, (example,), dynamic_shapes=({0: torch.export.Dim("n")},))
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # it holds the paths of this machine
    content = io.BytesIO()
    torch.export.save(program, content, extra_files={FACTS: json.dumps(deployment.facts.to_metadata())})
    return content.getvalue()


def answer_of(content: bytes) -> Answer:
    """Load an archive that was just written, and answer with it."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # torch warns of its own way of reading the example
        module = torch.export.load(io.BytesIO(content)).module()

    @torch.inference_mode()
    def answer(images: Pixels) -> Probabilities:
        probabilities: Probabilities = module(torch.from_numpy(images)).numpy()
        return probabilities

    return answer
