"""The diagnosis: measure, judge, rank."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn

from makeweight.diagnosis.evidence import Evidence
from makeweight.diagnosis.findings import Diagnosis, Finding, ranked, suited
from makeweight.diagnosis.probes.data import data_facts
from makeweight.diagnosis.probes.network import network_facts
from makeweight.diagnosis.probes.training import TrainingFacts, training_facts
from makeweight.diagnosis.probes.trials import trial_facts
from makeweight.diagnosis.rules import data, loop, loss, network, settings
from makeweight.diagnosis.subject import MAX_IMAGES, Clock, LossFunction, Step, Subject
from makeweight.training.precision import threads_of_torch
from makeweight.wording import percent

RULES: tuple[Callable[[Evidence], Iterator[Finding]], ...] = (
    *data.RULES, *loss.RULES, *loop.RULES, *network.RULES, *settings.RULES,
)  # fmt: skip
SECONDS = 60  # the slowest program of the corpus takes 24 s (AMD EPYC with AVX512, one thread)
STEPS_SHARE = 0.35  # of the time, for the user's own steps; the rest is for the copies


def diagnose(
    model: nn.Module,
    loss_fn: LossFunction,
    optimizer: torch.optim.Optimizer,
    images: Tensor,
    labels: Tensor,
    *,
    step: Step | None = None,
    validate: Callable[[], float] | None = None,
    seconds: float = SECONDS,
) -> Diagnosis:
    """Say why a network underperforms.

    Model, optimizer and random state are afterwards exactly as they were.

    Parameters
    ----------
    model : torch.nn.Module
        Before, in or after its training; gives logits (n, k).
    loss_fn : callable
        Takes outputs (n, k) and labels (n,), returns a loss.
    optimizer : torch.optim.Optimizer
        Of the model's parameters.
    images : torch.Tensor
        (n, c, h, w) or (n, features), as the model gets them; a few hundred to a few thousand of the training images.
    labels : torch.Tensor
        (n,)
    step : callable, optional
        The training step as it is: takes a batch of images and labels, trains on it, returns the loss. With it faults
        of the loop are seen.
    validate : callable, optional
        The validation as it is: returns an accuracy, 0 to 1. With it faults of the validation are seen.
    seconds : float
        Processor time that it may take, about; most take 3 to 20 s. Steps and trials are counted, so a busy machine
        changes no verdict; where the time doesn't suffice, ``cut_short`` says so.

    Returns
    -------
    Diagnosis
        Findings, the most important first; none where nothing wrong was found.

    Raises
    ------
    InvalidValue
        If the arguments do not belong together.
    """
    return judged(Subject(model, loss_fn, optimizer, images, labels, step, validate), seconds)


def judged(subject: Subject, seconds: float, steps: TrainingFacts | None = None) -> Diagnosis:
    """Measure a subject, and say what it means; ``steps`` are those of a training that was watched."""
    # One thread: two that wait for each other on a busy machine are many times slower than one.
    with warnings.catch_warnings(), threads_of_torch(1):
        warnings.simplefilter("ignore")  # what somebody's code warns of, it has warned of before
        return _judged(subject, Clock(seconds), steps)


def _judged(subject: Subject, clock: Clock, steps: TrainingFacts | None) -> Diagnosis:
    facts, error = None, ""
    try:
        facts = network_facts(subject)
    except Exception as failure:  # somebody else's network may raise anything, and that is a finding of its own
        error = f"{type(failure).__name__}: {failure}".splitlines()[0]
    looked = data_facts(subject.images, subject.labels, MAX_IMAGES)
    steps = steps or training_facts(subject, clock.part(STEPS_SHARE))
    evidence = Evidence(subject, looked, facts, steps, trial_facts(subject, clock), error)
    convolutional = facts is None or facts.flow.convolutional
    findings = [suited(fault, convolutional) for rule in RULES for fault in rule(evidence)]
    cut_short = ", ".join(filter(None, (steps.cut_short, evidence.trials.cut_short)))
    cut = (f"time: cut short after {cut_short}",) if cut_short else ()
    return Diagnosis(ranked(findings), (*_checked(evidence), *cut), clock.spent, cut_short)


def _checked(e: Evidence) -> tuple[str, ...]:
    d, t, trials, n = e.data, e.training, e.trials, e.network
    lines = [
        f"data: {d.count:,} images of the shape {d.shape}, {len(d.counts)} classes; values, duplicates, order, "
        "balance, axes",
        f"labels: nearest neighbour {_share(d.neighbour)}, class means {_share(d.class_mean)}, linear model "
        f"{_share(d.linear)}",
    ]
    if n is not None:
        lines.append(
            f"network: {n.flow.depth} layers with weights; outputs, activations, gradients, receptive field, weights"
        )
    else:
        lines.append(f"network: could not be run ({e.network_error})")
    who = "own steps, as no step was given" if t.own else "steps of the given step()"
    lines.append(f"training: {len(t.losses)} {who}{f', until {t.error}' if t.error else ''}")
    lines.append("validation: " + ("the given validate()" if t.validated else "not checked, no validate was given"))
    if trials.copied:
        lines.append(f"learning rate: {', '.join(f'×{f:g}' for f in trials.by_factor)}, on copies")
        lines.append(f"acid test, one batch memorised: {_told(trials.overfits)}")
    else:
        lines.append("learning rate and one batch memorised: not checked, the model cannot be copied")
    base = max(d.linear or 0.0, d.class_mean or 0.0)
    lines.append(
        f"acid test, better than a linear model and class means: {percent(t.accuracy_after, 1)} of training images "
        f"after the steps, {percent(base, 1)} of new images for the better of these two"
    )
    return tuple(lines)


def _share(value: float | None) -> str:
    return "not measured" if value is None else percent(value, 0)


def _told(value: bool | None) -> str:
    return {True: "yes", False: "no", None: "not measured"}[value]
