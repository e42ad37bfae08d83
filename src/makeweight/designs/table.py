"""The table of a network's layers, as all faces show it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from makeweight.designs.cost import Cost, LayerCost
from makeweight.html import Column, Table
from makeweight.wording import UNKNOWN, dimensions, percent

STEPS = ("conv", "depthwise", "linear")
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


@dataclass(frozen=True, slots=True)
class Step:
    """A layer with filters or neurons, and what follows it: normalisation, activation, pooling."""

    name: str
    kinds: tuple[str, ...]
    output_shape: tuple[int, ...]
    weights: int
    macs: int

    @property
    def words(self) -> str:
        """What it consists of."""
        return " + ".join(kind.replace("_", " ") for kind in self.kinds)


def steps_of(layers: Iterable[LayerCost]) -> tuple[Step, ...]:
    """Fold each layer without filters or neurons under the one before it."""
    steps: list[Step] = []
    for layer in layers:
        if steps and layer.kind not in STEPS:
            last = steps.pop()
            kinds, shape = (*last.kinds, layer.kind), layer.output_shape
            steps.append(Step(last.name, kinds, shape, last.weights + layer.weights, last.macs + layer.macs))
        else:
            steps.append(Step(layer.name, (layer.kind,), layer.output_shape, layer.weights, layer.macs))
    return tuple(steps)


def steps_table(cost: Cost, budget: int | None = None, title: str = "") -> Table:
    """Do as `layers_table` does, with normalisation, activation and pooling folded under what they follow.

    >>> from makeweight.designs.architecture import Task
    >>> from makeweight.designs.families import family_named
    >>> from makeweight.designs.solver import fit
    >>> [row[1] for row in steps_table(fit(family_named("cnn"), Task((1, 8, 8), 10), 2_000).cost).rows][0]
    'conv + activation'
    """
    rows = [
        (step.name, step.words, dimensions(step.output_shape), step.weights, step.macs)
        for step in steps_of(cost.layers)
    ]
    return _table(cost, rows, budget, title)


def layers_table(cost: Cost, budget: int | None = None, title: str = "") -> Table:
    """Every layer with what it costs, as a share of the budget, or of all weights where there is none.

    >>> from makeweight.designs.architecture import Task
    >>> from makeweight.designs.families import family_named
    >>> from makeweight.designs.solver import fit
    >>> layers_table(fit(family_named("fcn"), Task((1, 8, 8), 10), 2_000).cost, 2_000).rows[-1]
    ('all', '', '', '1,992', '99.6 %', '1,940', '100.0 %')
    """
    rows = [
        (layer.name, layer.kind.replace("_", " "), dimensions(layer.output_shape), layer.weights, layer.macs)
        for layer in cost.layers
    ]
    return _table(cost, rows, budget, title)


def _table(cost: Cost, rows: list[tuple[str, str, str, int, int]], budget: int | None, title: str) -> Table:
    whole = budget or cost.weights
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
