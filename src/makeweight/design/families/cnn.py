"""Small convolutional networks: 3×3 filters, a stage at full resolution, a residual block, global pooling.

Resolution at the start buys accuracy per weight, and a fully connected head costs weights that filters use
better (measurements in docs/recipes.md), so the first stage keeps the image's size and the head is one
linear layer on globally pooled features. Pooling comes before normalisation and activation: a maximum of ReLUs is
the ReLU of the maximum, so the network is nearly the same, and both work on a quarter of the values.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain
from typing import Literal

from makeweight.design.architecture import Architecture, Task
from makeweight.design.families.base import (
    Family,
    Knob,
    Normalisation,
    Options,
    Skeleton,
    require,
    require_normalisation,
)
from makeweight.design.layers import (
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

# Above this many pixels along the shorter side the first filter strides, or the first stage would be most of
# the computation: 48 keeps all data sets of 28 to 48 pixels at full resolution.
FULL_RESOLUTION = 48
Head = Literal["max", "average", "flatten"]
MANY_WEIGHTS = 300_000  # from here a second residual block in the last stage


@dataclass(frozen=True, slots=True)
class CNNOptions(Options):
    """Hyperparameters of a convolutional network, its widths apart."""

    kernel: int = 3
    stride: int | None = None  # of the first filter; None: 1 up to 48 pixels, 2 up to 96, 4 above
    stages: int = 3  # at resolutions that halve from one to the next
    growth: float = 2.0  # preferred number of filters of a stage, relative to the one before
    head: Head = "max"  # how the last maps become features: pooled over the whole map, or all values
    padding: int | None = None  # None keeps the size: (kernel − 1) / 2
    blocks: int | None = None  # residual blocks in the second stage; None: 1
    pool: PoolKind = "max"
    norm: Normalisation = "batch"
    dropout: float = 0.0  # before the logits

    def __post_init__(self) -> None:
        Options.__post_init__(self)
        require(1 <= self.kernel <= 15, "kernel", self.kernel, "give a filter of 1 to 15 pixels")
        require(self.stride is None or 1 <= self.stride <= 8, "stride", self.stride, "give 1 to 8")
        require(self.padding is None or 0 <= self.padding <= 7, "padding", self.padding, "give 0 to 7")
        require(self.blocks is None or 0 <= self.blocks <= 8, "blocks", self.blocks, "give 0 to 8 residual blocks")
        require(self.pool in ("max", "average"), "pool", repr(self.pool), "choose max or average")
        require(2 <= self.stages <= 4, "stages", self.stages, "give 2 to 4")
        require(1 <= self.growth <= 3, "growth", self.growth, "give 1 to 3, filters relative to the stage before")
        require(self.head in ("max", "average", "flatten"), "head", repr(self.head), "choose max, average or flatten")
        require(0 <= self.dropout < 1, "dropout", self.dropout, "give a rate from 0 to below 1")
        require_normalisation(self.norm)


def _skeleton(task: Task, options: CNNOptions, budget: int | None) -> Skeleton:
    blocks = 1 if options.blocks is None else options.blocks
    deep = options.blocks is None and options.stages > 2 and budget is not None and budget >= MANY_WEIGHTS

    def build(widths: tuple[int, ...]) -> Architecture:
        stem, first, second, *others = widths
        inner, others = others[:blocks], others[blocks:]
        last_inner = others.pop(0) if deep else None
        layers: list[Layer] = [
            # The first filters see pixels that are normalised already: the first stage does without norm.
            _filter("stem", stem, options, stride=_first_stride(task, options), bias=True),
            options.activate("stem.activation"),
            _filter("stage1.conv", first, options, bias=True),
            Pool("stage1.pool", 2, options.pool),
            options.activate("stage1.activation"),
            *_conv("stage2.conv", second, options),
            *chain.from_iterable(_block(f"stage2.block{i}", second, w, options) for i, w in enumerate(inner, 1)),
        ]
        for stage, channels in enumerate(others, 3):
            before = f"stage{stage - 1}"
            layers += [Pool(f"{before}.pool", 2, options.pool)]
            if stage == 3:  # what a residual block added was not activated yet
                layers += [options.activate(f"{before}.activation")]
            layers += _conv(f"stage{stage}.conv", channels, options)
            if stage == 3 and last_inner is not None:
                layers += [
                    *_block("stage3.block1", channels, last_inner, options),
                    options.activate("stage3.activation"),
                ]
        if not others and blocks:
            layers += [options.activate("stage2.activation")]
        layers += _head(options, task)
        return Architecture("cnn", task.input_shape, task.classes, tuple(layers))

    return Skeleton(_knobs(blocks, deep, options), build)


def _head(options: CNNOptions, task: Task) -> list[Layer]:
    flat: Layer = Flatten("flatten") if options.head == "flatten" else GlobalPool("pool", options.head)
    dropout: list[Layer] = [Dropout("dropout", options.dropout)] if options.dropout else []
    return [flat, *dropout, Linear("logits", task.classes)]


def _knobs(blocks: int, deep: bool, options: CNNOptions) -> tuple[Knob, ...]:
    growth = options.growth
    knobs = [
        Knob("stem", 1.0, 4),
        Knob("stage1", growth, 4, follows=0, lowest=1),
        Knob("stage2", growth**2, 4, follows=1, lowest=1),
    ]
    knobs += [Knob(f"stage2.block{i}", growth**2, 4, follows=2, lowest=0.5, highest=2) for i in range(1, blocks + 1)]
    if deep:
        knobs.append(Knob("stage3.block1", growth**3, 4, follows=2))
    before = 2
    for stage in range(3, options.stages + 1):
        knobs.append(Knob(f"stage{stage}", growth**stage, 4, follows=before, lowest=1))
        before = len(knobs) - 1
    return tuple(knobs)


def _first_stride(task: Task, options: CNNOptions) -> int:
    if options.stride is not None:
        return options.stride
    shorter = min(task.input_shape[1:])
    return 1 if shorter <= FULL_RESOLUTION else 2 if shorter <= 2 * FULL_RESOLUTION else 4


def _filter(
    name: str, channels: int, options: CNNOptions, stride: int = 1, *, same: bool = False, bias: bool = False
) -> Conv2d:
    size_kept = (options.kernel - 1) // 2
    padding = size_kept if same or options.padding is None else options.padding
    return Conv2d(name, channels, options.kernel, stride, padding, bias=bias or options.norm == "none")


def _conv(name: str, channels: int, options: CNNOptions) -> list[Layer]:
    layers: list[Layer] = [_filter(name, channels, options)]
    if options.norm == "batch":
        layers.append(BatchNorm(f"{name}.norm"))
    layers.append(options.activate(f"{name}.activation"))
    return layers


def _block(name: str, channels: int, inner: int, options: CNNOptions) -> list[Layer]:
    layers: list[Layer] = [_filter(f"{name}.conv1", inner, options, same=True)]
    if options.norm == "batch":
        layers.append(BatchNorm(f"{name}.norm1"))
    layers += [options.activate(f"{name}.activation"), _filter(f"{name}.conv2", channels, options, same=True)]
    if options.norm == "batch":
        # Nothing after the addition can undo this scale, so here it is worth its weights.
        layers.append(BatchNorm(f"{name}.norm2", scale=True))
    return [Residual(name, tuple(layers))]


CNN = Family(
    name="cnn",
    summary="3×3 convolutions, a stage at full resolution, a residual block, global pooling",
    options=CNNOptions,
    skeleton=_skeleton,
    # A quarter of the pixels needs a quarter of the operations and of the memory.
    cheaper=({"stride": 2}, {"stride": 4}),
)
