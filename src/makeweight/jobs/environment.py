"""What this process computes with, for the record."""

from __future__ import annotations

import platform
import subprocess
from functools import cache
from pathlib import Path

import torch

import makeweight
from makeweight.jobs.result import Environment
from makeweight.processors import processors
from makeweight.training.precision import Hardware


def describe_environment(hardware: Hardware) -> Environment:
    """Record versions, processor and the hardware choice."""
    return Environment(
        python=platform.python_version(),
        torch=torch.__version__,
        makeweight=makeweight.__version__,
        git_commit=_git_commit(),
        platform=platform.platform(),
        processor=_processor(hardware.device),
        processors=processors(),
        device=hardware.device,
        precision=hardware.precision,
        threads=hardware.threads,
    )


@cache
def _git_commit() -> str:
    """Commit of the checkout that makeweight runs from; empty if it is installed."""
    root = Path(makeweight.__file__).parents[2]
    if not (root / ".git").exists():
        return ""
    try:
        command = ["git", "-C", str(root), "rev-parse", "HEAD"]
        return subprocess.run(command, capture_output=True, text=True, timeout=5, check=True).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""


@cache
def _processor(device: str) -> str:
    if device == "cuda":
        return torch.cuda.get_device_name()
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return next(line.split(":", 1)[1].strip() for line in lines if line.startswith("model name"))
    except (OSError, StopIteration):
        return platform.processor() or platform.machine()
