"""Which networks are not beaten on accuracy and cost at once, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from makeweight.stats.crossed import seeds_variance

DRAWS = 10_000  # a probability of 0.5 is then known to 0.005


@dataclass(frozen=True, slots=True)
class Place:
    """One network on the plane of cost and accuracy."""

    on_frontier: bool  # by the means
    probability: float  # of being there, seeds, test images and measured costs drawn anew


def pareto(costs: NDArray[np.floating], accuracies: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Say which points no other beats: (…, m) accuracies against (m,) or (…, m) costs.

    A network is beaten by one that costs no more and is as accurate or more, and better in one of both (Pareto
    dominance; Deb 2001, "Multi-Objective Optimization Using Evolutionary Algorithms", definition 2.5).

    >>> pareto(np.array([1, 2, 3]), np.array([0.8, 0.7, 0.9])).tolist()
    [True, False, True]
    """
    cost, other_cost = costs[..., :, None], costs[..., None, :]
    own, other = accuracies[..., :, None], accuracies[..., None, :]
    beaten = (other_cost <= cost) & (other >= own) & ((other_cost < cost) | (other > own))
    return np.asarray(~np.asarray(beaten).any(axis=-1))


def frontier(costs: Sequence[Sequence[float]], tables: Sequence[NDArray[np.bool_]]) -> tuple[Place, ...]:
    """Find the Pareto frontier, and each network's probability of being on it.

    Parameters
    ----------
    costs : sequence of sequence
        For each network one value that is known exactly, or one for each seed; in any unit.
    tables : sequence of ndarray
        One (s, n) a network, on the same test images: whether the network of a seed is right about an image.

    Notes
    -----
    10,000 draws, of fixed seed, of all accuracies at once (:func:`drawn_errors`), and of the mean of costs that were
    measured once a seed: the bootstrap over the seeds.
    """
    rng = np.random.default_rng(0)
    means = np.array([table.mean() for table in tables])
    accuracies = means + drawn_errors(tables, rng)
    known = np.array([np.mean(values) for values in costs])
    drawn = np.stack([rng.choice(values, (DRAWS, len(values))).mean(axis=1) for values in costs], axis=1)
    probabilities = pareto(drawn, accuracies).mean(axis=0)
    return tuple(Place(bool(on), float(p)) for on, p in zip(pareto(known, means), probabilities, strict=True))


def optimism(tables: Sequence[NDArray[np.bool_]]) -> float:
    """By how much the highest mean of equally good networks stands above their accuracy, on average; a share.

    Parameters
    ----------
    tables : sequence of ndarray
        One (s, n) a network, on the same test images: whether the network of a seed is right about an image.
    """
    return float(drawn_errors(tables, np.random.default_rng(0)).max(axis=1).mean())


def drawn_errors(tables: Sequence[NDArray[np.bool_]], rng: np.random.Generator) -> NDArray[np.float64]:
    """Draw (10,000, m) errors of the mean accuracies of m networks on the same test images.

    A normal distribution whose covariance is that of the test images, which the networks share, and of each network's
    own seeds (the parts of :func:`makeweight.stats.crossed.spread_of_difference`).
    """
    of_images = np.stack([table.mean(axis=0) for table in tables])  # (m, n)
    covariance = np.atleast_2d(np.cov(of_images)) / of_images.shape[1]
    covariance += np.diag([seeds_variance(table) for table in tables])
    centre = np.zeros(len(tables))
    return np.asarray(rng.multivariate_normal(centre, covariance, DRAWS, check_valid="ignore", method="eigh"))
