"""``makeweight design``: the layer table of the network that fills a budget."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from makeweight.cli import options, texts
from makeweight.cli.family_options import OptionalFamilyName, with_family_options
from makeweight.cli.output import examples, print_json, say, stdout
from makeweight.cli.tables import print_table
from makeweight.data.catalog import DEFAULT, find
from makeweight.errors import InvalidValue
from makeweight.html import Column
from makeweight.wording import abbreviate, percent

if TYPE_CHECKING:
    from makeweight.designs.architecture import Task
    from makeweight.designs.limits import Limits
    from makeweight.designs.solver import Contender, Design

HOW_SURE = "a formula fitted to trained networks: docs/design.md"
EXAMPLES = examples(
    "makeweight design --family cnn --budget 100K",
    "makeweight design --family fcn --depth 2 --width 223",
    "makeweight design -f cnn --budget 20K --input 3x32x32 --classes 10 --json",
)


@with_family_options
@options.with_groups
def design(
    *,
    family: OptionalFamilyName = None,
    budget: options.Budget = None,
    images: options.Images,
    input: Annotated[str | None, typer.Option(help="Image shape, instead of a data set's: 1x28x28.")] = None,
    classes: Annotated[int | None, typer.Option(help="Number of classes, instead of a data set's.")] = None,
    width: options.Width = None,
    chosen: dict[str, Any],
    limits: options.LimitOptions,
    as_json: options.Json = False,
) -> None:
    """Design the network expected to be the most accurate within a budget of weights, and print its layers.

    Without --family, all families are compared. Expected accuracy comes from a formula (docs/design.md).
    """
    from makeweight.designs.budget import parse_budget
    from makeweight.face.designs import ranked, solved

    within, weights = limits.parsed(), None if budget is None else parse_budget(budget)
    task = _task(images, input, classes)
    if family is None and width is None:
        contenders = ranked(weights, task, within)
        if as_json:
            print_json({"families": [_contender(c, contenders[0], within) for c in contenders]})
            return
        _show_contenders(contenders)
        result = contenders[0].design
        assert result is not None
    else:
        if family is None:
            raise InvalidValue("exact widths belong to a family: add family=FAMILY.")
        result = solved(family, weights, texts.widths(width), task, chosen, within)
    if as_json:
        print_json(_record(result, within))
    else:
        _show(result, within)


def _task(images: options.Images, shape: str | None, classes: int | None) -> Task:
    """Take shape and classes from the options, else from the data set; the catalogue's need not be prepared."""
    from makeweight.designs.architecture import Task

    known: Any
    if (images.data and not images.dataset) or images.image_size or images.channels or images.skip_unreadable:
        known = images.ready()
    else:
        known = find(images.dataset or DEFAULT)
    return Task(texts.input_shape(shape) if shape else known.image_shape, known.classes if classes is None else classes)


def _record(result: Design, limits: Limits) -> dict[str, Any]:
    from makeweight.designs.demand import on_device

    architecture, cost = result.architecture, result.cost
    return {
        "family": architecture.family,
        "options": dict(result.options),
        "merit": result.merit,
        "budget": result.budget,
        "weights": cost.weights,
        "budget_used": result.budget_used,
        "macs": cost.macs,
        **asdict(on_device(architecture, limits)),
        "limits": asdict(limits),
        "binding": list(result.binding),
        "running_statistics": cost.running_statistics,
        "input_shape": list(architecture.input_shape),
        "classes": architecture.classes,
        "digest": architecture.digest,
        "layers": [asdict(layer) for layer in cost.layers],
    }


def _contender(contender: Contender, best: Contender, limits: Limits) -> dict[str, Any]:
    from makeweight.designs.merit import error_ratio, probability

    if contender.design is None:
        return {"family": contender.family.name, "problem": contender.problem}
    merit, most = contender.design.merit or 0.0, best.design.merit or 0.0 if best.design else 0.0
    return {
        **_record(contender.design, limits),
        "expected_errors": error_ratio(merit, most),  # for each error of the best
        "probability_worse": probability(most, merit),
    }


def _show_contenders(contenders: tuple[Contender, ...]) -> None:
    from makeweight.designs.merit import error_ratio, probability

    rows = []
    best = contenders[0].design
    assert best is not None
    for contender in contenders:
        design = contender.design
        if design is None or design.merit is None or best.merit is None:
            rows.append((contender.family.name, "–", "–", "–", "–", "–"))
            continue
        first = design is best
        rows.append(
            (
                contender.family.name,
                f"{design.cost.weights:,}",
                f"{design.cost.macs:,}",
                f"{design.ram:,}",
                "fewest" if first else f"{error_ratio(design.merit, best.merit) - 1:+.0%}",
                "" if first else percent(probability(best.merit, design.merit), 0),
            )
        )
    columns = (
        Column("family", False), Column("weights", True, 1), Column("MACs", True, 3), Column("RAM", True, 4),
        Column("expected errors", True), Column("sure", True, 2),
    )  # fmt: skip
    print_table(stdout(), columns, rows)
    say(*(f"{contender.family.name}: {contender.problem}" for contender in contenders if contender.design is None))
    say(f"{contenders[0].family.name} is expected to be the most accurate ({HOW_SURE}). Its layers:")


def _show(result: Design, limits: Limits) -> None:
    from makeweight.designs.demand import demand, on_device, sentences
    from makeweight.designs.table import layers_table

    cost = result.cost
    layers = layers_table(cost, result.budget)
    print_table(stdout(), layers.columns, layers.rows)
    budget = f" of a budget of {abbreviate(result.budget)} ({percent(result.budget_used)})" if result.budget else ""
    first, *rest = sentences(on_device(result.architecture, limits), limits)
    say(
        f"{cost.weights:,} weights{budget}",
        f"{cost.macs:,} MACs for one image, and {first}",
        *rest,
        *limits.usage(demand(result.architecture, limits)),
        *_remarks(result),
    )
    if cost.running_statistics:
        say(f"{cost.running_statistics:,} running statistics of normalisation, neither trained nor counted")


def _remarks(result: Design) -> Iterator[str]:
    """Say what stays unused or is lost, and why."""
    from makeweight.designs.limits import WORDS
    from makeweight.designs.reach import reach
    from makeweight.designs.search import FULL

    unused = (result.budget or 0) - result.cost.weights
    if result.binding:
        yield f"binding besides the weights: {', '.join(WORDS[name] for name in result.binding)}"
    if result.budget and result.cost.weights < FULL * result.budget:
        why = "within the limits, larger networks are expected to be less accurate" if result.binding else (
            "the layers only come in coarser steps"
        )  # fmt: skip
        yield f"{unused:,} weights of the budget stay unused: {why}"
    lost = reach(result.architecture)
    if lost.unread_pixels:
        h, w = result.architecture.input_shape[1:]
        yield f"{percent(lost.unread_pixels / (h * w), 0)} of the pixels are read by no filter. Use a smaller stride."
    if lost.dead_weights:
        yield (
            f"{sum(lost.dead_weights.values()):,} weights never get a gradient, in {', '.join(lost.dead_weights)}: its "
            "filters lie on padding. Use fewer stages, a smaller stride or a smaller filter."
        )
