"""Which pixels some filter reads, and which weights some pixel reaches.

A filter's position touches pixels, padding or both. A weight whose every position lies on padding, or whose output
is dropped by a later pooling, never gets a gradient: it is counted, and dead. All windows are square and lie on a
grid, so rows and columns are followed separately, as sets of positions that matter.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from math import prod

from makeweight.designs.architecture import Architecture
from makeweight.designs.layers import Conv2d, DepthwiseConv2d, Flatten, GlobalPool, Layer, Pool, Residual
from makeweight.designs.shapes import Shape, place

Axis = frozenset[int]  # positions among a map's rows or columns


@dataclass(frozen=True, slots=True)
class Reach:
    """What is lost to geometry."""

    unread_pixels: int  # of h × w that no filter reads
    dead_weights: dict[str, int]  # by layer: weights that never get a gradient, if any

    @property
    def whole(self) -> bool:
        """Whether every pixel is read and every weight is live."""
        return not self.unread_pixels and not self.dead_weights


def reach(architecture: Architecture) -> Reach:
    """Trace from the logits back to the image what is used, and which filters lie only on padding.

    Raises
    ------
    GeometryError
        If a layer does not fit.

    >>> from makeweight.designs.architecture import Task
    >>> from makeweight.designs.families import family_named
    >>> from makeweight.designs.solver import exact
    >>> reach(exact(family_named("cnn"), Task((1, 28, 28), 10), (8,), None).architecture).whole
    True
    """
    placed = {
        p.layer.name: (p.input_shape, p.output_shape) for p in place(architecture.layers, architecture.input_shape)
    }
    dead: dict[str, int] = {}
    last = architecture.layers[-1]
    used = _back(architecture.layers, _all(placed[last.name][1]), placed, dead)
    assert used is not None, "the image is a map"
    h, w = architecture.input_shape[1:]
    rows, columns = used
    return Reach(h * w - len(rows) * len(columns), dead)


Used = tuple[Axis, Axis] | None  # None: a vector


def _all(shape: Shape) -> Used:
    return (frozenset(range(shape[1])), frozenset(range(shape[2]))) if len(shape) == 3 else None


def _back(layers: tuple[Layer, ...], used: Used, placed: dict[str, tuple[Shape, Shape]], dead: dict[str, int]) -> Used:
    for layer in reversed(layers):
        before, after = placed[layer.name]
        match layer:
            case Residual(body=body):
                inner = _back(body, used, placed, dead)
                assert used is not None
                assert inner is not None
                used = (used[0] | inner[0], used[1] | inner[1])
            case Conv2d(kernel=f) | DepthwiseConv2d(kernel=f):
                assert used is not None
                read = [
                    _read(axis, n, f, layer.stride, layer.padding) for axis, n in zip(used, before[1:], strict=True)
                ]
                lost = f * f - prod(taps for taps, _ in read)
                if lost:
                    dead[layer.name] = lost * after[0] * (before[0] if isinstance(layer, Conv2d) else 1)
                used = read[0][1], read[1][1]
            case Pool(kernel=f):
                assert used is not None
                read = [_read(axis, n, f, f, 0) for axis, n in zip(used, before[1:], strict=True)]
                used = read[0][1], read[1][1]
            case GlobalPool() | Flatten():
                used = _all(before)
            case _:
                pass
    return used


@lru_cache(maxsize=4_096)  # structures differ in few layers, and images are mostly square
def _read(used: Axis, size: int, kernel: int, stride: int, padding: int) -> tuple[int, Axis]:
    """Count the taps of a filter that touch the map at a used position, and return what they touch."""
    taps = [{n for i in used if 0 <= (n := i * stride - padding + tap) < size} for tap in range(kernel)]
    return sum(map(bool, taps)), frozenset().union(*taps)
