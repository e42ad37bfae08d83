"""The exponential moving average of the weights."""

from __future__ import annotations

import torch
from torch import Tensor

from makeweight.nets.build import Network
from makeweight.training.state import TrainingState


class MovingAverage:
    """Lets ``state.average`` follow ``state.network``; does nothing where the recipe has no average."""

    def __init__(self, state: TrainingState, decay: float) -> None:
        self._decay = decay
        self._followed = _tensors(state.network) if state.average else []
        self._average = _tensors(state.average) if state.average else []

    @torch.no_grad()
    def follow(self, step: int) -> None:
        """Move towards the network after a step, counted from 0.

        The decay rises as (1 + t) / (10 + t) at first, so that the initial weights are soon forgotten
        (the rule of TensorFlow's ExponentialMovingAverage with ``num_updates``).
        """
        if self._average:
            decay = min(self._decay, (1 + step) / (10 + step))
            torch._foreach_lerp_(self._average, self._followed, 1 - decay)


def _tensors(network: Network) -> list[Tensor]:
    """Weights and running statistics."""
    statistics = (buffer for name, buffer in network.named_buffers() if "running_" in name)
    return [*(p.detach() for p in network.parameters()), *statistics]
