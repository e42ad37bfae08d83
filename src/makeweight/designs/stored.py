"""Architectures from stored text: what can't be built within bounds is refused before anything is allocated."""

from __future__ import annotations

from functools import lru_cache

from makeweight.designs.architecture import Architecture
from makeweight.designs.budget import MAX_BUDGET
from makeweight.designs.cost import Cost, cost
from makeweight.designs.shapes import place
from makeweight.errors import InvalidValue

MAX_ACTIVATION_BYTES = 2**30  # of one image: a batch of such maps fits no machine
MAX_MACS = 10**12  # of one image: a minute on 2 cores


@lru_cache(1_024)  # jobs that differ in their seed or recipe share one text
def read_architecture(text: str) -> tuple[Architecture, Cost]:
    """Read an architecture and count its cost.

    Raises
    ------
    InvalidValue
        If the text is no architecture, or one without weights, with other outputs than its classes, or beyond the
        bounds.
    GeometryError
        If a layer doesn't fit.
    """
    architecture = Architecture.from_json(text)
    placed = place(architecture.layers, architecture.input_shape)
    if not placed or placed[-1].output_shape != (architecture.classes,):
        raise InvalidValue(f"not an architecture: its layers don't end in {architecture.classes} outputs.")
    counted = cost(architecture)
    for name, value, high in (
        ("weights", counted.weights, MAX_BUDGET),
        ("MACs", counted.macs, MAX_MACS),
        ("bytes of activations", counted.activation_bytes, MAX_ACTIVATION_BYTES),
    ):
        if not 1 <= value <= high:
            raise InvalidValue(f"not an architecture: {value:,} {name}; 1 to {high:,} are possible.")
    return architecture, counted
