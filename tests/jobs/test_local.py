"""What is particular to processes on this machine; the contract is in ``tests/contracts/test_executors.py``."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from makeweight.data.dataset import PreparedDataset
from makeweight.errors import ExecutorError
from makeweight.jobs.executors import local
from makeweight.jobs.executors.base import EpochDone, Event, Finished, Lost
from makeweight.jobs.executors.local import LocalExecutor
from makeweight.jobs.job import Assignment
from makeweight.jobs.result import Job
from makeweight.training.precision import Hardware

LEAVES_ITS_EXECUTOR_OPEN = """
import sys
from makeweight.jobs.executors.local import LocalExecutor

if __name__ == "__main__":
    executor = LocalExecutor(1)
    executor._start()
    print(executor._workers[0].process.pid, flush=True)
"""


@pytest.fixture
def executor() -> Iterator[LocalExecutor]:
    """An executor whose workers begin here: none that another test left."""
    local._end_idle()
    started = LocalExecutor(1)
    yield started
    started.close()


def listen_to_the_end(executor: LocalExecutor, seconds: float = 60) -> list[Event]:
    deadline, events = time.monotonic() + seconds, list[Event]()
    while all(isinstance(event, EpochDone) for event in events):
        assert time.monotonic() < deadline
        events += executor.events(0.2)
    return events


def test_interrupts_of_the_whole_group_leave_workers_to_their_runner(
    executor: LocalExecutor, make_job: Callable[..., Job], digits: PreparedDataset, capfd: pytest.CaptureFixture[str]
) -> None:
    job = make_job(epochs=2)
    executor.submit(Assignment(job, digits.path, Hardware("cpu", "fp32", 1)))
    for pause in (0.0, 0.1, 0.5):  # while the worker starts
        time.sleep(pause)
        for number in (signal.SIGINT, signal.SIGTERM):
            os.kill(executor.worker_pids()[job.key], number)
    assert isinstance(listen_to_the_end(executor)[-1], Finished)
    assert capfd.readouterr().err == ""


def test_threads_of_a_worker_wait_passively(
    executor: LocalExecutor, make_job: Callable[..., Job], digits: PreparedDataset
) -> None:
    """Threads that wait actively take the processor from the one that they wait for: 60 times slower when busy."""
    job = make_job(epochs=2)
    executor.submit(Assignment(job, digits.path, Hardware("cpu", "fp32", 1)))
    environment = Path(f"/proc/{executor.worker_pids()[job.key]}/environ")
    if not environment.exists():
        pytest.skip("only Linux shows another process's environment")
    deadline = time.monotonic() + 10
    while b"OMP_WAIT_POLICY=PASSIVE" not in environment.read_bytes().split(b"\0"):  # until the program has begun
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_workers_that_die_at_once_are_not_started_for_ever(
    executor: LocalExecutor, make_job: Callable[..., Job], digits: PreparedDataset
) -> None:
    job = make_job(epochs=2)

    def submit_and_kill() -> list[Event]:
        executor.submit(Assignment(job, digits.path, Hardware("cpu", "fp32", 1)))
        os.kill(executor.worker_pids()[job.key], signal.SIGKILL)
        return listen_to_the_end(executor)

    assert [[type(event) for event in submit_and_kill()] for _ in range(2)] == [[Lost], [Lost]]
    with pytest.raises(ExecutorError, match=r"3 worker processes ended as soon as they started.*exit code -9"):
        submit_and_kill()


def test_a_process_that_forgets_to_close_still_ends_and_takes_its_workers_with_it(
    tmp_path: Path, environment: dict[str, str], all_end: Callable[..., bool]
) -> None:
    script = tmp_path / "forgets.py"
    script.write_text(LEAVES_ITS_EXECUTOR_OPEN)
    ran = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, timeout=60, check=True
    )
    assert all_end([int(ran.stdout)])


def test_an_idle_worker_goes_on_to_the_next_executor_while_its_settings_hold(
    executor: LocalExecutor, make_job: Callable[..., Job], digits: PreparedDataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    def pid_of_a_training(current: LocalExecutor, seed: int) -> int:
        job = make_job(epochs=1, seed=seed)
        current.submit(Assignment(job, digits.path, Hardware("cpu", "fp32", 1)))
        pid = current.worker_pids()[job.key]
        assert isinstance(listen_to_the_end(current)[-1], Finished)
        current.close()
        return pid

    first = pid_of_a_training(executor, 0)
    assert pid_of_a_training(LocalExecutor(1), 1) == first
    monkeypatch.setenv("MAKEWEIGHT_FAMILIES", "/nowhere/else.py")  # a worker reads it when it starts
    other = LocalExecutor(1)
    other.submit(Assignment(make_job(epochs=1, seed=2), digits.path, Hardware("cpu", "fp32", 1)))
    assert first not in other.worker_pids().values()
    other.close()
