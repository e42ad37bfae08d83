"""Small convolutional networks: 3×3 filters, a stage at full resolution, a residual block, global pooling.

Resolution at the start buys accuracy per weight, and a fully connected head costs weights that filters use
better (measurements in docs/recipes.md), so the first stage keeps the image's size and the head is one
linear layer on globally pooled features. Pooling comes before normalisation and activation: a maximum of ReLUs is
the ReLU of the maximum, so the network is nearly the same, and both work on a quarter of the values.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import chain

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
MANY_WEIGHTS = 300_000  # from here a second residual block in the last stage


@dataclass(frozen=True, slots=True)
class CNNOptions(Options):
    """Hyperparameters of a convolutional network, its widths apart."""

    kernel: int = 3
    stride: int | None = None  # of the first filter; None: 1 up to 48 pixels, 2 up to 96, 4 above
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
        require(0 <= self.dropout < 1, "dropout", self.dropout, "give a rate from 0 to below 1")
        require_normalisation(self.norm)


def _skeleton(task: Task, options: CNNOptions, budget: int | None) -> Skeleton:
    blocks = 1 if options.blocks is None else options.blocks
    deep = options.blocks is None and budget is not None and budget >= MANY_WEIGHTS

    def build(widths: tuple[int, ...]) -> Architecture:
        stem, first, second, *inner, third = widths
        last_inner = inner.pop() if deep else None
        layers: list[Layer] = [
            # The first filters see pixels that are normalised already: the first stage does without norm.
            _filter("stem", stem, options, stride=_first_stride(task, options), bias=True),
            options.activate("stem.activation"),
            _filter("stage1.conv", first, options, bias=True),
            Pool("stage1.pool", 2, options.pool),
            options.activate("stage1.activation"),
            *_conv("stage2.conv", second, options),
            *chain.from_iterable(_block(f"stage2.block{i}", second, w, options) for i, w in enumerate(inner, 1)),
            Pool("stage2.pool", 2, options.pool),
            options.activate("stage2.activation"),
            *_conv("stage3.conv", third, options),
        ]
        if last_inner is not None:
            layers += [*_block("stage3.block1", third, last_inner, options), options.activate("stage3.activation")]
        layers.append(GlobalPool("pool", "max"))
        if options.dropout:
            layers.append(Dropout("dropout", options.dropout))
        layers.append(Linear("logits", task.classes))
        return Architecture("cnn", task.input_shape, task.classes, tuple(layers))

    return Skeleton(_knobs(blocks, deep), build)


def _knobs(blocks: int, deep: bool) -> tuple[Knob, ...]:
    knobs = [
        Knob("stem", 1.0, 4),
        Knob("stage1", 2.0, 4, follows=0, lowest=1),
        Knob("stage2", 4.0, 4, follows=1, lowest=1),
    ]
    knobs += [Knob(f"stage2.block{i}", 4.0, 4, follows=2, lowest=0.5, highest=2) for i in range(1, blocks + 1)]
    if deep:
        knobs.append(Knob("stage3.block1", 8.0, 4, follows=2))
    knobs.append(Knob("stage3", 8.0, 4, follows=2, lowest=1))
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
)
