"""RAM of the exported program: exact for one network, a lower bound for thousands at once."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from makeweight.designs.architecture import Architecture, Task
from makeweight.designs.families import FAMILIES, Family, Skeleton, options_from
from makeweight.designs.layers import (
    Activation,
    BatchNorm,
    Conv2d,
    DepthwiseConv2d,
    Flatten,
    GlobalPool,
    Layer,
    Linear,
    Pool,
    Residual,
)
from makeweight.designs.limits import NumberType
from makeweight.designs.memory import peak, ram
from makeweight.errors import GeometryError, InvalidValue

tasks = st.builds(
    lambda c, h, w, k: Task((c, h, w), k),
    st.sampled_from([1, 3]),
    st.integers(8, 224),
    st.integers(8, 224),
    st.integers(2, 1_000),
)
numbers: st.SearchStrategy[NumberType] = st.sampled_from(get_args(NumberType))


@st.composite
def skeletons(draw: st.DrawFn) -> tuple[Skeleton, tuple[int, ...]]:
    """A family's structure for any task, and widths for it."""
    family: Family = FAMILIES[draw(st.sampled_from(sorted(FAMILIES)))]
    options: dict[str, Any] = {}
    for info in family.infos:
        values = info.choices or info.tries
        if values and draw(st.booleans()):
            options[info.name] = draw(st.sampled_from(values))
    try:
        skeleton = family.skeleton(draw(tasks), options_from(family, options), 100_000)
        widths = tuple(draw(st.integers(knob.minimum, 100)) for knob in skeleton.knobs)
        ram(skeleton.build(widths))
    except (GeometryError, InvalidValue):
        assume(False)
    return skeleton, widths


@given(designs=skeletons(), number=numbers)
def test_every_family_takes_no_more_than_it_needs_at_once(
    designs: tuple[Skeleton, tuple[int, ...]], number: NumberType
) -> None:
    skeleton, widths = designs
    architecture = skeleton.build(widths)
    assert ram(architecture, number) == peak(architecture, number)


@given(designs=skeletons(), number=numbers, kind=st.sampled_from([np.int64, np.float64]), data=st.data())
def test_many_networks_are_counted_at_once_and_wider_ones_never_take_less(
    designs: tuple[Skeleton, tuple[int, ...]], number: NumberType, kind: type[Any], data: st.DataObject
) -> None:
    skeleton, widths = designs
    knob = data.draw(st.integers(0, len(widths) - 1))
    wider = [tuple(width + more * (k == knob) for k, width in enumerate(widths)) for more in range(5)]
    counted = peak(skeleton.build(tuple(np.array(wider, kind).T)), number)
    assert counted.tolist() == [peak(skeleton.build(row), number) for row in wider]
    assert (np.diff(counted) >= 0).all()


CONV, LOGITS = Conv2d("conv", 8, 3, padding=1), (GlobalPool("pool"), Linear("logits", 10))
BY_HAND: dict[str, tuple[list[Layer], int]] = {  # for 3 × 16 × 16 and 10 classes, in int8; a map of 8 has 2,048 values
    "one layer reads the image": ([Flatten("flat"), Linear("logits", 10)], 768 + 40),
    "so does an average, without a copy": (
        [Pool("a", 2, "average"), Flatten("flat"), Linear("logits", 10)], 768 + 192 + 40
    ),
    "the image is there while a filter reads it": ([CONV, *LOGITS], 768 + 2_048 + 40),
    "and its bytes are used again": ([CONV, Conv2d("two", 8, 3, padding=1), *LOGITS], 2 * 2_048 + 40),
    "pooling works in place": ([CONV, Pool("max", 2), Conv2d("two", 24, 1), *LOGITS], 768 + 2_048 + 40),
    "normalisation and activation too": ([CONV, BatchNorm("n"), Activation("a"), *LOGITS], 768 + 2_048 + 40),
    "but not over what is added later": (
        [CONV, Residual("r", (BatchNorm("n"), Conv2d("two", 8, 1))), *LOGITS], 3 * 2_048 + 40
    ),
    "a sum lies where its first part lay": ([CONV, Residual("r", (Conv2d("two", 8, 1),)), *LOGITS], 2 * 2_048 + 40),
    "each channel by itself is a step": ([CONV, DepthwiseConv2d("d", 3, 1, 1), *LOGITS], 2 * 2_048 + 40),
}  # fmt: skip


@pytest.mark.parametrize(("layers", "expected"), BY_HAND.values(), ids=BY_HAND)
def test_bytes_counted_by_hand(layers: list[Layer], expected: int) -> None:
    architecture = Architecture("any", (3, 16, 16), 10, tuple(layers))
    assert ram(architecture) == peak(architecture) == expected


def test_a_float_program_takes_four_bytes_a_value_and_one_a_pixel() -> None:
    architecture = Architecture("any", (3, 16, 16), 10, (CONV, *LOGITS))
    assert ram(architecture, "fp32") == 768 + 4 * 2_048 + 40


def test_an_odd_image_is_rounded_up_to_whole_words() -> None:
    architecture = Architecture("any", (1, 9, 9), 3, (Flatten("flat"), Linear("logits", 3)))
    assert ram(architecture) == 84 + 12


def test_a_layer_that_does_not_fit_is_refused() -> None:
    with pytest.raises(GeometryError, match="does not fit"):
        ram(Architecture("any", (1, 8, 8), 2, (Conv2d("conv", 4, 9), *LOGITS)))


def test_a_branch_of_another_shape_is_refused_for_many_networks_too() -> None:
    width: Any = np.array([4, 8])
    layers = (Conv2d("conv", width, 3), Residual("r", (Conv2d("two", 8, 1),)), *LOGITS)
    with pytest.raises(GeometryError, match="both must be equal"):
        peak(Architecture("any", (1, 8, 8), 10, layers))
