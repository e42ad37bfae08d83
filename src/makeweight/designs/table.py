"""The table of a network's layers, as all faces show it."""

from __future__ import annotations

from makeweight.designs.cost import Cost
from makeweight.html import Column, Table
from makeweight.wording import UNKNOWN, dimensions, percent

ABOUT_COSTS = (
    "Weights: trainable scalars, biases, shifts and slopes included. MACs: one for each product of a convolution or "
    "linear layer, for one image (Sze et al. 2017, section III)."
)


def layer_columns(of_budget: bool) -> tuple[Column, ...]:
    """Columns of the table, with shares of the budget or of all weights."""
    return (
        Column("layer", False), Column("kind", False, 3), Column("output", True, 2), Column("weights", True),
        Column("of budget" if of_budget else "of weights", True, 4), Column("MACs", True, 1),
        Column("of MACs", True, 5),
    )  # fmt: skip


def layers_table(cost: Cost, budget: int | None = None, title: str = "") -> Table:
    """Every layer with what it costs, as a share of the budget, or of all weights where there is none.

    >>> from makeweight.designs.architecture import Task
    >>> from makeweight.designs.families import family_named
    >>> from makeweight.designs.solver import fit
    >>> layers_table(fit(family_named("fcn"), Task((1, 8, 8), 10), 2_000).cost, 2_000).rows[-1]
    ('all', '', '', '1,992', '99.6 %', '1,940', '100.0 %')
    """
    whole = budget or cost.weights
    rows = [
        (layer.name, layer.kind.replace("_", " "), dimensions(layer.output_shape), layer.weights, layer.macs)
        for layer in cost.layers
    ]
    return Table(
        name="layers",
        title=title,
        columns=layer_columns(budget is not None),
        rows=tuple(
            (name, kind, output, *_part(weights, whole), *_part(macs, cost.macs))
            for name, kind, output, weights, macs in (*rows, ("all", "", "", cost.weights, cost.macs))
        ),
        notes=(ABOUT_COSTS,),
    )


def _part(count: int, whole: int) -> tuple[str, str]:
    return (f"{count:,}", percent(count / whole, 1)) if count else (UNKNOWN, UNKNOWN)
