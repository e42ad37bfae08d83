"""Where the image and the values of a network lie in the RAM of its exported program.

One buffer holds each of them while it is needed. The output lies beside it and stays until the next call.
Steps are numbered from the image, which is step 0, and sizes are in bytes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import reduce
from math import prod
from typing import Any

import numpy as np

FLOAT_BYTES = 4  # of each class in the output
ALIGNMENT = 4  # bytes: of the image, so that words can be copied there; sizes of image and buffer are multiples of it
PATIENCE = 500  # placements tried before falling back to first-fit by size; the built-in families need one per value


@dataclass(frozen=True, slots=True)
class Step:
    """A step of the program: it reads values of earlier steps and writes one of its own."""

    reads: tuple[int, ...]  # the numbers of those steps
    size: Any  # bytes of its own value: an int, or an array for many networks at once
    in_place: bool = False  # may write over what it reads, because it never writes ahead of where it reads


@dataclass(frozen=True, slots=True)
class Layout:
    """The static memory of a program."""

    offsets: tuple[int | None, ...]  # where each value lies in the buffer, in bytes; None: in the output
    buffer: int  # bytes
    output: int  # bytes

    @property
    def bytes(self) -> int:
        """Size of buffer and output."""
        return self.buffer + self.output


def image_step(input_shape: Sequence[int]) -> Step:
    """Return step 0: the image, one byte for each channel of each pixel."""
    return Step((), _aligned(prod(input_shape)))


def lower_bound(steps: Sequence[Step], classes: int) -> Any:
    """Count the most bytes needed at once, plus the output: no layout takes less.

    An array where the sizes are arrays; it never falls when a size grows.
    """
    last_reads = _last_reads(steps)
    needed: list[Any] = [0] * len(steps)
    for values in _places(steps, last_reads)[:-1]:
        for size, first, last in _stays(steps, last_reads, values):
            for number in range(first, last + 1):
                needed[number] = needed[number] + size
    total = _aligned(reduce(np.maximum, needed)) + FLOAT_BYTES * classes
    return total if np.ndim(total) else int(total)


def lay_out(steps: Sequence[Step], classes: int) -> Layout:
    """Place all values so that none needed at the same time overlap.

    The result is as small as :func:`lower_bound`, unless no such placement is found.
    """
    last_reads = _last_reads(steps)
    places = _places(steps, last_reads)[:-1]
    blocks = [_Block(tuple(_stays(steps, last_reads, values))) for values in places]
    output = FLOAT_BYTES * classes
    offsets = _search(blocks, lower_bound(steps, classes) - output) or _first_fit(blocks)
    of_value = {value: offset for values, offset in zip(places, offsets, strict=True) for value in values}
    buffer = _aligned(max(offset + block.largest for offset, block in zip(offsets, blocks, strict=True)))
    return Layout(tuple(map(of_value.get, range(len(steps)))), buffer, output)


def _aligned(size: Any) -> Any:
    return -(-size // ALIGNMENT) * ALIGNMENT


def _last_reads(steps: Sequence[Step]) -> list[int]:
    """Return for each value the last step that reads it, or its own step if none does."""
    last = list(range(len(steps)))
    for number, step in enumerate(steps):
        for value in step.reads:
            last[value] = number
    return last


def _places(steps: Sequence[Step], last_reads: Sequence[int]) -> list[list[int]]:
    """Group the values that share a place in turn; the last group lies in the output."""
    places: list[list[int]] = []
    for number, step in enumerate(steps):
        # A kept value first, so that what stays through a chain of residual blocks stays in one place.
        over = [value for value in reversed(step.reads) if step.in_place and last_reads[value] == number]
        shared = [values for value in over for values in places if values[-1] == value]
        if number == len(steps) - 1:  # the output has room for the scores and for nothing larger
            shared = [values for values in shared if all(np.all(steps[v].size == step.size) for v in values)]
        values = shared[0] if shared else []
        if values:
            places.remove(values)
        places.append([*values, number])
    return places


def _stays(steps: Sequence[Step], last_reads: Sequence[int], values: Sequence[int]) -> Iterator[tuple[Any, int, int]]:
    """Yield the size of each value in one place, with its first and last step there.

    A value that is written over is as large as what replaces it or larger, and takes the place during that step.
    """
    first = values[0]
    for value in values:
        yield steps[value].size, first, last_reads[value]
        first = last_reads[value] + 1


@dataclass(frozen=True, slots=True)
class _Block:
    """A place for values that follow one another."""

    stays: tuple[tuple[int, int, int], ...]  # size, first and last step

    @property
    def largest(self) -> int:
        return max(size for size, _, _ in self.stays)

    def collisions(self, other: _Block, offset: int) -> Iterator[tuple[int, int]]:
        """Yield between which offsets (both excluded) this block would overlap another one."""
        for size, first, last in self.stays:
            for other_size, other_first, other_last in other.stays:
                if first <= other_last and other_first <= last:
                    yield offset - size, offset + other_size


def _search(blocks: Sequence[_Block], room: int) -> list[int] | None:
    """Place blocks in order, each at the lowest or highest free offset; backtrack if there is none."""
    tried = 0

    def extend(offsets: list[int]) -> list[int] | None:
        nonlocal tried
        if len(offsets) == len(blocks):
            return offsets
        free = _free(blocks[len(offsets)], list(zip(blocks, offsets, strict=False)), room)
        for offset in dict.fromkeys([*free[:1], *free[-1:]]):
            tried += 1
            if tried > PATIENCE:
                return None
            placed = extend([*offsets, offset])
            if placed is not None:
                return placed
        return None

    return extend([])


def _first_fit(blocks: Sequence[_Block]) -> list[int]:
    """Place the image, then the blocks by size, each at the lowest free offset."""
    offsets: dict[int, int] = {0: 0}
    room = sum(block.largest for block in blocks)
    for index in sorted(range(1, len(blocks)), key=lambda i: -blocks[i].largest):
        placed = [(blocks[other], offset) for other, offset in offsets.items()]
        offsets[index] = _free(blocks[index], placed, room)[0]
    return [offsets[index] for index in range(len(blocks))]


def _free(block: _Block, placed: Sequence[tuple[_Block, int]], room: int) -> list[int]:
    """Return the offsets at edges of other blocks, or of the room, where a block overlaps none; in order."""
    taken = [span for other, offset in placed for span in block.collisions(other, offset)]
    highest = room - block.largest
    edges = {0, highest, *(edge for span in taken for edge in span)}
    return [
        edge for edge in sorted(edges) if 0 <= edge <= highest and not any(low < edge < high for low, high in taken)
    ]
