"""Where and in which precision to compute, measured and not guessed."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from typing import Literal

import torch

from makeweight.errors import UnsupportedHardware
from makeweight.training.recipe import PrecisionName

Precision = Literal["fp32", "bf16"]
DTYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16}
# Emulated bfloat16 is slower than float32 and AMX or tensor cores are several times faster, so any threshold
# between tells them apart; this one leaves room for the noise of a 20 ms measurement.
WORTH_IT = 1.3


@dataclass(frozen=True, slots=True)
class Hardware:
    """What one training runs on."""

    device: str  # "cpu" or "cuda"
    precision: Precision
    threads: int

    def with_precision(self, requested: PrecisionName) -> Hardware:
        """Return the same hardware in the precision that a recipe asks for; ``auto`` leaves it as it is."""
        return self if requested == "auto" else replace(self, precision=requested)

    @property
    def dtype(self) -> torch.dtype:
        """Precision of images and activations; weights stay in float32."""
        return DTYPES[self.precision]


def processors() -> int:
    """Count the processors that this process may use: fewer than the machine's in a container."""
    allowed = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    try:
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text(encoding="ascii").split()
        return max(1, min(allowed, round(int(quota) / int(period))))
    except (OSError, ValueError):  # no control group, or no limit ("max")
        return allowed


def choose_device(requested: str = "auto") -> str:
    """Pick the accelerator where there is one.

    Raises
    ------
    UnsupportedHardware
        If CUDA is asked for by name and not there.
    """
    if requested == "cuda" and not torch.cuda.is_available():
        raise UnsupportedHardware(
            "device 'cuda' was asked for, and torch finds no CUDA device. Use --device cpu or auto."
        )
    if requested == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return requested


def fastest_precision(device: str) -> Precision:
    """Choose bf16 where a matrix product in bfloat16 is measured to be faster, else fp32."""
    return "bf16" if bf16_speedup(device) > WORTH_IT else "fp32"


@cache
def bf16_speedup(device: str) -> float:
    """How many times faster a small matrix product is in bfloat16 than in float32, measured here."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        return _seconds(torch.float32, device) / _seconds(torch.bfloat16, device)
    finally:
        torch.set_num_threads(threads)


def _seconds(dtype: torch.dtype, device: str) -> float:
    a = torch.ones(512, 256, dtype=dtype, device=device)
    b = torch.ones(256, 256, dtype=dtype, device=device)
    times = []
    for _ in range(8):
        start = time.perf_counter()
        for _ in range(4):
            a @ b
        if device == "cuda":
            torch.cuda.synchronize()
        times.append(time.perf_counter() - start)
    return min(times)  # the first ones pay for start-up, and noise only ever adds
