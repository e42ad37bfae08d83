"""Observing a training loop that the user runs as it is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from types import TracebackType

import torch
from torch import Tensor, nn
from torch.nn import functional

from makeweight.diagnosis.diagnose import SECONDS, judged
from makeweight.diagnosis.findings import Diagnosis
from makeweight.diagnosis.observer import Forward, LossCall, Observation, Observer
from makeweight.diagnosis.probes.training import (
    TrainingFacts,
    Validated,
    accuracy_of,
    copies_in,
    inputs_of,
    pull_of,
    scored,
)
from makeweight.diagnosis.subject import MIN_IMAGES, LossFunction, Subject, preserved
from makeweight.errors import InvalidValue

MAX_IMAGES = 4_000  # of those that were seen in training


class Watch:
    """Watches everything between ``with`` and its end; then :attr:`diagnosis` says what was found.

    ::

        with makeweight.Watch(model, optimizer) as watch:
            train(model, optimizer)      # your loop, with its validation
        print(watch.diagnosis)

    Parameters
    ----------
    model : torch.nn.Module
        Trained inside the block.
    optimizer : torch.optim.Optimizer
        That trains it.
    seconds : float
        Processor time that the diagnosis at the end may take, about.
    """

    def __init__(self, model: nn.Module, optimizer: torch.optim.Optimizer, *, seconds: float = SECONDS) -> None:
        self._model, self._optimizer, self._seconds = model, optimizer, seconds
        self._observer = Observer(model, optimizer)
        self._start: dict[str, Tensor] = {}
        self._error = ""
        self._diagnosis: Diagnosis | None = None

    def __enter__(self) -> Watch:
        self._start = {n: p.detach().clone() for n, p in self._model.named_parameters() if p.requires_grad}
        self._observer.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._observer.__exit__(kind, error, trace)
        if error is not None:
            self._error = f"{type(error).__name__}: {error}".splitlines()[0]

    @property
    def diagnosis(self) -> Diagnosis:
        """What was found.

        Raises
        ------
        InvalidValue
            If too little of a training happened inside the block.
        """
        if self._diagnosis is None:
            self._diagnosis = self._judge()
        return self._diagnosis

    def _judge(self) -> Diagnosis:
        seen = self._observer.seen
        pairs = list(_pairs(seen))
        if sum(len(labels) for _, labels in pairs) < MIN_IMAGES:
            raise InvalidValue(
                "Watch saw no training of images with class numbers: run the training inside the block, with a loss of "
                "torch's (cross_entropy, for example), or use makeweight.diagnose."
            )
        images, labels = (torch.cat(parts) for parts in zip(*((r.input, marks) for r, marks in pairs), strict=True))
        first = _first_of_each(images)[:MAX_IMAGES]
        images, labels = images[first], labels[first]
        subject = Subject(
            self._model, _loss_of(next(call for call in seen.losses if call.trains)), self._optimizer, images, labels
        )
        return judged(subject, self._seconds, self._facts(subject, seen, labels))

    def _facts(self, subject: Subject, seen: Observation, labels: Tensor) -> TrainingFacts:
        now = dict(self._model.named_parameters())
        validation = [f for f in seen.forwards if not f.with_gradients]
        alone = Observation(forwards=validation, picks=seen.picks, comparisons=seen.comparisons)
        accuracy, recalls = scored(subject)
        with preserved(subject.model, None):  # norms count their passes
            of_batch = accuracy_of(subject, own_statistics=True)
        validated = (Validated(float("nan"), alone),) if validation else ()
        return TrainingFacts(
            own=False,
            losses=tuple(call.value for call in seen.losses if call.trains),
            seen=replace(seen, forwards=[f for f in seen.forwards if f.with_gradients]),
            error=self._error,
            pull=pull_of(seen, labels),
            doubled=None,
            unchanged=tuple(n for n, before in self._start.items() if torch.equal(now[n].detach(), before)),
            relabelled=0.0,
            accuracy_before=accuracy,
            accuracy_after=accuracy,
            validated=validated,
            copied=copies_in(inputs_of(validated, subject), subject),
            batch_statistics=of_batch,
            recalls=recalls,
        )


def _first_of_each(images: Tensor) -> Tensor:
    """Return the rows of the images that had not come before: the second epoch repeats the first."""
    rows: dict[bytes, int] = {}
    for place, row in enumerate(images.detach().cpu().flatten(1).float().contiguous().numpy()):
        rows.setdefault(row.tobytes(), place)
    return torch.tensor(list(rows.values()))


def _pairs(seen: Observation) -> list[tuple[Forward, Tensor]]:
    """Match training passes with the labels that the loss was given after them."""
    pairs, calls = [], [c for c in seen.losses if c.trains and isinstance(c.target, Tensor)]
    for record in seen.forwards:
        if not record.with_gradients:
            continue
        matching = (i for i, c in enumerate(calls) if c.input.shape[:1] == (record.images,))
        place = next(matching, None)
        if place is None:
            continue
        target = calls[place].target
        del calls[: place + 1]
        if target.ndim == 1 and not target.is_floating_point():
            pairs.append((record, target))
        elif target.numel() == len(target):  # one output an image: 0 or 1
            pairs.append((record, target.flatten().round().long()))
        elif target.ndim == 2:
            pairs.append((record, target.argmax(1)))
    return pairs


def _loss_of(call: LossCall) -> LossFunction:
    """Return the loss that was called, for outputs and class numbers."""
    function: Callable[..., Tensor] = getattr(functional, call.name)

    def loss(outputs: Tensor, labels: Tensor) -> Tensor:
        if call.name in ("cross_entropy", "nll_loss", "multi_margin_loss"):
            return function(outputs, labels, reduction=call.reduction)
        single = outputs.numel() == len(labels)
        wanted = labels.view_as(outputs) if single else functional.one_hot(labels, outputs.shape[1])
        return function(outputs, wanted.to(outputs.dtype), reduction=call.reduction)

    return loss
