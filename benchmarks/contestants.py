"""The benchmark's end of the contestants: start them, let them run a leg, end them."""

from __future__ import annotations

import contextlib
import json
import os
import select
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from types import TracebackType
from typing import Any

from benchmarks.settings import ROOT
from benchmarks.worker import GO
from benchmarks.workloads import Workload

PATIENCE_SECONDS = 1_800  # for one answer; a leg takes seconds, so this only ends what hangs
QUIET = {"KERAS_BACKEND": "tensorflow", "TF_CPP_MIN_LOG_LEVEL": "3", "JAX_PLATFORMS": "cpu"}


class ContestantFailedError(Exception):
    """A contestant cannot take part; says why."""


@dataclass(frozen=True, slots=True)
class Leg:
    """One timed leg of a contestant, of all its processes together."""

    images: int
    seconds: float
    loss: float
    peak_rss_mb: float  # of all its processes together, so far

    @property
    def images_per_second(self) -> float:
        """Throughput."""
        return self.images / self.seconds


class Contestant:
    """A peer on a workload, in one or more processes that stay until it is closed.

    Several processes train a network each, told to go at the same time: their images count together, and their time
    is from the first one's start to the last one's end. One process alone gives its training seconds.

    Raises
    ------
    ContestantFailedError
        If it cannot be imported, built or run, or does not answer; also from :meth:`leg`.
    """

    def __init__(self, peer: str, workload: Workload, threads: int, processes: int = 1) -> None:
        self.peer, self.workload, self.threads = peer, workload, threads
        self._processes = [_Process(peer, workload, threads) for _ in range(processes)]
        try:
            self.ready = [process.answer() for process in self._processes]
        except ContestantFailedError:
            self.close()
            raise

    @property
    def processes(self) -> int:
        """How many train side by side."""
        return len(self._processes)

    @property
    def weights(self) -> int:
        """Trainable scalars, as the contestant counts them."""
        return int(self.ready[0]["weights"])

    @property
    def precision(self) -> str:
        """Of its activations."""
        return str(self.ready[0]["precision"])

    @property
    def first_loss(self) -> float:
        """Mean loss of the last pass of the warm-up."""
        return float(self.ready[0]["warm_up"]["loss"])

    def leg(self) -> Leg:
        """Run a leg and wait for its end."""
        for process in self._processes:
            process.go()
        answers = [process.answer() for process in self._processes]
        alone = len(answers) == 1
        seconds = max(a["ended"] for a in answers) - min(a["started"] for a in answers)
        return Leg(
            images=self.workload.leg_images * len(answers),
            seconds=answers[0]["seconds"] if alone else seconds,
            loss=answers[0]["loss"],
            peak_rss_mb=sum(a["peak_rss_mb"] for a in answers),
        )

    def close(self) -> None:
        """End its processes."""
        for process in self._processes:
            process.close()

    def __enter__(self) -> Contestant:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()


class _Process:
    """One worker process, and the lines that go to and fro."""

    def __init__(self, peer: str, workload: Workload, threads: int) -> None:
        self._errors = tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace")  # noqa: SIM115
        arguments = ["-m", "benchmarks.worker", peer, workload.to_json(), "--threads", str(threads)]
        self._process = subprocess.Popen(
            [sys.executable, *arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            encoding="utf-8",
            cwd=ROOT,
            env={**QUIET, **os.environ},
        )

    def go(self) -> None:
        try:
            self._process.stdin.write(f"{GO}\n")
            self._process.stdin.flush()
        except OSError as error:
            raise ContestantFailedError(self._last_words()) from error

    def answer(self) -> dict[str, Any]:
        ready, _, _ = select.select([self._process.stdout], [], [], PATIENCE_SECONDS)
        if not ready:
            raise ContestantFailedError(f"no answer within {PATIENCE_SECONDS:,} s")
        line = self._process.stdout.readline()
        if not line:
            raise ContestantFailedError(self._last_words())
        record: dict[str, Any] = json.loads(line)
        if "failed" in record:
            raise ContestantFailedError(record["failed"].splitlines()[0])
        return record

    def close(self) -> None:
        with contextlib.suppress(OSError):  # it has ended already
            self._process.stdin.close()
        try:
            self._process.wait(10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process.stdout.close()
        self._errors.close()

    def _last_words(self) -> str:
        code = self._process.wait(10)
        self._errors.seek(0)
        lines = self._errors.read().strip().splitlines()
        return f"its process ended with code {code}: {lines[-1] if lines else 'it said nothing'}"
