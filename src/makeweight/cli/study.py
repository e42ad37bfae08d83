"""``makeweight study``: a grid of networks and seeds, run to its end and resumed where it was cut off."""

from __future__ import annotations

import re
import shlex
import sys
import time
from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from makeweight.cli import options
from makeweight.cli.datasets import ready
from makeweight.cli.output import print_json, print_networks, print_summary, print_table, remark, stderr, stdout
from makeweight.cli.serve import serving

if TYPE_CHECKING:
    from makeweight.design.limits import Limits
    from makeweight.report.contents import Contents
    from makeweight.study.session import Machine, StudyPlan
    from makeweight.study.spec import StudySpec

EXAMPLES = (
    "Examples: makeweight study   |   makeweight study --families fcn,cnn --budgets 10K,50K --seeds 5   |   "
    "makeweight study --families cnn --max-macs 5M --max-activation-bytes 64K   |   "
    "makeweight study my.toml --dry-run   |   makeweight study --serve   |   in the file: dataset = 'fashion-mnist', "
    "families = ['cnn'], budgets = ['10K'], seeds = 3, split_seed = 0, max_macs = '5M', max_activation_bytes = '64K', "
    "activation_type = 'int8', or data = 'photographs' in place of dataset, and tables recipe and recipe.cnn, e.g. "
    "epochs = 12"
)
DEFAULT_NAME = "report"
TABLE_SECONDS = 10.0  # least time between two tables: drawing the report takes as long as ten small jobs


def study(
    file: Annotated[Path | None, typer.Argument(help="TOML study file; without it, the report's grid.")] = None,
    dataset: options.Dataset = None,
    data: options.Data = None,
    image_size: options.ImageSize = None,
    channels: options.Channels = None,
    skip_unreadable: options.SkipUnreadable = False,
    families: Annotated[str | None, typer.Option(help="With commas.", show_default="fcn,cnn")] = None,
    budgets: Annotated[str | None, typer.Option(help="With commas.", show_default="the report's")] = None,
    seeds: Annotated[int | None, typer.Option(help="How many training seeds.", show_default="3")] = None,
    split_seed: Annotated[int | None, typer.Option(help="Of the validation split.", show_default="0")] = None,
    max_macs: options.MaxMacs = None,
    max_activation_bytes: options.MaxActivationBytes = None,
    activation_type: options.ActivationTypeOfStudy = None,
    tuned: Annotated[
        bool | None, typer.Option("--tuned", help="Networks and recipes that makeweight tune found.")
    ] = None,
    settings: options.Set = None,
    precision: options.Precision = None,
    workers: options.Workers = None,
    threads: options.Threads = None,
    device: options.Device = "auto",
    executor: options.Executor = "local",
    ray_address: options.RayAddress = None,
    name: Annotated[str | None, typer.Option(help="Of the study; the same name resumes it.")] = None,
    store: options.StoreFolder = Path("studies"),
    serve: Annotated[bool, typer.Option("--serve", help="Open the dashboard, to watch it in a browser.")] = False,
    port: Annotated[int, typer.Option(help="Of the dashboard; 0 takes any that is free.")] = 0,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="List the trainings and estimate their time.")] = False,
    as_json: options.Json = False,
) -> None:
    """Train each family at each budget with each seed, and compare them. The same command resumes."""
    from makeweight.design.limits import parse_limits
    from makeweight.study.plan import plan
    from makeweight.study.session import Machine, StudyPlan

    limits = parse_limits(max_macs, max_activation_bytes, activation_type or "int8")
    given = options.given(
        dataset=dataset,
        data=None if data is None else str(data),
        image_size=image_size,
        channels=channels,
        skip_unreadable=skip_unreadable or None,
        seeds=seeds,
        split_seed=split_seed,
        max_macs=limits.max_macs,
        max_activation_bytes=limits.max_activation_bytes,
        activation_type=activation_type,
        tuned=tuned or None,
    )
    given |= {key: tuple(text.split(",")) for key, text in options.given(families=families, budgets=budgets).items()}
    recipe = options.recipe_changes(settings, precision=precision)
    machine = Machine(workers, threads, device, executor, ray_address)
    spec = _spec(file, given, recipe)
    folder = options.study_folder(store, name or _default_name(file, given, recipe, spec.limits))
    files = None if spec.data is None else Path(spec.data)
    found = ready(spec.dataset, files, spec.image_size, spec.channels, spec.skip_unreadable)
    jobs = plan(spec, found)
    study_plan = StudyPlan(folder, folder.name, spec.to_json(), found, jobs)
    if dry_run:
        _dry_run(study_plan, machine, as_json)
        return
    with serving(store, folder.name, port) if serve else nullcontext():
        code = _run(study_plan, machine, as_json)
    raise typer.Exit(code)


def _spec(file: Path | None, given: dict[str, Any], recipe: dict[str, Any]) -> StudySpec:
    """Bring file and command line together; the command line wins."""
    from makeweight.study.spec import make_spec, read_study_file

    values = {} if file is None else read_study_file(file)
    merged = {**values, **given}
    merged["recipe"] = _override(values.get("recipe", {}), recipe)
    return make_spec(merged, "command line" if file is None else str(file))


def _override(recipe: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Change fields in the table for all and in those of each family."""
    tables = {key: {**value, **changes} for key, value in recipe.items() if isinstance(value, dict)}
    return {**recipe, **tables, **changes}


def _default_name(file: Path | None, given: dict[str, Any], recipe: dict[str, Any], limits: Limits) -> str:
    """Name a study after its file or what was asked for, so that the same command finds it again."""
    from makeweight.data.own.prepare import plain_name

    asked = {**given, **recipe}
    if "data" in asked:
        asked["data"] = plain_name(Path(asked["data"]).resolve().name)
    asked.pop("seeds", None)  # more seeds belong to the same study
    of_limits = [asked.pop(key) for key in asdict(limits) if key in asked]
    parts = [*limits.labels()] if of_limits else []  # 64K alone would not say of what
    parts += [str(value) if isinstance(value, str) else "+".join(map(str, value)) if isinstance(value, tuple) else
             f"{key}{value}" for key, value in sorted(asked.items())]  # fmt: skip
    base = DEFAULT_NAME if file is None and not parts else file.stem if file else "study"
    return re.sub(r"[^\w.+-]", "-", "-".join([base, *parts]))[: options.MOST_NAME]


def _dry_run(plan: StudyPlan, machine: Machine, as_json: bool) -> None:
    from makeweight.cli.progress import job_label
    from makeweight.design.cost import cost
    from makeweight.study.estimate import study_seconds
    from makeweight.study.session import choose_hardware

    counted = [(job, cost(job.architecture)) for job in plan.jobs]
    workers, hardware = choose_hardware(machine, len(plan.jobs))
    first = plan.jobs[0]
    images = len(plan.dataset.split(first.recipe.validation, first.split_seed).train)
    seconds = study_seconds(plan.jobs, images, workers, hardware)
    if as_json:
        listed = [
            {"family": j.family, "budget": j.budget, "seed": j.seed, "weights": c.weights, "macs": c.macs,
             "activation_bytes": c.activation_bytes, "epochs": j.recipe.epochs, "key": j.key} for j, c in counted
        ]  # fmt: skip
        print_json({"study": plan.name, "jobs": listed, "workers": workers, "estimated_seconds": round(seconds, 1)})
        return
    rows = [(job_label(j), f"{c.weights:,}", f"{c.macs:,}", str(j.recipe.epochs)) for j, c in counted]
    print_table(stdout(), [("training", False), ("weights", True), ("MACs", True), ("epochs", True)], rows)
    print(
        f"{len(rows)} trainings, about {seconds:.0f} s on {workers} workers of {hardware.threads} threads in "
        f"{hardware.precision} (from timing a few steps of each network now)."
    )


def _run(plan: StudyPlan, machine: Machine, as_json: bool) -> int:
    from makeweight.cli.interrupt import interruption
    from makeweight.report.page.page import REPORT, write_report
    from makeweight.report.summary import summarise
    from makeweight.study.session import run_study

    with interruption() as interrupted:
        changed = _watch(plan, run_study(plan, machine, interrupted.requested))
        summary = summarise(plan.folder)
        path = plan.folder / REPORT
        if changed or not path.exists():
            path = write_report(_full_contents(plan.folder), plan.folder)
    if as_json:
        print_json(_record(summary, path))
    else:
        print_summary(stdout(), summary)
        print(f"report: {path}")
    if interrupted.requested():
        remark(f"stopped with {summary.jobs_done} of {summary.jobs_total} done. To go on: {_same_command()}")
        return interrupted.exit_code
    return 1 if summary.failures else 0


def _full_contents(folder: Path) -> Contents:
    from makeweight.cli.contents import gather, with_images

    return with_images(gather(folder), folder, remark, inside=True)


def _record(summary: Any, path: Path) -> dict[str, Any]:
    from makeweight.report.tables import to_record

    return {**to_record(summary), "report": str(path)}


def _watch(plan: StudyPlan, events: Any) -> bool:
    """Show a study's run, with its table each time a seed is complete; say whether anything ran."""
    from makeweight.cli.contents import gather
    from makeweight.cli.progress import StudyView
    from makeweight.report.page.page import write_report
    from makeweight.report.summary import summarise

    first = next(events, None)
    if first is None:
        return False
    from makeweight.study.runner import JobDone, JobFailed

    waiting = _unfinished(plan)
    view = StudyView(waiting, len(plan.jobs) - len(waiting))
    left = {seed: sum(job.seed == seed for job in waiting) for seed in {job.seed for job in waiting}}
    next_table = time.monotonic()
    with view.shown():
        view.show(first)
        for event in events:
            view.show(event)
            if isinstance(event, JobDone | JobFailed):
                left[event.job.seed] -= 1
                if left[event.job.seed] == 0 and any(left.values()) and time.monotonic() >= next_table:
                    summary = summarise(plan.folder)
                    print_networks(stderr(), summary)
                    path = write_report(gather(plan.folder), plan.folder, interactive=False)
                    remark(f"report so far: {path}")
                    next_table = time.monotonic() + TABLE_SECONDS
    return True


def _unfinished(plan: StudyPlan) -> list[Any]:
    from makeweight.store.store import Store

    with Store.open(plan.folder) as store:
        return [row.job for row in store.jobs() if row.state != "done"]


def _same_command() -> str:
    return shlex.join(["makeweight", *sys.argv[1:]])
