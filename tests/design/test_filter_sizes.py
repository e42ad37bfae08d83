"""Filters of even size, which move a map by half a pixel, beside residual blocks."""

from __future__ import annotations

import pytest
import torch

from makeweight.designs.architecture import Task
from makeweight.designs.families import FAMILIES
from makeweight.designs.shapes import place
from makeweight.designs.solver import fit
from makeweight.errors import InvalidValue
from makeweight.nets.build import build, trainable_weights

TASK = Task((1, 28, 28), 10)


@pytest.mark.parametrize("kernel", [2, 4, 6])
@pytest.mark.parametrize("late_blocks", [0, 1])
def test_a_residual_block_of_even_filters_keeps_the_shape_of_its_map(kernel: int, late_blocks: int) -> None:
    design = fit(FAMILIES["cnn"], TASK, 20_000, {"kernel": kernel, "blocks": 2, "late_blocks": late_blocks})
    placed = place(design.architecture.layers, TASK.input_shape)
    blocks = [layer for layer in placed if ".block" in layer.layer.name and layer.layer.name.count(".") == 1]
    assert len(blocks) == 2 + late_blocks
    assert all(block.input_shape == block.output_shape for block in blocks)
    network = build(design.architecture, torch.Generator().manual_seed(0))
    assert trainable_weights(network) == design.cost.weights
    assert network(torch.randn(2, *TASK.input_shape)).shape == (2, 10)


@pytest.mark.parametrize("kernel", [4, 6])
def test_depthwise_filters_of_even_size_are_refused_with_those_that_work(kernel: int) -> None:
    with pytest.raises(InvalidValue, match=rf"^kernel={kernel} is not possible: .* Use 3, 5 or 7\."):
        fit(FAMILIES["mobile"], TASK, 20_000, {"kernel": kernel})
