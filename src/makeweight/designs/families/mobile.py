"""Inverted residual blocks with depthwise filters, for few operations an image (MobileNetV2, arXiv 1801.04381).

A block widens its maps by 1×1 filters, filters each channel by itself, and narrows them again without an activation;
where nothing changes shape, its input is added.
"""

from __future__ import annotations

from dataclasses import dataclass

from makeweight.designs.architecture import Architecture, Task
from makeweight.designs.families.base import Family, Knob, Options, Search, Skeleton, option
from makeweight.designs.families.cnn import dropout_option, first_stride, head, stride_option
from makeweight.designs.layers import POOLS, BatchNorm, Conv2d, DepthwiseConv2d, Layer, PoolKind, Residual
from makeweight.designs.shapes import stem_filter
from makeweight.errors import InvalidValue


@dataclass(frozen=True, slots=True)
class MobileOptions(Options):
    """Hyperparameters of a network of inverted residual blocks, its widths apart."""

    kernel: int = option(
        3, "Filter size, pixels", "Size of the depthwise filters in pixels; odd.", low=3, high=7,
        search=Search("depthwise filters of 5 cost few weights", (3, 5)),
    )  # fmt: skip
    stride: int | None = stride_option((2, 1, 4))
    stages: int = option(
        3, "Stages", "Stages, each at half the resolution of the one before.", low=2, high=5,
        search=Search("28 pixels halve four times, to 2", low=2, high=5), tries=(3, 4, 2, 5),
    )  # fmt: skip
    growth: float = option(
        1.5, "Filters from stage to stage", "Channels of a stage, relative to the one before.", low=1, high=4,
        search=Search("MobileNetV2's is about 1.6", low=1.25, high=2.5, step=0.25),
        tries=(1.5, 1.25, 1.75, 2.0, 2.5), ratios_only=True,
    )  # fmt: skip
    blocks: int = option(
        2, "Blocks a stage", "Blocks in each stage.", low=1, high=8,
        search=Search("MobileNetV2 has 1 to 4", low=1, high=3), tries=(2, 1),
    )  # fmt: skip
    expand: int = option(
        3, "Expansion", "How many times a block widens its maps.", low=1, high=8,
        search=Search("MobileNetV2 has 6, which leaves small networks too narrow", low=2, high=6), tries=(3, 2),
    )  # fmt: skip
    head: PoolKind = option(
        "average", "Head", "Pooling over the whole map, before the logits.", choices=POOLS,
        search=Search("both are in use", POOLS),
    )  # fmt: skip
    dropout: float = dropout_option()

    def __post_init__(self) -> None:
        # A slotted dataclass is a new class, so super() without arguments does not find it.
        Options.__post_init__(self)
        if self.kernel % 2 == 0:
            raise InvalidValue(
                f"kernel={self.kernel} is not possible: a depthwise filter keeps the size of its map, which only an "
                "odd one can. Use 3, 5 or 7."
            )


def _skeleton(task: Task, options: MobileOptions, budget: int | None) -> Skeleton:
    stride = first_stride(task, options.stride)
    kernel, padding = stem_filter(task.input_shape, 3, stride, None)

    def build(widths: tuple[int, ...]) -> Architecture:
        stem, *stages, last = widths
        layers: list[Layer] = [
            Conv2d("stem", stem, kernel, stride, padding, bias=True),
            options.activate("stem.activation"),
        ]
        before = stem
        for stage, channels in enumerate(stages, 1):
            for block in range(1, options.blocks + 1):
                name, step = f"stage{stage}.block{block}", 2 if stage > 1 and block == 1 else 1
                body = _block(name, before, channels, step, options, kept=block > 1)
                layers += [Residual(name, body)] if block > 1 else body
                before = channels
        layers += _filter("last", last, options)
        return Architecture(
            "mobile", task.input_shape, task.classes, (*layers, *head(options.head, options.dropout, task))
        )

    knobs = [Knob("stem", 1.0, 4)]
    knobs += [
        Knob(f"stage{stage}", options.growth ** (stage - 1), 4, follows=stage - 1, lowest=0.5)
        for stage in range(1, options.stages + 1)
    ]
    knobs.append(Knob("last", 2 * options.growth ** (options.stages - 1), 4, follows=options.stages, lowest=1))
    return Skeleton(tuple(knobs), build)


def _filter(name: str, channels: int, options: MobileOptions) -> list[Layer]:
    return [
        Conv2d(name, channels, 1, bias=False),
        BatchNorm(f"{name}.norm"),
        options.activate(f"{name}.activation"),
    ]


def _block(
    name: str, before: int, channels: int, stride: int, options: MobileOptions, *, kept: bool
) -> tuple[Layer, ...]:
    widened = _filter(f"{name}.expand", before * options.expand, options) if options.expand > 1 else []
    return (
        *widened,
        DepthwiseConv2d(f"{name}.depthwise", options.kernel, stride, (options.kernel - 1) // 2, bias=False),
        BatchNorm(f"{name}.depthwise.norm"),
        options.activate(f"{name}.activation"),
        Conv2d(f"{name}.project", channels, 1, bias=False),
        # After an addition nothing can undo this scale, so there it is worth its weights.
        BatchNorm(f"{name}.norm", scale=kept),
    )


FAMILY = Family(
    name="mobile",
    kind="a network of depthwise convolutions",
    summary="inverted residual blocks: 1×1 filters around depthwise ones, for few operations an image",
    options=MobileOptions,
    skeleton=_skeleton,
    colour="#E69F00",
    marker="diamond",
    rank=15,
    long_recipe={"crop": 1},
)
