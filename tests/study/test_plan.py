"""From a spec to jobs: which, in what order, under what keys."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from makeweight.data.dataset import PreparedDataset
from makeweight.designs.cost import cost
from makeweight.designs.demand import demand
from makeweight.designs.layers import Conv2d
from makeweight.designs.limits import Limits, NumberType
from makeweight.errors import InfeasibleBudget, InfeasibleLimits, InvalidValue, StudyFileError
from makeweight.jobs.result import Job
from makeweight.studies.plan import expected_cost, plan
from makeweight.studies.spec import StudySpec, make_spec


def planned(digits: PreparedDataset, **changes: object) -> list[Job]:
    values = {"dataset": "digits", "budgets": ["2K", "5K"], "seeds": 2, **changes}
    return plan(make_spec(values, "test"), digits)


def test_the_first_seed_of_all_networks_comes_first_and_the_longest_of_a_seed(digits: PreparedDataset) -> None:
    jobs = planned(digits, families=["fcn", "cnn", "lenet"], seeds=3)
    assert [seed for seed, _ in itertools.groupby(job.seed for job in jobs)] == [0, 1, 2]
    by_seed = [[(job.family, job.budget) for job in jobs if job.seed == seed] for seed in range(3)]
    assert by_seed[0] == by_seed[1] == by_seed[2]
    assert len(set(by_seed[0])) == 6
    costs = [expected_cost(job) for job in jobs[:6]]
    assert costs == sorted(costs, reverse=True)


def test_a_network_that_passes_more_often_over_the_images_comes_earlier(digits: PreparedDataset) -> None:
    jobs = planned(digits, families=["fcn"], seeds=1, budgets=["2K"], recipe={"epochs": 2})
    longer = planned(digits, families=["fcn"], seeds=1, budgets=["2K"], recipe={"epochs": 4})
    assert expected_cost(longer[0]) == 2 * expected_cost(jobs[0])


def test_keys_are_stable_and_different(digits: PreparedDataset) -> None:
    keys = [job.key for job in planned(digits)]
    assert keys == [job.key for job in planned(digits)]
    assert len(set(keys)) == len(keys) == 8


def test_more_seeds_keep_the_jobs_there_are(digits: PreparedDataset) -> None:
    few, more = planned(digits, seeds=2), planned(digits, seeds=5)
    assert more[: len(few)] == few


def test_what_changes_the_result_changes_all_keys(digits: PreparedDataset) -> None:
    keys = {job.key for job in planned(digits)}
    for changes in ({"split_seed": 1}, {"recipe": {"weight_decay": 0.01}}):
        assert keys.isdisjoint(job.key for job in planned(digits, **changes))


def test_a_family_s_own_recipe_changes_that_family_alone(digits: PreparedDataset) -> None:
    plain, changed = planned(digits), planned(digits, recipe={"cnn": {"weight_decay": 0.01}})
    same = {job.family for job in changed if job.key in {other.key for other in plain}}
    assert same == {"fcn"}


def test_every_combination_of_what_is_varied_is_planned_where_a_family_has_the_option(
    digits: PreparedDataset,
) -> None:
    vary = {"kernel": [3, 5], "epochs": [2, 4]}
    jobs = planned(digits, families=["fcn", "cnn"], budgets=["2K"], seeds=2, vary=vary)
    assert sorted(job.label for job in jobs if job.seed == 0) == [
        "CNN 2K kernel=3 epochs=2 seed 0",
        "CNN 2K kernel=3 epochs=4 seed 0",
        "CNN 2K kernel=5 epochs=2 seed 0",
        "CNN 2K kernel=5 epochs=4 seed 0",
        "FCN 2K epochs=2 seed 0",
        "FCN 2K epochs=4 seed 0",
    ]
    assert len({job.key for job in jobs}) == len(jobs) == 12
    for job in jobs:
        assert job.recipe.epochs == dict(job.variant)["epochs"]
        filters = [layer for layer in job.architecture.layers if isinstance(layer, Conv2d)]
        assert all(layer.kernel == dict(job.variant)["kernel"] for layer in filters)


def test_a_variant_keeps_the_key_of_the_same_training_asked_for_otherwise(digits: PreparedDataset) -> None:
    [plain] = planned(digits, families=["fcn"], budgets=["2K"], seeds=1, recipe={"epochs": 2})
    [varied] = planned(digits, families=["fcn"], budgets=["2K"], seeds=1, vary={"epochs": [2]})
    assert plain.key == varied.key
    assert (plain.label, varied.label) == ("FCN 2K seed 0", "FCN 2K epochs=2 seed 0")


@pytest.mark.parametrize(
    ("family", "vary", "words"),
    [
        (
            "cnn",
            {"stages": [2, 3], "late_blocks": [1]},
            ["CNN 2K stages=2 late_blocks=1: ", "need stages of 3"],
        ),
        ("fcn", {"depth": [1], "taper": [0.5, 1]}, ["taper=0.5 and FCN 2K depth=1 taper=1 are the same network"]),
    ],
)
def test_a_combination_that_cannot_be_or_changes_nothing_is_refused(
    digits: PreparedDataset, family: str, vary: dict[str, list[float]], words: list[str]
) -> None:
    with pytest.raises(InvalidValue) as caught:
        planned(digits, families=[family], budgets=["2K"], vary=vary)
    assert all(part in str(caught.value) for part in words)


def test_a_spec_made_in_python_is_checked_too(digits: PreparedDataset) -> None:
    with pytest.raises(StudyFileError, match=r"unknown key vary\.kernle"):
        plan(StudySpec(dataset="digits", vary={"kernle": (3,)}), digits)


@given(
    macs=st.one_of(st.none(), st.integers(1_000, 200_000)),
    size=st.one_of(st.none(), st.integers(64, 4_096)),
    kind=st.sampled_from(["int8", "fp32"]),
)
def test_no_network_exceeds_a_limit(
    digits: PreparedDataset, macs: int | None, size: int | None, kind: NumberType
) -> None:
    values = {"max_macs": macs, "max_ram": size, "ram_type": kind, "seeds": 1}
    try:
        jobs = planned(digits, **values)
    except InfeasibleLimits:
        return
    assert len(jobs) == 4
    limits = Limits(macs, size, kind)
    for job in jobs:
        counted = cost(job.architecture)
        assert counted.weights <= job.budget
        assert limits.broken_by(demand(job.architecture, limits)) == ()


def test_a_limit_that_changes_a_network_changes_its_keys_alone(digits: PreparedDataset) -> None:
    free, wide = planned(digits), planned(digits, max_macs="1G")
    assert [job.key for job in free] == [job.key for job in wide]
    convolutions = [
        layer
        for job in planned(digits, max_ram="64KiB")
        for layer in job.architecture.layers
        if isinstance(layer, Conv2d)
    ]
    assert all(layer.out_channels % 4 == 0 for layer in convolutions)  # a device's kernels want that
    tight = {job.key for job in planned(digits, max_macs=20_000)}
    changed = {(job.family, job.budget) for job in free if job.key not in tight}
    assert changed == {("cnn", 2_000), ("cnn", 5_000)}


def test_a_limit_that_cannot_be_kept_is_refused_before_anything_starts(digits: PreparedDataset) -> None:
    with pytest.raises(InfeasibleLimits, match="100"):
        planned(digits, max_macs=100)


def test_what_is_named_twice_is_run_once(digits: PreparedDataset) -> None:
    assert len(planned(digits, families=["fcn", "fcn"], budgets=["2K", 2_000])) == 2


def test_a_budget_that_no_network_fills_is_refused_with_one_that_works(digits: PreparedDataset) -> None:
    with pytest.raises(InfeasibleBudget, match=r"budget is 20\. Use a budget of \d") as caught:
        planned(digits, budgets=["5K", 20])
    assert caught.value.smallest is not None
    assert planned(digits, families=["fcn", "cnn"], budgets=[5_000])
