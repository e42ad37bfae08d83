"""From a study's spec to its jobs, with stable keys and in the order of running."""

from __future__ import annotations

import dataclasses
from typing import Any

from makeweight.data.dataset import PreparedDataset
from makeweight.design.architecture import Task
from makeweight.design.cost import cost
from makeweight.design.families import family_named
from makeweight.design.solver import Design, fit
from makeweight.jobs.result import Job
from makeweight.study.spec import StudySpec
from makeweight.study.tuned import tuned_for
from makeweight.training.recipe import default_recipe


def plan(spec: StudySpec, dataset: PreparedDataset) -> list[Job]:
    """Design every network and list its jobs: the first seed of all networks, then the second, and so on.

    Within a seed the costliest comes first, so that the last ones to end are short and no worker waits long.

    Raises
    ------
    InfeasibleBudget, InfeasibleLimits
        If a budget cannot be filled, or a limit not be kept, with tuned options too: before anything has started.
    """
    first_seed = sorted(_networks(spec, dataset), key=expected_cost, reverse=True)
    return [dataclasses.replace(job, seed=seed) for seed in range(spec.seeds) for job in first_seed]


def job_for(
    design: Design, dataset: PreparedDataset, changes: dict[str, Any] | None = None, *, split_seed: int, seed: int
) -> Job:
    """Make the job that trains a designed network with its family's recipe."""
    family, labels = design.architecture.family, dataset.training_images().labels
    changes = {"validation": dataset.validation, **(changes or {})}
    return Job(
        family=family,
        budget=design.cost.weights if design.budget is None else design.budget,
        architecture=design.architecture,
        recipe=default_recipe(family, round(len(labels) * (1 - dataset.validation)), changes),
        data_digest=dataset.digest,
        split_seed=split_seed,
        seed=seed,
    )


def expected_cost(job: Job) -> float:
    """Rank jobs by how long they should take: passes over the images, times operations for one image.

    The constant stands for what an image costs beside its multiplications, and was fitted to the times of the
    report's seven networks; only the order matters.
    """
    overhead_macs = 100_000
    return job.recipe.epochs * (cost(job.architecture).macs + overhead_macs)


def _networks(spec: StudySpec, dataset: PreparedDataset) -> list[Job]:
    return [
        _network(spec, dataset, family, budget)
        for family in dict.fromkeys(spec.families)
        for budget in dict.fromkeys(spec.budgets_of(family))
    ]


def _network(spec: StudySpec, dataset: PreparedDataset, family: str, budget: int) -> Job:
    options, recipe = dict[str, Any](), dict[str, Any]()
    if spec.tuned:
        tuned = tuned_for(dataset.name, family, budget)
        options, recipe = tuned.options, tuned.recipe
    design = fit(family_named(family), Task(dataset.image_shape, dataset.classes), budget, options, spec.limits)
    changes = {**recipe, **spec.recipe_changes(family)}
    return job_for(design, dataset, changes, split_seed=spec.split_seed, seed=0)
