"""Watching a loop that runs as it is."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

import makeweight
from makeweight.errors import InvalidValue

Make = Callable[..., dict[str, Any]]


def train(given: dict[str, Any], *, clear: bool = True, shuffle: bool = True, evaluate: bool = True) -> None:
    """Train for three epochs, with a validation after each."""
    model, optimizer = given["model"], given["optimizer"]
    images, labels = given["images"][:800], given["labels"][:800]
    for _ in range(3):
        model.train()
        order = torch.randperm(800) if shuffle else labels.argsort()
        for rows in order.split(50):
            if clear:
                optimizer.zero_grad()
            nn.functional.cross_entropy(model(images[rows]), labels[rows]).backward()
            optimizer.step()
        if evaluate:
            model.eval()
        with torch.no_grad():
            (model(given["images"][800:]).argmax(1) == given["labels"][800:]).float().mean()


def watched(given: dict[str, Any], **how: bool) -> makeweight.Diagnosis:
    with makeweight.Watch(given["model"], given["optimizer"]) as watch:
        train(given, **how)
    return watch.diagnosis


def test_a_sound_loop_is_left_alone(sound: Make) -> None:
    diagnosis = watched(sound())
    assert [f.code for f in diagnosis.findings if f.certainty != "hint"] == []


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"clear": False}, "missing-zero-grad"),
        ({"shuffle": False}, "data-not-shuffled"),
        ({"evaluate": False}, "validate-in-train-mode"),
    ],
)
def test_faults_of_the_loop_are_seen(sound: Make, how: dict[str, bool], code: str) -> None:
    assert watched(sound(), **how).findings[0].code == code


def test_watching_changes_nothing(sound: Make) -> None:
    ends = []
    for watching in (False, True):
        given = sound()
        torch.manual_seed(1)
        if watching:
            watched(given)
        else:
            train(given)
        ends.append(given["model"].state_dict())
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_a_block_without_a_training_is_said(sound: Make) -> None:
    given = sound()
    with makeweight.Watch(given["model"], given["optimizer"]) as watch:
        pass
    with pytest.raises(InvalidValue, match="saw no training"):
        _ = watch.diagnosis


def test_an_error_in_the_loop_goes_through(sound: Make) -> None:
    given = sound()
    with pytest.raises(ZeroDivisionError), makeweight.Watch(given["model"], given["optimizer"]):
        _ = 1 / 0
    assert not given["model"]._forward_hooks
