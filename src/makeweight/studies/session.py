"""One run of the runner on a study's folder: lock, store, plan, workers, and an orderly end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from makeweight.data.dataset import PreparedDataset
from makeweight.errors import DataMismatch, InvalidValue, StoreError
from makeweight.jobs.result import Job
from makeweight.jobs.verified import verify_once
from makeweight.store.glance import Glance
from makeweight.store.rows import StudyRow
from makeweight.store.store import Store
from makeweight.studies.lock import study_lock

if TYPE_CHECKING:
    from makeweight.jobs.executors.base import Executor
    from makeweight.studies.runner import RunnerEvent
    from makeweight.training.precision import Hardware

DEVICES = ("auto", "cpu", "cuda")
EXECUTORS = ("local", "ray")


@dataclass(frozen=True)
class StudyPlan:
    """A study that is ready to run."""

    folder: Path
    name: str
    spec: str  # JSON
    dataset: PreparedDataset
    jobs: list[Job]
    alone: bool = False  # one training: the folder must hold no other jobs; otherwise a new plan replaces the old one


@dataclass(frozen=True, slots=True)
class Machine:
    """How much of which machine to use; None chooses."""

    workers: int | None = None  # processes at a time
    threads: int | None = None  # of each
    device: str = "auto"
    executor: str = "local"  # processes of this machine, or actors of a Ray cluster
    ray_address: str | None = None  # "auto" or host:port; None starts Ray on this machine

    def __post_init__(self) -> None:
        for name, value in (("workers", self.workers), ("threads", self.threads)):
            if value is not None and not 1 <= value <= 1_024:
                raise InvalidValue(f"{name} {value} is not possible: give 1 to 1,024.")
        if self.device not in DEVICES:
            raise InvalidValue(f"device {self.device!r} is unknown. Choose from: {', '.join(DEVICES)}.")
        if self.executor not in EXECUTORS:
            raise InvalidValue(f"executor {self.executor!r} is unknown. Choose from: {', '.join(EXECUTORS)}.")
        if self.ray_address is not None and self.executor != "ray":
            raise InvalidValue(f"a Ray address ({self.ray_address}) needs Ray: add executor=ray, or leave it out.")


def refuse_other_data(folder: Path, data: PreparedDataset) -> None:
    """Refuse data that aren't those of the study in a folder; to ask first, because other data change every design.

    Raises
    ------
    DataMismatch
        If the study holds results on other data.
    """
    stored = None
    with suppress(StoreError), Glance(folder) as glance:  # if there is none yet, or it must be migrated first
        stored = glance.study()
    if stored is not None and stored.data_digest != data.digest:
        raise DataMismatch(
            f"the study in {folder} holds results on data with digest {stored.data_digest[:12]}, and these data "
            f"have {data.digest[:12]}. Give the same data as before, or another name."
        )


def run_study(
    plan: StudyPlan, machine: Machine, stop_requested: Callable[[], bool] = lambda: False
) -> Iterator[RunnerEvent]:
    """Run what is missing of a study, and yield events.

    Raises
    ------
    StudyLocked
        If another process runs it.
    DataMismatch
        If the study holds results on other data, or these are damaged.
    InvalidValue
        If the plan is for one training, and the folder holds others.
    StoreError
        If results cannot be stored.
    """
    with study_lock(plan.folder), Store.create(plan.folder) as store:
        refuse_other_data(plan.folder, plan.dataset)
        _refuse_other_jobs(store, plan)
        data = plan.dataset
        store.plan(StudyRow(plan.name, plan.spec, data.name, data.digest, data.class_names, str(data.path)), plan.jobs)
        if any(row.state != "done" for row in store.jobs()):  # otherwise torch needn't be imported
            verify_once(data)
            yield from _run(store, plan, machine, stop_requested)


def _run(store: Store, plan: StudyPlan, machine: Machine, stop_requested: Callable[[], bool]) -> Iterator[RunnerEvent]:
    from makeweight.studies.runner import Runner

    # By the whole plan, not by what is left: a resumed job must get the same threads.
    executor, hardware = start_executor(machine, len(plan.jobs))
    try:
        yield from Runner(store, executor, plan.dataset.path, hardware).run(stop_requested)
    finally:
        executor.close()


def start_executor(machine: Machine, jobs: int) -> tuple[Executor, Hardware]:
    """Start workers for a number of jobs, and return what each job runs on.

    Raises
    ------
    ExecutorError
        If Ray is asked for, but isn't installed, isn't reachable, or has no room for a worker.
    """
    if machine.executor == "ray":
        from makeweight.jobs.executors.ray import start_on_ray

        return start_on_ray(machine.ray_address, jobs, machine.workers, machine.threads, machine.device)
    from makeweight.jobs.executors.local import LocalExecutor

    workers, hardware = choose_hardware(machine, jobs)
    return LocalExecutor(workers), hardware


def choose_hardware(machine: Machine, jobs: int) -> tuple[int, Hardware]:
    """Choose the number of workers, and what each runs on if the recipe leaves precision open.

    On a CPU, one worker of one thread per processor: two one-thread processes train small networks faster than one
    process of two threads (docs/recipes.md). A single job gets all processors that it keeps busy.
    """
    from makeweight.processors import processors
    from makeweight.training.precision import choose_device, hardware_here

    device = choose_device(machine.device)
    workers = min(machine.workers or processors(), jobs)
    return workers, hardware_here(device, max(1, processors() // workers) if device == "cpu" else 1, machine.threads)


def _refuse_other_jobs(store: Store, plan: StudyPlan) -> None:
    wanted = {job.key for job in plan.jobs}
    if plan.alone and not {row.job.key for row in store.jobs()} <= wanted:
        raise InvalidValue(f"{plan.folder} holds other trainings, which this one would replace. Give another name.")
