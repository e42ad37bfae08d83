"""How the networks were built and trained, and with what: the tables of settings, layers and runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from makeweight.html import Column, Table
from makeweight.report.summary import NetworkSummary, StudySummary
from makeweight.wording import percentage, value_text

WORDS = {
    "epochs": "epochs",
    "batch_size": "batch size",
    "optimizer": "optimiser",
    "learning_rate": "peak learning rate (one cycle)",
    "warmup": "warm-up, share of the steps",
    "final": "final learning rate, share of the peak",
    "momentum": "momentum (AdamW's β₁)",
    "beta2": "AdamW's β₂",
    "weight_decay": "weight decay",
    "label_smoothing": "label smoothing",
    "class_weight": "weights of the classes",
    "skip_easy": "share of easy images skipped",
    "ema": "decay of the weight average (EMA; 0: none)",
    "flip": "random horizontal flips",
    "crop": "random shifts, pixels",
    "erase": "probability of random erasing",
    "validation": "validation share of the training images",
    "precision": "requested precision",
}


def recipes_table(networks: tuple[NetworkSummary, ...]) -> Table:
    """One row a setting, one column a network: what differs can be seen."""
    recipes = [dataclasses.asdict(network.recipe) for network in networks]
    columns = (Column("setting", False), *(Column(network.label, True) for network in networks))
    rows = tuple((WORDS.get(name, name), *(value_text(recipe[name]) for recipe in recipes)) for name in recipes[0])
    return Table("recipes", "Training settings", columns, rows)


def runs_table(network: NetworkSummary) -> Table:
    """Every training of a network."""
    headings = ("seed", "test accuracy %", "validation accuracy %", "epochs", "final training loss", "seconds")
    columns = (*(Column(heading, True) for heading in headings), Column("run", False))
    rows = tuple(
        (
            str(run.seed),
            percentage(run.test_accuracy),
            percentage(run.epochs[-1].validation_accuracy),
            str(len(run.epochs)),
            f"{run.epochs[-1].training_loss:.3f}",
            f"{sum(epoch.train_seconds + epoch.validation_seconds for epoch in run.epochs):.1f}",
            run.key[:12],
        )
        for run in network.runs
    )
    return Table("", f"{network.label}: trainings", columns, rows)


def environment(summary: StudySummary) -> Iterator[tuple[str, str]]:
    """Say what the results were computed with, as terms and words."""
    if summary.environment:
        yield "Trained on", summary.environment
    measured = [network.measurement for network in summary.networks if network.measurement]
    for place in dict.fromkeys(measurement.environment for measurement in measured):
        dates = sorted(m.measured[:10] for m in measured if m.environment == place)
        yield (
            f"Measured {_dates(dates)} on",
            f"{place.processor}, {place.processors} processors, {place.threads} used, {place.precision}; "
            f"{place.platform}; Python {place.python}, torch {place.torch}, makeweight {place.makeweight}"
            + (f" at commit {place.git_commit[:12]}" if place.git_commit else ""),
        )
    yield "Total time of all runners", f"{summary.wall_seconds:,.0f} s"


def _dates(dates: list[str]) -> str:
    return dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"
