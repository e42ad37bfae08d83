"""The pass that every measurement repeats, and the fixed share of the machine it repeats it on."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch
from torch import Tensor

from makeweight.errors import InvalidValue
from makeweight.nets.build import Network
from makeweight.processors import processors
from makeweight.training.precision import Hardware


@dataclass(frozen=True)
class ForwardPass:
    """A call takes some normalised images through the network, and ends when the logits are there.

    The images are random pixels, normalised beforehand: no layer's work depends on what an image shows, and reading
    and normalising are not the network's.
    """

    network: Network  # in evaluation mode
    images: int
    hardware: Hardware
    batch: Tensor = field(init=False)  # (images, c, h, w) normalised, in the hardware's precision

    def __post_init__(self) -> None:
        shape = (self.images, *self.network.architecture.input_shape)
        pixels = torch.randint(0, 256, shape, dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
        batch = self.network.normalise(pixels.to(self.hardware.device), self.hardware.dtype)
        object.__setattr__(self, "batch", batch)

    @torch.inference_mode()
    def __call__(self) -> Tensor:
        """Return (images, k) logits."""
        logits: Tensor = self.network(self.batch)
        if self.hardware.device == "cuda":
            torch.cuda.synchronize()
        return logits


@contextmanager
def pinned(threads: int) -> Iterator[None]:
    """Compute in the block on ``threads`` threads and, on Linux, on as many of the allowed processors.

    A thread that moves between processors finds their caches empty, which shows in p95. Linux pins the calling
    thread and those it starts from then on, so a pool of threads that torch has started before stays free; other
    systems do not pin. Both settings are restored however the block ends.

    Raises
    ------
    InvalidValue
        If there are not as many processors: threads that wait for each other measure the waiting.
    """
    if not 1 <= threads <= processors():
        most = processors()
        raise InvalidValue(f"threads {threads} is not possible: give 1 to {most}, the processors this process may use.")
    threads_before = torch.get_num_threads()
    allowed = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    try:
        torch.set_num_threads(threads)
        if allowed is not None:
            # The last ones: by habit the first processor serves the system's interrupts.
            os.sched_setaffinity(0, sorted(allowed)[-threads:])
        yield
    finally:
        if allowed is not None:
            os.sched_setaffinity(0, allowed)
        torch.set_num_threads(threads_before)
