"""Small convolutional networks: stages at halving resolutions, residual blocks, global pooling.

Resolution at the start buys accuracy per weight, and a fully connected head costs weights that filters use
better (measurements in docs/recipes.md), so the first stage keeps what the first filter leaves and the head is one
linear layer on globally pooled features. Pooling comes before normalisation and activation: a maximum of ReLUs is
the ReLU of the maximum, so the network is nearly the same, and both work on a quarter of the values.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from makeweight.designs.architecture import Architecture, Task
from makeweight.designs.families.base import (
    NORMALISATIONS,
    Family,
    Knob,
    Normalisation,
    Options,
    Reported,
    Search,
    Skeleton,
    option,
)
from makeweight.designs.layers import (
    POOLS,
    BatchNorm,
    Conv2d,
    Dropout,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    Pool,
    PoolKind,
    Residual,
)
from makeweight.designs.shapes import stem_filter
from makeweight.errors import InvalidValue

# By default, above this many pixels along the shorter side, the first filter strides, or the first stage would
# be most of the computation: 48 keeps all data sets of 28 to 48 pixels at full resolution.
FULL_RESOLUTION = 48
Head = Literal["max", "average", "flatten"]


def stride_option(tries: tuple[int, ...]) -> Any:
    """Declare the stride of the first filter; `first_stride` chooses its default."""
    return option(
        None, "Stride of the first filter", "Stride of the first filter.", low=1, high=8, kind=int,
        unset="1 up to 48 pixels, 2 up to 96, 4 above", tries=tries,
    )  # fmt: skip


def dropout_option() -> Any:
    """Declare dropout before the logits, as :func:`head` applies it."""
    return option(
        0.0, "Dropout", "Rate before the logits.", high=1, includes_high=False,
        search=Search("before the logits, one layer only", low=0.0, high=0.4, step=0.05),
    )  # fmt: skip


@dataclass(frozen=True, slots=True)
class CNNOptions(Options):
    """Hyperparameters of a convolutional network, its widths apart."""

    kernel: int = option(
        3, "Filter size, pixels", "Filter size in pixels; the first filter's is at least its stride.", low=1, high=15,
        search=Search("7 spends the budget on few filters", (3, 5)),
    )  # fmt: skip
    stride: int | None = stride_option((1, 2, 4))
    stages: int = option(
        3, "Stages", "Stages, each at half the resolution of the one before.", low=2, high=5,
        search=Search("28 pixels halve three times, to 3", low=2, high=4), tries=(3, 4, 2, 5),
    )  # fmt: skip
    growth: float = option(
        2.0, "Filters from stage to stage", "Filters of a stage, relative to the one before.", low=1, high=4,
        search=Search("doubling is the habit; less saves weights late", low=1.25, high=2.5, step=0.25),
        tries=(2.0, 1.25, 1.5, 1.75, 2.5, 3.0), ratios_only=True,
    )  # fmt: skip
    blocks: int = option(
        1, "Residual blocks", "Residual blocks in the second stage.", low=0, high=8,
        search=Search("more leave each with too few filters at 10K to 200K", low=0, high=3), tries=(1, 0),
    )  # fmt: skip
    late_blocks: int = option(
        0, "Late residual blocks", "Residual blocks in the third stage.", low=0, high=8,
        search=Search("as in the second stage, on a quarter of the pixels", low=0, high=2), tries=(0, 1),
    )  # fmt: skip
    head: Head = option(
        "max", "Head", "How maps become features: pooled over the whole map, or all values.",
        choices=(*POOLS, "flatten"), search=Search("a dense head costs a third of 10K", POOLS),
    )  # fmt: skip
    padding: int | None = option(
        None, "Padding, pixels", "Padding in pixels.", low=0, high=7, kind=int, unset="the size is kept",
    )  # fmt: skip
    pool: PoolKind = option(
        "max", "Pooling", "Pooling between stages.", choices=POOLS, search=Search("both are in use", POOLS),
    )  # fmt: skip
    norm: Normalisation = option(
        "batch", "Normalisation", "Normalisation of convolutions.", choices=NORMALISATIONS,
    )  # fmt: skip
    dropout: float = dropout_option()

    def __post_init__(self) -> None:
        # A slotted dataclass is a new class, so super() without arguments does not find it.
        Options.__post_init__(self)
        if self.late_blocks and self.stages < 3:
            raise InvalidValue(f"late_blocks={self.late_blocks} is not possible: they need stages of 3 or more.")


def _skeleton(task: Task, options: CNNOptions, budget: int | None) -> Skeleton:
    blocks = {2: options.blocks, 3: options.late_blocks}

    def build(widths: tuple[int, ...]) -> Architecture:
        turn = iter(widths)
        layers: list[Layer] = [
            # The first filters see pixels that are normalised already: the first stage does without norm.
            _stem(task, next(turn), options),
            options.activate("stem.activation"),
            _filter("stage1.conv", next(turn), options, bias=True),
            Pool("stage1.pool", 2, options.pool),
            options.activate("stage1.activation"),
        ]
        for stage in range(2, options.stages + 1):
            channels = next(turn)
            layers += _conv(f"stage{stage}.conv", channels, options)
            for block in range(1, blocks.get(stage, 0) + 1):
                layers.append(_block(f"stage{stage}.block{block}", channels, next(turn), options))
            if stage < options.stages:
                layers.append(Pool(f"stage{stage}.pool", 2, options.pool))
            if isinstance(layers[-1], Residual) or isinstance(layers[-2], Residual):  # the sum was not activated yet
                layers.append(options.activate(f"stage{stage}.activation"))
        return Architecture(
            "cnn", task.input_shape, task.classes, (*layers, *head(options.head, options.dropout, task))
        )

    return Skeleton(_knobs(options, blocks), build)


def head(kind: Head, dropout: float, task: Task) -> list[Layer]:
    """From maps to logits."""
    flat: Layer = Flatten("flatten") if kind == "flatten" else GlobalPool("pool", kind)
    dropped: list[Layer] = [Dropout("dropout", dropout)] if dropout else []
    return [flat, *dropped, Linear("logits", task.classes)]


def _knobs(options: CNNOptions, blocks: dict[int, int]) -> tuple[Knob, ...]:
    growth = options.growth
    knobs = [Knob("stem", 1.0, 4), Knob("stage1", growth, 4, follows=0, lowest=1)]
    before = 1
    for stage in range(2, options.stages + 1):
        knobs.append(Knob(f"stage{stage}", growth**stage, 4, follows=before, lowest=1))
        before = len(knobs) - 1
        knobs += [
            Knob(f"stage{stage}.block{block}", growth**stage, 4, follows=before, lowest=0.5, highest=2)
            for block in range(1, blocks.get(stage, 0) + 1)
        ]
    return tuple(knobs)


def first_stride(task: Task, stride: int | None) -> int:
    """Stride of the first filter, which by default follows the size of the images."""
    if stride is not None:
        return stride
    shorter = min(task.input_shape[1:])
    return 1 if shorter <= FULL_RESOLUTION else 2 if shorter <= 2 * FULL_RESOLUTION else 4


def _stem(task: Task, channels: int, options: CNNOptions) -> Conv2d:
    stride = first_stride(task, options.stride)
    kernel, padding = stem_filter(task.input_shape, options.kernel, stride, options.padding)
    return Conv2d("stem", channels, kernel, stride, padding, bias=True)


def _filter(name: str, channels: int, options: CNNOptions, *, bias: bool = False) -> Conv2d:
    padding = (options.kernel - 1) // 2 if options.padding is None else options.padding
    return Conv2d(name, channels, options.kernel, 1, padding, bias=bias or options.norm == "none")


def _conv(name: str, channels: int, options: CNNOptions) -> list[Layer]:
    layers: list[Layer] = [_filter(name, channels, options)]
    if options.norm == "batch":
        layers.append(BatchNorm(f"{name}.norm"))
    layers.append(options.activate(f"{name}.activation"))
    return layers


def _block(name: str, channels: int, inner: int, options: CNNOptions) -> Residual:
    kernel, plain = options.kernel, options.norm == "none"
    # A filter of even size makes a map one pixel larger with half its size as padding, and the next one takes it away.
    layers: list[Layer] = [Conv2d(f"{name}.conv1", inner, kernel, 1, kernel // 2, bias=plain)]
    if not plain:
        layers.append(BatchNorm(f"{name}.norm1"))
    layers += [
        options.activate(f"{name}.activation"),
        Conv2d(f"{name}.conv2", channels, kernel, 1, (kernel - 1) // 2, bias=plain),
    ]
    if not plain:
        # Nothing after the addition can undo this scale, so here it is worth its weights.
        layers.append(BatchNorm(f"{name}.norm2", scale=True))
    return Residual(name, tuple(layers))


FAMILY = Family(
    name="cnn",
    kind="a convolutional network",
    summary="stages of convolutions at halving resolutions, residual blocks, global pooling",
    options=CNNOptions,
    skeleton=_skeleton,
    colour="#D55E00",
    marker="square",
    rank=10,
    in_default_study=True,
    long_recipe={"crop": 1},
    reported={
        10_000: Reported(0.7096, 0.0386, "9–14 min"),
        20_000: Reported(0.7139, 0.0258, "9–14 min"),
        50_000: Reported(0.7655, 0.0368, "9–14 min"),
        100_000: Reported(0.7555, 0.033, "9–14 min"),
    },
)
