"""Faults of the settings: learning rate, schedule, weight decay, and how long and how well it trained."""

from __future__ import annotations

import math
from collections.abc import Iterator

from makeweight.diagnosis.evidence import Evidence
from makeweight.diagnosis.findings import Finding, finding
from makeweight.diagnosis.probes.trials import Trial
from makeweight.diagnosis.subject import learning_rates, peak_learning_rates
from makeweight.wording import percent, points

MANY_PASSES = 10  # over all images in the steps here: so often only few images are seen
ENOUGH_STEPS = 40  # of a trial: in fewer a sound training of a large network may not have got anywhere


def _goes_well(e: Evidence) -> bool:
    """Say whether the user's own steps bring the loss down quietly, with the clipping or warm-up that they may have."""
    losses = e.training.losses
    if e.training.own or len(losses) < 20 or not all(map(math.isfinite, losses)):
        return False
    end = sum(losses[-10:]) / 10
    return end < 0.8 * losses[0] and max(losses) < 2.5 * losses[0]


def rate_too_high(e: Evidence) -> Iterator[Finding]:
    """Compare the given learning rate with a tenth of it."""
    t = e.trials.by_factor
    usual, tenth = t.get(1.0), t.get(0.1)
    rate = max(peak_learning_rates(e.subject.optimizer), default=0.0)
    failed = [loss for loss in e.training.losses if not math.isfinite(loss)]
    if usual is None or tenth is None or not math.isfinite(tenth.last):
        if failed:
            yield finding(
                "learning-rate-too-high",
                "likely",
                f"the loss became {failed[0]} within {len(e.training.losses)} steps",
                "lr",
                _with_rate(e, 0.1),
            )
        return
    seen = f"lr {rate:g}: loss {usual.first:.3g} to {usual.last:.3g} in {usual.steps} steps"
    fix = _with_rate(e, 0.1, tenth)
    with_tenth = f"with a tenth of it {tenth.first:.3g} to {tenth.last:.3g}"
    guess = math.log(max(2, len(e.data.counts)))
    helps = tenth.last < 0.95 * min(usual.first, guess) or not e.speaks_nats
    if e.is_trained and (usual.last < 0.5 * guess or not e.speaks_nats):
        return  # near its end a training always does better with less
    if e.speaks_nats and e.network is not None and e.is_trained and e.network.cross_entropy > 3 * guess:
        yield finding(
            "learning-rate-too-high",
            "likely",
            f"{percent(e.network.accuracy, 0)} of the images are right and yet the loss is "
            f"{e.network.cross_entropy:.3g}, where a guess has {guess:.2f}: steps of lr {rate:g} have blown up the "
            "weights",
            "lr",
            fix,
        )
    elif _goes_well(e):
        if usual.last > 1.25 * tenth.last and tenth.last < 0.9 * usual.first:
            yield finding("learning-rate-too-high", "hint", f"{seen} of a plain loop; {with_tenth}", "lr", fix)
    elif not math.isfinite(usual.last) or failed:
        yield finding(
            "learning-rate-too-high",
            "definite" if helps else "hint",
            f"{seen} (it became infinite); {with_tenth}",
            "lr",
            fix,
        )
    elif (usual.worst > 3 * usual.first and usual.last > 1.3 * tenth.last and helps) or (
        usual.worst > 8 * max(usual.first, guess) and usual.first < 3 * guess and tenth.worst < 0.5 * usual.worst
    ):
        yield finding(
            "learning-rate-too-high", "definite", f"{seen}, in between up to {usual.worst:.3g}; {with_tenth}", "lr", fix
        )
    elif usual.last > 1.6 * tenth.last and tenth.last < 0.9 * usual.first:
        yield finding("learning-rate-too-high", "likely", f"{seen}; {with_tenth}", "lr", fix)
    elif usual.last > 1.25 * tenth.last and tenth.last < 0.9 * usual.first:
        yield finding("learning-rate-too-high", "hint", f"{seen}; {with_tenth}", "lr", fix)


def _with_rate(e: Evidence, factor: float, tried: Trial | None = None) -> str:
    """Write the user's optimizer with another learning rate, and say what it did here."""
    rate = factor * max(peak_learning_rates(e.subject.optimizer), default=0.0)
    did = f"  # tried here: loss {tried.first:.3g} to {tried.last:.3g} in {tried.steps} steps" if tried else ""
    return f"optimizer = torch.optim.{type(e.subject.optimizer).__name__}(model.parameters(), lr={rate:.3g}, …){did}"


def rate_too_low(e: Evidence) -> Iterator[Finding]:
    """Compare what the given learning rate achieves with what ten and a hundred times as much do."""
    usual, tenth = e.trials.by_factor.get(1.0), e.trials.by_factor.get(0.1)
    course, peak = e.training.seen.learning_rate_course, max(peak_learning_rates(e.subject.optimizer), default=0.0)
    if len(course) >= 40 and 0 < max(course) < 0.01 * peak and course[-1] >= course[0] and not e.is_trained:
        yield finding(
            "learning-rate-too-low",
            "likely",
            f"after {len(course)} steps the schedule has come from {course[0]:.2g} to {course[-1]:.2g}, of "
            f"{peak:.2g} at its peak; the loss went from {e.training.losses[0]:.3g} to {e.training.losses[-1]:.3g}",
            "lr, in its schedule",
            "Shorten the warm-up: a tenth of all steps is usual. Is it counted in epochs, and stepped after every "
            "batch?",
        )
        return
    if peak == 0:
        yield finding("learning-rate-too-low", "definite", "the learning rate is 0", "lr")
        return
    higher = {f: t for f, t in e.trials.by_factor.items() if f > 1 and math.isfinite(t.last)}
    if usual is None or tenth is None or not higher or not math.isfinite(usual.last):
        return
    factor, best = min(higher.items(), key=lambda item: item[1].last)
    # Means over batches, because one batch may be easier than another.
    possible, reached = tenth.head - best.last, tenth.head - usual.last
    if possible <= 0 or possible < 0.2 * abs(tenth.head):  # 0 where the loss is 0 whatever is done
        return
    if not e.training.own and len(e.training.losses) >= ENOUGH_STEPS and e.speaks_nats:
        reached = max(reached, tenth.head - sum(e.training.losses[-10:]) / 10)  # by the user's own steps
    share = max(0.0, reached / possible)
    if share < 0.2:
        rate = max(peak_learning_rates(e.subject.optimizer), default=0.0)
        yield finding(
            "learning-rate-too-low",
            "hint" if share > 0.09 or usual.steps < ENOUGH_STEPS else "likely" if share > 0.03 else "definite",
            f"lr {rate:g}: loss {usual.first:.3g} to {usual.last:.3g} in {usual.steps} steps; with {factor:g} times "
            f"as much to {best.last:.3g}",
            "lr",
            _with_rate(e, factor, best),
        )


def schedule(e: Evidence) -> Iterator[Finding]:
    """Look for a learning rate that has come down to nothing."""
    peak = max(peak_learning_rates(e.subject.optimizer), default=0.0)
    now = max(learning_rates(e.subject.optimizer), default=0.0)
    course = e.training.seen.learning_rate_course
    usual, n = e.trials.by_factor.get(1.0), len(course)
    gain = usual is not None and math.isfinite(usual.last) and usual.last < 0.85 * usual.first
    if peak > 0 and now < 0.02 * peak and not any(rate > 2 * now for rate in course):
        if e.is_trained or gain:
            yield finding(
                "schedule-ends-early",
                "definite" if gain and e.is_trained else "likely" if gain or now < 0.001 * peak else "hint",
                f"the learning rate is {now:.3g}, and was {peak:.3g} at its peak"
                + (
                    f"; with that, the loss still falls from {usual.first:.3g} to {usual.last:.3g}"
                    if gain and usual
                    else ""
                ),
                "lr",
            )
    elif n >= 10 and peak > 0 and course[-1] < 0.02 * max(course) and max(course) > 0:
        place = next(i for i, rate in enumerate(course) if rate < 0.02 * max(course) and i > course.index(max(course)))
        left = course[place:]
        if len(left) >= 0.15 * n and max(left) < 0.05 * max(course):
            yield finding(
                "schedule-ends-early",
                "likely",
                f"the learning rate fell from {max(course):.3g} to {course[place]:.3g} within {place + 1} steps",
                "lr",
            )


def decay(e: Evidence) -> Iterator[Finding]:
    """Compare weight decay's pull with the gradient's, and training with and without it."""
    pull, usual, without = e.trials.decay_pull, e.trials.by_factor.get(1.0), e.trials.without_decay
    largest = max((float(g.get("weight_decay", 0) or 0) for g in e.subject.optimizer.param_groups), default=0.0)
    if usual is None or without is None or not math.isfinite(without.last):
        return
    better = without.last < 0.85 * usual.last
    much_better = without.last < 0.7 * usual.last
    known = e.is_trained and e.training.accuracy_before > (e.data.linear or 0.0) - 0.05
    seen = (
        f"weight_decay {largest:g} pulls {pull:.2g} times as strongly as the gradient at the start; the loss falls to "
        f"{usual.last:.3g} with it and to {without.last:.3g} without in {usual.steps} steps"
    )
    if known:
        # Where the training images are known, hardly any gradient is left to compare a coupled decay with.
        if better and pull > 0.1 and e.trials.decay_is_decoupled:
            yield finding("weight-decay-too-strong", "likely", seen, "weight_decay")
    elif pull > 0.3 and better:
        certainty = "definite" if much_better else "likely"
        yield finding("weight-decay-too-strong", certainty, seen, "weight_decay")  # type: ignore[arg-type]
    elif pull > 1.5 or much_better:
        yield finding("weight-decay-too-strong", "definite" if pull > 20 else "likely", seen, "weight_decay")
    elif better and pull > 0.05:
        yield finding("weight-decay-too-strong", "hint", seen, "weight_decay")


def overfitting(e: Evidence) -> Iterator[Finding]:
    """Compare accuracy on training images with the user's validation."""
    t = e.training
    passes = len(t.losses) * t.batch / e.data.count
    if not t.validated or not (e.is_trained or passes >= MANY_PASSES):
        return
    known, value = (
        (t.accuracy_before, t.validated[0].value) if e.is_trained else (t.accuracy_after, t.validated[-1].value)
    )
    gap = known - value
    if 0 <= value <= 1 and gap > 0.05 and known > 0.85:
        yield finding(
            "overfitting",
            "likely" if e.is_trained and gap > 0.1 and known > 0.97 else "hint",
            f"{percent(known, 1)} of training images are right and {percent(value, 1)} of validation images, "
            f"{points(gap, 0)} points fewer",
            "the whole network",
        )


def underfitting(e: Evidence) -> Iterator[Finding]:
    """Compare a trained network with a linear model, and see whether one batch can be learned by heart."""
    linear, accuracy, usual = e.data.linear, e.training.accuracy_before, e.trials.by_factor.get(1.0)
    base = max(linear or 0.0, e.data.class_mean or 0.0)
    if e.above_chance(base) < 0.11 or usual is None:
        return
    stuck = math.isfinite(usual.last) and usual.last > 0.9 * usual.first and usual.steps >= ENOUGH_STEPS
    stuck = stuck and not _goes_well(e)
    after = e.training.accuracy_after
    if e.is_trained and accuracy < base - 0.03 and after < min(base, accuracy + 0.03):
        yield finding(
            "underfitting",
            "likely" if stuck and after < base - 0.03 else "hint",
            f"{percent(accuracy, 1)} of training images are right, after {len(e.training.losses)} more steps "
            f"{percent(after, 1)}; a linear model gets {percent(base, 1)} of new ones",
            "the whole network",
        )
    elif (
        not e.is_trained
        and e.trials.overfits is False
        and e.trials.overfits_with_adam is False
        and e.trials.one_batch is not None
    ):
        start, end = e.trials.one_batch
        yield finding(
            "underfitting",
            "hint"
            if end < 0.5 * start
            else "likely"
            if stuck and accuracy < base - 0.05 and after < base - 0.1
            else "hint",
            f"one batch of 32 images cannot be memorised: loss {start:.3g} to {end:.3g} with these settings, "
            "and no better with Adam at 0.001",
            "the whole network",
        )


def undertrained(e: Evidence) -> Iterator[Finding]:
    """See whether some more steps help a network that has been trained."""
    before, after, usual = e.training.accuracy_before, e.training.accuracy_after, e.trials.by_factor.get(1.0)
    if not e.is_trained or usual is None or not math.isfinite(usual.last):
        return
    values = [v.value for v in e.training.validated if 0 <= v.value <= 1]
    gain = values[-1] - values[0] if len(values) > 1 else after - before
    if (gain > 0.015 or after > before + 0.03) and usual.last < 0.9 * usual.first and before < 0.97:
        yield finding(
            "undertrained",
            "hint",
            f"{len(e.training.losses)} more steps raised the accuracy on training images from {percent(before, 1)} to "
            f"{percent(after, 1)}"
            + (
                f" and on validation images from {percent(values[0], 1)} to {percent(values[-1], 1)}"
                if len(values) > 1
                else ""
            ),
            "the number of epochs",
        )


RULES = (rate_too_high, rate_too_low, schedule, decay, overfitting, underfitting, undertrained)
