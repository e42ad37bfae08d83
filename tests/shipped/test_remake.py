"""The command of a network of the zoo plans the same trainings again."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from makeweight.data.dataset import PreparedDataset
from makeweight.errors import InvalidValue
from makeweight.jobs.result import Job
from makeweight.shipped.remake import command_of
from makeweight.store.rows import JobRow, StudyRow
from makeweight.store.store import Store
from makeweight.studies.plan import plan
from makeweight.studies.spec import make_spec

SPECS: dict[str, dict[str, Any]] = {
    "plain": {},
    "limits": {"max_macs": 100_000, "max_ram": 8_000, "ram_type": "fp32"},
    "options": {"vary": {"kernel": [5], "flip": [True], "learning_rate": [0.02]}},
    "recipe": {"recipe": {"cnn": {"epochs": 30, "ema": 0.9, "weight_decay": 1e-5}, "class_weight": "balanced"}},
    "short": {"recipe": {"epochs": 3, "validation": 0.2}, "split_seed": 7},
}


@pytest.fixture(scope="module")
def row(other: Path) -> JobRow:
    """A finished run, for its result."""
    with Store.open(other) as store:
        return store.jobs()[0]


def _study(spec: str) -> StudyRow:
    return StudyRow("small", spec, "digits", "", ())


@pytest.mark.parametrize("changes", SPECS.values(), ids=SPECS)
def test_it_plans_the_same_trainings(
    changes: dict[str, Any], digits: PreparedDataset, row: JobRow, run_command: Callable, tmp_path: Path
) -> None:
    spec = make_spec({"dataset": "digits", "families": ["cnn"], "budgets": [3_000], "seeds": 2, **changes}, "test")
    jobs = plan(spec, digits)
    command = command_of(_study(spec.to_json()), [replace(row, job=job) for job in jobs], digits)
    assert command.startswith("makeweight study --dataset digits --families cnn --budgets 3000 --seeds 2")
    done = run_command(*command.split()[1:], "--dry-run", "--json", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert [job["key"] for job in json.loads(done.stdout)["jobs"]] == [job.key for job in jobs]


def test_seeds_of_a_training_are_among_those_of_the_study(digits: PreparedDataset, row: JobRow) -> None:
    spec = json.dumps({"train": {"limits": {"max_macs": None, "max_ram": None, "ram_type": "int8"}}})
    assert "--seeds 4 " in command_of(_study(spec), [replace(row, job=replace(row.job, seed=3))], digits)


@pytest.mark.parametrize("family", ["fcn", "unregistered"])
def test_what_no_study_plans_is_refused_with_a_remedy(
    family: str, digits: PreparedDataset, row: JobRow, make_job: Callable[..., Job]
) -> None:
    """Such as exact widths, or the family of somebody else."""
    job = replace(row.job, family=family, architecture=make_job(budget=3_000).architecture)
    with pytest.raises(InvalidValue, match=r"no command is known that makes .* 2K of .*command=TEXT"):
        command_of(_study("{}"), [replace(row, job=job)], digits)
