"""``makeweight design``: the layer table of the network that fills a budget."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from makeweight.cli import options
from makeweight.cli.datasets import DEFAULT, ready
from makeweight.cli.output import print_json, print_table, stdout

if TYPE_CHECKING:
    from makeweight.design.architecture import Task
    from makeweight.design.limits import Limits
    from makeweight.design.solver import Design

EXAMPLES = (
    "Examples: makeweight design --family cnn --budget 100K   |   "
    "makeweight design --family fcn --depth 2 --width 223   |   "
    "makeweight design -f cnn --budget 20K --input 3x32x32 --classes 10 --json"
)


def design(
    family: options.Family,
    budget: Annotated[str | None, typer.Option("--budget", "-b", help="Weights: 100K, 0.1M, 100_000.")] = None,
    dataset: options.Dataset = None,
    data: options.Data = None,
    image_size: options.ImageSize = None,
    channels: options.Channels = None,
    skip_unreadable: options.SkipUnreadable = False,
    input: Annotated[str | None, typer.Option(help="Image shape in place of a data set's: 1x28x28.")] = None,
    classes: Annotated[int | None, typer.Option(help="Classes in place of a data set's.")] = None,
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
    as_json: options.Json = False,
) -> None:
    """Design the network of a family that fills a budget of weights, and print its layers."""
    from makeweight.design.limits import parse_limits

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
    if data is None or dataset is not None:  # the catalogue knows, and nothing need be prepared
        task = _task(*_known(dataset), input, classes)
    else:
        found = ready(None, data, image_size, channels, skip_unreadable)
        task = _task(found.image_shape, found.classes, input, classes)
    result = solve(family, budget, width, task, chosen, limits)
    if as_json:
        print_json(_record(result, limits))
    else:
        _show(result, limits)


def solve(
    family: str, budget: str | None, width: str | None, task: Task, chosen: dict[str, Any], limits: Limits
) -> Design:
    """Fill the budget within the limits, or take the widths that were given exactly."""
    from makeweight.design.budget import parse_budget
    from makeweight.design.families import family_named
    from makeweight.design.solver import exact, fit
    from makeweight.errors import InvalidValue

    named, limit, given = family_named(family), None if budget is None else parse_budget(budget), options.widths(width)
    if given is not None:
        if limits.any:
            raise InvalidValue("exact widths leave nothing to choose: give --width, or a limit beside the weights.")
        return exact(named, task, given, limit, chosen)
    if limit is None:
        raise InvalidValue("neither a budget nor a width is given: use --budget 100K, or --width for exact widths.")
    return fit(named, task, limit, chosen, limits)


def _known(dataset: str | None) -> tuple[tuple[int, int, int], int]:
    from makeweight.data.catalog import find

    entry = find(dataset or DEFAULT)
    return entry.image_shape, entry.classes


def _task(known: tuple[int, int, int], known_classes: int, shape: str | None, classes: int | None) -> Task:
    from makeweight.design.architecture import Task

    return Task(known if shape is None else options.input_shape(shape), known_classes if classes is None else classes)


def _record(result: Design, limits: Limits) -> dict[str, Any]:
    architecture, cost = result.architecture, result.cost
    return {
        "family": architecture.family,
        "budget": result.budget,
        "weights": cost.weights,
        "budget_used": result.budget_used,
        "macs": cost.macs,
        "activation_bytes": cost.activation_bytes,
        "limits": asdict(limits),
        "binding": list(result.binding),
        "running_statistics": cost.running_statistics,
        "input_shape": list(architecture.input_shape),
        "classes": architecture.classes,
        "digest": architecture.digest,
        "layers": [
            {
                "name": layer.name,
                "kind": layer.kind,
                "output_shape": list(layer.output_shape),
                "weights": layer.weights,
                "macs": layer.macs,
            }
            for layer in cost.layers
        ],
    }


def _show(result: Design, limits: Limits) -> None:
    from makeweight.design.budget import format_budget

    whole = result.budget or result.cost.weights
    rows = [
        (
            layer.name,
            layer.kind.replace("_", " "),
            "×".join(map(str, layer.output_shape)),
            f"{layer.weights:,}",
            f"{layer.macs:,}",
            f"{layer.weights / whole:.1%}",
        )
        for layer in result.cost.layers
    ]
    share = "of budget" if result.budget else "share"
    headings = [("layer", False), ("kind", False), ("output", True), ("weights", True), ("MACs", True), (share, True)]
    print_table(stdout(), headings, rows)
    cost = result.cost
    budget = f" of a budget of {format_budget(whole)} ({result.budget_used:.2%})" if result.budget else ""
    print(f"{cost.weights:,} weights{budget}")
    print(f"{cost.macs:,} MACs and {cost.activation_bytes:,} bytes of float32 activations for one image")
    for line in limits.usage(cost):
        print(line)
    if result.binding:
        print(f"binding besides the weights: {', '.join(result.binding).replace('_', ' ')}")
    if cost.running_statistics:
        print(f"{cost.running_statistics:,} running statistics of normalisation, which are not trained and not counted")
