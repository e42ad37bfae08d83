"""Whether a network has learnt its training images by heart, or not even them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import ndtri

from makeweight.stats.intervals import CONFIDENCE, Interval, wilson

Verdict = Literal["overfits", "underfits", "neither shown"]


@dataclass(frozen=True, slots=True)
class Split:
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
    training: Split
    validation: Split
    test: Split
    gap: Interval  # training accuracy less test accuracy
    sign: Interval  # validation accuracy less test accuracy: above 0 the report spoke of overfitting
    rise: float  # of the validation loss from its lowest epoch to the last, mean over the seeds
    noise: float  # what the validation loss may move by chance, 95 %


def judge(
    training: Split, validation: Split, test: Split, validation_losses: Sequence[Sequence[float]], best: float
) -> Fit:
    """Compare a network's three splits.

    Parameters
    ----------
    training, validation, test : Split
    validation_losses : sequence
        For each seed the validation loss after every epoch.
    best : float
        The best test accuracy that any network has reached on the same task.

    Notes
    -----
    Test error is training error plus gap (Ng 2018, "Machine Learning Yearning", chapters 20 to 23: bias and variance).

    *Overfits*: more than half of the test error is gap, by the whole of its 95 % interval; or the validation loss has
    risen since its lowest epoch by more than its images explain.
    *Underfits*: the network knows its own training images worse, by the whole interval, than the best network knows
    test images: there is something to learn that it has not learnt, so its error is not the task's.
    """
    gap, sign = _difference(training, test), _difference(validation, test)
    rise = float(np.mean([losses[-1] - min(losses) for losses in validation_losses])) if validation_losses else 0.0
    noise = float(ndtri((1 + CONFIDENCE) / 2)) * validation.loss_sd / validation.images**0.5
    verdict: Verdict = "neither shown"
    if gap.low > 1 - training.accuracy.mean or rise > noise:
        verdict = "overfits"
    elif training.accuracy.high < best:
        verdict = "underfits"
    return Fit(verdict, training, validation, test, gap, sign, rise, noise)


def _difference(a: Split, b: Split) -> Interval:
    """Accuracy on one split less that on another, of different images.

    Newcombe 1998, "Interval estimation for the difference between independent proportions", method 10: the squares of
    the distances to the ends of both Wilson intervals add. To them comes the variance of the seeds' differences.
    """
    first, second = a.accuracy, b.accuracy
    mean = first.mean - second.mean
    differences = np.subtract(a.accuracies, b.accuracies)
    seeds = float(differences.var(ddof=1)) / len(differences) if len(differences) > 1 else 0.0
    of_seeds = float(ndtri((1 + CONFIDENCE) / 2)) ** 2 * seeds
    low = mean - ((first.mean - first.low) ** 2 + (second.high - second.mean) ** 2 + of_seeds) ** 0.5
    high = mean + ((first.high - first.mean) ** 2 + (second.mean - second.low) ** 2 + of_seeds) ** 0.5
    return Interval(mean, max(-1.0, low), min(1.0, high))
