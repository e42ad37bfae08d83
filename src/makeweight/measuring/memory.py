"""How much memory a forward pass takes at its peak, told by torch's own allocator."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import accumulate

import torch

from makeweight.measuring.forward import ForwardPass

MEMORY_EVENT = "[memory]"  # torch/autograd/profiler_util.py: MEMORY_EVENT_NAME
WARM_UP_CALLS = 3  # the first call may allocate what later ones keep


def peak_activation_bytes(forward: ForwardPass) -> int | None:
    """Measure the most bytes that are allocated at once during a pass, beside the weights and the images.

    Counted is what torch's allocator hands out: feature maps, the logits, weights cast to bfloat16, and the buffers of
    kernels, such as an unfolded convolution's or oneDNN's scratch memory. So this is usually several times the
    activation bytes of the design, which count float32 feature maps only. What a library allocates past torch is not
    seen.

    Returns None where the profiler reports no allocation: "not measured".
    """
    for _ in range(WARM_UP_CALLS):
        forward()
    return _peak_cuda(forward) if forward.hardware.device == "cuda" else _peak_cpu(forward)


def _peak_cuda(forward: ForwardPass) -> int:
    torch.cuda.synchronize()
    before = torch.cuda.memory_allocated()
    torch.cuda.reset_peak_memory_stats()
    forward()
    return torch.cuda.max_memory_allocated() - before


def _peak_cpu(forward: ForwardPass) -> int | None:
    """Sum up what the profiler tells of every allocation (+) and release (−), in the order of time.

    It tells nothing of blocks that were there before it started, so the sum starts at 0.
    """
    with _quiet(), torch.autograd.profiler.profile(profile_memory=True) as profile:
        forward()
    if profile.kineto_results is None:
        return None
    events = [event for event in profile.kineto_results.events() if event.name() == MEMORY_EVENT]
    changes = [event.nbytes() for event in sorted(events, key=lambda event: event.start_ns())]
    return max(accumulate(changes), default=None)


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the profiler's library from telling on stderr that it starts and stops; it reads this once."""
    name = "KINETO_LOG_LEVEL"
    if name in os.environ:
        yield
        return
    os.environ[name] = "99"  # above all its levels
    try:
        yield
    finally:
        del os.environ[name]
