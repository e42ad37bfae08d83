"""The tuned recipes that ship, and studies that use them."""

from __future__ import annotations

import dataclasses
import statistics
from collections.abc import Callable

import pytest

from makeweight.data.dataset import PreparedDataset
from makeweight.designs.architecture import Task
from makeweight.designs.cost import cost
from makeweight.designs.families import FAMILIES, family_named
from makeweight.designs.solver import fit
from makeweight.errors import InfeasibleLimits, InvalidValue
from makeweight.studies import tuned
from makeweight.studies.plan import plan
from makeweight.studies.spec import make_spec
from makeweight.studies.tuned import TunedRecipe, tuned_for, tuned_recipes
from makeweight.training.recipe import default_recipe

FASHION = Task((1, 28, 28), 10)
REPORTED = [(f.name, budget) for f in FAMILIES.values() if f.in_default_study for budget in f.budgets]


@pytest.mark.parametrize(("family", "budget"), REPORTED)
def test_every_built_in_budget_has_a_recipe_with_its_evidence(family: str, budget: int) -> None:
    found = tuned_for("fashion-mnist", family, budget)
    assert found.budget == budget
    design = fit(family_named(family), FASHION, budget, found.options)
    assert 0.97 * budget < design.cost.weights <= budget
    recipe = default_recipe(family, 54_000, found.recipe)
    assert {name: getattr(recipe, name) for name in found.recipe} == found.recipe
    assert found.command.startswith(f"makeweight tune --family {family} --budget")
    assert found.trials >= 5
    assert len(found.confirmed_accuracies) >= 3
    assert 0.85 < statistics.mean(found.confirmed_accuracies) < 0.96


def test_another_budget_takes_the_recipe_of_the_nearest() -> None:
    assert tuned_for("fashion-mnist", "fcn", 60_000).budget == 50_000
    assert tuned_for("fashion-mnist", "cnn", 1_000_000).budget == 100_000
    assert len(tuned_recipes()) == len({(t.dataset, t.family, t.budget) for t in tuned_recipes()})


def test_data_that_nothing_was_tuned_for_are_refused() -> None:
    with pytest.raises(InvalidValue, match=r"no tuned recipe ships for fcn on digits.*makeweight tune"):
        tuned_for("digits", "fcn", 2_000)


def test_a_tuned_study_plans_what_was_found(digits: PreparedDataset, monkeypatch: pytest.MonkeyPatch) -> None:
    found = dataclasses.replace(
        TunedRecipe("digits", "fcn", 2_000, {"depth": 1}, {"epochs": 7, "ema": 0.98}, "", "", 9, 0.9, []),
    )
    monkeypatch.setattr(tuned, "tuned_recipes", lambda: (found,))
    spec = {"dataset": "digits", "families": ["fcn"], "budgets": ["3K"], "seeds": 1, "tuned": True}
    [job] = plan(make_spec(spec, "test"), digits)
    assert (job.recipe.epochs, job.recipe.ema, job.budget) == (7, 0.98, 3_000)
    assert sum(layer.name.startswith("hidden") for layer in job.architecture.layers) == 1
    # What the user says wins.
    [job] = plan(make_spec({**spec, "recipe": {"epochs": 2}}, "test"), digits)
    assert (job.recipe.epochs, job.recipe.ema) == (2, 0.98)


@pytest.mark.parametrize(("family", "budget"), REPORTED)
def test_a_limit_holds_for_what_was_tuned_too(
    digits: PreparedDataset, monkeypatch: pytest.MonkeyPatch, family: str, budget: int
) -> None:
    found = dataclasses.replace(tuned_for("fashion-mnist", family, budget), dataset="digits")
    monkeypatch.setattr(tuned, "tuned_recipes", lambda: (found,))
    spec = {"families": [family], "budgets": [budget], "seeds": 1, "tuned": True, "max_macs": "30K"}
    [free] = plan(make_spec({**spec, "max_macs": None}, "test"), digits)
    [job] = plan(make_spec({**spec, "max_ram": 1_000}, "test"), digits)
    assert cost(free.architecture).macs > 30_000 >= cost(job.architecture).macs
    assert job.recipe == free.recipe
    with pytest.raises(InfeasibleLimits, match="max_macs="):
        plan(make_spec({**spec, "max_macs": 10}, "test"), digits)


def test_the_command_takes_them(run_command: Callable, tmp_path: object) -> None:
    ran = run_command("study", "--tuned", "--dataset", "digits", "--families", "fcn", "--dry-run", cwd=tmp_path)
    assert ran.returncode == 2
    assert "no tuned recipe" in ran.stderr
