"""``makeweight resume``: go on with a study that was stopped, by its name alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from makeweight.cli import options
from makeweight.cli.output import remark
from makeweight.errors import InvalidValue, StoreError

if TYPE_CHECKING:
    from makeweight.data.dataset import PreparedDataset
    from makeweight.study.session import StudyPlan
    from makeweight.tuning.session import TuningPlan

EXAMPLES = "Examples: makeweight resume   |   makeweight resume report --workers 1"


def resume(
    study: Annotated[str | None, typer.Argument(help="Name or folder; by default the study changed last.")] = None,
    data: options.Data = None,
    workers: options.Workers = None,
    threads: options.Threads = None,
    device: options.Device = "auto",
    store: options.StoreFolder = Path("studies"),
    as_json: options.Json = False,
) -> None:
    """Go on with a study, training or tuning as it was planned, whatever options it was begun with."""
    from makeweight.cli import study as studies
    from makeweight.cli import tune
    from makeweight.study.session import Machine

    folder = options.find_study(store, study)
    machine = Machine(workers, threads, device)
    if tuning := _tuning(folder, data):
        raise typer.Exit(tune._run(tuning, machine, as_json))
    raise typer.Exit(studies._run(_plan(folder, data), machine, as_json))


def _plan(folder: Path, data: Path | None) -> StudyPlan:
    """Take the plan from the store: all its jobs, as they stand there."""
    from makeweight.store.store import Store
    from makeweight.study.session import StudyPlan

    with Store.open(folder) as store:
        study, jobs = store.study(), [row.job for row in store.jobs()]
        if study is None or not jobs:
            raise StoreError(f"nothing is planned in {folder}. Begin with: makeweight study --name {folder.name}")
        return StudyPlan(folder, study.name, study.spec, _data(folder, data), jobs)


def _tuning(folder: Path, data: Path | None) -> TuningPlan | None:
    from makeweight.store.trials import read_tuning

    tuning = read_tuning(folder)
    if tuning is None:
        return None
    from makeweight.design.families import family_named
    from makeweight.design.limits import Limits
    from makeweight.tuning.session import TuningPlan

    settings: dict[str, Any] = tuning.settings
    trials, seconds = tuning.asked
    if not settings:
        raise InvalidValue(f"the tuning in {folder} has not begun. Begin it with: makeweight tune --name {folder.name}")
    return TuningPlan(
        folder=folder,
        name=folder.name,
        dataset=_data(folder, data),
        family=family_named(settings["family"]),
        budget=settings["budget"],
        limits=Limits(**settings["limits"]),
        trials=trials,
        seconds=seconds,
        seed=settings["seed"],
        split_seed=settings["split_seed"],
        fixed=settings["fixed"],
    )


def _data(folder: Path, data: Path | None) -> PreparedDataset:
    from makeweight.inspection.data import study_data
    from makeweight.store.store import Store

    with Store.open(folder) as store:
        study = store.study()
    if study is None:
        raise StoreError(f"nothing is planned in {folder}. Begin with: makeweight study --name {folder.name}")
    return study_data(study, data, remark)
