"""LeNet, for teaching: conv – pool – conv – pool – two fully connected layers (LeCun et al. 1998)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from makeweight.designs.architecture import Architecture, Task
from makeweight.designs.families.base import Family, Knob, Options, Skeleton, option
from makeweight.designs.layers import POOLS, Conv2d, Flatten, Layer, Linear, Pool, PoolKind
from makeweight.designs.shapes import conv_output


@dataclass(frozen=True, slots=True)
class LeNetOptions(Options):
    """Hyperparameters of a LeNet, its widths apart."""

    kernel: int = option(5, "Filter size, pixels", "Filter size in pixels.", low=1, high=15)
    pool: PoolKind = option("max", "Pooling", "Pooling between stages.", choices=POOLS)


def _skeleton(task: Task, options: LeNetOptions, budget: int | None) -> Skeleton:
    candidates = list(_geometries(min(task.input_shape[1:])))
    reading = (candidate for candidate in candidates if _reads_all(task, options.kernel, *candidate))
    first_pool, padding, second_pool = next(reading, candidates[0])

    def build(widths: tuple[int, ...]) -> Architecture:
        conv1, conv2, hidden1, hidden2 = widths
        layers: tuple[Layer, ...] = (
            Conv2d("conv1", conv1, options.kernel, padding=(options.kernel - 1) // 2),
            options.activate("activation1"),
            Pool("pool1", first_pool, options.pool),
            Conv2d("conv2", conv2, options.kernel, padding=padding),
            options.activate("activation2"),
            Pool("pool2", second_pool, options.pool),
            Flatten("flatten"),
            Linear("hidden1", hidden1),
            options.activate("activation3"),
            Linear("hidden2", hidden2),
            options.activate("activation4"),
            Linear("logits", task.classes),
        )
        return Architecture("lenet", task.input_shape, task.classes, layers)

    knobs = (
        Knob("conv1", 6, 2),
        Knob("conv2", 16, 3, follows=0, lowest=1),
        Knob("hidden1", 120, 4),
        Knob("hidden2", 84, 4, follows=2),
    )
    return Skeleton(knobs, build)


def _geometries(side: int) -> Iterator[tuple[int, int, int]]:
    """List first pooling, second padding and second pooling that end near LeNet's 5×5 map, the usual ones first.

    28 gives LeNet's own 2, 0, 2: 28 → 14 → 10 → 5. Pooling drops what is left over at the far edges; a smaller first
    pooling drops less, and padding moves the second filters to where all pixels are read.
    """
    usual = max(2, round((side / 7) ** 0.5))
    for first in sorted(range(2, usual + 2), key=lambda first: abs(first - usual)):
        between = side // first
        least = 0 if between >= 10 else 2  # a 5×5 filter without padding would eat a small map
        second = max(2, (between + 2 * least - 4) // 5)
        yield from ((first, padding, second) for padding in range(least, least + max(4, second)))


def _reads_all(task: Task, kernel: int, first_pool: int, padding: int, second_pool: int) -> bool:
    def last_read(side: int) -> int:
        between = side // first_pool
        after = conv_output(between, kernel, 1, padding) // second_pool * second_pool  # positions that are pooled
        seen = min(after - padding + kernel - 1, between)
        return seen * first_pool + kernel // 2

    return all(last_read(side) >= side for side in task.input_shape[1:])


FAMILY = Family(
    name="lenet",
    kind="a convolutional network",
    summary="the classic conv–pool–conv–pool–fully connected, for teaching",
    options=LeNetOptions,
    skeleton=_skeleton,
    colour="#009E73",
    marker="triangle",
    rank=20,
    long_recipe={"crop": 1},
)
