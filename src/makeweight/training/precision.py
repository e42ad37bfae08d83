"""Where and in which precision to compute, by measurement."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import cache
from typing import Literal

import torch

from makeweight.errors import UnsupportedHardware
from makeweight.training.recipe import Recipe

Precision = Literal["fp32", "bf16"]
DTYPES: dict[Precision, torch.dtype] = {"fp32": torch.float32, "bf16": torch.bfloat16}
# Emulated bfloat16 is slower than float32, AMX or tensor cores several times faster, so any threshold in between
# separates them; this one allows for the noise of a 20 ms measurement.
WORTH_IT = 1.3
# Multiply-accumulates per batch that justify another thread, tens of microseconds. On a busy machine two threads that
# wait for each other made an FCN of 5K weights 60 times slower than one thread.
THREAD_MACS = 10_000_000


@dataclass(frozen=True, slots=True)
class Hardware:
    """What one training runs on."""

    device: str  # "cpu" or "cuda"
    precision: Precision
    threads: int
    threads_asked_for: bool = True  # if False, a small network takes fewer

    def for_training(self, macs: int, recipe: Recipe) -> Hardware:
        """Return the hardware for one network: the recipe's precision, and as many threads as it keeps busy.

        Parameters
        ----------
        macs : int
            Multiply-accumulates for one image.

        >>> every = Hardware("cpu", "bf16", 2, threads_asked_for=False)
        >>> every.for_training(5_000, Recipe(batch_size=64)).threads
        1
        >>> every.for_training(1_500_000, Recipe(precision="fp32"))
        Hardware(device='cpu', precision='fp32', threads=2, threads_asked_for=False)
        """
        busy = self.threads if self.threads_asked_for else 1 + macs * recipe.batch_size // THREAD_MACS
        precision = self.precision if recipe.precision == "auto" else recipe.precision
        return replace(self, precision=precision, threads=min(self.threads, busy))

    @property
    def dtype(self) -> torch.dtype:
        """Precision of images and activations; weights stay in float32."""
        return DTYPES[self.precision]


def choose_device(requested: str = "auto") -> str:
    """Choose the accelerator, if there is one.

    Raises
    ------
    UnsupportedHardware
        If CUDA is requested but missing.
    """
    if requested == "cuda" and not torch.cuda.is_available():
        raise UnsupportedHardware(
            "device 'cuda' was requested, but torch finds no CUDA device. Use device=cpu or device=auto."
        )
    if requested == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return requested


def hardware_here(device: str, default_threads: int, threads: int | None = None) -> Hardware:
    """Describe this machine; unless ``threads`` are set, a small network takes fewer than the default."""
    return Hardware(device, fastest_precision(device), threads or default_threads, threads is not None)


def fastest_precision(device: str) -> Precision:
    """Choose bf16 if a matrix product is measured to be faster in bfloat16, else fp32."""
    return "bf16" if bf16_speedup(device) > WORTH_IT else "fp32"


@cache
def bf16_speedup(device: str) -> float:
    """Measured speedup of a small matrix product in bfloat16 over float32."""
    with threads_of_torch(1):
        return _seconds(torch.float32, device) / _seconds(torch.bfloat16, device)


@contextmanager
def threads_of_torch(count: int) -> Iterator[None]:
    """Let torch use this many threads while the block runs."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


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
    return min(times)  # the first ones include start-up, and noise only adds
