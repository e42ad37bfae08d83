"""Where in one static buffer each value lies while it is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import prod

from makeweight.export.c.steps import Add, Adjust, Average, Largest, Program, inputs

_PATIENCE = 20_000  # placements tried before first-fit by size has to do; found at once for all built-in families


@dataclass(frozen=True)
class Plan:
    """The buffer, in values (not bytes)."""

    offsets: tuple[int, ...]  # of each step's value; that of the last step is of no meaning
    size: int


@dataclass(frozen=True)
class _Block:
    """A place that holds one value after the other; pooling makes it smaller, and what is set free may be used."""

    sizes: tuple[int, ...]  # at each step; 0 while it is not needed

    @property
    def largest(self) -> int:
        return max(self.sizes)


def plan(program: Program, last_apart: bool = True) -> Plan:
    """Place all values.

    Element-wise steps and pooling write over what they read, unless it is needed later: the number that they write lies
    never behind one that they still have to read. Convolutions cannot. The rest is placed so that nothing overlaps that
    is needed at the same time; the size is the largest sum of what is needed at once, unless that cannot be met.

    Parameters
    ----------
    program : Program
    last_apart : bool
        Whether the last step writes elsewhere and needs no room here.
    """
    homes = _homes(program)
    blocks = _blocks(program, homes, last_apart)
    bound = max(map(sum, zip(*(block.sizes for block in blocks), strict=True)))
    offsets = _place(blocks, bound) or _first_fit(blocks)
    size = max(offset + block.largest for offset, block in zip(offsets, blocks, strict=True))
    return Plan(tuple(offsets[home] for home in homes), size)


def _homes(program: Program) -> list[int]:
    """Give for each value the block it lives in; blocks are numbered in the order in which they are filled."""
    homes: list[int] = []
    new = 0
    for number, step in enumerate(program.steps):
        # The kept value first: what stays through a chain of residual blocks then stays in one place.
        candidates = inputs(step)[::-1] if isinstance(step, Largest | Average | Adjust | Add) else ()
        free = [value for value in candidates if _is_last_reader(program, homes, value, number)]
        if free:
            homes.append(homes[free[0]])
        else:
            homes.append(new)
            new += 1
    return homes


def _is_last_reader(program: Program, homes: list[int], value: int, number: int) -> bool:
    sharing = [other for other, home in enumerate(homes) if home == homes[value]]
    return all(max(program.readers(other)) <= number for other in sharing)


def _blocks(program: Program, homes: list[int], last_apart: bool) -> list[_Block]:
    steps = len(program.steps)
    sizes = [[0] * steps for _ in range(max(homes) + 1)]
    for value, home in enumerate(homes[:-1] if last_apart else homes):
        needed = range(value, max(program.readers(value), default=value) + 1)
        for step in needed:
            sizes[home][step] = max(sizes[home][step], prod(program.steps[value].shape))
    return [_Block(tuple(each)) for each in sizes]


def _place(blocks: Sequence[_Block], room: int) -> list[int] | None:
    """Place blocks in their order, each at the lowest or highest place that is free; step back where none is."""
    tried = 0

    def extend(offsets: list[int]) -> list[int] | None:
        nonlocal tried
        if len(offsets) == len(blocks):
            return offsets
        free = _free(blocks[len(offsets)], list(zip(blocks, offsets, strict=False)), room)
        for offset in dict.fromkeys([*free[:1], *free[-1:]]):
            tried += 1
            if tried > _PATIENCE:
                return None
            found = extend([*offsets, offset])
            if found is not None:
                return found
        return None

    return extend([])


def _first_fit(blocks: Sequence[_Block]) -> list[int]:
    """Place the largest block first, each at the lowest place that is free."""
    offsets: dict[int, int] = {}
    room = sum(block.largest for block in blocks)
    for index in sorted(range(len(blocks)), key=lambda i: -blocks[i].largest):
        placed = [(blocks[other], offset) for other, offset in offsets.items()]
        offsets[index] = _free(blocks[index], placed, room)[0]
    return [offsets[index] for index in range(len(blocks))]


def _free(block: _Block, placed: Sequence[tuple[_Block, int]], room: int) -> list[int]:
    """Offsets at the edges of other blocks or of the room where a block meets no other at any step; in their order."""
    taken = [
        (offset - own, offset + size)  # an offset between these two would make them overlap
        for other, offset in placed
        for own, size in zip(block.sizes, other.sizes, strict=True)
        if own and size
    ]
    edges = {0, room - block.largest, *(edge for pair in taken for edge in pair)}
    return [
        edge
        for edge in sorted(edges)
        if 0 <= edge <= room - block.largest and not any(low < edge < high for low, high in taken)
    ]
