"""What geometry loses, as gradients see it: dead weights and unread pixels."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from makeweight.designs.architecture import Architecture, Task
from makeweight.designs.families import family_named
from makeweight.designs.limits import Limits
from makeweight.designs.reach import reach
from makeweight.designs.shapes import conv_output, stem_filter
from makeweight.designs.solver import exact, fit
from makeweight.errors import GeometryError, InvalidValue
from makeweight.nets.build import build


def _gradients(architecture: Architecture) -> tuple[int, dict[str, int]]:
    """Pixels and weights of filters whose gradient is zero for every one of many random images and networks."""
    c, h, w = architecture.input_shape
    pixels, weights = torch.zeros(h, w), {}
    for seed in range(2):
        generator = torch.Generator().manual_seed(seed)
        network = build(architecture, generator).double().eval()  # batch statistics would join all positions
        images = torch.randn(6, c, h, w, generator=generator, dtype=torch.float64, requires_grad=True)
        network.layers(images).pow(2).sum().backward()
        pixels += images.grad.abs().sum((0, 1))
        for name, p in network.named_parameters():
            if p.ndim == 4:
                weights[name] = weights.get(name, 0) + p.grad.abs()
    dead = {name: int((total == 0).sum()) for name, total in weights.items()}
    return int((pixels == 0).sum()), {name: n for name, n in dead.items() if n}


@given(
    family=st.sampled_from(["cnn", "mobile", "lenet"]), sides=st.tuples(st.integers(8, 24), st.integers(8, 24)),
    options=st.fixed_dictionaries({}, optional={
        "stride": st.integers(1, 6), "stages": st.integers(2, 5), "kernel": st.integers(1, 7),
        "padding": st.integers(0, 3), "blocks": st.integers(1, 2), "late_blocks": st.integers(0, 1),
    }),
)  # fmt: skip
def test_it_is_what_gradients_are_zero_for(family: str, sides: tuple[int, int], options: dict[str, int]) -> None:
    known = {info.name for info in family_named(family).infos}
    chosen = {name: value for name, value in options.items() if name in known}
    averages = {name: "average" for name in ("pool", "head") if name in known}  # a maximum hides all pixels but one
    smooth = {"activation": "gelu", **averages}
    try:
        design = exact(family_named(family), Task((1, *sides), 3), (4,), None, {**chosen, **smooth})
    except (GeometryError, InvalidValue):
        return
    found = reach(design.architecture)
    unread, dead = _gradients(design.architecture)
    assert found.unread_pixels == unread
    assert sum(found.dead_weights.values()) == sum(dead.values())


@pytest.mark.parametrize(
    ("budget", "macs", "widths", "dead"),
    [
        (10_000, 100_000, (4, 8, 14, 16, 33), 3_696),
        (20_000, 300_000, (6, 11, 21, 20, 48), 8_064),
        (50_000, 500_000, (8, 16, 35, 36, 64), 17_920),
        (100_000, 1_000_000, (12, 24, 48, 48, 102), 39_168),
    ],
)
def test_networks_that_were_half_dead_are_whole(budget: int, macs: int, widths: tuple[int, ...], dead: int) -> None:
    """The solver once took these, whose last filters lie on a map of one pixel, as they fill the budget."""
    task, cnn = Task((1, 28, 28), 10), family_named("cnn")
    once = exact(cnn, task, widths, None, {"stride": 4})
    assert reach(once.architecture).dead_weights == {"stage3.conv": dead}
    assert reach(fit(cnn, task, budget, {}, Limits(max_macs=macs)).architecture).whole


@given(h=st.integers(8, 224), w=st.integers(8, 224), kernel=st.integers(1, 15), stride=st.integers(1, 8))
def test_a_first_filter_reads_to_the_far_edge(h: int, w: int, kernel: int, stride: int) -> None:
    size, padding = stem_filter((1, h, w), kernel, stride, None)
    assert size >= max(kernel, stride)
    for n in (h, w):
        positions = conv_output(n, size, stride, padding)
        assert (positions - 1) * stride - padding + size >= n or stride == 1
