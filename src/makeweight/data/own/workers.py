"""Work on many files side by side, in processes, in order, with memory that does not grow with their number."""

from __future__ import annotations

import multiprocessing
import os
import signal
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from makeweight.errors import ExecutorError

Given = TypeVar("Given")
Made = TypeVar("Made")


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def mapped(work: Callable[[Given], Made], batches: Iterable[Given], workers: int) -> Iterator[Made]:
    """Yield ``work(batch)`` of each batch, in order; with one worker in this process.

    Raises
    ------
    ExecutorError
        If a process dies: usually because the system ran out of memory.
    """
    if workers == 1:
        yield from map(work, batches)
        return
    # Spawned: a process forked from one that has threads may hang.
    context = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(workers, context, initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN))
    waiting: deque[Future[Made]] = deque()
    try:
        for batch in batches:
            waiting.append(pool.submit(work, batch))
            if len(waiting) > 2 * workers:  # enough that none waits for work
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    except BrokenProcessPool as error:
        raise ExecutorError(
            "a process that reads images has died, perhaps for want of memory. Run again with --workers 1."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)
