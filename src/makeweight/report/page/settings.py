"""How the networks were built and trained, and with what: the tables of settings, layers and runs."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator

from makeweight.design.cost import LayerCost, cost
from makeweight.report.summary import NetworkSummary, StudySummary
from makeweight.report.tables import Column, Table

WORDS = {
    "epochs": "epochs",
    "batch_size": "images a batch",
    "optimizer": "optimiser",
    "learning_rate": "peak learning rate (one cycle)",
    "warmup": "share of the steps on which it rises",
    "final": "learning rate at the end, as a share of the peak",
    "momentum": "momentum (AdamW's β₁)",
    "beta2": "AdamW's β₂",
    "weight_decay": "weight decay",
    "label_smoothing": "label smoothing",
    "skip_easy": "share of the easy images left out",
    "ema": "decay of the weights' moving average (0: none)",
    "flip": "mirrored at random",
    "crop": "pixels moved at random",
    "erase": "probability of a blanked rectangle",
    "validation": "share of the training images held out",
    "precision": "precision asked for",
}


def recipes_table(networks: tuple[NetworkSummary, ...]) -> Table:
    """One row a setting, one column a network: what differs can be seen."""
    recipes = [dataclasses.asdict(network.recipe) for network in networks]
    columns = (Column("setting", False), *(Column(network.label, True) for network in networks))
    rows = tuple((WORDS.get(name, name), *(_value(recipe[name]) for recipe in recipes)) for name in recipes[0])
    return Table("recipes", "Settings of the trainings", columns, rows)


def layers_table(network: NetworkSummary, of_budget: bool = False) -> Table:
    """Every layer with what it costs, as a share of all weights or of the budget that they must keep to."""
    whole = network.budget if of_budget else network.weights
    layers: tuple[LayerCost, ...] = cost(network.architecture).layers
    columns = (Column("layer", False), Column("kind", False), *(
        Column(heading, True) for heading in
        ("output", "weights", "share of budget" if of_budget else "share of weights", "MACs", "share of MACs")
    ))  # fmt: skip
    rows = [_layer(layer, network, whole) for layer in layers]
    total = (
        "all",
        "",
        "",
        f"{network.weights:,}",
        _share(network.weights, whole) if of_budget else "100 %",
        f"{network.macs:,}",
        "100 %",
    )
    note = (
        "Weights: trainable scalars, biases, shifts and slopes included. MACs: one for each product of a convolution "
        "or linear layer, for one image (Sze et al. 2017, section III)."
    )
    return Table("", f"{network.label}: layers", columns, (*rows, total), (note,))


def _layer(layer: LayerCost, network: NetworkSummary, whole: int) -> tuple[str, ...]:
    return (
        layer.name,
        layer.kind.replace("_", " "),
        " × ".join(map(str, layer.output_shape)),
        f"{layer.weights:,}" if layer.weights else "–",
        _share(layer.weights, whole),
        f"{layer.macs:,}" if layer.macs else "–",
        _share(layer.macs, network.macs),
    )


def runs_table(network: NetworkSummary) -> Table:
    """Every training of a network."""
    headings = ("seed", "test accuracy %", "validation accuracy %", "epochs", "final training loss", "seconds")
    columns = (*(Column(heading, True) for heading in headings), Column("run", False))
    rows = tuple(
        (
            str(run.seed),
            f"{100 * run.test_accuracy:.2f}",
            f"{100 * run.epochs[-1].validation_accuracy:.2f}",
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
    yield "All runners together", f"{summary.wall_seconds:,.0f} s"


def _dates(dates: list[str]) -> str:
    return dates[0] if dates[0] == dates[-1] else f"{dates[0]} to {dates[-1]}"


def _value(value: object) -> str:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return f"{value:.4g}" if isinstance(value, float) else str(value)


def _share(part: int, whole: int) -> str:
    return f"{100 * part / whole:.1f} %" if part else "–"
