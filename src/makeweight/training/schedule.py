"""The one-cycle learning rate: up in a straight line, then down in a straight line."""

from __future__ import annotations

FIRST = 0.02  # share of the peak at the first step; a rate of 0 would waste it


def one_cycle(progress: float, warmup: float, final: float) -> float:
    """Share of the peak learning rate at a point of the training.

    Parameters
    ----------
    progress : float
        Share of the steps done, 0 to 1.
    warmup : float
        Share of the steps on the way up, 0 to below 1.
    final : float
        Share of the peak at the end.

    Notes
    -----
    Smith 2018, "A disciplined approach to neural network hyper-parameters", section 4; linear both ways.
    """
    if progress < warmup:
        return max(progress / warmup, FIRST)
    return final + (1 - final) * (1 - progress) / (1 - warmup)
