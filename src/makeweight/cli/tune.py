"""``makeweight tune``: search the hyperparameters of a family under a budget, confirm the best, and test it once."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from makeweight.cli import options
from makeweight.cli.datasets import DEFAULT, ready
from makeweight.cli.output import print_json, print_table, remark, stdout
from makeweight.errors import InvalidValue

if TYPE_CHECKING:
    from makeweight.report.tuning import TuningSummary
    from makeweight.study.session import Machine
    from makeweight.tuning.session import TuningPlan

EXAMPLES = (
    "Examples: makeweight tune --family fcn --budget 100K --time 5m   |   "
    "makeweight tune -f cnn -b 20K --trials 40 --max-macs 5M   |   "
    "makeweight tune -f cnn -b 20K --set flip=true --json   |   "
    "makeweight tune --report   |   "
    "to look at the trials in another tool: optuna-dashboard sqlite:///studies/NAME/tuning.db"
)
DEFAULT_TRIALS = 60
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3_600}


def tune(
    family: Annotated[str | None, typer.Option("--family", "-f", help="fcn or cnn.", show_default=False)] = None,
    budget: Annotated[
        str | None, typer.Option("--budget", "-b", help="Weights: 100K, 0.1M, 100_000.", show_default=False)
    ] = None,
    trials: Annotated[
        int | None, typer.Option(help="How many.", show_default="60; with --time as many as fit", min=1)
    ] = None,
    time: Annotated[
        str | None, typer.Option("--time", help="For search and confirmation: 90s, 10m, 1.5h.", show_default="open")
    ] = None,
    seed: Annotated[int, typer.Option(help="Of the search.", min=0)] = 0,
    split_seed: Annotated[int, typer.Option(help="Of the validation split.", min=0)] = 0,
    max_macs: options.MaxMacs = None,
    max_activation_bytes: options.MaxActivationBytes = None,
    activation_type: options.ActivationType = "int8",
    dataset: options.Dataset = None,
    data: options.Data = None,
    image_size: options.ImageSize = None,
    channels: options.Channels = None,
    skip_unreadable: options.SkipUnreadable = False,
    settings: Annotated[
        list[str] | None,
        typer.Option("--set", metavar="FIELD=VALUE", help="Hold a field of the recipe; may be given several times."),
    ] = None,
    workers: options.Workers = None,
    threads: options.Threads = None,
    device: options.Device = "auto",
    executor: options.Executor = "local",
    ray_address: options.RayAddress = None,
    name: Annotated[str | None, typer.Option(help="Of the study; the same name goes on.")] = None,
    store: options.StoreFolder = Path("studies"),
    report: Annotated[
        bool, typer.Option("--report", help="Search nothing: report the trials so far, of --name or the last tuning.")
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Search the best hyperparameters for a budget, confirm with new seeds, train on all, test once. Resumes."""
    from makeweight.design.budget import format_budget, parse_budget
    from makeweight.design.families import family_named
    from makeweight.design.limits import parse_limits
    from makeweight.study.session import Machine
    from makeweight.tuning.session import TuningPlan

    if report and (family is None or budget is None):
        raise typer.Exit(_report(_find_tuning(store, name), as_json))
    if family is None or budget is None:
        missing = "--family" if family is None else "--budget"
        raise InvalidValue(f"{missing} is missing: makeweight tune --family fcn --budget 100K")
    seconds = None if time is None else parse_seconds(time)
    weights = parse_budget(budget)
    fixed = options.recipe_changes(settings)
    machine = Machine(workers, threads, device, executor, ray_address)
    limits = parse_limits(max_macs, max_activation_bytes, activation_type)
    folder = options.study_folder(
        store, name or _default_name(_data_name(dataset, data), family, format_budget(weights), limits, fixed)
    )
    if report:
        raise typer.Exit(_report(folder, as_json))
    plan = TuningPlan(
        folder=folder,
        name=folder.name,
        dataset=ready(dataset, data, image_size, channels, skip_unreadable),
        family=family_named(family),
        budget=weights,
        limits=limits,
        trials=trials or (DEFAULT_TRIALS if seconds is None else None),
        seconds=seconds,
        seed=seed,
        split_seed=split_seed,
        fixed=fixed,
    )
    raise typer.Exit(_run(plan, machine, as_json))


def parse_seconds(text: str) -> float:
    """Read a time: 90s, 10m, 1.5h, or plain seconds.

    Raises
    ------
    InvalidValue
        If it is none, or not above 0.
    """
    match = re.fullmatch(r"(\d{1,9}(?:\.\d{1,3})?)\s*([smh]?)", text.strip().lower())
    seconds = float(match[1]) * _SECONDS[match[2]] if match else 0.0
    if not seconds:
        raise InvalidValue(f"time {text!r} is not possible: give a number above 0 with s, m or h, for example 10m.")
    return seconds


def _default_name(dataset: str, family: str, budget: str, limits: Any, fixed: dict[str, Any]) -> str:
    """Name a tuning after what is searched, so that the same command finds it again."""
    parts = ["tune", *([] if dataset == DEFAULT else [dataset]), family, budget, *limits.labels()]
    parts += [f"{key}{value}" for key, value in sorted(fixed.items())]
    return re.sub(r"[^\w.+-]", "-", "-".join(parts))[: options.MOST_NAME]


def _data_name(dataset: str | None, data: Path | None) -> str:
    from makeweight.data.own.prepare import plain_name

    return dataset or (DEFAULT if data is None else plain_name(data.resolve().name))


def _find_tuning(store: Path, name: str | None) -> Path:
    from makeweight.store.trials import TUNING_DATABASE

    if name is not None:
        return options.find_study(store, name)
    found = sorted(store.glob(f"*/{TUNING_DATABASE}"), key=lambda path: path.stat().st_mtime)
    if not found:
        raise InvalidValue(f"there is no tuning in {store}. Begin one with: makeweight tune --family fcn --budget 100K")
    return found[-1].parent


def _run(plan: TuningPlan, machine: Machine, as_json: bool) -> int:
    from makeweight.cli.interrupt import interruption
    from makeweight.cli.tuning_view import TuningView
    from makeweight.report.page.page import REPORT
    from makeweight.tuning.session import run_tuning

    view, ran = TuningView(plan.trials, plan.seconds), False
    with interruption() as interrupted, view.shown():
        for event in run_tuning(plan, machine, interrupted.requested):
            view.show(event)
            ran = True
    summary = _show(plan.folder, as_json, write=ran or not (plan.folder / REPORT).exists())
    if interrupted.requested():
        remark(f"stopped after {len(summary.trials)} trials. The same command goes on.")
        return interrupted.exit_code
    return 0 if summary.network is not None else 1


def _report(folder: Path, as_json: bool) -> int:
    from makeweight.report.tuning import summarise_tuning

    summarise_tuning(folder)  # before anything is written: a study that was not tuned is refused
    _show(folder, as_json, write=True)
    return 0


def _show(folder: Path, as_json: bool, *, write: bool) -> TuningSummary:
    """Print a tuning as it stands, and write its report."""
    from makeweight.cli.contents import gather, with_images
    from makeweight.report.page.page import REPORT, write_report
    from makeweight.report.tuning import summarise_tuning, tuning_record

    summary, path = summarise_tuning(folder), folder / REPORT
    if write:
        path = write_report(with_images(gather(folder), folder, remark, inside=True), folder)
    if as_json:
        print_json({**tuning_record(summary), "report": str(path)})
    else:
        print_tuning(summary)
        print(f"report: {path}")
    return summary


def print_tuning(summary: TuningSummary) -> None:
    """Print the winner, how it was found, and how far choosing flattered it."""
    from makeweight.report.tuning import winner_table

    best, network, selection, counts = summary.best, summary.network, summary.selection, summary.counts
    table = winner_table(summary)
    if best is not None and table is not None:
        print_table(stdout(), [(column.heading, column.right) for column in table.columns], list(table.rows))
        print(f"weights: {best.weights:,} of {summary.budget:,}; MACs: {best.macs:,}")
    if network is not None and selection is not None:
        interval, seeds = network.test_accuracy, len(network.runs)
        print(
            f"test accuracy: {interval.mean:.2%} (95 %: {interval.low:.2%} to {interval.high:.2%}; "
            f"mean of {seeds} seeds, trained on the validation images too; the only look at the test images)"
        )
        print(
            f"selection effect: validation {selection.searching:.2%} when it won the search, "
            f"{selection.confirming:.2%} confirmed with {seeds} new seeds, {selection.testing:.2%} on test images"
        )
    print(
        f"trials: {counts.get('complete', 0)} done, {counts.get('pruned', 0)} pruned, "
        f"{counts.get('failed', 0)} failed, {summary.rejected} rejected for size, "
        f"{summary.interrupted} interrupted and tried again; {summary.tuning.seconds:.0f} s in all"
    )
