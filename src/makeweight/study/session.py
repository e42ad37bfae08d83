"""One run of the runner on a study's folder: lock, store, plan, workers, and an orderly end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from makeweight.data.dataset import PreparedDataset
from makeweight.errors import DataMismatch, InvalidValue
from makeweight.jobs.result import Job
from makeweight.store.rows import StudyRow
from makeweight.store.store import Store
from makeweight.study.lock import study_lock

if TYPE_CHECKING:
    from makeweight.jobs.executors.base import Executor
    from makeweight.study.runner import RunnerEvent
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
    alone: bool = False  # the folder must hold exactly these jobs; otherwise a new plan takes the place of the old one


@dataclass(frozen=True, slots=True)
class Machine:
    """How much of the machine to use; None chooses for this machine."""

    workers: int | None = None  # processes side by side
    threads: int | None = None  # of each
    device: str = "auto"
    executor: str = "local"  # processes of this machine, or actors of a Ray cluster
    ray_address: str | None = None  # "auto" or host:port; None starts a Ray of its own on this machine

    def __post_init__(self) -> None:
        for name, value in (("workers", self.workers), ("threads", self.threads)):
            if value is not None and not 1 <= value <= 1_024:
                raise InvalidValue(f"{name} {value} is not possible: give 1 to 1,024.")
        if self.device not in DEVICES:
            raise InvalidValue(f"device {self.device!r} is unknown. Choose from: {', '.join(DEVICES)}.")
        if self.executor not in EXECUTORS:
            raise InvalidValue(f"executor {self.executor!r} is unknown. Choose from: {', '.join(EXECUTORS)}.")
        if self.ray_address is not None and self.executor != "ray":
            raise InvalidValue(f"a Ray address ({self.ray_address}) needs Ray: add --executor ray, or leave it out.")


def run_study(
    plan: StudyPlan, machine: Machine, stop_requested: Callable[[], bool] = lambda: False
) -> Iterator[RunnerEvent]:
    """Run what is missing of a study, and yield what happens.

    Raises
    ------
    StudyLocked
        If another process runs it.
    DataMismatch
        If the study holds results on other data.
    InvalidValue
        If the plan wants the folder alone, and it holds other jobs.
    StoreError
        If results cannot be stored.
    """
    with study_lock(plan.folder), Store.create(plan.folder) as store:
        _refuse_other_data(store, plan)
        _refuse_other_jobs(store, plan)
        data = plan.dataset
        store.plan(StudyRow(plan.name, plan.spec, data.name, data.digest, data.class_names, str(data.path)), plan.jobs)
        if any(row.state != "done" for row in store.jobs()):  # else torch need not be imported
            yield from _run(store, plan, machine, stop_requested)


def _run(store: Store, plan: StudyPlan, machine: Machine, stop_requested: Callable[[], bool]) -> Iterator[RunnerEvent]:
    from makeweight.study.runner import Runner

    # By the whole plan and not by what is left: a resumed job must get the threads it would have had.
    executor, hardware = start_executor(machine, len(plan.jobs))
    try:
        yield from Runner(store, executor, plan.dataset.path, hardware).run(stop_requested)
    finally:
        executor.close()


def start_executor(machine: Machine, jobs: int) -> tuple[Executor, Hardware]:
    """Start the workers for so many jobs, and say what each job runs on.

    Raises
    ------
    ExecutorError
        If Ray is asked for, and it is not installed, not reachable, or has no room for a worker.
    """
    if machine.executor == "ray":
        from makeweight.jobs.executors.ray import start_on_ray

        return start_on_ray(machine.ray_address, jobs, machine.workers, machine.threads, machine.device)
    from makeweight.jobs.executors.local import LocalExecutor

    workers, hardware = choose_hardware(machine, jobs)
    return LocalExecutor(workers), hardware


def choose_hardware(machine: Machine, jobs: int) -> tuple[int, Hardware]:
    """Choose how many workers, and what each runs on where a recipe leaves the precision open.

    On a CPU one worker of one thread for each processor: two one-thread processes train small networks faster than one
    process of two threads (docs/recipes.md). A job that is alone gets all processors.
    """
    from makeweight.training.precision import Hardware, choose_device, fastest_precision, processors

    device = choose_device(machine.device)
    workers = min(machine.workers or processors(), jobs)
    threads = machine.threads or (max(1, processors() // workers) if device == "cpu" else 1)
    return workers, Hardware(device, fastest_precision(device), threads)


def _refuse_other_data(store: Store, plan: StudyPlan) -> None:
    stored = store.study()
    if stored is not None and stored.data_digest != plan.dataset.digest:
        raise DataMismatch(
            f"the study in {plan.folder} holds results on data with digest {stored.data_digest[:12]}, and these data "
            f"have {plan.dataset.digest[:12]}. Give the same --data and --dataset as before, or another --name."
        )


def _refuse_other_jobs(store: Store, plan: StudyPlan) -> None:
    wanted = {job.key for job in plan.jobs}
    if plan.alone and not {row.job.key for row in store.jobs()} <= wanted:
        raise InvalidValue(f"{plan.folder} holds other trainings, which this one would replace. Give another --name.")
