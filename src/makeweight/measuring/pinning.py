"""A fixed share of the machine while a measurement runs."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import torch

from makeweight.errors import InvalidValue
from makeweight.training.precision import processors


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
