"""Patches: one filter for each patch of the image, then layers of 1×1 filters."""

from dataclasses import dataclass

from makeweight.designs.architecture import Architecture, Task
from makeweight.designs.families.base import Family, Knob, Options, Search, Skeleton, option
from makeweight.designs.layers import BatchNorm, Conv2d, GlobalPool, Layer, Linear


@dataclass(frozen=True, slots=True)
class PatchOptions(Options):
    """What a user may set, and what a search may try."""

    patch: int = option(
        2,
        "Patch, pixels",
        "Side of a patch in pixels.",
        low=1,
        high=8,
        search=Search("8 leaves one patch of 8 pixels", (2, 4)),
    )
    mixers: int = option(1, "Mixers", "Layers of 1×1 filters.", low=0, high=4, search=Search("few", low=0, high=2))
    pooled: str = option("average", "Pooled", "Pooling of all patches.", choices=("average", "max"))


def skeleton(task: Task, options: PatchOptions, budget: int | None) -> Skeleton:
    """Return everything but the widths, which the solver chooses."""

    def build(widths: tuple[int, ...]) -> Architecture:
        sizes = [(options.patch, options.patch), *[(1, 1)] * options.mixers]
        layers: list[Layer] = []
        for i, (width, (size, stride)) in enumerate(zip(widths, sizes, strict=True), 1):
            layers += [Conv2d(f"conv{i}", width, size, stride, bias=False), BatchNorm(f"norm{i}")]
            layers.append(options.activate(f"activation{i}"))
        layers += [GlobalPool("pool", options.pooled), Linear("logits", task.classes)]
        return Architecture("patches", task.input_shape, task.classes, tuple(layers))

    knobs = (Knob(f"conv{i}", 1.0, 2, follows=i - 2 if i > 1 else None) for i in range(1, options.mixers + 2))
    return Skeleton(tuple(knobs), build)


FAMILY = Family(
    name="patches",
    kind="a network of patches",
    summary="one filter for each patch, layers of 1×1 filters, global pooling",
    options=PatchOptions,
    skeleton=skeleton,
    budgets=(1_500, 3_000),
    recipe={"epochs": 1, "learning_rate": 0.02},
    long_recipe={"flip": True},
    recipe_search={"erase": Search("a rectangle is a patch", low=0.0, high=0.5, step=0.25)},
)
