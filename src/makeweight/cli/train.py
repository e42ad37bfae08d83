"""``makeweight train``: one network, an epoch a line."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from makeweight.cli import options, texts
from makeweight.cli.family_options import FamilyName, with_family_options
from makeweight.cli.output import examples
from makeweight.cli.running import run_planned

EXAMPLES = examples(
    "makeweight train --family fcn --budget 100K --seed 0",
    "makeweight train -f cnn -b 20K --epochs 12 --set flip=true --json",
    "makeweight train -f cnn -b 20K --max-macs 5M --max-ram 64K",
    "makeweight train -f cnn -b 50K --data photographs/ --image-size 48",
)


@with_family_options
@options.with_groups
def train(
    *,
    family: FamilyName,
    budget: options.Budget = None,
    seed: Annotated[int, typer.Option(help="Random seed for weights, image order and augmentation.", min=0)] = 0,
    split_seed: Annotated[int, typer.Option(help="Random seed for the validation split.", min=0)] = 0,
    images: options.Images,
    width: options.Width = None,
    chosen: dict[str, Any],
    limits: options.LimitOptions,
    epochs: Annotated[int | None, typer.Option(help="Epochs.", show_default="by family")] = None,
    batch_size: Annotated[int | None, typer.Option(help="Images per batch.", show_default="by family")] = None,
    learning_rate: Annotated[float | None, typer.Option(help="Peak learning rate.", show_default="by family")] = None,
    settings: options.Set = None,
    precision: options.Precision = None,
    threads: options.Threads = None,
    device: options.Device = "auto",
    name: Annotated[str | None, typer.Option(help="Name of the run's folder.", show_default="train-FAMILY-KEY")] = None,
    store: options.StoreFolder = Path("studies"),
    as_json: options.Json = False,
) -> None:
    """Train one network and score it on the test images, once, at the end. The same command resumes.

    An epoch a line; * marks the best validation accuracy so far.
    """
    from makeweight.designs.budget import parse_budget
    from makeweight.face.designs import solved, task_of
    from makeweight.face.folders import study_folder
    from makeweight.face.studies import plan_training
    from makeweight.studies.session import Machine, refuse_other_data

    machine = Machine(1, threads, device)
    changes = texts.recipe_changes(
        settings, epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, precision=precision
    )
    within = limits.parsed()
    said = texts.present(width=width and width.replace(",", "+"), **within.asked(), **chosen, **changes)
    weights = None if budget is None else parse_budget(budget)
    data = images.ready()
    if name is not None:
        refuse_other_data(study_folder(store, name), data)
    design = solved(family, weights, texts.widths(width), task_of(data), chosen, within)
    plan = plan_training(design, data, changes, seed=seed, split_seed=split_seed, name=name, store=store, asked=said)
    raise typer.Exit(run_planned(plan, machine, as_json))
