"""``makeweight study``: a grid of networks and seeds, run to its end and resumed where it was cut off."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from makeweight.cli import options, texts
from makeweight.cli.family_options import DEFAULT_FAMILIES
from makeweight.cli.output import examples, print_json, say, stdout
from makeweight.cli.running import run_planned, serving
from makeweight.cli.tables import print_table
from makeweight.face import folders
from makeweight.html import Column

if TYPE_CHECKING:
    from makeweight.designs.limits import Limits
    from makeweight.studies.session import Machine, StudyPlan
    from makeweight.studies.spec import StudySpec

EXAMPLES = examples(
    "makeweight study",
    "makeweight study --families fcn,cnn --budgets 10K,50K --seeds 5",
    "makeweight study --families cnn --max-macs 5M --max-ram 64K",
    "makeweight study my.toml --dry-run",
    "makeweight study --serve",
    note="A study file is TOML: dataset = 'fashion-mnist' or data = 'photographs', families = ['cnn'], "
    "budgets = ['10K'], seeds = 3, split_seed = 0, max_macs = '5M', max_ram = '64K', ram_type = 'int8'; recipe fields "
    "such as epochs = 12 in the tables recipe (for all families) and recipe.cnn.",
)


@options.with_groups
def study(
    *,
    file: Annotated[Path | None, typer.Argument(help="TOML file; without it, seven networks on FashionMNIST.")] = None,
    images: options.Images,
    families: Annotated[
        str | None, typer.Option(help="Families, comma-separated.", show_default=DEFAULT_FAMILIES)
    ] = None,
    budgets: Annotated[str | None, typer.Option(help="Budgets, comma-separated.", show_default="by family")] = None,
    seeds: Annotated[int | None, typer.Option(help="Number of training seeds.", show_default="3")] = None,
    split_seed: Annotated[
        int | None, typer.Option(help="Random seed for the validation split.", show_default="0")
    ] = None,
    limits: options.LimitOptions,
    tuned: Annotated[
        bool | None, typer.Option("--tuned", help="Use the networks and recipes that makeweight tune found.")
    ] = None,
    settings: options.Set = None,
    vary: options.Vary = None,
    precision: options.Precision = None,
    machine: options.MachineOptions,
    name: Annotated[str | None, typer.Option(help="Name of the study; the same name resumes it.")] = None,
    store: options.StoreFolder = Path("studies"),
    serve: Annotated[bool, typer.Option("--serve", help="Watch it in a browser, on the dashboard.")] = False,
    port: Annotated[int, typer.Option(help="Port of the dashboard; 0 takes a free one.")] = 0,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="List the trainings, estimate their time, and say what their seeds can show."),
    ] = False,
    as_json: options.Json = False,
) -> None:
    """Train each family at each budget in each variant with each seed, and compare them. The same command resumes."""
    from makeweight.face.studies import default_name
    from makeweight.studies.plan import plan
    from makeweight.studies.session import StudyPlan, refuse_other_data

    on = machine.checked()
    own = {name: value or None for name, value in asdict(images).items()}
    own["data"] = images.data and str(images.data)
    bounds = limits.each()
    said = texts.present(**own, seeds=seeds, split_seed=split_seed, **bounds, tuned=tuned or None)
    said |= {key: tuple(text.split(",")) for key, text in texts.present(families=families, budgets=budgets).items()}
    recipe, variants = texts.recipe_changes(settings, precision=precision), texts.varied(vary)
    spec = _spec(file, said, recipe, variants)
    folder = folders.study_folder(store, name or default_name(said, recipe, spec.limits, variants, file))
    asked = {name: getattr(spec, name) for name in asdict(images)}
    prepared = options.Images(**{**asked, "data": None if spec.data is None else Path(spec.data)}).ready()
    refuse_other_data(folder, prepared)
    planned = StudyPlan(folder, folder.name, spec.to_json(), prepared, plan(spec, prepared))
    if dry_run:
        _dry_run(planned, on, spec.limits, as_json)
        return
    with serving(store, folder.name, port) if serve else nullcontext():
        code = run_planned(planned, on, as_json)
    raise typer.Exit(code)


def _spec(file: Path | None, said: dict[str, Any], recipe: dict[str, Any], variants: dict[str, Any]) -> StudySpec:
    """Bring file and command line together; the command line wins."""
    from makeweight.studies.spec import make_spec, read_study_file

    values = {} if file is None else read_study_file(file)
    merged = {**values, **said}
    merged["recipe"] = _override(values.get("recipe", {}), recipe)
    merged["vary"] = {**values.get("vary", {}), **variants}
    return make_spec(merged, "command line" if file is None else str(file))


def _override(recipe: dict[str, Any], changes: dict[str, Any]) -> dict[str, Any]:
    """Change fields in the table for all and in those of each family."""
    tables = {key: {**value, **changes} for key, value in recipe.items() if isinstance(value, dict)}
    return {**recipe, **tables, **changes}


def _dry_run(plan: StudyPlan, machine: Machine, limits: Limits, as_json: bool) -> None:
    from makeweight.designs.cost import cost
    from makeweight.designs.demand import on_device
    from makeweight.face.expected import expect

    counted = [(job, cost(job.architecture), on_device(job.architecture, limits)) for job in plan.jobs]
    expected = expect(plan, machine)
    if as_json:
        listed = [
            {"network": j.network_id.label, "family": j.family, "budget": j.budget, "variant": dict(j.variant),
             "seed": j.seed, "weights": c.weights, "macs": c.macs, **asdict(device),
             "epochs": j.recipe.epochs, "key": j.key} for j, c, device in counted
        ]  # fmt: skip
        print_json({"study": plan.name, "jobs": listed, "workers": expected.workers,
                    "estimated_seconds": round(expected.seconds, 1),
                    "detectable_difference": expected.detectable})  # fmt: skip
        return
    rows = [
        (j.label, f"{c.weights:,}", f"{c.macs:,}", str(j.recipe.epochs), *(d.cells if limits.chip else ()))
        for j, c, d in counted
    ]
    device = ("RAM", "flash", "ms") if limits.chip else ()
    columns = (
        Column("training", False), Column("weights", True), Column("MACs", True, 1), Column("epochs", True, 2),
        *(Column(heading, True) for heading in device),
    )  # fmt: skip
    print_table(stdout(), columns, rows)
    for sentence in expected.sentences():
        say(sentence)
