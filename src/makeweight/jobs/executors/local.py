"""Jobs in worker processes on this machine.

Workers are spawned and not forked, because torch's thread pools do not survive a fork. A worker keeps its imports
and serves job after job. It ends when its pipe closes, so no process outlives a runner that was killed.
"""

from __future__ import annotations

import atexit
import contextlib
import multiprocessing
import signal
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from makeweight.errors import ExecutorError
from makeweight.jobs.executors.base import EpochDone, Event, Failed, Finished, Lost, Stopped
from makeweight.jobs.executors.worker import BEAT_SECONDS, STOP, Beat, serve
from makeweight.jobs.job import Assignment

SILENCE_SECONDS = 60.0  # without a heartbeat: many beats, so that a busy machine is not taken for a dead worker
STARTS_WITHOUT_WORK = 3  # workers that die before they ever report: something is wrong with the machine


@dataclass
class _Worker:
    process: BaseProcess
    pipe: Connection
    key: str | None = None  # of the job it runs
    heard: float = 0.0  # monotonic seconds
    greeted: bool = False


class LocalExecutor:
    """Runs each job in a process of its own, a fixed number of them side by side."""

    def __init__(self, slots: int, silence_seconds: float = SILENCE_SECONDS) -> None:
        self._slots, self._silence = slots, max(silence_seconds, 2 * BEAT_SECONDS)
        self._waiting: deque[Assignment] = deque()
        self._workers: list[_Worker] = []
        self._pending: list[Event] = []
        self._failed_starts = 0
        self._listened = time.monotonic()
        atexit.register(self.close)  # before multiprocessing's own handler, which would wait for workers for ever

    @property
    def slots(self) -> int:
        """How many jobs run at once."""
        return self._slots

    def worker_pids(self) -> dict[str, int]:
        """Process ids of busy workers by the key of their job."""
        return {w.key: w.process.pid for w in self._workers if w.key is not None and w.process.pid is not None}

    def submit(self, assignment: Assignment) -> None:
        """Take a job; it starts as soon as a slot is free."""
        self._waiting.append(assignment)
        self._assign()

    def events(self, timeout: float) -> list[Event]:
        """Wait up to ``timeout`` seconds for something to happen, and return all that has.

        Raises
        ------
        ExecutorError
            If worker processes die as soon as they start.
        """
        events, self._pending = self._pending, []
        ready = wait([w.pipe for w in self._workers], 0 if events else timeout)
        self._excuse_own_absence(timeout)
        for worker in [w for w in self._workers if w.pipe in ready]:
            events += self._receive(worker)
        for worker in self._workers.copy():
            if time.monotonic() - worker.heard > self._silence:
                events += self._lose(worker, f"no sign of life for {self._silence:.0f} s")
        self._assign()
        return events

    def cancel(self, key: str) -> None:
        """Ask one job to stop after its epoch, or drop it if it has not started."""
        self._stop(lambda other: other == key)

    def stop(self) -> None:
        """Ask running jobs to stop after their epoch, and drop those that have not started."""
        self._stop(lambda _: True)

    def close(self) -> None:
        """End all workers at once."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.join()
            worker.pipe.close()
        self._workers.clear()
        self._waiting.clear()
        atexit.unregister(self.close)

    def _stop(self, chosen: Callable[[str], bool]) -> None:
        dropped = [assignment for assignment in self._waiting if chosen(assignment.job.key)]
        self._pending += [Lost(assignment.job.key, "not started") for assignment in dropped]
        self._waiting = deque(assignment for assignment in self._waiting if assignment not in dropped)
        for worker in self._workers:
            if worker.key is not None and chosen(worker.key):
                self._send(worker, STOP)

    def _assign(self) -> None:
        while self._waiting:
            worker = next((w for w in self._workers if w.key is None), None)
            if worker is None:
                if len(self._workers) >= self._slots:
                    return
                worker = self._start()
            assignment = self._waiting.popleft()
            worker.key = assignment.job.key
            self._send(worker, assignment)

    def _start(self) -> _Worker:
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        process = context.Process(target=serve, args=(theirs,), daemon=True)
        with _interrupts_held():
            process.start()
        theirs.close()
        worker = _Worker(process, ours, heard=time.monotonic())
        self._workers.append(worker)
        return worker

    def _excuse_own_absence(self, timeout: float) -> None:
        """Count a worker's silence only while this process listens: Ctrl-Z stops the workers with it."""
        now = time.monotonic()
        absent = now - self._listened - timeout
        if absent > BEAT_SECONDS:
            for worker in self._workers:
                worker.heard += absent
        self._listened = now

    def _send(self, worker: _Worker, message: object) -> None:
        # Of a worker that is gone the pipe reads as closed, so the next call of events() reports the loss.
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            worker.pipe.send(message)

    def _receive(self, worker: _Worker) -> list[Event]:
        try:
            message = worker.pipe.recv()
        except (EOFError, OSError):
            return self._lose(worker, "the worker process died")
        worker.heard, worker.greeted = time.monotonic(), True
        self._failed_starts = 0
        match message:
            case Beat():
                return []
            case EpochDone():
                return [message]
            case Finished() | Failed() | Stopped():
                worker.key = None
                return [message]
        raise ExecutorError(f"a worker sent {type(message).__name__}, which is no event")

    def _lose(self, worker: _Worker, reason: str) -> list[Event]:
        worker.process.kill()
        worker.process.join()
        worker.pipe.close()
        self._workers.remove(worker)
        self._failed_starts += not worker.greeted
        if self._failed_starts >= STARTS_WITHOUT_WORK:
            raise ExecutorError(
                f"{self._failed_starts} worker processes ended as soon as they started (last exit code "
                f"{worker.process.exitcode}). Check free memory, or use --workers 1."
            )
        return [] if worker.key is None else [Lost(worker.key, f"{reason} (exit code {worker.process.exitcode})")]


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Let a process that starts inside be deaf to Ctrl-C and SIGTERM from its first instruction on.

    It inherits which signals are blocked. Here they only wait until the block ends.
    """
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    resource_tracker.ensure_running()  # it would unblock them if it were started only now
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
