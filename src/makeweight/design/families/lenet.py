"""LeNet, for teaching: conv – pool – conv – pool – two fully connected layers (LeCun et al. 1998)."""

from __future__ import annotations

from dataclasses import dataclass

from makeweight.design.architecture import Architecture, Task
from makeweight.design.families.base import Family, Knob, Options, Skeleton, require
from makeweight.design.layers import Conv2d, Flatten, Layer, Linear, Pool, PoolKind


@dataclass(frozen=True, slots=True)
class LeNetOptions(Options):
    """Hyperparameters of a LeNet, its widths apart."""

    kernel: int = 5
    pool: PoolKind = "max"

    def __post_init__(self) -> None:
        Options.__post_init__(self)
        require(1 <= self.kernel <= 15, "kernel", self.kernel, "give a filter of 1 to 15 pixels")
        require(self.pool in ("max", "average"), "pool", repr(self.pool), "choose max or average")


def _skeleton(task: Task, options: LeNetOptions, budget: int | None) -> Skeleton:
    first_pool, padding, second_pool = _geometry(min(task.input_shape[1:]))

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


def _geometry(side: int) -> tuple[int, int, int]:
    """First pooling, second padding and second pooling that end near LeNet's 5×5 map for any image side.

    28 gives LeNet's own 2, 0, 2: 28 → 14 → 10 → 5.
    """
    first = max(2, round((side / 7) ** 0.5))
    between = side // first
    padding = 0 if between >= 10 else 2  # a 5×5 filter without padding would eat a small map
    after = between + 2 * padding - 4
    return first, padding, max(2, after // 5)


LENET = Family(
    name="lenet",
    summary="the classic conv–pool–conv–pool–fully connected, for teaching",
    options=LeNetOptions,
    skeleton=_skeleton,
)
