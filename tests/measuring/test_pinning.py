"""The machine is as it was before, whatever happens in between."""

from __future__ import annotations

import os

import pytest
import torch

from makeweight.errors import InvalidValue
from makeweight.measuring.forward import pinned
from makeweight.processors import processors

NEEDS_AFFINITY = pytest.mark.skipif(not hasattr(os, "sched_getaffinity"), reason="only Linux pins threads")
THREADS = sorted({1, min(2, processors())})


@NEEDS_AFFINITY
@pytest.mark.parametrize("threads", THREADS)
def test_threads_and_processors_are_as_many_as_asked_for_and_restored(threads: int) -> None:
    torch.set_num_threads(3)
    allowed = os.sched_getaffinity(0)
    with pinned(threads):
        assert torch.get_num_threads() == threads
        assert len(os.sched_getaffinity(0)) == threads
        assert os.sched_getaffinity(0) <= allowed
    assert (torch.get_num_threads(), os.sched_getaffinity(0)) == (3, allowed)


@NEEDS_AFFINITY
def test_both_are_restored_after_an_error() -> None:
    torch.set_num_threads(3)
    allowed = os.sched_getaffinity(0)
    with pytest.raises(ZeroDivisionError), pinned(1):
        _ = 1 / 0
    assert (torch.get_num_threads(), os.sched_getaffinity(0)) == (3, allowed)


def test_a_system_that_cannot_pin_measures_all_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(os, "sched_getaffinity", raising=False)
    with pinned(1):
        assert torch.get_num_threads() == 1


@pytest.mark.parametrize("threads", [0, -1, processors() + 1])
def test_more_threads_than_processors_are_refused(threads: int) -> None:
    with pytest.raises(InvalidValue, match=rf"threads {threads} is not possible: give 1 to {processors()}, the"):
        pinned(threads).__enter__()
