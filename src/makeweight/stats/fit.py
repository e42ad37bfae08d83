"""Whether a network overfits its training images, or underfits even those."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtri

from makeweight.stats.crossed import assumed_seed_spread
from makeweight.stats.intervals import CONFIDENCE, Interval, wilson

Verdict = Literal["overfits", "underfits", "neither shown"]
OVERFITS = 1 / 2  # from which share of the test error that is gap
UNDERFITS = 1 / 4  # up to which share of the validation error that is gap
QUANTILE = float(ndtri((1 + CONFIDENCE) / 2))


@dataclass(frozen=True, slots=True)
class SplitScores:
    """How the networks of all seeds do on one part of the data, in evaluation mode."""

    images: int
    accuracies: tuple[float, ...]  # one a seed, 0 to 1
    losses: tuple[float, ...]  # mean cross-entropy in nats, one a seed
    loss_sd: float  # over the images

    @property
    def accuracy(self) -> Interval:
        """Mean over the seeds, with the uncertainty of the choice of images."""
        return wilson(float(np.mean(self.accuracies)), self.images)

    @property
    def loss(self) -> float:
        """Mean over the seeds."""
        return float(np.mean(self.losses))


@dataclass(frozen=True, slots=True)
class Fit:
    """The verdict with its numbers; accuracies as shares, losses in nats."""

    verdict: Verdict
    training: SplitScores
    validation: SplitScores
    test: SplitScores
    gap: Interval  # training accuracy minus test accuracy
    excess: Interval  # test error minus twice the training error: above 0 more than half of the test error is gap
    # Three quarters of the validation error minus the gap to it: above 0 the gap is less than a quarter.
    shared: Interval
    sign: Interval  # validation accuracy minus test accuracy: above 0 the course report spoke of overfitting
    rise: float  # of the validation loss from its lowest epoch to the last, mean over the seeds
    noise: float  # what the validation loss may move by chance, 95 %


def judge(
    training: SplitScores, validation: SplitScores, test: SplitScores, validation_losses: Sequence[Sequence[float]]
) -> Fit:
    """Compare a network's three splits.

    Parameters
    ----------
    training, validation, test : SplitScores
    validation_losses : sequence
        For each seed the validation loss after every epoch.

    Notes
    -----
    Error on new images is training error plus gap (Ng 2018, "Machine Learning Yearning", chapters 20 to 23: bias and
    variance).

    *Overfits*: more than half of the test error is gap, by the whole 95 % interval of that contrast; or the validation
    loss has risen since its lowest epoch by more than its images explain.
    *Underfits*: less than a quarter of the validation error is gap, by the whole interval: the rest is made on training
    images too. The validation images serve here because they come from the same draw as the training images, while a
    test set may be harder.
    """
    rise = float(np.mean([losses[-1] - min(losses) for losses in validation_losses])) if validation_losses else 0.0
    noise = QUANTILE * validation.loss_sd / validation.images**0.5
    excess = _contrast(1 / OVERFITS, training, 1, test, 1 - 1 / OVERFITS)
    shared = _contrast(1 - UNDERFITS, validation, 1, training, UNDERFITS)
    verdict: Verdict = "neither shown"
    if excess.low > 0 or rise > noise:
        verdict = "overfits"
    elif shared.low > 0:
        verdict = "underfits"
    gap, sign = _contrast(1, training, 1, test), _contrast(1, validation, 1, test)
    return Fit(verdict, training, validation, test, gap, excess, shared, sign, rise, noise)


def _contrast(weight_a: float, a: SplitScores, weight_b: float, b: SplitScores, constant: float = 0.0) -> Interval:
    """``weight_a`` times the accuracy on one split minus ``weight_b`` times that on another, of different images.

    Newcombe 1998, "Interval estimation for the difference between independent proportions", method 10: the squares of
    the distances to the ends of both Wilson intervals add. To them comes the variance of the seeds' contrasts, or with
    one seed that of the assumed spread.
    """
    first, second = a.accuracy, b.accuracy
    mean = weight_a * first.mean - weight_b * second.mean + constant
    contrasts = weight_a * np.array(a.accuracies) - weight_b * np.array(b.accuracies)
    if len(contrasts) > 1:
        of_seeds = float(contrasts.var(ddof=1)) / len(contrasts)
    else:
        of_seeds = sum((w * assumed_seed_spread(s.accuracy.mean)) ** 2 for w, s in ((weight_a, a), (weight_b, b)))
    below = math.hypot(weight_a * (first.mean - first.low), weight_b * (second.high - second.mean))
    above = math.hypot(weight_a * (first.high - first.mean), weight_b * (second.mean - second.low))
    seeds = QUANTILE * of_seeds**0.5
    bound = weight_a + weight_b + abs(constant)
    return Interval(mean, max(-bound, mean - math.hypot(below, seeds)), min(bound, mean + math.hypot(above, seeds)))
