"""A study on a real Ray cluster of two nodes on this machine."""

from __future__ import annotations

import shutil
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from makeweight.data.dataset import PreparedDataset, open_prepared
from makeweight.errors import DataMismatch, ExecutorError, InvalidValue
from makeweight.jobs.executors.base import EpochDone, Finished, Stopped
from makeweight.jobs.job import Assignment
from makeweight.jobs.result import Job
from makeweight.store.store import Store
from makeweight.studies.plan import plan
from makeweight.studies.runner import JobDone, JobEpoch, JobRetried
from makeweight.studies.session import Machine, StudyPlan, run_study
from makeweight.studies.spec import make_spec, read_study_file
from makeweight.training.precision import Hardware

ray = pytest.importorskip("ray", reason="Ray is an extra, and not installed")

from makeweight.jobs.executors.ray import RayExecutor, connect  # noqa: E402
from makeweight.jobs.executors.ray_worker import node_data, versions  # noqa: E402

# Not 127.0.0.1, which Ray takes for "this machine" and replaces by its outward address, where nothing listens.
LOOPBACK = "127.0.0.2"


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Two nodes of one processor; makeweight's cache on them is empty."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("MAKEWEIGHT_CACHE", str(tmp_path / "cache-of-nodes"))
    ray.shutdown()
    node = {"num_cpus": 1, "object_store_memory": 80_000_000, "node_ip_address": LOOPBACK}
    started = Cluster(initialize_head=True, head_node_args={**node, "include_dashboard": False})
    started.second = started.add_node(**node)
    yield started
    ray.shutdown()
    started.shutdown()


def results(folder: Path) -> dict[str, tuple[Any, ...]]:
    with Store.open(folder) as store:
        rows = store.jobs()
        assert all(row.state == "done" for row in rows)
        return {
            row.job.key: (
                row.result.test_accuracy, row.result.validation_accuracy, store.predictions(row).logits.tobytes(),
                len(store.epochs(row.job.key)), store.test_accesses(row.job.key),
            )
            for row in rows
        }  # fmt: skip


def test_a_study_whose_node_dies_ends_as_on_one_machine(
    cluster: Any, finished: Any, digits: PreparedDataset, tmp_path: Path
) -> None:
    written = read_study_file(finished.file)
    # Fewer trainings than the small study of the other tests, and so long that both nodes are at work before one ends.
    fewer = {"families": ["cnn"], "budgets": ["2K"], "seeds": 3, "recipe": {**written["recipe"], "epochs": 40}}
    spec = make_spec({**written, **fewer}, "test")

    def asked(name: str) -> StudyPlan:
        return StudyPlan(tmp_path / name, name, spec.to_json(), digits, plan(spec, digits))

    here = asked("here")
    deque(run_study(here, Machine(workers=2, threads=1)), maxlen=0)

    there, seen, at_work = asked("there"), [], set()
    for event in run_study(there, Machine(threads=1, executor="ray", ray_address=cluster.address)):
        seen.append(event)
        if isinstance(event, JobEpoch):
            at_work.add(event.job.key)
        if isinstance(event, JobDone):
            at_work.remove(event.job.key)
        if cluster.second is not None and len(at_work) == 2:  # a job on each node
            cluster.remove_node(cluster.second, allow_graceful=False)
            cluster.second = None

    assert cluster.second is None
    assert any(isinstance(event, JobRetried) for event in seen)
    done = [event.job.key for event in seen if isinstance(event, JobDone)]
    assert len(done) == len(set(done)) == len(there.jobs)
    assert results(there.folder) == results(here.folder)


def test_data_reach_a_node_once_and_cancel_stops_remote_work(
    cluster: Any, digits: PreparedDataset, make_job: Callable[..., Job], tmp_path: Path
) -> None:
    drivers = tmp_path / "on-the-driver-only"
    shutil.copytree(digits.path, drivers)
    connect(cluster.address)
    executor = RayExecutor(2, hardware=Hardware("cpu", "fp32", 1))
    try:
        short, endless = make_job(epochs=2), make_job(epochs=100_000, seed=1)
        for job in (short, endless):
            executor.submit(Assignment(job, drivers, Hardware("cpu", "fp32", 1)))
        shutil.rmtree(drivers)  # before any worker is up: they must have it from the object store
        events, deadline = [], time.monotonic() + 60
        while not {short.key, endless.key} <= {e.key for e in events} and time.monotonic() < deadline:
            events += executor.events(0.2)
        executor.cancel(endless.key)
        while sum(not isinstance(e, EpochDone) for e in events) < 2 and time.monotonic() < deadline:
            events += executor.events(0.2)
    finally:
        executor.close()
    ends = {event.key: type(event) for event in events if not isinstance(event, EpochDone)}
    assert ends == {short.key: Finished, endless.key: Stopped}
    [fetched] = [path for path in (tmp_path / "cache-of-nodes").iterdir() if path.is_dir()]
    assert open_prepared(fetched).digest == digits.digest


@pytest.mark.slow
def test_a_worker_of_another_version_is_refused(
    cluster: Any, digits: PreparedDataset, make_job: Callable[..., Job], monkeypatch: pytest.MonkeyPatch
) -> None:
    connect(cluster.address)
    ours = {**versions(), "torch": "1.0.0"}
    monkeypatch.setattr("makeweight.jobs.executors.ray.versions", lambda: ours)
    executor = RayExecutor(1)
    try:
        executor.submit(Assignment(make_job(epochs=2), digits.path, Hardware("cpu", "fp32", 1)))
        with pytest.raises(ExecutorError, match=r"torch .*this process has 1\.0\.0.*Install the same versions"):
            deque((executor.events(0.2) for _ in range(200)), maxlen=0)
    finally:
        executor.close()


def test_many_workers_of_a_node_fetch_once(
    digits: PreparedDataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MAKEWEIGHT_CACHE", str(tmp_path / "cache"))
    fetches: list[int] = []

    def fetch() -> dict[str, bytes]:
        fetches.append(1)
        time.sleep(0.2)
        return {path.name: path.read_bytes() for path in digits.path.iterdir() if path.is_file()}

    with ThreadPoolExecutor(4) as pool:
        found = set(pool.map(lambda _: node_data(tmp_path / "nowhere", digits.digest, fetch), range(4)))
    assert len(fetches) == len(found) == 1
    assert open_prepared(found.pop()).digest == digits.digest
    assert node_data(digits.path, digits.digest, None) == digits.path
    with pytest.raises(DataMismatch, match="does not hold the data"):
        node_data(tmp_path / "nowhere", "0" * 64, None)


def test_a_cluster_that_does_not_answer_is_said() -> None:
    ray.shutdown()
    with pytest.raises(ExecutorError, match=r"no Ray cluster answers at 127\.0\.0\.1:9"):
        connect("127.0.0.1:9")


def test_an_address_without_ray_is_refused() -> None:
    with pytest.raises(InvalidValue, match="executor=ray"):
        Machine(ray_address="auto")
    with pytest.raises(InvalidValue, match="local, ray"):
        Machine(executor="slurm")
