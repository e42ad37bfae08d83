"""Facts about training steps as the user takes them, and about the user's validation."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from makeweight.diagnosis.observer import NORMS, Forward, Observation, Observer
from makeweight.diagnosis.outputs import chosen_by, rows_of
from makeweight.diagnosis.probes.copies import changed_copies, standard_rows
from makeweight.diagnosis.subject import Clock, LossFunction, Subject, loss_of, preserved, unreduced
from makeweight.diagnosis.trace import tensors

BATCH = 64
MAX_STEPS, MIN_STEPS = 120, 12


@dataclass(frozen=True)
class Pull:
    """What the loss asks of the logits in one pass: its gradient at the output, compared with cross-entropy's."""

    images: int
    right: float  # mean of −∂loss/∂(logit of the right class); 1 − p over the batch's size for cross-entropy
    wrong_way: float  # share of images whose right logit is pushed down
    scale: float  # sum of the right pulls over the sum of 1 − p, times 1: 1 for the mean, n for the sum


@dataclass(frozen=True)
class Validated:
    """One call of the user's validation."""

    value: float
    seen: Observation
    error: str = ""

    def inputs(self, shape: tuple[int, ...]) -> Tensor | None:
        """All images of a shape that the network was shown, on the processor; None for fewer than 20."""
        same = [f.input.cpu() for f in self.seen.forwards if f.input.shape[1:] == shape]
        return torch.cat(same) if sum(map(len, same)) >= 20 else None


@dataclass(frozen=True)
class TrainingFacts:
    """What a few training steps showed."""

    own: bool  # by our own loop, because no step was given
    losses: tuple[float, ...]
    seen: Observation
    error: str
    pull: Pull | None
    doubled: float | None  # norm of the gradient for a batch taken twice, over that for the batch
    unchanged: tuple[str, ...]  # trainable parameters that have the same values after the steps
    relabelled: float  # share of the first batch whose label the loss was given is another than that of the image
    accuracy_before: float  # on some training images, in evaluation mode
    accuracy_after: float
    validated: tuple[Validated, ...] = field(default=())  # before the steps, and after
    copied: float = 0.0  # share of the validation's images that are changed copies of training images
    redrawn: tuple[float, float] | None = None  # likeness of its images to themselves when it ran again, and to others
    batch_statistics: float = float("nan")  # accuracy_after with batch norm's own statistics of the images
    recalls: dict[int, float] = field(default_factory=dict)  # by class, of accuracy_after
    batch: int = 0  # images that each step was given; 0 where that isn't known
    cut_short: str = ""  # how far it got where time ran out


def training_facts(subject: Subject, clock: Clock) -> TrainingFacts:
    """Take steps until the clock is at its end; everything is as before afterwards."""
    model, optimizer, labels = subject.model, subject.optimizer, subject.labels
    step = subject.step or plain_step(model, subject.loss_fn, optimizer)
    batch = max(4, min(BATCH, len(labels) // 4))
    with preserved(model, optimizer, subject.step, subject.validate):
        doubled = _doubled(subject, step, batch)
    validated: list[Validated] = []
    with preserved(model, optimizer, subject.step, subject.validate):
        validated += _validate(subject)
        shown = inputs_of(validated, subject)
        copied, redrawn = copies_in(shown, subject), likeness(shown, inputs_of(_validate(subject), subject))
    with preserved(model, optimizer, subject.step, subject.validate):
        before = accuracy_of(subject)
        if subject.step is None:
            model.train()
        start = {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}
        losses, seen, error, first_batch = _steps(subject, step, batch, clock)
        unchanged = tuple(n for n, p in model.named_parameters() if n in start and torch.equal(p.detach(), start[n]))
        (after, recalls), of_batch = scored(subject), accuracy_of(subject, own_statistics=True)
        if losses:
            validated += _validate(subject)
    cut = 0 < len(losses) < MAX_STEPS and not error and math.isfinite(losses[-1])
    return TrainingFacts(
        own=subject.step is None,
        batch=batch,
        losses=tuple(losses),
        seen=seen,
        error=error,
        pull=pull_of(seen, first_batch[1]),
        doubled=doubled,
        unchanged=unchanged,
        relabelled=_relabelled(seen, first_batch),
        accuracy_before=before,
        accuracy_after=after,
        validated=tuple(validated),
        copied=copied,
        redrawn=redrawn,
        batch_statistics=of_batch,
        recalls=recalls,
        cut_short=f"{len(losses)} of {MAX_STEPS} training steps" if cut else "",
    )


def inputs_of(validated: Sequence[Validated], subject: Subject) -> Tensor | None:
    """Return the images of a validation, if it was given and showed some of the training images' shape."""
    return validated[0].inputs(subject.images.shape[1:]) if validated else None


def copies_in(shown: Tensor | None, subject: Subject) -> float:
    """Share of a validation's images that are changed copies of training images."""
    return 0.0 if shown is None else changed_copies(shown, subject.images)


def likeness(shown: Tensor | None, again: Tensor | None) -> tuple[float, float] | None:
    """Correlate the images of two runs of a validation, place by place, and with others; None if most are equal."""
    if shown is None or again is None or shown.shape != again.shape:
        return None
    one, other = standard_rows(shown.float()), standard_rows(again.float())
    if float((one == other).all(1).double().mean()) > 0.5:
        return None
    own, others = (one * other).sum(1), (one * other.roll(len(other) // 3, 0)).sum(1)
    return float(own.mean()), float(others.mean())


def plain_step(
    model: nn.Module, loss_fn: LossFunction, optimizer: torch.optim.Optimizer
) -> Callable[[Tensor, Tensor], Tensor]:
    """Make the training step that the documentation of torch shows."""

    def step(images: Tensor, labels: Tensor) -> Tensor:
        optimizer.zero_grad()
        loss = loss_of(loss_fn, model(images), labels)
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        return loss.detach()

    return step


def batches_of(subject: Subject, batch: int, seed: int) -> Callable[[], tuple[Tensor, Tensor]]:
    """Return a function that gives the next shuffled batch, over and over."""
    generator = torch.Generator().manual_seed(seed)
    waiting: list[Tensor] = []

    def following() -> tuple[Tensor, Tensor]:
        if not waiting:
            order = torch.randperm(len(subject.labels), generator=generator)
            waiting.extend(part for part in torch.split(order, batch) if len(part) == batch)
        return subject.rows(waiting.pop())

    return following


def _steps(
    subject: Subject, step: Callable[[Tensor, Tensor], object], batch: int, clock: Clock
) -> tuple[list[float], Observation, str, tuple[Tensor, Tensor]]:
    following, losses, error = batches_of(subject, batch, 0), list[float](), ""
    first = (torch.zeros(0), torch.zeros(0))
    with Observer(subject.model, subject.optimizer) as observer:
        for number in range(MAX_STEPS):
            images, labels = following()
            first = (images.clone(), labels.clone()) if number == 0 else first
            try:
                losses.append(_number(step(images, labels), observer))
            except Exception as failure:  # somebody else's code may raise anything
                error = f"{type(failure).__name__}: {failure}".splitlines()[0]
                break
            if (clock.left < 0 and number >= MIN_STEPS) or not math.isfinite(losses[-1]):
                break
    return losses, observer.seen, error, first


def _number(loss: object, observer: Observer) -> float:
    """Read what a step returned; a step that returns nothing is read from the loss it called."""
    if isinstance(loss, tuple | list) and loss:
        loss = loss[0]
    if isinstance(loss, Tensor) and loss.numel():
        return float(loss.detach().float().mean())
    if isinstance(loss, int | float):
        return float(loss)
    last = observer.seen.losses[-1] if observer.seen.losses else None
    if last is not None and last.name == "cross_entropy" and isinstance(last.target, Tensor):
        return float(nn.functional.cross_entropy(last.input, last.target))
    return 0.0


def _doubled(subject: Subject, step: Callable[[Tensor, Tensor], object], batch: int) -> float | None:
    """Compare the gradients that the user's step makes of a batch, and of the same batch twice."""
    if subject.step is None:
        return _doubled_loss(subject, batch)
    images, labels = subject.sample(batch, seed=1)
    norms = []
    for repeats in (1, 2):
        with preserved(subject.model, subject.optimizer, subject.step):
            try:
                with Observer(subject.model, subject.optimizer) as observer:
                    step(torch.cat([images] * repeats), torch.cat([labels] * repeats))
            except Exception:  # somebody else's code may raise anything; the steps will say it
                return None
            norms.append(observer.seen.updates[0].gradient_norm if observer.seen.updates else 0.0)
    return norms[1] / norms[0] if norms[0] > 0 and math.isfinite(norms[0]) else None


def _doubled_loss(subject: Subject, batch: int) -> float | None:
    images, labels = subject.sample(batch, seed=1)
    model = subject.model
    model.eval()
    try:
        with torch.no_grad():
            output = next(tensors(model(images)))
            once = unreduced(subject.loss_fn, output, labels)
            twice = unreduced(subject.loss_fn, torch.cat([output] * 2), torch.cat([labels] * 2))
    except Exception:  # as above
        return None
    return float(twice) / float(once) if once.ndim == 0 and abs(float(once)) > 1e-9 else None


def accuracy_of(subject: Subject, *, own_statistics: bool = False) -> float:
    """Accuracy on some of the training images in evaluation mode; 0 where the model can't say.

    With ``own_statistics`` batch norm uses those of the images themselves, in place of its running averages.
    """
    answers = _answers(subject, own_statistics=own_statistics)
    return 0.0 if answers is None else float((answers[0] == answers[1]).double().mean())


def scored(subject: Subject) -> tuple[float, dict[int, float]]:
    """Accuracy as of :func:`accuracy_of`, and the recall of each class."""
    answers = _answers(subject)
    if answers is None:
        return 0.0, {}
    right, labels = answers[0] == answers[1], answers[1]
    recalls = {int(c): float(right[labels == c].double().mean()) for c in torch.unique(labels)}
    return float(right.double().mean()), recalls


@torch.no_grad()
def _answers(subject: Subject, *, own_statistics: bool = False) -> tuple[Tensor, Tensor] | None:
    """Predictions and labels (n,) of some training images; the modes of all modules are as before."""
    images, labels = subject.sample(1_000, seed=2)
    modules = list(subject.model.modules())
    norms = [m for m in modules if own_statistics and isinstance(m, NORMS)]
    before = [module.training for module in modules], [norm.momentum for norm in norms]
    subject.model.eval()
    for norm in norms:
        norm.training, norm.momentum = True, 0.0
    try:
        picked = [chosen_by(rows_of(subject.model(part))) for part in torch.split(images, 250) if len(part) > 1]
        together = torch.cat(picked)
        return together, labels[: len(together)]
    except (RuntimeError, IndexError, ValueError, StopIteration):
        return None
    finally:
        for module, training in zip(modules, before[0], strict=True):
            module.training = training
        for norm, momentum in zip(norms, before[1], strict=True):
            norm.momentum = momentum


def pull_of(seen: Observation, labels: Tensor) -> Pull | None:
    """Look at the gradient at the output of the first pass."""
    record = next((f for f in seen.forwards if f.output_gradient is not None), None)
    if (
        seen.mixes_losses
        or record is None
        or record.output is None
        or record.output.ndim != 2
        or record.output.shape[1] < 2
    ):
        return None
    marks = _labels_of(record, seen, labels)
    if marks is None:
        return None
    assert record.output_gradient is not None
    chosen = marks.view(-1, 1)
    gradient = record.output_gradient.gather(1, chosen)[:, 0].double()
    missing = 1 - record.output.softmax(1).gather(1, chosen)[:, 0].double()
    images = len(marks)
    return Pull(
        images=images,
        right=float(-gradient.mean()),
        wrong_way=float((gradient > 0).double().mean()),
        scale=float(-gradient.sum() / (missing.sum() + 1e-12)) * images,
    )


def _relabelled(seen: Observation, batch: tuple[Tensor, Tensor]) -> float:
    """Find each image that the network was given among those of the batch, and compare its label with the loss's.

    0 where images were changed so much on the way that they cannot be found again.
    """
    images, labels = batch
    record = next((f for f in seen.forwards if f.with_gradients), None)
    called = next((c for c in seen.losses if c.trains), None)
    target = called.target if called is not None else None
    if (
        seen.mixes_losses
        or record is None
        or not isinstance(target, Tensor)
        or target.shape != labels.shape
        or record.images != len(labels)
    ):
        return 0.0
    if record.input.numel() != images.numel() or target.is_floating_point():
        return 0.0
    # By correlation, because a step may well normalise images itself.
    of_batch, network_got = (part.detach().float().flatten(1) for part in (images, record.input))
    of_batch, network_got = (
        nn.functional.normalize(p - p.mean(1, keepdim=True), dim=1) for p in (of_batch, network_got)
    )
    likeness, place = (network_got @ of_batch.T).max(1)
    known = likeness > 0.95
    if float(known.double().mean()) < 0.9:
        return 0.0
    return float((target != labels[place])[known].double().mean())


def _labels_of(record: Forward, seen: Observation, labels: Tensor) -> Tensor | None:
    """Return the labels of a pass: those that the loss was given, or as many of the batch's as it had images."""
    count = record.images
    called = next((c.target for c in seen.losses if isinstance(c.target, Tensor) and c.target.shape == (count,)), None)
    marks = called if called is not None and not called.is_floating_point() else labels[:count]
    assert record.output is not None
    inside = len(marks) == count and not marks.is_floating_point() and len(marks) > 0
    return marks if inside and int(marks.min()) >= 0 and int(marks.max()) < record.output.shape[1] else None


def _validate(subject: Subject) -> list[Validated]:
    if subject.validate is None:
        return []
    value, error = float("nan"), ""
    with Observer(subject.model) as observer:
        try:
            value = float(subject.validate())
        except Exception as failure:  # somebody else's code may raise anything
            error = f"{type(failure).__name__}: {failure}".splitlines()[0]
    return [Validated(value, observer.seen, error)]
