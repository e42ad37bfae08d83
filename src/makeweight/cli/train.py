"""``makeweight train``: one network, an epoch a line."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from makeweight.cli import options
from makeweight.cli.datasets import ready
from makeweight.cli.output import complain, print_json, remark

if TYPE_CHECKING:
    from makeweight.design.limits import Limits
    from makeweight.store.rows import JobRow
    from makeweight.store.store import Store
    from makeweight.study.session import Machine, StudyPlan

EXAMPLES = (
    "Examples: makeweight train --family fcn --budget 100K --seed 0   |   "
    "makeweight train -f cnn -b 20K --epochs 12 --set flip=true --json   |   "
    "makeweight train -f cnn -b 20K --max-macs 5M --max-activation-bytes 64K   |   "
    "makeweight train -f cnn -b 50K --data photographs/ --image-size 48"
)


def train(
    family: options.Family,
    budget: Annotated[str | None, typer.Option("--budget", "-b", help="Weights: 100K, 0.1M, 100_000.")] = None,
    seed: Annotated[int, typer.Option(help="Of initial weights, order and augmentation.", min=0)] = 0,
    split_seed: Annotated[int, typer.Option(help="Of the validation split.", min=0)] = 0,
    dataset: options.Dataset = None,
    data: options.Data = None,
    image_size: options.ImageSize = None,
    channels: options.Channels = None,
    skip_unreadable: options.SkipUnreadable = False,
    width: options.Width = None,
    depth: options.Depth = None,
    taper: options.Taper = None,
    norm: options.Norm = None,
    dropout: options.Dropout = None,
    input_dropout: options.InputDropout = None,
    activation: options.ActivationOption = None,
    slope: options.Slope = None,
    kernel: options.Kernel = None,
    stride: options.Stride = None,
    padding: options.Padding = None,
    stages: options.Stages = None,
    growth: options.Growth = None,
    blocks: options.Blocks = None,
    head: options.Head = None,
    pool: options.PoolOption = None,
    max_macs: options.MaxMacs = None,
    max_activation_bytes: options.MaxActivationBytes = None,
    activation_type: options.ActivationType = "int8",
    epochs: Annotated[int | None, typer.Option(show_default="the family's")] = None,
    batch_size: Annotated[int | None, typer.Option(show_default="the family's")] = None,
    learning_rate: Annotated[float | None, typer.Option(show_default="the family's")] = None,
    settings: options.Set = None,
    precision: options.Precision = None,
    threads: options.Threads = None,
    device: options.Device = "auto",
    name: Annotated[str | None, typer.Option(help="Of the run's folder.")] = None,
    store: options.StoreFolder = Path("studies"),
    as_json: options.Json = False,
) -> None:
    """Train one network and score it on the test images, once, at the end. The same command resumes."""
    from makeweight.cli.design import solve
    from makeweight.design.architecture import Task
    from makeweight.design.limits import parse_limits
    from makeweight.study.plan import job_for
    from makeweight.study.session import Machine, StudyPlan

    machine = Machine(1, threads, device)
    changes = options.recipe_changes(
        settings, epochs=epochs, batch_size=batch_size, learning_rate=learning_rate, precision=precision
    )
    chosen = options.given(
        depth=depth,
        taper=taper,
        norm=norm,
        dropout=dropout,
        input_dropout=input_dropout,
        activation=activation,
        slope=slope,
        kernel=kernel,
        stride=stride,
        padding=padding,
        stages=stages,
        growth=growth,
        blocks=blocks,
        head=head,
        pool=pool,
    )
    limits = parse_limits(max_macs, max_activation_bytes, activation_type)
    found = ready(dataset, data, image_size, channels, skip_unreadable)
    design = solve(family, budget, width, Task(found.image_shape, found.classes), chosen, limits)
    job = job_for(design, found, changes, split_seed=split_seed, seed=seed)
    folder = options.study_folder(store, name or f"train-{family}-{job.key[:12]}")
    spec = json.dumps({"train": {"family": family, "budget": job.budget, "seed": seed, "limits": asdict(limits)}})
    plan = StudyPlan(folder, folder.name, spec, found, [job], alone=True)
    raise typer.Exit(_run(plan, machine, limits, as_json))


def _run(plan: StudyPlan, machine: Machine, limits: Limits, as_json: bool) -> int:
    from makeweight.cli.interrupt import interruption
    from makeweight.cli.progress import TrainView
    from makeweight.design.cost import cost
    from makeweight.store.store import Store
    from makeweight.study.session import run_study

    view, ran = TrainView(), False
    with interruption() as interrupted:
        for event in run_study(plan, machine, interrupted.requested):
            view.show(event)
            ran = True
    with Store.open(plan.folder) as store:
        row = store.jobs()[0]
        if row.result is None:
            if interrupted.requested():
                remark("stopped. The same command goes on from the last epoch that was saved.")
                return interrupted.exit_code
            complain(f"training failed: {row.reason}")
            return 1
        if not ran:
            remark(
                f"this network is already trained; its result is in {plan.folder}. Give another --seed to train again."
            )
        record = {**_record(store, row), "limits": asdict(limits)}
    if as_json:
        print_json(record)
    else:
        _show(record, plan.folder)
        for line in limits.usage(cost(row.job.architecture)):
            print(line)
    return 0


def _record(store: Store, row: JobRow) -> dict[str, Any]:
    from makeweight.stats.intervals import accuracy_interval, batch_sd
    from makeweight.store.store import done

    result, correct = done(row), store.predictions(row).correct
    interval = accuracy_interval(correct[None])
    return {
        "run": row.job.key[:12],
        "family": row.job.family,
        "budget": row.job.budget,
        "weights": row.weights,
        "macs": row.macs,
        "activation_bytes": row.activation_bytes,
        "seed": row.job.seed,
        "epochs": row.job.recipe.epochs,
        "validation_accuracy": result.validation_accuracy,
        "test_accuracy": interval.mean,
        "test_accuracy_ci95": [interval.low, interval.high],
        "test_batch_sd": batch_sd(correct),
        "train_seconds": round(result.train_seconds, 3),
        "images_per_second": round(result.images_per_second, 1),
        "precision": result.environment.precision,
        "threads": result.environment.threads,
        "data_digest": row.job.data_digest,
        "folder": str(store.folder),
    }


def _show(record: dict[str, Any], folder: Path) -> None:
    low, high = record["test_accuracy_ci95"]
    print(
        f"test accuracy {record['test_accuracy']:.2%} (95 % {low:.2%} to {high:.2%}; Wilson, one seed), "
        f"validation {record['validation_accuracy']:.2%}"
    )
    print(
        f"{record['weights']:,} weights, {record['macs']:,} MACs, {record['train_seconds']:.1f} s, "
        f"{record['images_per_second']:,.0f} images/s in {record['precision']} on {record['threads']} threads"
    )
    print(f"run {record['run']} in {folder}")
