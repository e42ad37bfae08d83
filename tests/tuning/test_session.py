"""Whole tunings of real networks on the digits."""

from __future__ import annotations

import dataclasses
import shutil
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import optuna
import pytest

from makeweight.data.dataset import PreparedDataset, open_prepared
from makeweight.designs.families import family_named
from makeweight.errors import InvalidValue
from makeweight.report.tuning import summarise_tuning, tuning_record
from makeweight.store.store import Store
from makeweight.studies.runner import JobDone, JobFailed, JobTrained
from makeweight.studies.session import Machine
from makeweight.training.recipe import Recipe, default_recipe
from makeweight.tuning import session
from makeweight.tuning.lengths import Effort, Lengths, timetable, waves
from makeweight.tuning.record import LivePruner, TuningRecord
from makeweight.tuning.search import TrialEnded, TrialStarted
from makeweight.tuning.session import (
    CONFIRMING_SEEDS,
    Chosen,
    Confirming,
    Promoted,
    Refitting,
    TuningPlan,
    run_tuning,
)

MACHINE = Machine(workers=2, threads=1)
Plan = Callable[..., TuningPlan]


@pytest.fixture
def locked_away(digits: PreparedDataset, tmp_path: Path) -> PreparedDataset:
    """The digits with test images that nobody can read."""
    folder = tmp_path / "locked"
    shutil.copytree(digits.path, folder)
    for name in ("test_images", "test_labels"):
        path = folder / f"{name}.npy"
        path.write_bytes(b"\0" * path.stat().st_size)  # as long as before, and no array
    return open_prepared(folder)


def test_search_and_confirmation_never_open_the_test_images(make_plan: Plan, locked_away: PreparedDataset) -> None:
    plan = make_plan(dataset=locked_away)
    events = list(run_tuning(plan, MACHINE))

    kinds = [type(event) for event in events]
    assert kinds.count(TrialEnded) == plan.trials
    assert not any(event.state == "failed" for event in events if isinstance(event, TrialEnded))
    confirmed = events[: kinds.index(Chosen)]
    assert sum(isinstance(event, JobTrained) for event in confirmed) >= len(CONFIRMING_SEEDS)
    # Only now are they needed, and this shows that the lock holds.
    tested = events[kinds.index(Chosen) :]
    reasons = [event.reason for event in tested if isinstance(event, JobFailed)]
    assert len(reasons) == len(CONFIRMING_SEEDS)
    assert all("test_images" in reason for reason in reasons)
    assert not any(isinstance(event, JobDone) for event in events)


def test_the_test_images_are_opened_once_for_each_network_of_the_winner(make_plan: Plan) -> None:
    plan = make_plan()
    events = list(run_tuning(plan, MACHINE))

    [chosen] = [event for event in events if isinstance(event, Chosen)]
    [confirming] = [event for event in events if isinstance(event, Confirming)]
    done = [event for event in events if isinstance(event, JobDone)]
    assert chosen.trial in confirming.candidates
    assert {event.job.seed for event in done} == set(CONFIRMING_SEEDS)
    # Nothing is left to choose, so what is tested was trained on nearly all training images.
    held_out = {event.result.scores["validation"].images for event in done}
    assert held_out == {2 * plan.dataset.classes}
    assert {event.job.recipe.validation for event in done} != {Recipe().validation}
    with Store.open(plan.folder) as store:
        rows = store.jobs()
        assert [row.state for row in rows] == ["done"] * len(CONFIRMING_SEEDS)
        assert [len(store.test_accesses(row.job.key)) for row in rows] == [1] * len(CONFIRMING_SEEDS)
    record = tuning_record(summarise_tuning(plan.folder))
    assert record["trials_done"] + record["trials_pruned"] == plan.trials
    assert record["trials_rejected"] == record["trials_failed"] == 0
    assert record["best"]["trial"] == chosen.trial
    assert record["weights"] <= plan.budget
    low, high = record["test_accuracy_ci95"]
    assert low <= record["test_accuracy"] <= high


def test_an_ended_tuning_does_nothing_more_and_refuses_a_second_look(make_plan: Plan) -> None:
    plan = make_plan(trials=2)
    list(run_tuning(plan, MACHINE))
    assert list(run_tuning(plan, MACHINE)) == []
    with pytest.raises(InvalidValue, match="second look"):
        list(run_tuning(dataclasses.replace(plan, trials=9), MACHINE))


@pytest.mark.parametrize("moment", [TrialStarted, TrialEnded, Confirming, JobTrained, Chosen, JobDone])
def test_a_tuning_stopped_anywhere_goes_on_to_the_same_end(make_plan: Plan, moment: type) -> None:
    plan = make_plan(trials=3)
    seen: list[Any] = []
    for event in run_tuning(plan, MACHINE, lambda: any(isinstance(e, moment) for e in seen)):
        seen.append(event)
    assert not isinstance(seen[-1], JobDone) or moment in (Chosen, JobDone)

    list(run_tuning(plan, MACHINE))

    record = tuning_record(summarise_tuning(plan.folder))
    assert record["trials_done"] + record["trials_pruned"] == 3
    assert record["trials_failed"] == 0
    assert record["test_accuracy"] is not None
    with Store.open(plan.folder) as store:
        assert [len(store.test_accesses(row.job.key)) for row in store.jobs()] == [1] * len(CONFIRMING_SEEDS)


def test_trials_are_seeded(make_plan: Plan, tmp_path: Path) -> None:
    """One worker at a time: with two, what a point is chosen from depends on who is faster."""
    points = []
    for name in ("one", "two"):
        events = run_tuning(make_plan(folder=tmp_path / name), Machine(workers=1, threads=1))
        points.append([event.point for event in events if isinstance(event, TrialStarted)])
    assert points[0] == points[1]


def _searched(seen: list[Any]) -> bool:
    return sum(isinstance(event, TrialEnded) for event in seen) >= 4


def test_the_best_go_on_with_longer_schedules_in_any_family(make_plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """It dies twice while points are queued, after the first default and after the first for the longer schedule."""
    efforts = {"standard": Effort(4, Lengths(0.06, 0.12, 0.24))}  # FCNs on digits are trained for 100 epochs by default
    monkeypatch.setattr(session, "EFFORTS", efforts)
    families = family_named("fcn"), family_named("cnn")
    fixed = {"batch_size": 64, "precision": "fp32", "dropout": 0.0}
    plan = make_plan(families=families, effort="standard", trials=None, fixed=fixed)
    seen: list[Any] = []
    enqueue = TuningRecord.enqueue

    def killed(record: TuningRecord, points: Sequence[Any]) -> None:
        enqueue(record, points[:1])
        raise SystemExit

    monkeypatch.setattr(TuningRecord, "enqueue", killed)
    with pytest.raises(SystemExit):
        list(run_tuning(plan, MACHINE))
    monkeypatch.setattr(TuningRecord, "enqueue", lambda r, p: (killed if _searched(seen) else enqueue)(r, p))
    with pytest.raises(SystemExit):
        deque(map(seen.append, run_tuning(plan, MACHINE)), maxlen=0)
    monkeypatch.setattr(TuningRecord, "enqueue", enqueue)
    seen += run_tuning(plan, MACHINE)  # it goes on where it stopped

    [promoted] = {event.trials for event in seen if isinstance(event, Promoted)}
    assert 2 <= promoted <= 4
    summary = summarise_tuning(plan.folder)
    searched = [trial for trial in summary.trials if trial.length == 0.06]
    longer = [trial for trial in summary.trials if trial.length == 0.12]
    assert len(searched) == 4
    rates = {family.name: default_recipe(family.name, plan.images).learning_rate for family in families}
    defaults = [t for t in searched if t.point[f"{t.point['family']}.learning_rate"] == rates[t.point["family"]]]
    assert [trial.point["family"] for trial in defaults] == ["fcn", "cnn"]  # each once
    assert len(longer) == promoted
    assert summary.tuning.winner is not None
    own = {trial.number: trial.epochs for trial in summary.trials}[summary.tuning.winner]
    [refitting] = {event.epochs for event in seen if isinstance(event, Refitting)}
    assert refitting >= own
    with Store.open(plan.folder) as store:
        assert {row.job.recipe.epochs for row in store.jobs()} == {refitting}


def test_time_buys_longer_schedules(make_plan: Plan) -> None:
    """The lengths are chosen by timing; what is measured differs between machines, the order doesn't."""
    short, long = (timetable(seconds, 2, 80) for seconds in (300, 30_000))
    assert short.lengths.search < 1
    assert not short.lengths.compares
    assert (short.seeds, long.seeds) == (2, 3)
    left = 300 - short.compared - short.confirming
    assert left > waves(2, short.seeds) * 80  # room for the default schedule, whatever happens before
    flat = timetable(30_000, 2, 80, gaining=1.5)  # of a family that gains nothing from length
    assert max(flat.lengths.search, flat.lengths.longer) <= 1.5
    assert flat.compared > long.compared
    assert long.lengths.compares
    assert long.lengths.longer > long.lengths.search > short.lengths.search
    assert 0 < long.searched < long.compared < long.compared + long.confirming <= 0.5 * 30_000
    plan = make_plan(trials=None, seconds=8.0, fixed={"precision": "fp32"})
    list(run_tuning(plan, MACHINE))
    tuning = summarise_tuning(plan.folder)
    assert tuning.network is not None
    assert tuning.best is not None


def _without_shifts(family: str, images: int) -> Recipe:
    """The recipe as larger data sets have it, where the default schedule is too short for shifts."""
    return dataclasses.replace(default_recipe(family, images), crop=0)


def test_long_last_trainings_take_the_recipe_for_long_ones(make_plan: Plan, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing longer was compared, so nothing is known against length, and short trials say nothing about shifts."""
    monkeypatch.setattr(session, "default_recipe", _without_shifts)
    monkeypatch.setattr(session, "EFFORTS", {"standard": Effort(2, Lengths(0.05, 0.05, 0.6))})
    fixed = {"batch_size": 64, "precision": "fp32", "flip": False}
    plan = make_plan(families=(family_named("cnn"),), budget=3_000, effort="standard", trials=None, fixed=fixed)
    list(run_tuning(plan, MACHINE))
    trials = summarise_tuning(plan.folder).trials
    with Store.open(plan.folder) as store:
        recipes = [row.job.recipe for row in store.jobs()]
    assert trials[0].point["crop"] == 0
    assert max(trial.epochs for trial in trials) < 20 <= min(recipe.epochs for recipe in recipes)
    assert {recipe.crop for recipe in recipes} == {1}


def test_long_trials_of_another_family_say_nothing_about_the_winners_recipe(
    make_plan: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    """FCNs are tried with 20 epochs and the CNN with 8; it wins, whatever it reaches."""
    monkeypatch.setattr(session, "EFFORTS", {"standard": Effort(2, Lengths(0.2, 0.2, 0.6))})
    monkeypatch.setattr(session, "default_recipe", _without_shifts)
    monkeypatch.setattr(session, "MAX_CANDIDATES", 1)
    monkeypatch.setattr(LivePruner, "prune", lambda *_: False)  # who comes first may end the other early
    monkeypatch.setattr(session, "longer_first", lambda trials: sorted(trials, key=lambda t: t.params["family"]))
    families = family_named("fcn"), family_named("cnn")
    fixed = {"batch_size": 64, "precision": "fp32", "flip": False}
    plan = make_plan(families=families, budget=3_000, effort="standard", trials=None, fixed=fixed)
    list(run_tuning(plan, MACHINE))
    tried = {trial.point["family"]: trial.epochs for trial in summarise_tuning(plan.folder).trials}
    with Store.open(plan.folder) as store:
        recipes = {(row.job.family, row.job.recipe.epochs >= 20, row.job.recipe.crop) for row in store.jobs()}
    assert tried["cnn"] < 20 <= tried["fcn"]
    assert recipes == {("cnn", True, 1)}


def test_a_family_without_a_network_in_the_limits_is_left_out(make_plan: Plan) -> None:
    families = family_named("fcn"), family_named("cnn")
    plan = make_plan(families=families, budget=400, trials=1)  # no CNN is so small
    list(run_tuning(plan, MACHINE))
    trials = summarise_tuning(plan.folder).trials
    assert {trial.state for trial in trials} == {"complete"}
    assert all("depth" in trial.point and "family" not in trial.point for trial in trials)


def test_a_longer_trial_is_chosen_unless_it_is_clearly_worse() -> None:
    def trial(accuracy: float, length: float) -> optuna.trial.FrozenTrial:
        return optuna.trial.create_trial(value=accuracy, user_attrs={"length": length})

    short, longer, worse = trial(0.9338, 2), trial(0.9337, 4.2), trial(0.9298, 4.2)
    assert session.longer_first([short, worse, longer]) == [longer, short, worse]
    assert session.longer_first([worse, longer]) == [longer, worse]  # of one length, by accuracy alone
