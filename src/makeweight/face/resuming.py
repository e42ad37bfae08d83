"""Going on with a study, training or tuning as it was planned."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from makeweight.errors import InvalidValue, StoreError
from makeweight.face.console import remark

if TYPE_CHECKING:
    from makeweight.data.dataset import PreparedDataset
    from makeweight.designs.limits import Limits
    from makeweight.face.running import Plan
    from makeweight.face.studies import Study
    from makeweight.studies.session import Machine
    from makeweight.tuning.session import TuningPlan


def resume(folder: Path, machine: Machine) -> Study:
    """Run what is missing in a folder, and return it.

    Raises
    ------
    KeyboardInterrupt
        When it is interrupted, after all that runs has been saved.
    StoreError, InvalidValue, DataNotFound, DataMismatch
        If nothing is planned there, or its data are missing.
    """
    from makeweight.face.running import finish
    from makeweight.face.studies import open_study

    finish(planned(folder), machine, lambda: "Stopped.")
    return open_study(folder)


def planned(folder: Path, data: Path | None = None) -> Plan:
    """Take a plan from the store: all its jobs, or the search, as they stand there."""
    from makeweight.store.store import Store
    from makeweight.studies.session import StudyPlan

    if tuning := _tuning(folder, data):
        return tuning
    with Store.open(folder) as store:
        study, (rows, damage) = store.study(), store.read_jobs()
    if damage:  # without them the plan would lose them
        raise StoreError(f"{folder} can't be resumed as it was planned: {' '.join(damage)}")
    jobs, alone = [row.job for row in rows], "train" in study.settings
    return StudyPlan(folder, study.name, study.spec, _data(folder, data), jobs, alone=alone)


def _tuning(folder: Path, data: Path | None) -> TuningPlan | None:
    from makeweight.store.trials import read_tuning

    tuning = read_tuning(folder)
    if tuning is None:
        return None
    from makeweight.face.tunings import plan_tuning

    setting, (trials, seconds) = tuning.setting, tuning.asked
    if not tuning.settings:
        raise InvalidValue(
            f"the tuning in {folder} hasn't started. Start it with: makeweight tune --name {folder.name}"
        )
    limits = _limits(folder, setting("limits"))
    asked = setting("family"), setting("budget"), limits, trials, seconds, setting("effort")
    return plan_tuning(folder, _data(folder, data), *asked, setting("seed"), setting("split_seed"), setting("fixed"))


def _limits(folder: Path, kept: dict[str, Any]) -> Limits:
    from makeweight.designs.limits import Limits

    try:
        return Limits(**kept)
    except TypeError:
        raise InvalidValue(
            f"another version of makeweight started the tuning in {folder}, with other limits: {', '.join(kept)}. "
            "Start a new one with: makeweight tune --name NAME"
        ) from None


def _data(folder: Path, data: Path | None) -> PreparedDataset:
    from makeweight.inspection.data import study_data
    from makeweight.store.store import Store

    with Store.open(folder) as store:
        return study_data(store.study(), data, remark)
