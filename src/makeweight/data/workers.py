"""Work on many files side by side, in processes, in order, with memory that does not grow with their number."""

from __future__ import annotations

import signal
import sys
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.context import SpawnContext, SpawnProcess
from types import ModuleType
from typing import Any, TypeVar

from makeweight.errors import ExecutorError

Given = TypeVar("Given")
Made = TypeVar("Made")


class _Process(SpawnProcess):
    """A process that does not import the main module again: in a plain script that would begin everything once more."""

    @staticmethod
    def _Popen(process_obj: Any) -> Any:  # noqa: N802 - multiprocessing's name
        main = sys.modules["__main__"]
        sys.modules["__main__"] = ModuleType("__main__")  # of no file
        try:
            return SpawnProcess._Popen(process_obj)
        finally:
            sys.modules["__main__"] = main


class _Context(SpawnContext):
    Process = _Process


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
    pool = ProcessPoolExecutor(workers, _Context(), initializer=signal.signal, initargs=(signal.SIGINT, signal.SIG_IGN))
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
            "a process that reads images has died, perhaps because memory ran out. Run again with workers=1."
        ) from error
    finally:
        pool.shutdown(cancel_futures=True)
