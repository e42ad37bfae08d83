"""Jobs on the nodes of a Ray cluster.

Workers are actors that only compute; the driver plans, decides and writes. An actor runs one job at a time
and streams its events. It is never restarted by Ray: when it dies, its job is ``Lost``, and the driver starts another
one wherever the cluster has room.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from makeweight.errors import ExecutorError, install_command
from makeweight.jobs.executors.base import SILENCE_SECONDS, STARTS_WITHOUT_WORK, EpochDone, Event, Lost, Pool
from makeweight.jobs.executors.ray_worker import RayWorker, versions
from makeweight.jobs.executors.worker import BEAT_SECONDS
from makeweight.jobs.job import Assignment
from makeweight.processors import processors
from makeweight.training.precision import Hardware, Precision, fastest_precision

os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # nothing is reported to anyone
# Ray warns that it will stop hiding GPUs from actors that request none; ours request what they use.
os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")

CONNECT_SECONDS = 20.0


def connect(address: str | None, slots: int | None = None) -> bool:
    """Connect to a cluster, or start one on this machine; say whether one was started.

    Parameters
    ----------
    address : str, optional
        ``auto`` or HOST:PORT of a cluster; None starts one here, reachable from this machine only.
    slots : int, optional
        Processors of one that is started here.

    Raises
    ------
    ExecutorError
        If Ray is not installed, or no cluster answers.
    """
    try:
        import ray
    except ImportError:
        raise ExecutorError(
            f"executor=ray needs Ray, which is not installed. Run: {install_command('makeweight[ray]')}"
        ) from None
    if ray.is_initialized():
        return False
    quiet = {"log_to_driver": False, "configure_logging": False}
    try:
        if address is None:
            ray.init(address="local", num_cpus=slots, include_dashboard=False, _node_ip_address="127.0.0.1", **quiet)
        else:
            _check_answers(address)
            ray.init(address=address, **quiet)
    except (ConnectionError, RuntimeError, ValueError, TimeoutError) as error:
        raise ExecutorError(
            f"no Ray cluster answers at {address or 'this machine'}: {str(error).strip().splitlines()[0]}. Start one "
            "with `ray start --head`, check HOST:PORT (the head node's, usually 6379), or give no Ray address for "
            "one on this machine."
        ) from error
    return address is None


def _check_answers(address: str) -> None:
    """Fail within seconds where nothing listens; Ray itself would try for a minute."""
    import socket

    host, separator, port = address.rpartition(":")
    if separator and port.isdigit():
        with socket.create_connection((host.removeprefix("ray://"), int(port)), timeout=CONNECT_SECONDS):
            pass


def start_on_ray(
    address: str | None, jobs: int, workers: int | None, threads: int | None, device: str
) -> tuple[RayExecutor, Hardware]:
    """Use a whole cluster: by default a worker for each processor, on GPUs where it has them.

    The precision that is fastest is measured on a worker, because this machine may have other processors or no GPU.

    Raises
    ------
    ExecutorError
        See :func:`connect`.
    """
    started = connect(address, (workers or processors()) * (threads or 1))
    have = _cluster_resources()
    chosen = device if device != "auto" else "cuda" if have.get("GPU") else "cpu"
    hardware = Hardware(chosen, _fastest_precision_there(chosen), threads or 1)
    slots = min(workers or max(1, int(have.get("CPU", 1)) // hardware.threads), jobs)
    return RayExecutor(slots, hardware=hardware, ends_ray=started), hardware


def _cluster_resources() -> dict[str, float]:
    import ray

    return dict(ray.cluster_resources())


def _fastest_precision_there(device: str) -> Precision:
    import ray

    task = ray.remote(num_cpus=1, num_gpus=0.01 if device == "cuda" else 0)(fastest_precision)
    precision: Precision = ray.get(task.remote(device))
    return precision


@dataclass
class _Worker:
    actor: Any
    described: Any  # the reference that resolves once it is up
    pid: int = 0
    turn: int = 0
    assignment: Assignment | None = None
    stream: Any = None
    ping: Any = None
    heard: float = field(default_factory=time.monotonic)

    @property
    def is_up(self) -> bool:
        return self.described is None

    @property
    def key(self) -> str | None:
        return None if self.assignment is None else self.assignment.job.key

    @property
    def is_free(self) -> bool:
        return self.is_up and self.assignment is None


class RayExecutor(Pool[_Worker]):
    """Runs each job in an actor of the cluster that this process is connected to, a fixed number side by side.

    Parameters
    ----------
    slots : int
        Actors. Those for which the cluster has no room wait for it, so nodes that join later are used.
    hardware : Hardware, optional
        Of each actor: it reserves as many processors as it has threads, and on a GPU its share of one.
    ends_ray : bool
        Whether :meth:`close` ends this process's Ray.
    worker : type, optional
        Of the actors; a benchmark has one that computes nothing.
    """

    def __init__(
        self,
        slots: int,
        silence_seconds: float = SILENCE_SECONDS,
        hardware: Hardware | None = None,
        ends_ray: bool = False,
        worker: type[RayWorker] = RayWorker,
    ) -> None:
        import ray

        hardware = hardware or Hardware("cpu", "fp32", 1)
        self._ray, self._ends_ray = ray, ends_ray
        super().__init__(slots, silence_seconds, BEAT_SECONDS)
        self._actor_class = ray.remote(
            num_cpus=hardware.threads,
            num_gpus=_gpu_share(slots) if hardware.device == "cuda" else 0,
            max_restarts=0,
            max_concurrency=3,  # run, and meanwhile ping and cancel
        )(worker)
        self._files: dict[str, Any] = {}  # references to data in the object store, by digest

    def worker_pids(self) -> dict[str, int]:
        """Process ids of busy workers, on their nodes, by the key of their job."""
        return {w.key: w.pid for w in self._workers if w.key is not None}

    def events(self, timeout: float) -> list[Event]:
        """Wait up to ``timeout`` seconds for something to happen, and return all that has.

        Raises
        ------
        ExecutorError
            If workers die as soon as they start, or are made of other versions than the driver.
        """
        events, self._pending = self._pending, []
        ready = self._wait(0 if events else timeout)
        self._excuse_own_absence(timeout)
        for worker in self._workers.copy():
            events += self._look_after(worker, ready)
        self._assign()
        return events

    def close(self) -> None:
        """End all workers at once, and Ray if it was started here."""
        if self._ray.is_initialized():
            for worker in self._workers:
                self._ray.kill(worker.actor)
            if self._ends_ray:
                self._ray.shutdown()
        self._workers.clear()
        self._waiting.clear()

    def submit(self, assignment: Assignment) -> None:
        """Take a job, and its data, which may be gone when a slot is free."""
        self._share_data(assignment)
        super().submit(assignment)

    def _share_data(self, assignment: Assignment) -> None:
        """Put the data into the object store once, where there is a node that might need them."""
        digest = assignment.job.data_digest
        if digest not in self._files and len([n for n in self._ray.nodes() if n["Alive"]]) > 1:
            files = {path.name: path.read_bytes() for path in _files_of(assignment.data_path)}
            self._files[digest] = self._ray.put(files)

    def _ask_to_stop(self, worker: _Worker) -> None:
        worker.actor.cancel.remote(worker.turn)

    def _assign(self) -> None:
        while len(self._workers) < min(self._slots, len(self._waiting) + sum(not w.is_free for w in self._workers)):
            actor = self._actor_class.remote()
            self._workers.append(_Worker(actor, actor.describe.remote()))
        for worker in self._workers:
            if self._waiting and worker.is_free:
                assignment = self._waiting.popleft()
                worker.turn, worker.assignment, worker.heard = worker.turn + 1, assignment, time.monotonic()
                # In a list, so that Ray does not send the data along with every job.
                files = [self._files[d] for d in (assignment.job.data_digest,) if d in self._files]
                worker.stream = worker.actor.run.options(num_returns="streaming").remote(assignment, worker.turn, files)

    def _wait(self, timeout: float) -> set[Any]:
        waited = [x for w in self._workers for x in (w.described, w.stream) if x is not None]
        if not waited:
            time.sleep(timeout)
            return set()
        self._ray.wait(waited, num_returns=1, timeout=timeout)
        # Then all that is there by now, so that many workers cost one look and not one each.
        ready, _ = self._ray.wait(waited, num_returns=len(waited), timeout=0)
        return set(ready)

    def _look_after(self, worker: _Worker, ready: set[Any]) -> Iterator[Event]:
        try:
            if not worker.is_up:
                if worker.described in ready:
                    self._greet(worker)
                return
            if worker.stream in ready:
                yield from self._receive(worker)
            self._check_alive(worker)
        except (self._ray.exceptions.RayActorError, self._ray.exceptions.ObjectLostError) as error:
            yield from self._lose(worker, f"the worker or its node died ({type(error).__name__})")
        if time.monotonic() - worker.heard > self._silence:
            yield from self._lose(worker, f"no sign of life for {self._silence:.0f} s")

    def _greet(self, worker: _Worker) -> None:
        described = self._ray.get(worker.described)
        _refuse_other_versions(described["versions"], described["node"])
        worker.described, worker.pid, worker.heard = None, described["pid"], time.monotonic()
        self._failed_starts = 0

    def _receive(self, worker: _Worker) -> Iterator[Event]:
        """Take all events of a worker that have arrived."""
        while worker.stream is not None:
            try:
                event = self._ray.get(next(worker.stream))
            except StopIteration:
                worker.stream = worker.assignment = None
                return
            worker.heard = time.monotonic()
            if not isinstance(event, EpochDone):
                worker.stream = worker.assignment = None
                yield event
                return
            yield event
            ready, _ = self._ray.wait([worker.stream], timeout=0)
            if not ready:
                return

    def _check_alive(self, worker: _Worker) -> None:
        """Keep one question on its way to every busy worker."""
        if worker.ping is not None and self._ray.wait([worker.ping], timeout=0)[0]:
            self._ray.get(worker.ping)
            worker.heard, worker.ping = time.monotonic(), None
        if worker.assignment is None:
            worker.heard = time.monotonic()
        elif worker.ping is None and time.monotonic() - worker.heard > BEAT_SECONDS:
            worker.ping = worker.actor.ping.remote()

    def _lose(self, worker: _Worker, reason: str) -> Iterator[Event]:
        with contextlib.suppress(Exception):  # it may be gone already
            self._ray.kill(worker.actor)
        if worker in self._workers:
            self._workers.remove(worker)
        self._failed_starts += not worker.is_up
        if self._failed_starts >= STARTS_WITHOUT_WORK:
            raise ExecutorError(
                f"{self._failed_starts} Ray workers ended as soon as they started: {reason}. Check that makeweight is "
                "installed on every node, and the memory and logs of the nodes (ray status; ray logs)."
            )
        if worker.assignment is not None:
            key, worker.assignment = worker.assignment.job.key, None
            yield Lost(key, reason)


def _gpu_share(slots: int) -> float:
    """Share of a GPU for each actor: small networks leave most of one idle, so as many share one as there are slots."""
    gpus = _cluster_resources().get("GPU", 0.0)
    return 1.0 if slots <= gpus else round(max(gpus, 1.0) / slots, 4)


def _files_of(path: Path) -> list[Path]:
    return [file for file in sorted(path.iterdir()) if file.suffix in (".npy", ".json")]


def _refuse_other_versions(theirs: dict[str, str], node: str) -> None:
    ours = versions()
    for name, version in ours.items():
        if theirs.get(name) != version:
            raise ExecutorError(
                f"the worker on {node} has {name} {theirs.get(name)}, and this process has {version}: results would be "
                "those of different programs. Install the same versions on all nodes, then restart the cluster."
            )
