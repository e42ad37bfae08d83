"""The command that makes a network of the zoo again."""

from __future__ import annotations

import dataclasses
import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from makeweight.data.catalog import DEFAULT
from makeweight.data.dataset import PreparedDataset
from makeweight.designs.families import family_named
from makeweight.designs.limits import Limits, limits_of
from makeweight.errors import InvalidValue, MakeweightError
from makeweight.jobs.network import setting_text
from makeweight.jobs.result import Job
from makeweight.store.rows import JobRow, StudyRow
from makeweight.store.store import done
from makeweight.studies.plan import plan
from makeweight.studies.spec import make_spec
from makeweight.studies.tuned import tuned_for
from makeweight.training.recipe import default_recipe


def command_of(study: StudyRow, rows: Sequence[JobRow], data: PreparedDataset) -> str:
    """Write the ``makeweight study`` that trains a network again, and check that it plans the same trainings.

    Parameters
    ----------
    study : StudyRow
        That the network is of: its limits and tuned options are in its spec.
    rows : sequence of JobRow
        The network's finished runs.

    Raises
    ------
    InvalidValue
        If that study would train something else, as for exact widths or the winner of a tuning.
    """
    job = rows[0].job
    try:
        values = _values(study.settings, rows, data)
        planned = {job.key for job in plan(make_spec(values, "zoo"), data)}
        reason = "makeweight study would train other networks"
    except MakeweightError as error:
        values, planned, reason = {}, set(), str(error)
    if not {row.job.key for row in rows} <= planned:
        raise InvalidValue(
            f"no command is known that makes {job.network_id.label} of the study {study.name!r} again ({reason}). "
            "Give the one that does, with command=TEXT."
        )
    return shlex.join([*_words(values), *_machine(rows)])


def _values(settings: Mapping[str, Any], rows: Sequence[JobRow], data: PreparedDataset) -> dict[str, Any]:
    """Write the study as a study file has it."""
    job = rows[0].job
    return {
        "dataset": data.name,
        "families": [job.family],
        "budgets": [job.budget],
        "seeds": 1 + max(row.job.seed for row in rows),
        "split_seed": job.split_seed,
        **limits_of(settings).asked(),
        "recipe": _changes(job, data),
        "vary": {name: [value] for name, value in _options(job, settings, data).items()},
    }


def _options(job: Job, settings: Mapping[str, Any], data: PreparedDataset) -> dict[str, Any]:
    """Options of the family that were not left to the solver."""
    tuned = tuned_for(data.name, job.family, job.budget).options if settings.get("tuned") else {}
    names = {info.name for info in family_named(job.family).infos}
    return {**tuned, **{name: value for name, value in job.variant if name in names}}


def _changes(job: Job, data: PreparedDataset) -> dict[str, Any]:
    """Fields in which the recipe isn't what its family has by default."""
    images = round(len(data.training_images().labels) * (1 - data.validation))
    held_out = {"validation": data.validation}
    usual = default_recipe(job.family, images, held_out)
    epochs = {} if job.recipe.epochs == usual.epochs else {"epochs": job.recipe.epochs}
    base = default_recipe(job.family, images, {**held_out, **epochs})  # long recipes differ in more than epochs
    mine, others = dataclasses.asdict(job.recipe), dataclasses.asdict(base)
    return {**epochs, **{name: value for name, value in mine.items() if value != others[name]}}


def _words(values: Mapping[str, Any]) -> list[str]:
    dataset = [] if values["dataset"] == DEFAULT else ["--dataset", values["dataset"]]
    words = ["makeweight", "study", *dataset, "--families", *values["families"], "--budgets", *values["budgets"]]
    for name in ("seeds", "split_seed", *(field.name for field in dataclasses.fields(Limits))):
        words += [f"--{name.replace('_', '-')}", values[name]] if values.get(name) else []
    for name, value in values["recipe"].items():
        words += ["--set", f"{name}={setting_text(value)}"]
    for name, [value] in values["vary"].items():
        words += ["--vary", f"{name}={setting_text(value)}"]
    return [str(word) for word in words]


def _machine(rows: Sequence[JobRow]) -> list[str]:
    """Threads and device, on which the bits of a result depend; those of the first run."""
    environment = done(rows[0]).environment
    threads = ["--threads", str(environment.threads)] if environment.device == "cpu" else []
    return [*threads, "--device", environment.device]
