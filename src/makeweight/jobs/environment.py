"""What this process computes with, for the record."""

from __future__ import annotations

import platform
from functools import cache

import torch

import makeweight
from makeweight.jobs.result import Environment
from makeweight.processors import git_commit, processor_name, processors
from makeweight.training.precision import Hardware


def describe_environment(hardware: Hardware) -> Environment:
    """Record versions, processor and the hardware choice."""
    return Environment(
        python=platform.python_version(),
        torch=torch.__version__,
        makeweight=makeweight.__version__,
        git_commit=git_commit(),
        platform=platform.platform(),
        processor=_processor(hardware.device),
        processors=processors(),
        device=hardware.device,
        precision=hardware.precision,
        threads=hardware.threads,
    )


@cache
def _processor(device: str) -> str:
    return torch.cuda.get_device_name() if device == "cuda" else processor_name()
