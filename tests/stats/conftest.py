"""Simulated networks whose truth is known."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.special import ndtr, ndtri

Tables = Callable[..., list[NDArray[np.bool_]]]


@pytest.fixture(scope="session")
def draw_tables() -> Tables:
    """Draw tables (s, n) of hits for some networks on the same images, as a probit model.

    A hit is a latent normal below a threshold: part of its variance is the image's difficulty, which all networks
    share, part the network's own view of the image, part chance. Seeds shift the threshold of their network.
    """

    def draw(
        rng: np.random.Generator, accuracies: list[float], seeds: int, images: int, seed_sd: float = 0.0
    ) -> list[NDArray[np.bool_]]:
        difficulty = rng.normal(0, 0.7**0.5, images)
        tables = []
        for accuracy in accuracies:
            latent = difficulty + rng.normal(0, 0.15**0.5, images) + rng.normal(0, 0.15**0.5, (seeds, images))
            # Such that the accuracy, with the seeds' shifts averaged over, is what was asked for.
            shift = seed_sd / _density(accuracy)
            threshold = ndtri(accuracy) * (1 + shift**2) ** 0.5
            tables.append(latent < threshold + rng.normal(0, shift, (seeds, 1)))
        return tables

    return draw


def _density(accuracy: float) -> float:
    z, step = ndtri(accuracy), 1e-4
    return float((ndtr(z + step) - ndtr(z - step)) / (2 * step))
