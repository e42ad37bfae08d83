"""What would be if: short trainings of copies with other settings, and the two acid tests."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from makeweight.diagnosis.outputs import chosen_by, rows_of
from makeweight.diagnosis.probes.training import BATCH, batches_of, plain_step
from makeweight.diagnosis.subject import Clock, Subject, loss_of, peak_learning_rates, preserved

FACTORS = (1.0, 0.1, 10.0, 100.0)  # of the learning rate
HIGHER = (1_000.0, 10_000.0)
MAX_STEPS, MIN_STEPS = 100, 15
ONE_BATCH, ONE_BATCH_STEPS, MIN_ONE_BATCH_STEPS = 32, 100, 50


@dataclass(frozen=True)
class Trial:
    """A short training of a copy."""

    first: float  # loss of the first step
    head: float  # mean over the first three
    last: float  # mean over the last quarter of the steps; infinite where it became NaN
    worst: float
    steps: int


@dataclass(frozen=True)
class TrialFacts:
    """What the copies did."""

    by_factor: dict[float, Trial]  # of the learning rate
    without_decay: Trial | None
    decay_pull: float  # norm of weight decay's pull over that of the gradient, at the start
    decay_is_decoupled: bool  # as AdamW's
    overfits: bool | None  # whether one batch can be learned by heart with the user's settings
    overfits_with_adam: bool | None  # the same, with Adam at 0.001
    one_batch: tuple[float, float] | None  # its loss at the start and at the end
    copied: bool
    cut_short: str = ""  # how far it got where time ran out


NOTHING = TrialFacts({}, None, 0.0, False, None, None, None, copied=False)


def trial_facts(subject: Subject, clock: Clock) -> TrialFacts:
    """Train copies until the clock is at its end; the user's network is not touched."""
    if subject.copied() is None:
        return NOTHING
    with preserved(subject.model, subject.optimizer):
        steps = _affordable(subject, clock)
        by_factor = _by_factor(subject, steps)
        decays = any(group.get("weight_decay", 0) for group in subject.optimizer.param_groups)
        overfits, with_adam, one_batch = _one_batch(subject, clock)
        return TrialFacts(
            by_factor=by_factor,
            without_decay=_trial(subject, steps, 1.0, decay=False) if decays else None,
            decay_pull=_decay_pull(subject),
            decay_is_decoupled=any(_is_decoupled(subject.optimizer, g) for g in subject.optimizer.param_groups),
            overfits=overfits,
            overfits_with_adam=with_adam,
            one_batch=one_batch,
            copied=True,
            cut_short=f"{steps} of {MAX_STEPS} steps of each trial" if steps < MAX_STEPS else "",
        )


def _by_factor(subject: Subject, steps: int) -> dict[float, Trial]:
    trials: dict[float, Trial] = {}
    for factor in (*FACTORS, *HIGHER):
        if factor in HIGHER and min(trials, key=lambda f: trials[f].last, default=0.0) != factor / 10:
            break  # only where more has helped all along
        trial = _trial(subject, steps, factor)
        if trial is not None:
            trials[factor] = trial
    return trials


def _affordable(subject: Subject, clock: Clock) -> int:
    """Say how many steps each trial may take: all, or fewer where three quarters of the time don't suffice for five."""
    start = time.process_time()
    _trial(subject, 3, 1.0)
    step_seconds = (time.process_time() - start) / 3
    return max(MIN_STEPS, min(MAX_STEPS, int(0.75 * max(0.0, clock.left) / 5 / max(step_seconds, 1e-4))))


def _trial(subject: Subject, steps: int, factor: float, *, decay: bool = True) -> Trial | None:
    copies = subject.copied()
    if copies is None:
        return None
    model, loss_fn, optimizer = copies
    for group, rate in zip(optimizer.param_groups, peak_learning_rates(optimizer), strict=True):
        group["lr"] = rate * factor
        if not decay:
            group["weight_decay"] = 0.0
    model.train()
    step, losses = plain_step(model, loss_fn, optimizer), list[float]()
    following = batches_of(subject, max(4, min(BATCH, len(subject.labels) // 4)), 3)
    torch.manual_seed(0)  # the same dropout for every factor; put back by the caller
    for _ in range(steps):
        try:
            losses.append(float(step(*following())))
        except Exception:  # somebody else's model or loss may raise anything; the steps have said it
            return None
        if not math.isfinite(losses[-1]):
            return Trial(losses[0], losses[0], math.inf, math.inf, len(losses))
    tail = losses[-max(3, steps // 4) :]
    head = losses[: min(3, len(losses))]
    return Trial(losses[0], sum(head) / len(head), sum(tail) / len(tail), max(losses), len(losses))


def _decay_pull(subject: Subject) -> float:
    """Compare weight decay with the gradient on one batch: above 1 the weights shrink more than they learn.

    AdamW's decay is decoupled and its steps are about 1 for each weight, so it is compared with that.
    """
    copies = subject.copied()
    if copies is None:
        return 0.0
    model, loss_fn, optimizer = copies
    images, labels = subject.sample(BATCH, seed=4)
    model.train()
    optimizer.zero_grad()
    try:
        loss_of(loss_fn, model(images), labels).backward()  # type: ignore[no-untyped-call]
    except Exception:  # somebody else's model or loss may raise anything; the steps have said it
        return 0.0
    pulled = learned = 0.0
    for group in optimizer.param_groups:
        decay = float(group.get("weight_decay", 0.0) or 0.0)
        decoupled = _is_decoupled(optimizer, group)
        for p in group["params"]:
            if p.grad is not None and p.ndim > 1:
                pulled += (decay * float(p.detach().norm())) ** 2
                learned += float(p.numel()) if decoupled else float(p.grad.norm()) ** 2
    return math.sqrt(pulled / learned) if learned > 0 else 0.0


def _is_decoupled(optimizer: torch.optim.Optimizer, group: dict[str, Any]) -> bool:
    return isinstance(optimizer, torch.optim.AdamW) or bool(group.get("decoupled_weight_decay"))


def _one_batch(subject: Subject, clock: Clock) -> tuple[bool | None, bool | None, tuple[float, float] | None]:
    images, labels = subject.sample(ONE_BATCH, seed=5)
    if len(torch.unique(labels)) < 2:
        return None, None, None
    learned, losses = _learned(subject, images, labels, adam=False, clock=clock)
    with_adam = learned if learned else _learned(subject, images, labels, adam=True, clock=clock)[0]
    return learned, with_adam, losses


def _learned(
    subject: Subject, images: Tensor, labels: Tensor, *, adam: bool, clock: Clock
) -> tuple[bool | None, tuple[float, float] | None]:
    copies = subject.copied()
    if copies is None:
        return None, None
    model, loss_fn, optimizer = copies
    if adam:
        optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad] or [torch.zeros(1)], lr=1e-3)
    model.train()
    step, losses = plain_step(model, loss_fn, optimizer), list[float]()
    for number in range(ONE_BATCH_STEPS):
        try:
            losses.append(float(step(images, labels)))
        except Exception:  # somebody else's model or loss may raise anything; the steps have said it
            return None, None
        if not math.isfinite(losses[-1]) or (clock.left < 0 and number >= MIN_ONE_BATCH_STEPS):
            break
    try:
        with torch.no_grad():
            hits = (chosen_by(rows_of(model(images))) == labels).double().mean()
    except (RuntimeError, IndexError):
        return None, None
    return float(hits) > 0.9, (losses[0], losses[-1])
