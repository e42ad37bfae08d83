"""What the numbers of a source are multiplied with: decided over all of its blocks."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from makeweight.data.own import pixels
from makeweight.data.own.block import Block
from makeweight.data.own.source import Progress


def group_of(dtype: np.dtype[Any]) -> str:
    """Name the group of a type: its numbers are scaled alike, whatever part they are of."""
    return dtype.kind if dtype.kind in "bf" else f"{dtype.kind}{dtype.itemsize}"


def scales_of(blocks: Sequence[Block], say: Progress) -> dict[str, pixels.Scale]:
    """Find the scale of each group; needs a pass over the files where the types leave it open."""
    groups: dict[str, list[Block]] = {}
    for block in blocks:
        groups.setdefault(group_of(block.dtype), []).append(block)
    return {
        group: pixels.scale_of(members[0].dtype, _highest(members, pixels.limit_of(members[0].dtype), say))
        for group, members in groups.items()
    }


def _highest(blocks: Sequence[Block], limit: float | None, say: Progress) -> float:
    """Highest of all numbers, or the first highest of a batch above the limit, which settles the matter."""
    highest, seen = -np.inf, 0
    if limit is None:
        return highest
    for block in blocks:
        for batch in block.batches():
            highest, seen = max(highest, _most(batch.images)), seen + len(batch.images)
            if highest > limit:
                return highest
            say(f"looking at the values of {block.name}", seen, None)
    return highest


def _most(values: NDArray[Any]) -> float:
    return float(np.fmax.reduce(values, axis=None)) if values.size else -np.inf  # fmax passes over NaN
