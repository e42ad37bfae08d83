"""What a diagnosis promises whatever it finds."""

from __future__ import annotations

import copy
import json
import random
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

import makeweight
from makeweight.diagnosis.catalogue import CATALOGUE
from makeweight.diagnosis.findings import MAX_FINDINGS, finding, ranked, suited
from makeweight.errors import InvalidValue

Make = Callable[..., dict[str, Any]]


def everything(model: nn.Module, optimizer: torch.optim.Optimizer, scheduler: Any) -> dict[str, Any]:
    """All that must be as before."""
    return copy.deepcopy({
        "weights": model.state_dict(),
        "gradients": {name: p.grad for name, p in model.named_parameters()},
        "wanted": {name: p.requires_grad for name, p in model.named_parameters()},
        "modes": [module.training for module in model.modules()],
        "optimizer": optimizer.state_dict(),
        "scheduler": scheduler.state_dict(),
        "torch": torch.get_rng_state(),
        "numpy": np.random.get_state(),
        "random": random.getstate(),
    })  # fmt: skip


def same(one: Any, other: Any) -> bool:
    if isinstance(one, Tensor):
        return torch.equal(one, other)
    if isinstance(one, np.ndarray):
        return np.array_equal(one, other)
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def test_everything_is_as_before(sound: Make) -> None:
    given = sound()
    model, optimizer, loss_fn = given["model"], given["optimizer"], given["loss_fn"]
    scheduler = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, 500)

    def step(images: Tensor, labels: Tensor) -> Tensor:
        model.train()
        optimizer.zero_grad()
        loss = loss_fn(model(images), labels)
        loss.backward()
        optimizer.step()
        scheduler.step()
        random.random(), np.random.rand()
        return loss

    def validate() -> float:
        model.eval()
        return float((model(given["images"]).argmax(1) == given["labels"]).float().mean())

    for _ in range(3):  # so that there are gradients, momenta and running statistics to lose
        step(given["images"][:64], given["labels"][:64])
    model.eval()
    before = everything(model, optimizer, scheduler)

    diagnosis = makeweight.diagnose(**given, step=step, validate=validate)

    after = everything(model, optimizer, scheduler)
    assert [name for name in before if not same(before[name], after[name])] == []
    assert any("step()" in line for line in diagnosis.checked)


def test_it_keeps_to_its_time(sound: Make) -> None:
    def step(images: Tensor, labels: Tensor) -> float:
        start = time.process_time()
        while time.process_time() < start + 0.2:
            pass
        return 1.0

    diagnosis = makeweight.diagnose(**sound(step=step, seconds=1))
    assert any(line.startswith("training: 13 steps") for line in diagnosis.checked)  # the least that says something


def test_nothing_wrong_is_an_answer(sound: Make) -> None:
    diagnosis = makeweight.diagnose(**sound())
    assert [f.code for f in diagnosis.findings if f.certainty != "hint"] == []
    assert diagnosis.verdict.startswith("Nothing wrong found")
    assert len(diagnosis.checked) >= 6


def test_a_finding_says_what_was_seen_and_what_to_do(sound: Make) -> None:
    model = nn.Sequential(nn.Flatten(), nn.Linear(64, 48), nn.ReLU(), nn.Linear(48, 10), nn.Softmax(1))
    optimizer = torch.optim.Adam(model.parameters(), lr=0.005)
    diagnosis = makeweight.diagnose(**sound(model=model, optimizer=optimizer))
    first = diagnosis.findings[0]
    assert (first.code, first.certainty) == ("softmax-before-loss", "definite")
    assert "1.46" in first.evidence
    assert "Remove model[4], a Softmax" in first.fix
    assert json.loads(json.dumps(diagnosis.to_json()))["findings"][0]["code"] == "softmax-before-loss"
    for shown in (str(diagnosis), diagnosis._repr_html_()):
        assert "softmax-before-loss" in shown


@pytest.mark.parametrize(("convolutional", "advice", "other"), [
    (False, "--family fcn", "convolution"), (True, "widen the convolutions", "--family fcn"),
])  # fmt: skip
def test_advice_fits_the_kind_of_network(convolutional: bool, advice: str, other: str) -> None:
    fix = suited(finding("budget-imbalance", "hint", "seen", "here"), convolutional).fix
    assert advice in fix
    assert other not in fix


def test_no_advice_for_a_network_without_convolutions_speaks_of_them() -> None:
    for code, entry in CATALOGUE.items():
        fix = suited(finding(code, "hint", "seen", "here"), convolutional=False).fix
        only_there = code == "small-receptive-field"  # before a global pool of maps
        assert only_there or not any(word in fix.lower() for word in ("the convolutions", "kernel", "stride")), code
        assert suited(finding(code, "hint", "seen", "here"), convolutional=True).fix == entry.fix
    assert suited(finding("overfitting", "hint", "seen", "here", "mine"), convolutional=False).fix == "mine"


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"labels": torch.zeros(3, dtype=torch.long)}, "one for each of the 1000 images"),
        ({"images": torch.zeros(1_000)}, r"\(n, c, h, w\)"),
        ({"images": [1, 2, 3]}, "must be a tensor"),
        ({"model": "net"}, "must be a torch.nn.Module"),
        ({"images": torch.zeros(2, 1, 8, 8), "labels": torch.zeros(2, dtype=torch.long)}, "too few"),
    ],
)
def test_arguments_that_do_not_belong_together_are_refused(sound: Make, changes: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidValue, match=said):
        makeweight.diagnose(**sound(**changes))


def test_a_step_that_raises_is_said_and_nothing_is_lost(sound: Make) -> None:
    def step(images: Tensor, labels: Tensor) -> Tensor:
        raise RuntimeError("mine")

    diagnosis = makeweight.diagnose(**sound(step=step))
    assert any("until RuntimeError: mine" in line for line in diagnosis.checked)


def test_a_model_that_cannot_be_copied_is_diagnosed_all_the_same(sound: Make) -> None:
    class Stubborn(nn.Sequential):
        def __deepcopy__(self, memo: Any) -> Any:
            raise TypeError("no copies")

    model = Stubborn(nn.Flatten(), nn.Linear(64, 10), nn.Softmax(1))
    given = sound(model=model, optimizer=torch.optim.Adam(model.parameters(), lr=0.005))
    diagnosis = makeweight.diagnose(**given)
    assert diagnosis.findings[0].code == "softmax-before-loss"
    assert any("cannot be copied" in line for line in diagnosis.checked)


def test_causes_come_before_what_they_cause() -> None:
    cause = finding("inputs-not-normalised", "likely", "seen", "images")
    symptom = finding("learning-rate-too-high", "definite", "seen", "lr")
    first, second = ranked([symptom, cause])
    assert (first.code, second.certainty) == ("inputs-not-normalised", "hint")
    assert ranked([symptom]) == (symptom,)


def test_a_code_is_said_once_and_the_list_stays_short() -> None:
    found = [finding(code, certainty, "seen", "here") for code in CATALOGUE for certainty in ("hint", "likely")]
    kept = ranked(found)
    assert len(kept) == MAX_FINDINGS
    assert len({f.code for f in kept}) == MAX_FINDINGS
    assert {f.certainty for f in kept} == {"likely"}


def test_without_findings_no_empty_table_is_shown() -> None:
    assert str(makeweight.Diagnosis((), (), 0.0)).strip() == "Nothing wrong found."


def test_hostile_names_are_inert_in_a_notebook() -> None:
    shown = makeweight.Diagnosis((finding("dead-relu", "likely", "<script>1</script>", "<b>"),), (), 0.0)._repr_html_()
    assert "<script>" not in shown
    assert "&lt;script&gt;" in shown
