"""``makeweight tune``: search the hyperparameters of a family under a budget, confirm the best, and test it once."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from makeweight.cli import options, texts
from makeweight.cli.family_options import TunableFamilyName
from makeweight.cli.output import examples
from makeweight.cli.running import run_planned
from makeweight.data.catalog import DEFAULT
from makeweight.errors import InvalidValue
from makeweight.face import folders
from makeweight.tuning.lengths import DEFAULT_EFFORT, EffortName

EXAMPLES = examples(
    "makeweight tune --family fcn --budget 100K --time 5m",
    "makeweight tune -f any -b 20K --time 1h --max-macs 5M",
    "makeweight tune -f cnn -b 10K --effort quick",
    "makeweight tune -f cnn -b 20K --set flip=true --json",
    "makeweight tune --report",
    note="Other tools can open the trials: optuna-dashboard sqlite:///studies/NAME/tuning.db",
)


@options.with_groups
def tune(
    *,
    family: TunableFamilyName = None,
    budget: options.Budget = None,
    trials: Annotated[
        int | None,
        typer.Option(
            help="Number of trials of the search.", show_default="the effort's; with --time, as many as fit", min=1
        ),
    ] = None,
    time: Annotated[
        str | None,
        typer.Option(
            "--time", help="Time for everything: 90s, 10m, 1.5h. More buys longer trainings.", show_default="no limit"
        ),
    ] = None,
    effort: Annotated[
        EffortName,
        typer.Option(help="Without --time: 20, 60 or 120 trials, the last trainings up to 1, 6 or 33 times as long."),
    ] = DEFAULT_EFFORT,
    seed: Annotated[int, typer.Option(help="Random seed for the search.", min=0)] = 0,
    split_seed: Annotated[int, typer.Option(help="Random seed for the validation split.", min=0)] = 0,
    limits: options.LimitOptions,
    images: options.Images,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Fix a field of the recipe; repeatable."),
    ] = None,
    machine: options.MachineOptions,
    name: Annotated[str | None, typer.Option(help="Name of the study; the same name resumes it.")] = None,
    store: options.StoreFolder = Path("studies"),
    report: Annotated[
        bool, typer.Option("--report", help="Don't search; report the trials so far, of --name or the last tuning.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Search the best hyperparameters for a budget, confirm them with new seeds, train on all images, test once.

    Time buys accuracy: the best are trained again on longer schedules, the winner for up to 200 epochs.

    The same command resumes.
    """
    from makeweight.designs.budget import parse_budget
    from makeweight.face.tunings import default_name, parse_seconds, plan_tuning

    within = limits.parsed()
    weights = within.budget(None if budget is None else parse_budget(budget))
    if report and (family is None or weights is None):
        raise typer.Exit(_report(_find_tuning(store, name), as_json))
    if family is None or weights is None:
        missing = "--family is missing" if family is None else "--budget is missing (or --flash of a --chip)"
        raise InvalidValue(f"{missing}: makeweight tune --family fcn --budget 100K")
    seconds = None if time is None else parse_seconds(time)
    fixed = texts.recipe_changes(settings)
    on = machine.checked()
    usual = default_name(_data_name(images), family, weights, within, fixed, effort)
    folder = folders.study_folder(store, name or usual)
    if report:
        raise typer.Exit(_report(folder, as_json))
    data = images.ready()
    plan = plan_tuning(folder, data, family, weights, within, trials, seconds, effort, seed, split_seed, fixed)
    raise typer.Exit(run_planned(plan, on, as_json))


def _data_name(images: options.Images) -> str:
    from makeweight.data.prepare import plain_name

    return images.dataset or (DEFAULT if images.data is None else plain_name(images.data.resolve().name))


def _find_tuning(store: Path, name: str | None) -> Path:
    from makeweight.store.trials import TUNING_DATABASE

    if name is not None:
        return folders.find_study(store, name)
    return folders.last_changed(store, TUNING_DATABASE, "tuning", "makeweight tune --family fcn --budget 100K")


def _report(folder: Path, as_json: bool) -> int:
    from makeweight.cli.endings import end_tuning

    end_tuning(folder, as_json, ran=True, stopped=lambda: False)
    return 0
