"""From a study's spec to its jobs, with stable keys, in the order of running."""

from __future__ import annotations

import dataclasses
from typing import Any

from makeweight.data.dataset import PreparedDataset
from makeweight.designs.architecture import Task
from makeweight.designs.cost import cost
from makeweight.designs.families import family_named
from makeweight.designs.solver import Design, fit
from makeweight.errors import InvalidValue, MakeweightError
from makeweight.jobs.network import NetworkId, Variant
from makeweight.jobs.result import Job
from makeweight.studies.spec import StudySpec, check_vary
from makeweight.studies.tuned import tuned_for
from makeweight.training.recipe import default_recipe


def plan(spec: StudySpec, dataset: PreparedDataset) -> list[Job]:
    """Design every network and list its jobs: the first seed of all networks, then the second, and so on.

    Within a seed the costliest comes first, so the last ones are short and no worker waits long.

    Raises
    ------
    StudyFileError, InfeasibleBudget, InfeasibleLimits, InvalidValue, GeometryError
        If something unknown is varied, a budget can't be filled, a limit can't be met, or a combination of options
        breaks a rule; before anything has started.
    """
    check_vary(spec, "study")
    first_seed = sorted(_networks(spec, dataset), key=expected_cost, reverse=True)
    return [dataclasses.replace(job, seed=seed) for seed in range(spec.seeds) for job in first_seed]


def job_for(
    design: Design,
    dataset: PreparedDataset,
    changes: dict[str, Any] | None = None,
    *,
    split_seed: int,
    seed: int,
    variant: Variant = (),
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
        variant=variant,
    )


def expected_cost(job: Job) -> float:
    """Rank jobs by how long they should take: passes over the images, times operations for one image."""
    return job.recipe.epochs * epoch_cost(job)


def epoch_cost(job: Job) -> float:
    """Return the expected cost of one pass over the images.

    The constant is an image's cost besides its multiplications, fitted to the times of the default study's seven
    networks; only the order matters.
    """
    overhead_macs = 100_000
    return cost(job.architecture).macs + overhead_macs


def _networks(spec: StudySpec, dataset: PreparedDataset) -> list[Job]:
    jobs = [
        _network(spec, dataset, NetworkId(family, budget, variant))
        for family in dict.fromkeys(spec.families)
        for budget in dict.fromkeys(spec.budgets_of(family))
        for variant in spec.variants_of(family)
    ]
    by_key: dict[str, Job] = {}
    for job in jobs:
        same = by_key.setdefault(job.key, job)
        if same is not job:
            raise InvalidValue(
                f"{same.network_id.label} and {job.network_id.label} are the same network trained the same way. "
                "Leave out one of the values, or vary something that makes a difference."
            )
    return jobs


def _network(spec: StudySpec, dataset: PreparedDataset, network: NetworkId) -> Job:
    family = family_named(network.family)
    options, recipe = dict[str, Any](), dict[str, Any]()
    if spec.tuned:
        tuned = tuned_for(dataset.name, family.name, network.budget)
        options, recipe = dict(tuned.options), tuned.recipe
    names = {info.name for info in family.infos}
    options |= {name: value for name, value in network.variant if name in names}
    changes = {**recipe, **spec.recipe_changes(family.name)}
    changes |= {name: value for name, value in network.variant if name not in names}
    try:
        design = fit(family, Task(dataset.image_shape, dataset.classes), network.budget, options, spec.limits)
    except MakeweightError as error:
        if network.variant:
            error.args = (f"{network.label}: {error}",)
        raise
    return job_for(design, dataset, changes, split_seed=spec.split_seed, seed=0, variant=network.variant)
