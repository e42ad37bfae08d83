"""Where and in which precision to compute."""

from __future__ import annotations

import os

import pytest
import torch

from makeweight.errors import UnsupportedHardware
from makeweight.processors import processors
from makeweight.training.precision import Hardware, choose_device, fastest_precision
from makeweight.training.recipe import Recipe


def test_the_precision_is_that_of_the_images() -> None:
    assert Hardware("cpu", "fp32", 1).dtype == torch.float32
    assert Hardware("cpu", "bf16", 1).dtype == torch.bfloat16


def test_auto_leaves_the_precision_and_a_name_sets_it() -> None:
    hardware = Hardware("cpu", "bf16", 2)
    assert hardware.for_training(10, Recipe()) == hardware
    assert hardware.for_training(10, Recipe(precision="fp32")) == Hardware("cpu", "fp32", 2)


def test_measuring_the_precision_leaves_the_threads_as_they_were() -> None:
    threads = torch.get_num_threads()
    assert fastest_precision("cpu") in ("fp32", "bf16")
    assert torch.get_num_threads() == threads


def test_processors_are_at_least_one_and_at_most_the_machines() -> None:
    assert 1 <= processors() <= (os.cpu_count() or 1)


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_cuda_asked_for_by_name_is_refused_where_it_is_absent() -> None:
    with pytest.raises(UnsupportedHardware, match="'cuda' was requested"):
        choose_device("cuda")
    assert choose_device("auto") == choose_device("cpu") == "cpu"
