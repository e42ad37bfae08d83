"""Jobs in worker processes on this machine.

A worker is a separate program: torch's thread pools don't survive a fork, and a process spawned by
``multiprocessing`` would import the main module again, which in a notebook or a plain script restarts the study. A
worker keeps its imports and serves job after job. It ends when its pipe closes, so none outlives a killed runner.
"""

from __future__ import annotations

import atexit
import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait

from makeweight.errors import ExecutorError
from makeweight.jobs.executors.base import (
    SILENCE_SECONDS,
    START_SECONDS,
    STARTS_WITHOUT_WORK,
    EpochDone,
    Event,
    Failed,
    Finished,
    Lost,
    Pool,
    Stopped,
)
from makeweight.jobs.executors.worker import BEAT_SECONDS, STOP, Beat

# The same path as here: the package need not be installed where it runs.
PROGRAM = "import sys; sys.path[:] = {path!r}; from makeweight.jobs.executors.worker import main; main({pipe})"


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    pipe: Connection
    key: str | None = None  # of the job it runs
    heard: float = 0.0  # monotonic seconds
    greeted: bool = False
    settings: object = None  # of this process when it started


_idle: list[_Worker] = []  # left by executors that are closed


@atexit.register
def _end_idle() -> None:
    while _idle:
        _end(_idle.pop())


def _end(worker: _Worker) -> int:
    """End a worker at once, and return its exit code."""
    worker.process.kill()
    code = worker.process.wait()
    worker.pipe.close()
    return code


class LocalExecutor(Pool[_Worker]):
    """Runs each job in a separate process, a fixed number at a time.

    Workers that are idle at the end wait for this process's next executor, which then starts at once: a worker's
    imports take seconds.
    """

    def __init__(self, slots: int, silence_seconds: float = SILENCE_SECONDS) -> None:
        super().__init__(slots, silence_seconds, BEAT_SECONDS)
        atexit.register(self.close)

    def worker_pids(self) -> dict[str, int]:
        """Process ids of busy workers by the key of their job."""
        return {w.key: w.process.pid for w in self._workers if w.key is not None}

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
            patience = self._silence if worker.greeted else max(self._silence, START_SECONDS)
            if time.monotonic() - worker.heard > patience:
                events += self._lose(worker, f"no sign of life for {patience:.0f} s")
        self._assign()
        return events

    def close(self) -> None:
        """End all workers that are busy at once, and leave the idle ones to the next executor."""
        for worker in self._workers:
            if worker.key is None:
                _idle.append(worker)
            else:
                _end(worker)
        self._workers.clear()
        self._waiting.clear()
        atexit.unregister(self.close)

    def _ask_to_stop(self, worker: _Worker) -> None:
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
        settings = _settings()
        while _idle:
            worker = _idle.pop()
            if worker.process.poll() is None and worker.settings == settings:
                worker.heard = time.monotonic()
                self._workers.append(worker)
                return worker
            _end(worker)
        ours, theirs = socket.socketpair()
        program = PROGRAM.format(path=sys.path, pipe=theirs.fileno())
        with theirs, _interrupts_held():
            process = subprocess.Popen(
                [sys.executable, "-c", program],
                stdin=subprocess.DEVNULL,
                pass_fds=[theirs.fileno()],
                # Threads that wait actively take the processor from the thread they wait for.
                env={"OMP_WAIT_POLICY": "PASSIVE", **os.environ},
            )
        worker = _Worker(process, Connection(ours.detach()), heard=time.monotonic(), settings=settings)
        self._workers.append(worker)
        return worker

    def _send(self, worker: _Worker, message: object) -> None:
        # If the worker is gone its pipe reads as closed, so the next call of events() reports the loss.
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
        code = _end(worker)
        self._workers.remove(worker)
        self._failed_starts += not worker.greeted
        if self._failed_starts >= STARTS_WITHOUT_WORK:
            raise ExecutorError(
                f"{self._failed_starts} worker processes ended as soon as they started (last exit code {code}). "
                "Check free memory, or use workers=1."
            )
        return [] if worker.key is None else [Lost(worker.key, f"{reason} (exit code {code})")]


def _settings() -> tuple[list[str], dict[str, str]]:
    """Return what a worker takes over from this process when it starts, and may be different here later."""
    return list(sys.path), {name: value for name, value in os.environ.items() if name.startswith("MAKEWEIGHT_")}


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Make a process that starts inside ignore Ctrl-C and SIGTERM from its first instruction on.

    It inherits the blocked signals; here they are only delayed until the block ends.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
