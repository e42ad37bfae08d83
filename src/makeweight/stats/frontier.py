"""Which networks are not beaten on accuracy and cost at once, and how sure that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from makeweight.stats.compare import Difference, compare
from makeweight.stats.crossed import seeds_variance

DRAWS = 10_000  # a probability of 0.5 is then known to 0.005


@dataclass(frozen=True, slots=True)
class Place:
    """One network on the plane of cost and accuracy."""

    on_frontier: bool  # by the means
    probability: float  # of being there, seeds and test images drawn anew


@dataclass(frozen=True, slots=True)
class Gain:
    """What a doubling of the weights brings, between two networks of one family; shares."""

    mean: float
    low: float
    high: float
    doublings: float  # between the two
    difference: Difference  # between the two


def pareto(costs: NDArray[np.floating], accuracies: NDArray[np.floating]) -> NDArray[np.bool_]:
    """Say which points no other beats: (…, m) accuracies against (m,) costs.

    A network is beaten by one that costs no more and is as accurate or more, and better in one of both (Pareto
    dominance; Deb 2001, "Multi-Objective Optimization Using Evolutionary Algorithms", definition 2.5).

    >>> pareto(np.array([1, 2, 3]), np.array([0.8, 0.7, 0.9])).tolist()
    [True, False, True]
    """
    cost, other_cost = costs[:, None], costs[None, :]
    own, other = accuracies[..., :, None], accuracies[..., None, :]
    beaten = (other_cost <= cost) & (other >= own) & ((other_cost < cost) | (other > own))
    return np.asarray(~np.asarray(beaten).any(axis=-1))


def frontier(costs: Sequence[float], tables: Sequence[NDArray[np.bool_]]) -> tuple[Place, ...]:
    """Find the Pareto frontier, and each network's probability of being on it.

    Parameters
    ----------
    costs : sequence of float
        One a network, in any unit; taken as known.
    tables : sequence of ndarray
        One (s, n) a network, on the same test images: whether the network of a seed is right about an image.

    Notes
    -----
    10,000 draws, of fixed seed, of all accuracies at once: a normal distribution around the means whose covariance is
    that of the test images, which the networks share, and of each network's own seeds (the parts of
    :func:`makeweight.stats.crossed.spread_of_difference`). Networks of a single seed vary with the images only.
    """
    cost = np.asarray(costs, dtype=np.float64)
    of_images = np.stack([table.mean(axis=0) for table in tables])  # (m, n)
    means, images = of_images.mean(axis=1), of_images.shape[1]
    covariance = np.atleast_2d(np.cov(of_images)) / images
    covariance += np.diag([seeds_variance(table) for table in tables])
    draws = np.random.default_rng(0).multivariate_normal(means, covariance, DRAWS, check_valid="ignore", method="eigh")
    probabilities = pareto(cost, draws).mean(axis=0)
    return tuple(Place(bool(on), float(p)) for on, p in zip(pareto(cost, means), probabilities, strict=True))


def gain_per_doubling(
    small: NDArray[np.bool_], large: NDArray[np.bool_], small_weights: int, large_weights: int
) -> Gain:
    """Accuracy that each doubling of the weights brought, with the paired interval.

    Raises
    ------
    ValueError
        If the second network is not the larger.
    """
    if small_weights >= large_weights:
        raise ValueError(f"a gain is from fewer weights to more, not from {small_weights} to {large_weights}")
    doublings, difference = float(np.log2(large_weights / small_weights)), compare(large, small)
    return Gain(
        difference.mean / doublings, difference.low / doublings, difference.high / doublings, doublings, difference
    )
